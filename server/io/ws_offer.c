/* ws_offer.c - which of a client's offers of permessage-deflate is taken.
 *
 *   permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate
 *   \________________________ one offer ______________________________/   \_ another _/
 *
 * The first that suits us. The client's window does not matter to us: the decompressor has the
 * largest. Ours is told in the answer, so an offer that wants it smaller is declined.
 */
#include "io/ws_deflate.h"

struct param {
    struct mr_span name, value;
    bool has_value;
};

static void skip_space(struct mr_span *s)
{
    while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t'))
        *s = mr_span_of(s->ptr + 1, s->len - 1);
}

static bool is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static struct mr_span take_token(struct mr_span *s)
{
    size_t n = 0;
    struct mr_span t;

    while (n < s->len && is_token(s->ptr[n]))
        n++;
    t = mr_span_of(s->ptr, n);
    *s = mr_span_of(s->ptr + n, s->len - n);
    skip_space(s);
    return t;
}

static bool take_char(struct mr_span *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = mr_span_of(s->ptr + 1, s->len - 1);
    skip_space(s);
    return true;
}

/* A token, or one in quotes. */
static bool take_value(struct mr_span *s, struct mr_span *value)
{
    bool quoted = s->len > 0 && s->ptr[0] == '"';

    if (quoted)
        *s = mr_span_of(s->ptr + 1, s->len - 1);
    *value = take_token(s);
    return value->len > 0 && (!quoted || take_char(s, '"'));
}

static bool take_param(struct mr_span *s, struct param *p)
{
    *p = (struct param){.name = take_token(s)};
    if (p->name.len == 0)
        return false;
    p->has_value = take_char(s, '=');
    return !p->has_value || take_value(s, &p->value);
}

/* 8 to 15; 0: not a number of bits. */
static unsigned bits_of(struct mr_span value)
{
    if (value.len == 1 && (value.ptr[0] == '8' || value.ptr[0] == '9'))
        return (unsigned)(value.ptr[0] - '0');
    if (value.len == 2 && value.ptr[0] == '1' && value.ptr[1] >= '0' && value.ptr[1] <= '5')
        return 10u + (unsigned)(value.ptr[1] - '0');
    return 0;
}

/* One parameter of an offer; seen: those before it, a bit each. */
static bool suits(const struct mr_server *srv, const struct param *p, unsigned *seen)
{
    static const char *const names[] = {"server_no_context_takeover", "client_no_context_takeover",
                                        "server_max_window_bits", "client_max_window_bits"};
    unsigned i = 0;

    while (i < 4 && !mr__http_same(p->name, names[i]))
        i++;
    if (i == 4 || (*seen & 1u << i))
        return false;
    *seen |= 1u << i;
    if (i < 2)
        return !p->has_value;
    if (i == 2)
        return bits_of(p->value) >= srv->opt.websocket_window_bits;
    return !p->has_value || bits_of(p->value) != 0;
}

static bool field_suits(const struct mr_server *srv, struct mr_span s)
{
    skip_space(&s);
    do {
        struct mr_span name = take_token(&s);
        bool ok = mr__http_same(name, "permessage-deflate");
        unsigned seen = 0;

        while (take_char(&s, ';')) {
            struct param p;

            if (!take_param(&s, &p))
                return false;
            ok = ok && suits(srv, &p, &seen);
        }
        if (s.len > 0 && s.ptr[0] != ',')
            return false;
        if (ok)
            return true;
    } while (take_char(&s, ','));
    return false;
}

bool mr__ws_deflate_choose(struct mr_server *srv, const struct mr_http_field *fields, size_t n,
                           struct mr_ws_codec **codec)
{
    if (!srv->opt.websocket_deflate)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!mr__http_same(fields[i].name, "sec-websocket-extensions") ||
            !field_suits(srv, fields[i].value))
            continue;
        *codec = mr__ws_codec(srv);
        return *codec != NULL;
    }
    return false;
}

void mr__ws_deflate_answer(const struct mr_server *srv, struct mr_buf *out)
{
    mr_buf_add_str(out, "\r\nSec-WebSocket-Extensions: permessage-deflate; "
                        "server_no_context_takeover; client_no_context_takeover");
    if (srv->opt.websocket_window_bits < 15)
        mr_buf_addf(out, "; server_max_window_bits=%u", srv->opt.websocket_window_bits);
}
