/* http_parse.c - the head of a request, line by line. */
#include "io/http_parse.h"

/* RFC 9110 tchar */
static bool is_token_char(unsigned char c)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c != 0 && strchr(others, c) != NULL);
}

static bool is_token(struct mr_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char((unsigned char)s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool mr__http_same(struct mr_span a, const char *text)
{
    size_t i = 0;

    for (; i < a.len && text[i] != '\0'; i++) {
        if (lower(a.ptr[i]) != text[i])
            return false;
    }
    return i == a.len && text[i] == '\0';
}

struct mr_span mr__http_field(const struct mr_http_head *head, const char *name)
{
    for (size_t i = 0; i < head->n_fields; i++) {
        if (mr__http_same(head->fields[i].name, name))
            return head->fields[i].value;
    }
    return MR_SPAN_NONE;
}

/* Is text one of the elements of a comma-separated list? */
static bool list_has(struct mr_span list, const char *text)
{
    while (list.len > 0) {
        const char *comma = memchr(list.ptr, ',', list.len);
        size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
        struct mr_span one = mr_span_of(list.ptr, len);

        while (one.len > 0 && (one.ptr[0] == ' ' || one.ptr[0] == '\t'))
            one = mr_span_of(one.ptr + 1, one.len - 1);
        while (one.len > 0 && (one.ptr[one.len - 1] == ' ' || one.ptr[one.len - 1] == '\t'))
            one.len--;
        if (mr__http_same(one, text))
            return true;
        list = mr_span_of(list.ptr + len + (comma != NULL), list.len - len - (comma != NULL));
    }
    return false;
}

static struct mr_span skip_empty_lines(struct mr_span bytes)
{
    while (bytes.len >= 2 && bytes.ptr[0] == '\r' && bytes.ptr[1] == '\n')
        bytes = mr_span_of(bytes.ptr + 2, bytes.len - 2);
    return bytes;
}

size_t mr__http_head_end(struct mr_span bytes, size_t from)
{
    struct mr_span rest = skip_empty_lines(bytes);
    size_t skipped = bytes.len - rest.len;
    const char *end;

    if (from < skipped)
        from = skipped;
    if (bytes.len < from + 4)
        return 0;
    end = memmem(bytes.ptr + from, bytes.len - from, "\r\n\r\n", 4);
    return end ? (size_t)(end - bytes.ptr) + 4 : 0;
}

/* Take a line off, without its CRLF. False: there is no whole line, or a CR or LF stands alone. */
static bool take_line(struct mr_span *bytes, struct mr_span *line)
{
    const char *nl = memchr(bytes->ptr, '\n', bytes->len);

    if (nl == NULL || nl == bytes->ptr || nl[-1] != '\r')
        return false;
    *line = mr_span_of(bytes->ptr, (size_t)(nl - bytes->ptr) - 1);
    if (line->len > 0 && memchr(line->ptr, '\r', line->len) != NULL)
        return false;
    *bytes = mr_span_of(nl + 1, bytes->len - line->len - 2);
    return true;
}

/* origin-form, absolute-form, or "*" for OPTIONS; no spaces, controls, fragments or bytes over 126
 */
static int parse_target(struct mr_http_head *out, struct mr_span target, const char **why)
{
    const char *mark;

    *why = "bad request target";
    if (target.len > MR_TARGET_BYTES_MAX) {
        *why = "request target too long";
        return 414;
    }
    for (size_t i = 0; i < target.len; i++) {
        unsigned char c = (unsigned char)target.ptr[i];

        if (c <= ' ' || c >= 0x7f || c == '#')
            return 400;
    }
    if (mr_span_is(target, "*") && mr_span_is(out->method, "OPTIONS")) {
        out->path = target;
        out->query = MR_SPAN_NONE;
        return 0;
    }
    if (mr_span_starts(target, MR_SPAN("http://")) || mr_span_starts(target, MR_SPAN("https://"))) {
        const char *host = memmem(target.ptr, target.len, "//", 2);
        size_t skip = (size_t)(host - target.ptr) + 2;
        const char *slash = memchr(target.ptr + skip, '/', target.len - skip);

        if (slash == NULL)
            return 400;
        target = mr_span_of(slash, target.len - (size_t)(slash - target.ptr));
    }
    if (target.len == 0 || target.ptr[0] != '/')
        return 400;
    mark = memchr(target.ptr, '?', target.len);
    out->path = mr_span_of(target.ptr, mark ? (size_t)(mark - target.ptr) : target.len);
    out->query = MR_SPAN_NONE;
    if (mark != NULL)
        out->query = mr_span_of(mark + 1, target.len - out->path.len - 1);
    return 0;
}

static int parse_request_line(struct mr_http_head *out, struct mr_span line, const char **why)
{
    const char *space = line.len ? memchr(line.ptr, ' ', line.len) : NULL;
    const char *last = line.len ? memrchr(line.ptr, ' ', line.len) : NULL;
    struct mr_span version;
    int status;

    *why = "malformed request line";
    if (space == NULL || last == space)
        return 400;
    out->method = mr_span_of(line.ptr, (size_t)(space - line.ptr));
    version = mr_span_of(last + 1, line.len - (size_t)(last - line.ptr) - 1);
    if (!is_token(out->method) || out->method.len > 32)
        return 400;
    if (version.len != 8 || memcmp(version.ptr, "HTTP/", 5) != 0 || version.ptr[6] != '.')
        return 400;
    status = parse_target(out, mr_span_of(space + 1, (size_t)(last - space) - 1), why);
    if (status != 0)
        return status;
    if (version.ptr[5] != '1' || (version.ptr[7] != '0' && version.ptr[7] != '1')) {
        *why = "HTTP version not supported";
        return 505;
    }
    out->http10 = version.ptr[7] == '0';
    return 0;
}

static int parse_field(struct mr_http_head *out, struct mr_span line, const char **why)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    struct mr_http_field *f = &out->fields[out->n_fields];

    if (out->n_fields == MR_HEADERS_MAX) {
        *why = "too many header fields";
        return 431;
    }
    *why = "malformed header field";
    if (colon == NULL)
        return 400;
    f->name = mr_span_of(line.ptr, (size_t)(colon - line.ptr));
    f->value = mr_span_of(colon + 1, line.len - f->name.len - 1);
    if (!is_token(f->name))
        return 400; /* a folded line begins with a space, so it ends here too */
    while (f->value.len > 0 && (f->value.ptr[0] == ' ' || f->value.ptr[0] == '\t'))
        f->value = mr_span_of(f->value.ptr + 1, f->value.len - 1);
    while (f->value.len > 0 &&
           (f->value.ptr[f->value.len - 1] == ' ' || f->value.ptr[f->value.len - 1] == '\t'))
        f->value.len--;
    for (size_t i = 0; i < f->value.len; i++) {
        unsigned char c = (unsigned char)f->value.ptr[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return 400;
    }
    out->n_fields++;
    return 0;
}

static int take_length(struct mr_http_head *out, struct mr_span value)
{
    uint64_t length = 0;

    if (value.len == 0 || value.len > 18)
        return 400;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return 400;
        length = length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    if (out->has_length && length != out->length)
        return 400;
    out->has_length = true;
    out->length = length;
    return 0;
}

/* What the fields say about the message itself. */
static int understand(struct mr_http_head *out, const char **why)
{
    bool upgrade = false, wants = false;
    int hosts = 0;

    out->keep_alive = !out->http10;
    for (size_t i = 0; i < out->n_fields; i++) {
        struct mr_span name = out->fields[i].name, value = out->fields[i].value;

        if (mr__http_same(name, "content-length")) {
            *why = "bad Content-Length";
            if (take_length(out, value) != 0)
                return 400;
        } else if (mr__http_same(name, "transfer-encoding")) {
            *why = "transfer coding not supported";
            if (out->chunked || !mr__http_same(value, "chunked"))
                return 501;
            out->chunked = true;
        } else if (mr__http_same(name, "connection")) {
            if (list_has(value, "close"))
                out->keep_alive = false;
            else if (list_has(value, "keep-alive"))
                out->keep_alive = true;
            upgrade = upgrade || list_has(value, "upgrade");
        } else if (mr__http_same(name, "upgrade")) {
            wants = wants || list_has(value, "websocket");
        } else if (mr__http_same(name, "expect")) {
            out->expects_continue = mr__http_same(value, "100-continue");
        } else if (mr__http_same(name, "host")) {
            hosts++;
        }
    }
    *why = "Content-Length and Transfer-Encoding together";
    if (out->has_length && out->chunked)
        return 400;
    *why = "transfer coding in HTTP/1.0";
    if (out->http10 && out->chunked)
        return 400;
    *why = "exactly one Host is needed";
    if (hosts > 1 || (hosts == 0 && !out->http10))
        return 400;
    out->wants_websocket = upgrade && wants;
    return 0;
}

int mr__http_head_parse(struct mr_span bytes, struct mr_http_head *out, const char **why)
{
    struct mr_span line;
    int status;

    /* The fields' array is large and needs no clearing. */
    out->n_fields = 0;
    out->length = 0;
    out->has_length = out->chunked = out->expects_continue = out->wants_websocket = false;
    bytes = skip_empty_lines(bytes);
    *why = "malformed request line";
    if (!take_line(&bytes, &line))
        return 400;
    status = parse_request_line(out, line, why);
    while (status == 0) {
        if (!take_line(&bytes, &line)) {
            *why = "malformed header field";
            return 400;
        }
        if (line.len == 0)
            return understand(out, why);
        status = parse_field(out, line, why);
    }
    return status;
}

int mr__http_head_peek(struct mr_span bytes, const char **why)
{
    struct mr_http_head head;
    struct mr_span line;

    *why = "malformed request line";
    bytes = skip_empty_lines(bytes);
    if (bytes.len == 0 || (bytes.len == 1 && bytes.ptr[0] == '\r'))
        return 0;
    if (memchr(bytes.ptr, '\n', bytes.len) != NULL)
        return take_line(&bytes, &line) ? parse_request_line(&head, line, why) : 400;
    for (size_t i = 0; i < bytes.len && i < 33; i++) { /* no whole line yet: is this a method? */
        if (bytes.ptr[i] == ' ')
            return i == 0 ? 400 : 0;
        if (!is_token_char((unsigned char)bytes.ptr[i]))
            return 400;
    }
    return bytes.len > 32 ? 400 : 0;
}
