/* sio.c - Socket.IO packets: the head by hand, the JSON behind it checked once.
 *
 *   5 1- /admin, 7 ["upload",{"_placeholder":true,"num":0}]
 *   type attachments namespace ack-id data
 *
 * A packet that passes here has the shape that its type asks for, so the session layer never
 * looks inside the JSON to find out whether it may trust it.
 */
#include "proto/sio.h"

#include "proto/utf8.h"
#include "scan.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_binary(enum mr_sio_type type)
{
    return type == MR_SIO_BINARY_EVENT || type == MR_SIO_BINARY_ACK;
}

static bool is_event(enum mr_sio_type type)
{
    return type == MR_SIO_EVENT || type == MR_SIO_BINARY_EVENT;
}

/* "<n>-" */
static int read_attachments(const char **at, const char *end, unsigned *out)
{
    const char *p = *at;
    unsigned n = 0;

    for (; p < end && is_digit(*p); p++) {
        n = n * 10 + (unsigned)(*p - '0');
        if (n > MR_SIO_ATTACHMENTS_MAX)
            return MR_E_TOOBIG;
    }
    if (n == 0 || p == end || *p != '-')
        return MR_E_PROTO; /* without an attachment it would not be of a binary type */
    *at = p + 1;
    *out = n;
    return MR_OK;
}

/* "/name," or "/name" up to the end. It comes back in replies, so it must be fit for a text frame
 * and for a polling body, where a control byte separates packets. */
static int read_namespace(const char **at, const char *end, struct mr_span *out)
{
    const char *comma;

    if (*at == end || **at != '/') {
        *out = MR_SPAN("/");
        return MR_OK;
    }
    comma = memchr(*at, ',', (size_t)(end - *at));
    *out = mr_span_of(*at, (size_t)((comma ? comma : end) - *at));
    if (out->len > MR_SIO_NAMESPACE_LEN_MAX)
        return MR_E_TOOBIG;
    if (mr_utf8_valid_len(*out) != out->len)
        return MR_E_PROTO;
    for (size_t i = 0; i < out->len; i++) {
        if ((unsigned char)out->ptr[i] < 0x20)
            return MR_E_PROTO;
    }
    *at = comma ? comma + 1 : end;
    return MR_OK;
}

static int read_ack_id(const char **at, const char *end, int64_t *out)
{
    int64_t id = 0;

    *out = -1;
    if (*at == end || !is_digit(**at))
        return MR_OK;
    for (; *at < end && is_digit(**at); (*at)++) {
        if (__builtin_mul_overflow(id, 10, &id) || __builtin_add_overflow(id, **at - '0', &id))
            return MR_E_PROTO;
    }
    *out = id;
    return MR_OK;
}

/* Is raw string content, escapes and all, this name? Only \u escapes can spell a letter. */
static bool spells(struct mr_span raw, const char *name)
{
    size_t at = 0;

    for (; *name != '\0'; name++) {
        if (at == raw.len)
            return false;
        if (raw.ptr[at] == '\\' && raw.len - at >= 6 && raw.ptr[at + 1] == 'u') {
            unsigned unit = 0;

            for (size_t i = 2; i < 6; i++) {
                unsigned char c = (unsigned char)raw.ptr[at + i];

                unit = unit << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
            }
            if (unit != (unsigned char)*name)
                return false;
            at += 6;
        } else if (raw.ptr[at++] != *name) {
            return false;
        }
    }
    return at == raw.len;
}

bool mr_sio_reserved(struct mr_span event)
{
    static const char *const names[] = {"connect",       "connect_error", "disconnect",
                                        "disconnecting", "newListener",   "removeListener"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (spells(event, names[i]))
            return true;
    }
    return false;
}

/* [name, args...]: the name, and what lies between it and the closing bracket. */
static int read_event(struct mr_sio_packet *p)
{
    const char *close = p->data.ptr + p->data.len - 1;
    enum mr_json_type type;
    struct mr_json_iter it;
    const char *from;
    int rc = mr_json_begin(&it, p->data);

    if (rc == MR_OK)
        rc = mr_json_next(&it);
    if (rc != MR_OK)
        return MR_E_PROTO; /* an event without a name */
    type = mr_json_type(it.value);
    if (type != MR_JSON_STRING && type != MR_JSON_NUMBER)
        return MR_E_PROTO;
    if (type == MR_JSON_STRING && mr_sio_reserved(mr_json_string_raw(it.value)))
        return MR_E_PROTO;
    p->event = it.value;
    from = mr__json_skip_space(it.at, close);
    if (from < close)
        from = mr__json_skip_space(from + 1, close); /* past the comma */
    while (close > from && mr__json_space(close[-1]))
        close--;
    p->args = mr_span_of(from, (size_t)(close - from));
    return MR_OK;
}

/* What an object has said of itself so far. */
struct placeholder {
    bool is_one, has_num;
    int64_t num;
};

static void read_placeholder_member(struct placeholder *p, struct mr_span key, struct mr_span rest)
{
    size_t len = 0;

    if (mr_span_is(key, "_placeholder"))
        p->is_one = rest.ptr[0] == 't';
    if (!mr_span_is(key, "num"))
        return;
    while (len < rest.len && (is_digit(rest.ptr[len]) || strchr("+-.eE", rest.ptr[len])))
        len++;
    p->has_num = mr_json_int(mr_span_of(rest.ptr, len), &p->num) == MR_OK;
}

/* Every placeholder of a checked JSON text must name an attachment that was announced. One flat
 * pass: going into each object in turn would read hostile nesting again for every level. */
static int check_placeholders(struct mr_span data, unsigned attachments)
{
    struct placeholder stack[MR_JSON_DEPTH_MAX + 1] = {{0}};
    const char *end = data.ptr + data.len;
    unsigned depth = 0;

    for (const char *p = data.ptr; p < end; p++) {
        if (*p == '{' || *p == '[') {
            stack[++depth] = (struct placeholder){0};
        } else if (*p == '}' || *p == ']') {
            const struct placeholder *top = &stack[depth--];

            if (top->is_one && (!top->has_num || top->num < 0 || top->num >= attachments))
                return MR_E_PROTO;
        } else if (*p == '"') {
            const char *start = p + 1;
            const char *after;

            for (p++; *p != '"'; p++)
                p += *p == '\\';
            after = mr__json_skip_space(p + 1, end);
            if (after < end && *after == ':') {
                after = mr__json_skip_space(after + 1, end);
                read_placeholder_member(&stack[depth], mr_span_of(start, (size_t)(p - start)),
                                        mr_span_of(after, (size_t)(end - after)));
            }
        }
    }
    return MR_OK;
}

static bool data_fits(enum mr_sio_type type, struct mr_span data)
{
    enum mr_json_type json = mr_json_type(data);

    switch (type) {
    case MR_SIO_CONNECT:
        return json == MR_JSON_OBJECT || json == MR_JSON_NONE;
    case MR_SIO_DISCONNECT:
        return json == MR_JSON_NONE;
    case MR_SIO_CONNECT_ERROR:
        return json == MR_JSON_OBJECT || json == MR_JSON_STRING || json == MR_JSON_NONE;
    default:
        return json == MR_JSON_ARRAY;
    }
}

int mr_sio_decode(struct mr_span text, struct mr_sio_packet *out)
{
    struct mr_sio_packet p = {.ack_id = -1};
    const char *at, *end;
    int rc = MR_OK;

    if (text.len == 0 || text.ptr[0] < '0' || text.ptr[0] > '6')
        return MR_E_PROTO;
    p.type = (enum mr_sio_type)(text.ptr[0] - '0');
    at = text.ptr + 1;
    end = text.ptr + text.len;
    if (is_binary(p.type))
        rc = read_attachments(&at, end, &p.attachments);
    if (rc == MR_OK)
        rc = read_namespace(&at, end, &p.nsp);
    if (rc == MR_OK)
        rc = read_ack_id(&at, end, &p.ack_id);
    if (rc == MR_OK && at < end)
        rc = mr_json_check(mr_span_of(at, (size_t)(end - at)), &p.data);
    if (rc != MR_OK)
        return rc;
    if (!data_fits(p.type, p.data))
        return MR_E_PROTO;
    if ((p.type == MR_SIO_ACK || p.type == MR_SIO_BINARY_ACK) && p.ack_id < 0)
        return MR_E_PROTO; /* an answer to nothing */
    if (is_event(p.type))
        rc = read_event(&p);
    if (rc == MR_OK && is_binary(p.type))
        rc = check_placeholders(p.data, p.attachments);
    if (rc == MR_OK)
        *out = p;
    return rc;
}

void mr_sio_add_head(struct mr_buf *b, enum mr_sio_type type, unsigned attachments,
                     struct mr_span nsp, int64_t ack_id)
{
    mr_buf_add_char(b, (char)('0' + (int)type));
    if (is_binary(type)) {
        mr_buf_add_u64(b, attachments);
        mr_buf_add_char(b, '-');
    }
    if (nsp.len > 0 && !mr_span_is(nsp, "/")) {
        mr_buf_add_span(b, nsp);
        mr_buf_add_char(b, ',');
    }
    if (ack_id >= 0)
        mr_buf_add_i64(b, ack_id);
}
