/* test_transcripts.c - conversations, written down in Markdown, held with the session layer.
 *
 * Each "## title" in wire/<name>.md is one test; its indented lines are the conversation. There is
 * no socket and no real time: GETs, POSTs and WebSockets are the fakes below, the clock is a
 * number.
 *
 *   options ping_interval=300    before anything else; see option()
 *   t=25000 ...                  let time pass up to there, timers running; then the rest of the
 * line C GET  |  C GET?query        a GET: of the session if there is one, else the handshake C
 * POST text                  a POST; U+241E stands for the separator 0x1e C OPEN a WebSocket: the
 * session's probe, or a new session C WS text  |  C WS b:hex     a message on it C lost GET  |  C
 * lost WS     the network closes it C full WS  |  C read WS      the kernel takes no more; takes
 * everything again A emit room event args       the application: also "join room", "kick", "kick!",
 * "admit", "refuse" S GET 200 text               what the server answered, S WS text what it sent,
 * S WS close 1000 = ...                        what the application saw, or "state", "queued",
 * "rooms" of the server
 *
 * A second GET is GET2 and so on, also in the S lines. Every S and = line must come in this order
 * and nothing else may come. <name> stands for 20 characters of an id: the same name, the same id;
 * <name:9> for 9 of something else; <sid> is the one that requests are made with.
 */
#include "wire/talk.h"

#include "proto/alloc.h"

#include <glob.h>

/* ---- the lines ----------------------------------------------------------------------------- */

static const char *name_value(const char *name)
{
    for (size_t i = 0; i < T->n_names; i++) {
        if (strcmp(T->names[i][0], name) == 0)
            return T->names[i][1];
    }
    return NULL;
}

/* Does text match the pattern, where <name> is an id? Binds names that are new. */
static bool matches(const char *pattern, const char *text)
{
    char name[32];
    int len = 0;

    while (*pattern != '\0') {
        unsigned size = MR_SID_LEN;

        if ((sscanf(pattern, "<%31[a-z0-9]>%n", name, &len) == 1 && len > 0) ||
            (sscanf(pattern, "<%31[a-z0-9]:%u>%n", name, &size, &len) == 2 && len > 0)) {
            const char *value = name_value(name);

            if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") <
                size)
                return false;
            if (value == NULL) {
                assert_true(T->n_names < NAMES_MAX);
                (void)snprintf(T->names[T->n_names][0], 32, "%s", name);
                (void)snprintf(T->names[T->n_names++][1], 32, "%.*s", (int)size, text);
            } else if (strncmp(value, text, size) != 0) {
                return false;
            }
            pattern += len;
            text += size;
            len = 0;
        } else if (*pattern++ != *text++) {
            return false;
        }
    }
    return *text == '\0';
}

/* The text as sent: separators, and ids for names. */
static size_t unprintable(const char *from, char *out, size_t size)
{
    size_t n = 0;
    char name[32];
    int len = 0;

    while (*from != '\0' && n + MR_SID_LEN + 1 < size) {
        if (strncmp(from, "\xe2\x90\x9e", 3) == 0) {
            out[n++] = '\x1e';
            from += 3;
        } else if (sscanf(from, "<%31[a-z0-9]>%n", name, &len) == 1 && len > 0 &&
                   name_value(name)) {
            n += (size_t)snprintf(out + n, size - n, "%s", name_value(name));
            from += len;
            len = 0;
        } else {
            out[n++] = *from++;
        }
    }
    out[n] = '\0';
    return n;
}

static void client_ws(const char *label, const char *text)
{
    struct fake *f = find_fake(label, true);
    char bytes[TALK_MAX];
    size_t n = 0;
    unsigned byte;

    if (strncmp(text, "b:", 2) == 0) {
        for (text += 2; sscanf(text, "%2x", &byte) == 1; text += 2)
            bytes[n++] = (char)byte;
        mr__ws_message(&f->port, MR_WS_BINARY, mr_span_of(bytes, n));
        return;
    }
    n = unprintable(text, bytes, sizeof(bytes));
    mr__ws_message(&f->port, MR_WS_TEXT, mr_span_of(bytes, n));
}

static void client_open(const char *label, const char *query)
{
    struct fake *f = find_fake(label, false);
    struct mr_session *s;
    enum mr_eio_error error = mr__upgrade_verify(&T->srv, &f->ex, "GET", mr_span_str(query), &s);
    int rc = MR_OK;

    if (error != MR_EIO_OK) {
        saw("S %s refused %s", label, mr__eio_error_text(error));
        f->open = false;
        return;
    }
    rc = mr__ws_opened(&T->srv, &f->port, &f->ex, s);
    if (rc != MR_OK)
        fake_close(&f->port, MR_WS_POLICY);
}

static void client_does(const char *line)
{
    char verb[256] = "", rest[TALK_MAX] = "", query[256], label[16], text[TALK_MAX];
    const char *sid = name_value("sid"), *ask;
    size_t n;
    bool open;

    (void)sscanf(line, "%255s %65535[^\n]", verb, rest);
    ask = strchr(verb, '?');
    (void)snprintf(label, sizeof(label), "%.*s", (int)strcspn(verb, "?"), verb);
    open = strncmp(verb, "OPEN", 4) == 0;
    if (ask != NULL)
        (void)unprintable(ask + 1, query, sizeof(query));
    else
        (void)snprintf(query, sizeof(query), "EIO=4&transport=%s%s%s",
                       open ? "websocket" : "polling", sid ? "&sid=" : "", sid ? sid : "");
    if (open) {
        (void)snprintf(label, sizeof(label), "WS%.*s", (int)strcspn(verb + 4, "?"), verb + 4);
        client_open(label, query);
    } else if (strncmp(verb, "WS", 2) == 0) {
        client_ws(label, rest);
    } else if (strcmp(verb, "lost") == 0) {
        struct fake *f = find_fake(rest, true);

        f->open = false;
        if (rest[0] == 'W')
            mr__ws_gone(&f->port, "transport close");
        else
            mr__exchange_gone(&f->ex);
        mr__outq_clear(&f->port.q);
    } else if (strcmp(verb, "body") == 0) {
        struct fake *f = find_fake("POST", true);

        n = unprintable(rest + strlen("POST "), text, sizeof(text));
        mr__polling_body(&T->srv, &f->ex, mr_span_of(text, n));
    } else if (strcmp(verb, "full") == 0 || strcmp(verb, "read") == 0) {
        struct fake *f = find_fake(rest, true);

        f->full = verb[0] == 'f';
        fake_flush(&f->port);
    } else {
        struct fake *f = find_fake(label, false);
        char method[16];

        (void)snprintf(method, sizeof(method), "%.*s", (int)strcspn(label, "0123456789"), label);
        if (mr__polling_request(&T->srv, &f->ex, method, mr_span_str(query))) {
            n = unprintable(rest, text, sizeof(text));
            if (strcmp(rest, "...") != 0)
                mr__polling_body(&T->srv, &f->ex, mr_span_of(text, n));
        }
    }
}

static void pass_time(uint64_t until)
{
    uint64_t next;

    while ((next = mr__timers_next(&T->srv.timers)) <= until) {
        T->now = next;
        mr__timers_run(&T->srv.timers, T->now);
        (void)mr__turn_end(&T->srv);
    }
    T->now = until;
}

static void option(char *line)
{
    static const struct {
        const char *name;
        size_t offset;
    } table[] = {
        {"ping_interval", offsetof(struct mr_options, ping_interval_ms)},
        {"ping_timeout", offsetof(struct mr_options, ping_timeout_ms)},
        {"connect_timeout", offsetof(struct mr_options, connect_timeout_ms)},
        {"upgrade_timeout", offsetof(struct mr_options, upgrade_timeout_ms)},
        {"body_max", offsetof(struct mr_options, body_bytes_max)},
        {"queue_max", offsetof(struct mr_options, queue_bytes_max)},
        {"high_water", offsetof(struct mr_options, high_water_bytes)},
        {"low_water", offsetof(struct mr_options, low_water_bytes)},
        {"sessions_max", offsetof(struct mr_options, sessions_max)},
    };
    struct mr_engine *e = T->srv.engines;
    char name[64];
    uint32_t value;
    int used;

    while (sscanf(line, " %63[a-z_]=%u%n", name, &value, &used) == 2) {
        bool known = false;

        for (size_t i = 0; i < LEN(table); i++) {
            if (strcmp(table[i].name, name) != 0)
                continue;
            memcpy((char *)&T->srv.opt + table[i].offset, &value, sizeof(value));
            known = true;
        }
        if (strcmp(name, "recovery") == 0) { /* the window; it is for all namespaces */
            const struct mr_recovery_options opt = {.max_disconnection_ms = value};

            assert_int_equal(mr_use_recovery(&T->srv, &opt), MR_OK);
            known = true;
        }
        if (!known)
            fail_msg("unknown option %s", name);
        line += used;
    }
    e->opt.ping_interval_ms = T->srv.opt.ping_interval_ms; /* Socket.IO's engine has its own copy */
    e->opt.ping_timeout_ms = T->srv.opt.ping_timeout_ms;
    e->opt.upgrade_timeout_ms = T->srv.opt.upgrade_timeout_ms;
    e->opt.body_bytes_max = T->srv.opt.body_bytes_max;
}

/* What the server's tables say now. */
static void report(void)
{
    static const char *const states[] = {"POLLING", "PROBING", "WEBSOCKET", "CLOSING", "CLOSED"};
    struct mr_node *node = mr__table_next(&T->srv.sessions, NULL);
    const struct mr_session *s = node ? MR_CONTAINER(node, struct mr_session, node) : NULL;

    saw("= state %s sockets %zu rooms %zu queued %zu", s ? states[s->state] : "NONE",
        (size_t)T->srv.stats.sockets, (size_t)T->srv.stats.rooms,
        (size_t)T->srv.stats.queued_packets);
}

static void expect(const char *line)
{
    char first[TALK_MAX];
    size_t len;

    if (strncmp(line, "= state", 7) == 0)
        report();
    if (T->seen.len == 0)
        fail_msg("expected: %s\n      but nothing came", line);
    len = (size_t)((char *)memchr(T->seen.ptr, '\n', T->seen.len) - T->seen.ptr);
    (void)snprintf(first, sizeof(first), "%.*s", (int)len, T->seen.ptr);
    memmove(T->seen.ptr, T->seen.ptr + len + 1, T->seen.len - len - 1);
    T->seen.len -= len + 1;
    if (!matches(line, first))
        fail_msg("expected: %s\n          came: %s", line, first);
}

static void nothing_else(const char *before)
{
    if (T->seen.len > 0)
        fail_msg("not expected before \"%s\":\n%s", before, mr_buf_cstr(&T->seen));
}

static void one_line(char *line)
{
    unsigned long long t;
    int used = 0;

    if (sscanf(line, "t=%llu%n", &t, &used) == 1) {
        nothing_else(line);
        pass_time(t);
        line += used;
        line += strspn(line, " ");
    }
    if (strncmp(line, "C ", 2) == 0 || strncmp(line, "A ", 2) == 0) {
        nothing_else(line);
        if (line[0] == 'C')
            client_does(line + 2);
        else
            app_does(line + 2);
        (void)mr__turn_end(&T->srv);
    } else if (strncmp(line, "S ", 2) == 0 || strncmp(line, "= ", 2) == 0) {
        expect(line);
    } else if (strncmp(line, "options ", 8) == 0) {
        option(line + 8);
    } else if (*line != '\0') {
        fail_msg("cannot read: %s", line);
    }
}

struct transcript {
    const char *name; /* "polling: a title" */
    char *lines;      /* NUL between lines, an empty one at the end */
};

static void hold(void **state)
{
    const struct transcript *t = *state;
    struct mr_options opt = {0};

    T = test_calloc(1, sizeof(*T));
    mr_buf_init(&T->seen, 1 << 20);
    assert_int_equal(mr__core_init(&T->srv, &opt), MR_OK);
    T->srv.clock_ms = fake_clock;
    app_start();
    for (char *line = t->lines; *line != '\0'; line += strlen(line) + 1)
        one_line(line);
    nothing_else("the end");
    mr_socket_unref(T->pending);
    mr__core_deinit(&T->srv);
    for (size_t i = 0; i < PORTS_MAX; i++)
        mr__outq_clear(&T->fakes[i].port.q);
    mr_buf_free(&T->seen);
    test_free(T);
}

/* ---- the files ----------------------------------------------------------------------------- */

static struct transcript transcripts[ROWS_MAX];
static size_t n_transcripts;

static void read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    static char line[TALK_MAX];
    char name[300];
    struct mr_buf lines;
    const char *base = strrchr(path, '/') + 1;

    if (file == NULL)
        abort();
    mr_buf_init(&lines, SIZE_MAX);
    while (fgets(line, sizeof(line), file) != NULL || lines.len > 0) {
        bool end = feof(file) != 0;

        line[strcspn(line, "\n")] = '\0';
        if ((end || strncmp(line, "## ", 3) == 0) && lines.len > 0) {
            mr_buf_add_char(&lines, '\0');
            transcripts[n_transcripts++].lines = mr_memdup0(lines.ptr, lines.len);
            mr_buf_clear(&lines);
        }
        if (end)
            break;
        if (strncmp(line, "## ", 3) == 0) {
            (void)snprintf(name, sizeof(name), "%.*s: %.200s", (int)strcspn(base, "."), base,
                           line + 3);
            if (n_transcripts == ROWS_MAX)
                abort();
            transcripts[n_transcripts].name = mr_strdup(name);
        } else if (strncmp(line, "    ", 4) == 0 && transcripts[n_transcripts].name != NULL) {
            mr_buf_add(&lines, line + 4 + strspn(line + 4, " "),
                       strlen(line + 4 + strspn(line + 4, " ")));
            mr_buf_add_char(&lines, '\0');
        }
    }
    mr_buf_free(&lines);
    (void)fclose(file);
}

int main(void)
{
    struct rows rows = {0};
    glob_t found;
    int rc;

    if (glob("wire/*.md", 0, NULL, &found) != 0)
        return 1;
    for (size_t i = 0; i < found.gl_pathc; i++)
        read_file(found.gl_pathv[i]);
    globfree(&found);
    rows_add_some(&rows, transcripts, n_transcripts, sizeof(transcripts[0]), hold);
    rc = rows_run("transcripts", &rows);
    for (size_t i = 0; i < n_transcripts; i++) {
        mr_free((void *)(uintptr_t)transcripts[i].name);
        mr_free(transcripts[i].lines);
    }
    return rc;
}
