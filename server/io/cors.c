/* cors.c - the list of origins, and the header lines that follow from it. */
#include "io/cors.h"

#include "proto/alloc.h"

#include <regex.h>

struct rule {
    char *origin; /* NULL: re decides */
    regex_t re;
};

struct mr_cors {
    bool any; /* "*" is in the list */
    size_t n;
    struct rule rules[];
};

/* ---- the list ------------------------------------------------------------------------------ */

static struct mr_span trimmed(struct mr_span s)
{
    while (s.len > 0 && s.ptr[0] == ' ')
        s = mr_span_of(s.ptr + 1, s.len - 1);
    while (s.len > 0 && s.ptr[s.len - 1] == ' ')
        s.len--;
    return s;
}

/* Take one entry off the list. An expression's commas are inside its brackets. */
static struct mr_span next_entry(const char **at)
{
    const char *from = *at, *to = from;
    int depth = 0;

    while (*to != '\0' && (*to != ',' || depth > 0)) {
        if (*to == '\\' && to[1] != '\0')
            to++;
        else if (strchr("([{", *to) != NULL)
            depth++;
        else if (strchr(")]}", *to) != NULL && depth > 0)
            depth--;
        to++;
    }
    *at = *to == ',' ? to + 1 : to;
    return trimmed(mr_span_of(from, (size_t)(to - from)));
}

/* Back-references make matching exponential; nothing else does. */
static bool has_backref(struct mr_span re)
{
    for (size_t i = 0; i + 1 < re.len; i++) {
        if (re.ptr[i] != '\\')
            continue;
        i++;
        if (re.ptr[i] >= '1' && re.ptr[i] <= '9')
            return true;
    }
    return false;
}

static int add_re(struct mr_cors *cors, struct mr_span re)
{
    struct mr_buf whole = MR_BUF_INIT(MR_ORIGINS_BYTES_MAX);
    int rc;

    if (re.len == 0 || has_backref(re))
        return MR_E_INVAL;
    mr_buf_addf(&whole, "^(" MR_SPAN_FMT ")$", MR_SPAN_ARG(re));
    rc = mr_buf_err(&whole);
    if (rc == MR_OK) {
        rc = regcomp(&cors->rules[cors->n].re, mr_buf_cstr(&whole), REG_EXTENDED | REG_NOSUB);
        if (rc == 0)
            cors->n++;
        else
            rc = rc == REG_ESPACE ? MR_E_NOMEM : MR_E_INVAL;
    }
    mr_buf_free(&whole);
    return rc;
}

static int add_entry(struct mr_cors *cors, struct mr_span entry)
{
    if (entry.len == 0)
        return MR_OK;
    if (mr_span_starts(entry, MR_SPAN("re:")))
        return add_re(cors, mr_span_of(entry.ptr + 3, entry.len - 3));
    if (mr_span_is(entry, "*")) {
        cors->any = true;
        return MR_OK;
    }
    cors->rules[cors->n].origin = mr_memdup0(entry.ptr, entry.len);
    if (cors->rules[cors->n].origin == NULL)
        return MR_E_NOMEM;
    cors->n++;
    return MR_OK;
}

int mr__cors_new(struct mr_cors **out, const struct mr_options *opt)
{
    const char *list = opt->cors_origins ? opt->cors_origins : "";
    struct mr_cors *cors;
    size_t n = 1;
    int rc = MR_OK;

    *out = NULL;
    if (strlen(list) > MR_ORIGINS_BYTES_MAX)
        return MR_E_INVAL;
    for (const char *c = list; *c != '\0'; c++)
        n += *c == ',';
    if (list[strspn(list, " ,")] == '\0')
        return MR_OK;
    cors = mr_zalloc(1, sizeof(*cors) + n * sizeof(struct rule));
    if (cors == NULL)
        return MR_E_NOMEM;
    while (rc == MR_OK && *list != '\0')
        rc = add_entry(cors, next_entry(&list));
    if (rc == MR_OK)
        *out = cors;
    else
        mr__cors_free(cors);
    return rc;
}

void mr__cors_free(struct mr_cors *cors)
{
    if (cors == NULL)
        return;
    for (size_t i = 0; i < cors->n; i++) {
        if (cors->rules[i].origin == NULL)
            regfree(&cors->rules[i].re);
        mr_free(cors->rules[i].origin);
    }
    mr_free(cors);
}

bool mr__cors_allows(const struct mr_server *srv, struct mr_span origin)
{
    const struct mr_cors *cors = srv->cors;
    char text[MR_ORIGIN_LEN_MAX + 1];

    if (cors == NULL || origin.len == 0 || origin.len > MR_ORIGIN_LEN_MAX)
        return false;
    if (cors->any)
        return true;
    memcpy(text, origin.ptr, origin.len);
    text[origin.len] = '\0';
    for (size_t i = 0; i < cors->n; i++) {
        const struct rule *r = &cors->rules[i];

        if (r->origin != NULL ? strcmp(r->origin, text) == 0
                              : regexec(&r->re, text, 0, NULL, 0) == 0)
            return true;
    }
    return false;
}

/* ---- WebSockets ---------------------------------------------------------------------------- */

/* Is it the origin that the request itself went to? The scheme is not ours to know: something in
 * front of us may speak TLS. */
static bool is_own(struct mr_span origin, struct mr_span host)
{
    const char *mark = memmem(origin.ptr, origin.len, "://", 3);
    struct mr_span rest;

    if (mark == NULL || host.len == 0)
        return false;
    rest = mr_span_of(mark + 3, origin.len - (size_t)(mark + 3 - origin.ptr));
    return rest.len == host.len && strncasecmp(rest.ptr, host.ptr, host.len) == 0;
}

bool mr__cors_websocket(const struct mr_server *srv, const struct mr_http_head *head)
{
    struct mr_span origin = mr__http_field(head, "origin");

    return !srv->opt.websocket_same_origin || origin.len == 0 || mr__cors_allows(srv, origin) ||
           is_own(origin, mr__http_field(head, "host"));
}

/* ---- header lines -------------------------------------------------------------------------- */

static bool with_credentials(const struct mr_server *srv)
{
    return srv->opt.cors_credentials > 0 || (srv->opt.cors_credentials == 0 && !srv->cors->any);
}

static void add_line(struct mr_buf *b, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        mr_buf_addf(b, "%s: %s\r\n", name, value);
}

char *mr__cors_lines(const struct mr_server *srv, const struct mr_http_head *head)
{
    struct mr_span origin = mr__http_field(head, "origin");
    struct mr_buf b = MR_BUF_INIT(MR_HEAD_BYTES_MAX);
    bool same_for_all;
    char *lines = NULL;

    if (srv->cors == NULL)
        return NULL;
    same_for_all = srv->cors->any && !with_credentials(srv);
    if (same_for_all)
        mr_buf_add_str(&b, "Access-Control-Allow-Origin: *\r\n");
    else
        mr_buf_add_str(&b, "Vary: Origin\r\n");
    if (same_for_all || mr__cors_allows(srv, origin)) {
        if (!same_for_all)
            mr_buf_addf(&b, "Access-Control-Allow-Origin: " MR_SPAN_FMT "\r\n",
                        MR_SPAN_ARG(origin));
        if (with_credentials(srv))
            mr_buf_add_str(&b, "Access-Control-Allow-Credentials: true\r\n");
        add_line(&b, "Access-Control-Expose-Headers", srv->opt.cors_exposed);
    }
    if (mr_buf_err(&b) == MR_OK)
        lines = mr_memdup0(b.ptr, b.len);
    mr_buf_free(&b);
    return lines;
}

bool mr__cors_is_preflight(const struct mr_http_head *head)
{
    return mr_span_is(head->method, "OPTIONS") && head->length == 0 && !head->chunked &&
           mr__http_field(head, "origin").len > 0 &&
           mr__http_field(head, "access-control-request-method").len > 0;
}

void mr__cors_preflight(const struct mr_server *srv, const struct mr_http_head *head,
                        struct mr_buf *lines)
{
    struct mr_span asked = mr__http_field(head, "access-control-request-headers");

    if (srv->cors == NULL ||
        (!srv->cors->any && !mr__cors_allows(srv, mr__http_field(head, "origin"))))
        return;
    add_line(lines, "Access-Control-Allow-Methods", srv->opt.cors_methods);
    mr_buf_addf(lines, "Access-Control-Max-Age: %u\r\n", srv->opt.cors_max_age_s);
    if (srv->opt.cors_headers != NULL)
        add_line(lines, "Access-Control-Allow-Headers", srv->opt.cors_headers);
    else if (asked.len > 0)
        mr_buf_addf(lines,
                    "Vary: Access-Control-Request-Headers\r\n"
                    "Access-Control-Allow-Headers: " MR_SPAN_FMT "\r\n",
                    MR_SPAN_ARG(asked));
}
