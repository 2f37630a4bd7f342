/* engine.c - which engine serves which path. */
#include "io/engine.h"

#include "proto/alloc.h"
#include "proto/utf8.h"

/* Is path the engine's, or below it? With or without the slash at its end. */
static bool covers(const struct mr_engine *e, struct mr_span path)
{
    struct mr_span ours = mr_span_str(e->opt.path);

    if (mr_span_starts(path, ours))
        return true;
    return ours.len > 1 && ours.ptr[ours.len - 1] == '/' &&
           mr_span_eq(path, mr_span_of(ours.ptr, ours.len - 1));
}

struct mr_engine *mr__engine_at(struct mr_server *srv, struct mr_span path)
{
    struct mr_engine *best = NULL;

    for (struct mr_engine *e = srv->engines; e != NULL; e = e->next) {
        if (covers(e, path) && (best == NULL || strlen(e->opt.path) > strlen(best->opt.path)))
            best = e;
    }
    return best;
}

static void free_text(const char *text)
{
    mr_free((void *)(uintptr_t)text);
}

static void engine_free(struct mr_engine *e)
{
    free_text(e->opt.cookie.name);
    free_text(e->opt.cookie.path);
    free_text(e->opt.cookie.same_site);
    free_text(e->opt.path);
    free_text(e->opt.initial_packet.ptr);
    mr_free(e->uses);
    mr_free(e);
}

/* A cookie's name, or a value of one of its attributes? */
static bool cookie_text_ok(const char *text, const char *without)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= 0x20 || *c >= 0x7f || strchr(without, *c) != NULL)
            return false;
    }
    return *text != '\0';
}

static bool cookie_ok(const struct mr_cookie *c)
{
    return c->name == NULL ||
           (cookie_text_ok(c->name, "()<>@,;:\\\"/[]?={}") && cookie_text_ok(c->path, ";") &&
            (strcmp(c->same_site, "Lax") == 0 || strcmp(c->same_site, "Strict") == 0 ||
             (strcmp(c->same_site, "None") == 0 && c->secure)));
}

/* Texts are ours from here on, or NULL. */
static int copy_texts(struct mr_engine_options *opt)
{
    const char **texts[] = {&opt->path, &opt->cookie.name, &opt->cookie.path,
                            &opt->cookie.same_site};
    struct mr_span initial = opt->initial_packet;
    int rc = MR_OK;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (*texts[i] != NULL && (*texts[i] = mr_strdup(*texts[i])) == NULL)
            rc = MR_E_NOMEM;
    }
    opt->initial_packet = MR_SPAN_NONE;
    if (initial.len == 0)
        return rc;
    opt->initial_packet.ptr = mr_memdup0(initial.ptr, initial.len);
    opt->initial_packet.len = initial.len;
    return opt->initial_packet.ptr == NULL ? MR_E_NOMEM : rc;
}

/* MR_OK; MR_E_CONFLICT: another engine has this very path. */
static int check(const struct mr_server *srv, const struct mr_engine_options *opt)
{
    const unsigned all = MR_TRANSPORT_POLLING | MR_TRANSPORT_WEBSOCKET;

    if (opt->path[0] != '/' || (opt->transports & ~all) != 0 || !cookie_ok(&opt->cookie) ||
        mr_utf8_valid_len(opt->initial_packet) != opt->initial_packet.len)
        return MR_E_INVAL;
    for (const struct mr_engine *e = srv->engines; e != NULL; e = e->next) {
        if (strcmp(e->opt.path, opt->path) == 0)
            return MR_E_CONFLICT;
    }
    return MR_OK;
}

struct mr_engine *mr__engine_add(struct mr_server *srv, const struct mr_engine_options *opt,
                                 const struct mr_engine_ops *ops, int *rc)
{
    struct mr_engine *e = mr_zalloc(1, sizeof(*e));
    struct mr_engine **at = &srv->engines;

    *rc = MR_E_NOMEM;
    if (e == NULL)
        return NULL;
    if (opt != NULL)
        e->opt = *opt;
    mr__engine_options_fill(&e->opt);
    *rc = check(srv, &e->opt);
    if (*rc != MR_OK) {
        mr_free(e);
        return NULL;
    }
    *rc = copy_texts(&e->opt);
    if (*rc != MR_OK) {
        engine_free(e);
        return NULL;
    }
    e->srv = srv;
    e->ops = ops;
    while (*at != NULL)
        at = &(*at)->next;
    *at = e;
    return e;
}

void mr__engines_free(struct mr_server *srv)
{
    for (struct mr_engine *e = srv->engines, *next; e != NULL; e = next) {
        next = e->next;
        engine_free(e);
    }
    srv->engines = NULL;
}

void mr__engine_refused(struct mr_engine *e, const struct mr_exchange *ex, int code,
                        const char *message)
{
    if (e->on.error != NULL)
        e->on.error(e, code, message, ex->ops->addr(ex), e->ctx);
}

void mr__engine_add_cookie(const struct mr_engine *e, const char *sid, struct mr_buf *lines)
{
    const struct mr_cookie *c = &e->opt.cookie;

    if (c->name == NULL)
        return;
    mr_buf_addf(lines, "Set-Cookie: %s=%s", c->name, sid);
    if (c->max_age_s > 0)
        mr_buf_addf(lines, "; Max-Age=%u", c->max_age_s);
    mr_buf_addf(lines, "; Path=%s%s%s; SameSite=%s\r\n", c->path,
                c->script_readable ? "" : "; HttpOnly", c->secure ? "; Secure" : "", c->same_site);
}

struct mr_engine *mr_server_engine(struct mr_server *srv)
{
    return srv->engines;
}
