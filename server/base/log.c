/* log.c - one line an event, made in a bounded buffer on the stack and written with one write(2).
 *
 * A line that would pass LINE_BYTES_MAX loses the rest of its last field and says so
 * (truncated=true), so a hostile value can neither grow memory nor hide the fields before it. A
 * line is always UTF-8 without control characters, whatever the values are made of: none can start
 * a line of its own, move a terminal's cursor, or break the reader of JSON.
 */
#include "base/log.h"
#include "base/clock.h"
#include "proto/utf8.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#define LINE_BYTES_MAX 8192
#define TAIL_BYTES     32 /* room kept for truncated=true and the line's end */
#define REPEAT_SLOTS   64
#define REPEAT_EVERY   60000 /* ms between lines of one repeating event */

static atomic_int min_level = MR_LOG_INFO;
static atomic_bool as_json;
static void (*sink)(enum mr_log_level level, const char *line, size_t len, void *ctx);
static void *sink_ctx;
static _Thread_local const char *thread_name = "main";

/* Repeating warnings, by event name. A full table only means that nothing is held back. */
static struct {
    pthread_mutex_t lock;
    struct {
        const char *event; /* a literal: compared by content, since units repeat literals */
        uint64_t last_ms, held;
    } slot[REPEAT_SLOTS]; /* {lock} */
} repeats = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct line {
    char buf[LINE_BYTES_MAX];
    size_t len;
    bool cut;
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void mr_log_init(enum mr_log_level level, bool json)
{
    atomic_store(&min_level, (int)level);
    atomic_store(&as_json, json);
}

bool mr_log_level_parse(const char *name, enum mr_log_level *out)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(*level_names); i++)
        if (strcasecmp(name, level_names[i]) == 0) {
            *out = (enum mr_log_level)i;
            return true;
        }
    return false;
}

bool mr_log_on(enum mr_log_level level)
{
    return (int)level >= atomic_load_explicit(&min_level, memory_order_relaxed);
}

void mr_log_thread(const char *name)
{
    thread_name = name;
}

static void put(struct line *l, const char *s, size_t n)
{
    size_t room = LINE_BYTES_MAX - TAIL_BYTES - l->len;

    if (l->cut)
        return;
    if (n > room) {
        l->cut = true;
        return;
    }
    memcpy(l->buf + l->len, s, n);
    l->len += n;
}

static void put_str(struct line *l, const char *s)
{
    put(l, s, strlen(s));
}

static void put_code(struct line *l, unsigned code)
{
    char esc[8];

    (void)snprintf(esc, sizeof(esc), "\\u%04x", code & 0xffff);
    put(l, esc, 6);
}

static void put_ascii(struct line *l, char c)
{
    /* The last one is NUL, which strchr finds as well: it has no short form. */
    static const char raw[] = "\"\\\n\r\t", form[] = "\"\\nrt";
    const char *at = strchr(raw, c);

    if (at && c != '\0')
        put(l, (char[]){'\\', form[at - raw]}, 2);
    else if ((unsigned char)c < 0x20 || c == 0x7f)
        put_code(l, (unsigned char)c);
    else
        put(l, &c, 1);
}

/* The character at the head of s, which begins with a byte over 0x7f. Returns the bytes used up. */
static size_t put_wide(struct line *l, struct mr_span s)
{
    unsigned char lead = (unsigned char)s.ptr[0];
    size_t n = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

    if (n > s.len || mr_utf8_valid_len(mr_span_of(s.ptr, n)) != n) {
        put_code(l, 0xfffd);
        return 1;
    }
    if (lead == 0xc2 && (unsigned char)s.ptr[1] < 0xa0) /* C1: control characters, too */
        put_code(l, (unsigned char)s.ptr[1]);
    else if (memcmp(s.ptr, "\xe2\x80\xa8", n) == 0 || memcmp(s.ptr, "\xe2\x80\xa9", n) == 0)
        put_code(l, 0x1f80U + (unsigned char)s.ptr[2]); /* U+2028, U+2029: line ends to some */
    else
        put(l, s.ptr, n);
    return n;
}

static void put_escaped(struct line *l, struct mr_span s)
{
    size_t i = 0;

    while (i < s.len && !l->cut) {
        if ((unsigned char)s.ptr[i] < 0x80)
            put_ascii(l, s.ptr[i++]);
        else
            i += put_wide(l, mr_span_of(s.ptr + i, s.len - i));
    }
}

/* logfmt leaves plain words bare and quotes the rest. */
static bool needs_quotes(struct mr_span s)
{
    if (s.len == 0)
        return true;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];

        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c >= 0x7f)
            return true;
    }
    return false;
}

static void put_text(struct line *l, struct mr_span s, bool json)
{
    bool quote = json || needs_quotes(s);

    if (quote)
        put(l, "\"", 1);
    put_escaped(l, s);
    if (quote && l->cut) { /* close what was cut, inside the room kept for it */
        l->buf[l->len++] = '"';
    } else if (quote) {
        put(l, "\"", 1);
    }
}

static void put_key(struct line *l, const char *key, bool json)
{
    if (json) {
        put_str(l, l->len > 1 ? ",\"" : "\"");
        put_str(l, key);
        put_str(l, "\":");
    } else {
        put_str(l, l->len ? " " : "");
        put_str(l, key);
        put_str(l, "=");
    }
}

static void put_field(struct line *l, const struct mr_field *f, bool json)
{
    char num[40];
    size_t start = l->len;

    put_key(l, f->key, json);
    if (l->cut || l->len + 2 > LINE_BYTES_MAX - TAIL_BYTES) { /* no room for any value */
        l->cut = true;
        l->len = start;
        return;
    }
    switch (f->kind) {
    case MR_F_STR:
        put_text(l, mr_span_str(f->v.s ? f->v.s : ""), json);
        break;
    case MR_F_SPAN:
        put_text(l, f->v.span, json);
        break;
    case MR_F_SECRET:
        put_text(l, MR_SPAN("***"), json);
        break;
    case MR_F_I64:
        (void)snprintf(num, sizeof(num), "%lld", (long long)f->v.i);
        put_str(l, num);
        break;
    case MR_F_U64:
        (void)snprintf(num, sizeof(num), "%llu", (unsigned long long)f->v.u);
        put_str(l, num);
        break;
    case MR_F_DOUBLE:
        (void)snprintf(num, sizeof(num), "%.9g", f->v.d);
        put_str(l, json && !isfinite(f->v.d) ? "null" : num); /* JSON has no word for those */
        break;
    case MR_F_BOOL:
        put_str(l, f->v.b ? "true" : "false");
        break;
    case MR_F_END:
        break;
    }
    if (l->cut && f->kind != MR_F_STR && f->kind != MR_F_SPAN)
        l->len = start; /* half a number would be another number */
}

bool mr_log_may_write(const char *event, uint64_t now_ms, uint64_t *held)
{
    bool write = true;

    *held = 0;
    pthread_mutex_lock(&repeats.lock);
    for (size_t i = 0; i < REPEAT_SLOTS; i++) {
        if (!repeats.slot[i].event) {
            repeats.slot[i].event = event;
            repeats.slot[i].last_ms = now_ms;
            break;
        }
        if (strcmp(repeats.slot[i].event, event) != 0)
            continue;
        if (now_ms - repeats.slot[i].last_ms < REPEAT_EVERY) {
            repeats.slot[i].held++;
            write = false;
        } else {
            *held = repeats.slot[i].held;
            repeats.slot[i].held = 0;
            repeats.slot[i].last_ms = now_ms;
        }
        break;
    }
    pthread_mutex_unlock(&repeats.lock);
    return write;
}

void mr_log_to(void (*fn)(enum mr_log_level level, const char *line, size_t len, void *ctx),
               void *ctx)
{
    sink = fn;
    sink_ctx = ctx;
}

void mr_log_write(enum mr_log_level level, const char *event, const struct mr_field *fields)
{
    bool json = atomic_load_explicit(&as_json, memory_order_relaxed) && sink == NULL;
    char ts[MR_TIME_TEXT];
    struct line l;
    uint64_t held = 0;
    ssize_t done;

    if (level >= MR_LOG_WARN && !mr_log_on(MR_LOG_DEBUG) &&
        !mr_log_may_write(event, mr_mono_ms(), &held))
        return;
    l.len = 0;
    l.cut = false;
    mr_time_format(mr_wall_us(), ts);
    if (json)
        put(&l, "{", 1);
    if (sink == NULL)
        put_field(&l, &F_STR("ts", ts), json);
    put_field(&l, &F_STR("level", level_names[level]), json);
    put_field(&l, &F_STR("event", event), json);
    put_field(&l, &F_STR("thread", thread_name), json);
    if (held) /* before the fields, which may not all find room */
        put_field(&l, &F_UINT("repeats", held), json);
    for (const struct mr_field *f = fields; f->kind != MR_F_END && !l.cut; f++)
        put_field(&l, f, json);
    if (l.cut) {
        const char *mark = json ? ",\"truncated\":true" : " truncated=true";
        size_t n = strlen(mark);

        memcpy(l.buf + l.len, mark, n);
        l.len += n;
    }
    if (sink != NULL) {
        sink(level, l.buf, l.len, sink_ctx);
        return;
    }
    if (json)
        l.buf[l.len++] = '}';
    l.buf[l.len++] = '\n';
    do /* one write: lines of threads do not mix. Another failure has nowhere left to be told. */
        done = write(STDERR_FILENO, l.buf, l.len);
    while (done < 0 && errno == EINTR);
}
