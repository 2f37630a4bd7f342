/* sub.c - one subscriber: found by pipeline (to send) and by socket (to forget), moved along the
 * log.
 *
 *   NEW --head known--> advance --+--> LIVE   level; st_batch_in sends to it
 *                        ^        +--> WAIT   congested; mr_stream_drained advances it
 *                        +- page -+--> DUE -> READ   a worker reads the next page
 *
 * st_sub_advance is the one place where the state changes; position.h decides.
 */
#include "proto/alloc.h"
#include "stream/position.h"
#include "stream/stream_parts.h"

/* ---- indexes ------------------------------------------------------------------------------ */

static size_t bucket_of_uuid(struct mr_uuid id)
{
    return ((size_t)id.b[14] << 8 | id.b[15]) % ST_BUCKETS; /* the random end of a UUIDv7 */
}

static size_t bucket_of_socket(const struct mr_socket *s)
{
    return ((uintptr_t)s >> 4) * 0x9e3779b97f4a7c15ULL >> 32 & (ST_BUCKETS - 1);
}

struct st_pipeline *st_pipeline_find(struct mr_stream *st, struct mr_uuid id, bool make)
{
    struct st_pipeline **at = &st->pipelines[bucket_of_uuid(id)];

    for (; *at; at = &(*at)->next)
        if (memcmp((*at)->id.b, id.b, sizeof(id.b)) == 0)
            return *at;
    if (!make)
        return NULL;
    *at = mr_zalloc(1, sizeof(**at));
    if (*at)
        (*at)->id = id;
    return *at;
}

static void pipeline_drop(struct mr_stream *st, struct st_pipeline *p)
{
    struct st_pipeline **at = &st->pipelines[bucket_of_uuid(p->id)];

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    mr_free(p);
}

static struct st_sub *find(struct mr_stream *st, const struct mr_socket *socket,
                           const struct mr_uuid *pipeline, size_t *count)
{
    struct st_sub *found = NULL;

    *count = 0;
    for (struct st_sub *s = st->sockets[bucket_of_socket(socket)]; s; s = s->next_s) {
        if (s->socket != socket)
            continue;
        ++*count;
        if (!pipeline || memcmp(s->pipeline->id.b, pipeline->b, sizeof(pipeline->b)) == 0)
            found = s;
    }
    return found;
}

static void link_in(struct st_sub *s)
{
    struct st_sub **bucket = &s->st->sockets[bucket_of_socket(s->socket)];

    s->next = s->pipeline->subs;
    if (s->next)
        s->next->prev = s;
    s->pipeline->subs = s;
    s->next_s = *bucket;
    if (s->next_s)
        s->next_s->prev_s = s;
    *bucket = s;
    s->st->stats.subscribers++;
}

static void link_out(struct st_sub *s)
{
    struct st_sub **bucket = &s->st->sockets[bucket_of_socket(s->socket)];

    if (s->prev)
        s->prev->next = s->next;
    else
        s->pipeline->subs = s->next;
    if (s->next)
        s->next->prev = s->prev;
    if (s->prev_s)
        s->prev_s->next_s = s->next_s;
    else
        *bucket = s->next_s;
    if (s->next_s)
        s->next_s->prev_s = s->prev_s;
    s->st->stats.subscribers--;
}

static void free_sub(struct st_sub *s)
{
    for (size_t i = 0; i < s->n_tables; i++)
        mr_free(s->tables[i]);
    mr_buf_free(&s->collected);
    mr_socket_unref(s->socket);
    mr_free(s);
}

void st_sub_remove(struct st_sub *s)
{
    struct mr_stream *st = s->st;

    if (!s->dead) {
        link_out(s);
        if (!s->pipeline->subs)
            pipeline_drop(st, s->pipeline);
        s->pipeline = NULL;
        s->dead = true;
    }
    if (s->state != ST_SUB_READ && s->state != ST_SUB_DUE)
        free_sub(s);
    /* READ: the page that comes back frees it; DUE: the read queue does, when it meets it */
}

void st_subs_each(struct mr_stream *st, void (*fn)(struct st_sub *s, uint64_t arg), uint64_t arg)
{
    for (size_t b = 0; b < ST_BUCKETS; b++) {
        struct st_sub *s = st->sockets[b], *next;

        for (; s; s = next) {
            next = s->next_s;
            fn(s, arg);
        }
    }
}

/* ---- moving along ------------------------------------------------------------------------- */

void st_sub_ack(struct st_sub *s, bool live)
{
    struct mr_buf b = MR_BUF_INIT(512);
    char room[MR_ROOM_TEXT];
    int64_t at = s->at > s->st->delivered ? s->at : s->st->delivered;

    if (s->ack_id < 0)
        return;
    st_sub_flush(s); /* the events come before the ack that counts them */
    mr_stream_room(s->pipeline->id, room);
    mr_buf_addf(&b,
                "{\"ok\":true,\"pipeline_id\":\"%s\",\"room\":\"%s\",\"last_seq\":%lld,"
                "\"replayed\":%llu,\"live\":%s}",
                room + 9, room, (long long)(live ? at : s->at), (unsigned long long)s->replayed,
                live ? "true" : "false");
    mr_ack(s->socket, s->ack_id, mr_buf_span(&b));
    mr_buf_free(&b);
    s->ack_id = -1;
}

/* Serve what it lacks from memory, until it is level or congested. */
static void serve_ring(struct st_sub *s)
{
    struct mr_ring *r = &s->st->ring;

    for (size_t k = 0; k < r->n; k++) {
        struct mr_ring_entry *e = mr_ring_at(r, k);

        if (e->last_seq <= s->at)
            continue;
        for (size_t i = 0; i < e->batch->n; i++) {
            const struct mr_run_event *ev = &e->batch->events[i];

            if (ev->seq <= s->at ||
                memcmp(ev->pipeline_id.b, s->pipeline->id.b, sizeof(s->pipeline->id.b)) != 0)
                continue;
            if (st_sub_event(s, e, ev, i))
                s->replayed++;
            if (mr_socket_congested(s->socket))
                return;
        }
        s->at = e->last_seq;
    }
}

void st_sub_advance(struct st_sub *s)
{
    struct mr_stream *st = s->st;

    if (s->dead || s->state == ST_SUB_READ || s->state == ST_SUB_DUE)
        return;
    if (st->delivered < 0)
        return; /* stays NEW until the head is known */
    if (s->state == ST_SUB_NEW && s->from_head)
        s->at = st->delivered;
    /* Does the log still reach back to where it stands, and is it the log that it knows? What the
     * ring covers needs no asking; else the first page tells. */
    if (s->seek == ST_SEEK_NONE && s->at <= st->delivered &&
        s->at + 1 >= mr_ring_first(&st->ring, INT64_MAX))
        s->checked = true;
    if (!s->from_head && !s->checked) {
        st_due_push(s, 0);
        return;
    }
    for (;;) {
        int64_t before = s->at;

        switch (mr_position_next(s->at, st->delivered, mr_ring_first(&st->ring, st->delivered + 1),
                                 mr_socket_congested(s->socket))) {
        case MR_STEP_LIVE:
            s->state = ST_SUB_LIVE;
            st_sub_ack(s, true);
            return;
        case MR_STEP_WAIT:
            s->state = ST_SUB_WAIT;
            return;
        case MR_STEP_READ:
            st_due_push(s, 0);
            return;
        case MR_STEP_RING:
            serve_ring(s);
            if (s->at == before &&
                !mr_socket_congested(s->socket)) { /* cannot be: but never spin */
                st_due_push(s, st_now(st) + 100);
                return;
            }
            break;
        }
    }
}

void st_sub_tick(struct st_sub *s, uint64_t now_ms)
{
    if (s->broken)
        st_sub_give_up(s);
    if (s->flush_at_ms && now_ms >= s->flush_at_ms && !mr_socket_congested(s->socket))
        st_sub_flush(s);
    if (s->ack_id >= 0 && now_ms >= s->ack_by_ms)
        st_sub_ack(s, false);
    if (s->state == ST_SUB_NEW && s->st->delivered >= 0)
        st_sub_advance(s);
}

/* ---- the public side ---------------------------------------------------------------------- */

static void refuse(struct mr_socket *socket, int64_t ack_id, const char *code, const char *message)
{
    struct mr_buf b = MR_BUF_INIT(512);

    mr_buf_addf(&b, "{\"ok\":false,\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);
    if (ack_id >= 0)
        mr_ack(socket, ack_id, mr_buf_span(&b));
    else
        mr_socket_emit(socket, "subscribe_error", mr_buf_span(&b));
    mr_buf_free(&b);
}

static int copy_tables(struct st_sub *s, struct mr_span tables)
{
    struct mr_json_iter it;
    int rc = tables.len ? mr_json_begin(&it, tables) : MR_E_END;

    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK) {
        struct mr_buf name = MR_BUF_INIT(512);

        if (s->n_tables == ST_TABLES_MAX ||
            mr_json_unescape(mr_json_string_raw(it.value), &name) != MR_OK ||
            !(s->tables[s->n_tables] = mr_memdup0(name.ptr ? name.ptr : "", name.len)))
            rc = MR_E_TOOBIG;
        else
            s->n_tables++;
        mr_buf_free(&name);
    }
    return rc == MR_E_END ? MR_OK : rc;
}

void mr_stream_subscribe(struct mr_stream *st, struct mr_socket *socket,
                         const struct mr_stream_want *want, int64_t ack_id)
{
    char room[MR_ROOM_TEXT];
    struct st_sub *s, *old;
    size_t count;

    old = find(st, socket, &want->pipeline, &count);
    if (old) {
        st_sub_remove(old);
    } else if (count >= ST_SUBS_PER_SOCKET_MAX) {
        refuse(socket, ack_id, "too_many", "a socket may subscribe to at most 256 pipelines");
        return;
    }
    s = mr_zalloc(1, sizeof(*s));
    mr_stream_room(want->pipeline, room);
    if (!s || mr_join(socket, room) != MR_OK ||
        !(s->pipeline = st_pipeline_find(st, want->pipeline, true))) {
        mr_free(s);
        refuse(socket, ack_id, "unavailable", "the server is out of memory; try again later");
        return;
    }
    s->st = st;
    s->socket = mr_socket_ref(socket);
    s->seek = want->has_since ? ST_SEEK_SINCE : want->last > 0 ? ST_SEEK_LAST : ST_SEEK_NONE;
    s->seek_arg = want->has_since ? want->since_us : want->last;
    s->from_head = !want->has_after && s->seek == ST_SEEK_NONE;
    s->at = want->has_after ? want->after : -1;
    s->kinds = want->kinds;
    s->batch_ms = want->batch_ms;
    s->ack_id = ack_id;
    s->ack_by_ms = st_now(st) + ST_ACK_AFTER_MS;
    mr_buf_init(&s->collected, ST_COLLECT_BYTES_MAX + 16);
    link_in(s);
    if (copy_tables(s, want->tables) != MR_OK) {
        refuse(socket, ack_id, "invalid", "tables may hold at most 64 names of up to 512 bytes");
        mr_leave(socket, room);
        st_sub_remove(s);
        return;
    }
    st_sub_advance(s);
}

bool mr_stream_unsubscribe(struct mr_stream *st, struct mr_socket *socket, struct mr_uuid pipeline)
{
    char room[MR_ROOM_TEXT];
    size_t count;
    struct st_sub *s = find(st, socket, &pipeline, &count);

    mr_stream_room(pipeline, room);
    mr_leave(socket, room);
    if (!s)
        return false;
    st_sub_flush(s);
    st_sub_remove(s);
    return true;
}

void mr_stream_forget(struct mr_stream *st, struct mr_socket *socket)
{
    struct st_sub *s = st->sockets[bucket_of_socket(socket)], *next;

    for (; s; s = next) {
        next = s->next_s;
        if (s->socket == socket)
            st_sub_remove(s);
    }
}

void mr_stream_drained(struct mr_stream *st, struct mr_socket *socket)
{
    struct st_sub *s = st->sockets[bucket_of_socket(socket)], *next;

    for (; s; s = next) {
        next = s->next_s;
        if (s->socket == socket && s->state == ST_SUB_WAIT)
            st_sub_advance(s);
    }
}
