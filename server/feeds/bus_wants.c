/* bus_wants.c - subscriptions of one socket. */
#include "feeds/bus_wants.h"
#include "proto/alloc.h"
#include "proto/json.h"
#include <stdio.h>
#include <string.h>

enum how { NO, YES, FROM /* its floor on */ };

#define NAMES "Give stream or streams: names of 1 to 128 letters, digits and . _ : -, 64 at most."

void bus_wants_init(struct bus_wants *w)
{
    w->all = true;
    memset(w->how, YES, sizeof(w->how));
}

void bus_wants_free(struct bus_wants *w)
{
    mr_free(w->of);
}

bool bus_wants_due(const struct bus_wants *w)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].due && w->of[i].stream >= 0)
            return true;
    return false;
}

static struct bus_want *of(const struct bus_wants *w, size_t stream)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].stream == (int)stream)
            return &w->of[i];
    return NULL;
}

bool bus_wants_live(const struct bus_wants *w, size_t stream, struct mr_bus_id id)
{
    return w->how[stream] == YES ||
           (w->how[stream] == FROM && mr_bus_id_cmp(id, of(w, stream)->floor) > 0);
}

struct bus_want *bus_wants_behind(struct bus_wants *w, size_t stream, uint16_t turn)
{
    struct bus_want *one = of(w, stream);

    return one && one->behind && one->turn == turn ? one : NULL;
}

void bus_wants_settle(struct bus_wants *w, size_t stream)
{
    const struct bus_want *one = of(w, stream);

    if (!one)
        w->how[stream] = w->all ? YES : NO;
    else if (one->out || one->behind)
        w->how[stream] = NO;
    else
        w->how[stream] = one->floor.ms > 0 ? FROM : YES;
}

static void settle_all(struct bus_wants *w)
{
    memset(w->how, w->all ? YES : NO, sizeof(w->how));
    for (size_t i = 0; i < w->n; i++)
        if (w->of[i].stream >= 0)
            bus_wants_settle(w, (size_t)w->of[i].stream);
}

void bus_wants_found(struct bus_wants *w, const char *name, size_t stream)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->of[i].name, name) == 0)
            w->of[i].stream = (int)stream;
    bus_wants_settle(w, stream);
}

/* ---- changes ------------------------------------------------------------------------------ */

struct change { /* what one message asks for, before any of it is done */
    size_t n;
    bool all; /* and `names` with their positions */
    struct mr_span names[BUS_WANTS_MAX];
    bool has_after[BUS_WANTS_MAX];
    struct mr_bus_id after[BUS_WANTS_MAX];
};

static struct bus_want *find(struct bus_wants *w, struct mr_span name)
{
    for (size_t i = 0; i < w->n; i++)
        if (mr_span_is(name, w->of[i].name))
            return &w->of[i];
    return NULL;
}

static struct bus_want *add(struct bus_wants *w, struct mr_bus_reader *r, struct mr_span name)
{
    struct bus_want *one = &w->of[w->n++];

    *one = (struct bus_want){.stream = -1};
    (void)snprintf(one->name, sizeof(one->name), MR_SPAN_FMT, MR_SPAN_ARG(name));
    one->stream = mr_bus_reader_find(r, one->name);
    if (one->stream < 0)
        mr_bus_reader_look(r, one->name);
    return one;
}

static int have_room(struct bus_wants *w)
{
    if (!w->of)
        w->of = mr_zalloc(BUS_WANTS_MAX, sizeof(*w->of));
    return w->of ? MR_OK : MR_E_NOMEM;
}

static void subscribe(struct bus_wants *w, struct mr_bus_reader *r, const struct change *c)
{
    if (w->all || c->all)
        w->n = 0;
    w->all = c->all;
    for (size_t i = 0; i < c->n; i++) {
        struct bus_want *one = find(w, c->names[i]);

        if (!one)
            one = add(w, r, c->names[i]);
        one->out = false;
        if (!c->has_after[i])
            continue;
        one->behind = one->due = one->first = true;
        one->floor = c->after[i];
        one->turn = ++w->turns;
    }
    settle_all(w);
}

static void leave_some(struct bus_wants *w, struct mr_bus_reader *r, const struct change *c)
{
    if (c->all) { /* nothing is left */
        w->all = false;
        w->n = 0;
    }
    for (size_t i = 0; i < c->n; i++) {
        struct bus_want *one = find(w, c->names[i]);

        if (!w->all && one)
            *one = w->of[--w->n];
        if (!w->all)
            continue;
        if (!one)
            one = add(w, r, c->names[i]);
        one->out = true;
        one->behind = one->due = false;
    }
    settle_all(w);
}

/* ---- what a message says ------------------------------------------------------------------ */

static int take_name(struct change *c, struct mr_span value)
{
    struct mr_span name = mr_json_string_raw(value);

    if (mr_json_type(value) != MR_JSON_STRING || c->n == BUS_WANTS_MAX)
        return MR_E_INVAL;
    if (mr_span_is(name, "*")) {
        c->all = true;
        return MR_OK;
    }
    if (!mr_bus_name_ok(name))
        return MR_E_INVAL;
    c->names[c->n++] = name;
    return MR_OK;
}

static int take_names(struct change *c, struct mr_span message)
{
    struct mr_span value;
    struct mr_json_iter it;
    int rc;

    if (mr_json_get(message, "streams", &value) == MR_OK && mr_json_type(value) == MR_JSON_ARRAY) {
        for (rc = mr_json_begin(&it, value); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;)
            rc = take_name(c, it.value);
        rc = rc == MR_E_END ? MR_OK : MR_E_INVAL;
    } else if (mr_json_get(message, "stream", &value) == MR_OK ||
               mr_json_get(message, "channel", &value) == MR_OK ||
               mr_json_get(message, "streams", &value) == MR_OK) {
        rc = take_name(c, value);
    } else {
        rc = MR_E_INVAL;
    }
    return rc == MR_OK && (c->all ? c->n == 0 : c->n > 0) ? MR_OK : MR_E_INVAL;
}

static int take_position(struct change *c, size_t i, struct mr_span id)
{
    c->has_after[i] = true;
    return mr_bus_id_parse(id, &c->after[i]);
}

/* All streams, and positions of some. */
static int take_positions(struct change *c, struct mr_span after)
{
    struct mr_json_iter it;
    int rc;

    for (rc = mr_json_begin(&it, after); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        if (c->n == BUS_WANTS_MAX || !mr_bus_name_ok(it.key) ||
            mr_json_type(it.value) != MR_JSON_STRING ||
            take_position(c, c->n, mr_json_string_raw(it.value)) != MR_OK)
            return MR_E_INVAL;
        c->names[c->n++] = it.key;
    }
    return rc == MR_E_END ? MR_OK : MR_E_INVAL;
}

/* The position of each name: one for the only one, or an object. */
static int take_after(struct change *c, struct mr_span message)
{
    struct mr_span after, value;
    char name[MR_BUS_NAME];

    if (mr_json_get(message, "after", &after) != MR_OK || mr_json_type(after) == MR_JSON_NULL)
        return MR_OK;
    if (mr_json_type(after) != MR_JSON_OBJECT && (c->n != 1 || c->all))
        return MR_E_INVAL;
    if (c->all)
        return take_positions(c, after);
    for (size_t i = 0; i < c->n; i++) {
        (void)snprintf(name, sizeof(name), MR_SPAN_FMT, MR_SPAN_ARG(c->names[i]));
        value = after;
        if (mr_json_type(after) == MR_JSON_OBJECT && mr_json_get(after, name, &value) != MR_OK)
            continue;
        if (mr_json_type(value) != MR_JSON_STRING ||
            take_position(c, i, mr_json_string_raw(value)) != MR_OK)
            return MR_E_INVAL;
    }
    return MR_OK;
}

/* How many wants there would be. */
static size_t would_be(struct bus_wants *w, const struct change *c, bool leave)
{
    size_t n = w->all == leave && !c->all ? w->n : 0;

    for (size_t i = 0; i < c->n; i++)
        n += n == 0 || !find(w, c->names[i]);
    return n;
}

int bus_wants_ask(struct bus_wants *w, struct feed *s, struct mr_bus_reader *r,
                  struct mr_span message, bool leave)
{
    struct change *c = mr_zalloc(1, sizeof(*c));
    const char *why = NULL;

    if (!c || have_room(w) != MR_OK) {
        why = "Out of memory.";
    } else if (take_names(c, message) != MR_OK) {
        why = NAMES;
    } else if (!leave && take_after(c, message) != MR_OK) {
        why = "after must be the id of a message, such as 1700000000000-0, or an object of ids by "
              "stream.";
    } else if (would_be(w, c, leave) > BUS_WANTS_MAX) {
        why = "At most 64 streams by name.";
    }
    for (size_t i = 0; !why && i < c->n; i++) {
        const struct bus_want *one = find(w, c->names[i]);

        if (!leave && one && one->behind && c->has_after[i])
            why = "That stream is being replayed to you already.";
    }
    if (why)
        feed_complain(s, why);
    else if (leave)
        leave_some(w, r, c);
    else
        subscribe(w, r, c);
    mr_free(c);
    return why ? MR_E_INVAL : MR_OK;
}

/* The next of a list with commas; false: no more. */
static bool next_of(const char **list, struct mr_span *out)
{
    size_t n = strcspn(*list, ",");

    *out = mr_span_of(*list, n);
    *list += n;
    if (n > 0 && **list == ',' && (*list)[1] != '\0') /* one at the end is one too many */
        (*list)++;
    return n > 0;
}

/* The name's place in the change; a new one where all are wanted. */
static int place_of(struct change *c, struct mr_span name, size_t *at)
{
    for (*at = 0; *at < c->n; (*at)++)
        if (mr_span_eq(c->names[*at], name))
            return MR_OK;
    if (!c->all || c->n == BUS_WANTS_MAX)
        return MR_E_INVAL;
    c->names[c->n++] = name;
    return MR_OK;
}

static int read_start(struct change *c, const char *streams, const char *after)
{
    struct mr_span one;
    size_t at;

    c->all = streams[0] == '\0';
    while (next_of(&streams, &one)) {
        if (c->n == BUS_WANTS_MAX || !mr_bus_name_ok(one))
            return MR_E_INVAL;
        c->names[c->n++] = one;
    }
    while (next_of(&after, &one)) { /* a name may have a colon in it, an id has none */
        const char *colon = memrchr(one.ptr, ':', one.len);
        struct mr_span name = mr_span_of(one.ptr, colon ? (size_t)(colon - one.ptr) : 0);

        if (!mr_bus_name_ok(name) || place_of(c, name, &at) != MR_OK ||
            take_position(c, at, mr_span_of(colon + 1, one.len - name.len - 1)) != MR_OK)
            return MR_E_INVAL;
    }
    return *streams == '\0' && *after == '\0' ? MR_OK : MR_E_INVAL;
}

bool mr_bus_start_ok(const char *streams, const char *after)
{
    struct change *c = mr_zalloc(1, sizeof(*c));
    bool ok = c && read_start(c, streams, after) == MR_OK;

    mr_free(c);
    return ok;
}

int bus_wants_start(struct bus_wants *w, struct mr_bus_reader *r, const char *streams,
                    const char *after)
{
    struct change *c = mr_zalloc(1, sizeof(*c));
    int rc = c ? have_room(w) : MR_E_NOMEM;

    if (rc == MR_OK)
        rc = read_start(c, streams, after);
    if (rc == MR_OK)
        subscribe(w, r, c);
    mr_free(c);
    return rc;
}

/* ---- what the client is told -------------------------------------------------------------- */

void bus_say_wants(struct feed *s, const struct bus_wants *w, const char *type)
{
    struct mr_buf data = MR_BUF_INIT(65536);

    mr_buf_add_str(&data, w->all ? "{\"streams\":\"*\",\"but\":[" : "{\"streams\":[");
    for (size_t i = 0, n = 0; i < w->n; i++)
        if (w->of[i].out == w->all)
            mr_buf_addf(&data, "%s\"%s\"", n++ > 0 ? "," : "", w->of[i].name);
    mr_buf_add_str(&data, "]}");
    feed_say(s, type, mr_buf_span(&data));
    mr_buf_free(&data);
}

void bus_say_replayed(struct feed *s, const struct bus_want *w)
{
    struct mr_buf data = MR_BUF_INIT(1024);
    char id[MR_BUS_ID_TEXT];

    mr_bus_id_format(w->floor, id);
    mr_buf_addf(&data, "{\"stream\":\"%s\",\"last_id\":\"%s\"}", w->name, id);
    feed_say(s, "replayed", mr_buf_span(&data));
    mr_buf_free(&data);
}
