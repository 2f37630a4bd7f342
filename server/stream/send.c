/* send.c - one event to one subscriber: filtered, alone or collected into an array. An event that
 * cannot be queued ends the connection, so that nothing ever follows a hole.
 */
#include "base/log.h"
#include "stream/stream_parts.h"

static bool table_matches(const char *want, const struct mr_run_event *e)
{
    size_t len = strlen(want);

    if (mr_span_eq(mr_span_of(want, len), e->table))
        return true;
    return len == e->schema.len + 1 + e->table.len && want[e->schema.len] == '.' &&
           memcmp(want, e->schema.ptr, e->schema.len) == 0 &&
           memcmp(want + e->schema.len + 1, e->table.ptr, e->table.len) == 0;
}

static bool passes(const struct st_sub *s, const struct mr_run_event *e)
{
    if (s->kinds && !(s->kinds >> e->kind & 1))
        return false;
    for (size_t i = 0; i < s->n_tables; i++)
        if (table_matches(s->tables[i], e))
            return true;
    return s->n_tables == 0;
}

/* [thread: loop] */
static void drop(void *arg)
{
    struct mr_socket *socket = arg;

    mr_socket_drop(socket);
    mr_socket_unref(socket);
}

/* An event could not be queued for want of memory. Nothing may follow a hole, so the connection
 * ends and the client comes back with the position that it knows. Not from here: who calls us walks
 * the lists that a disconnect changes. */
void st_sub_give_up(struct st_sub *s)
{
    if (!s->broken)
        LOG_ERROR("subscriber_dropped", F_STR("why", "out of memory"), F_INT("at", s->at));
    s->broken = true;
    if (!s->dropped && mr_post(s->st->opt.server, drop, mr_socket_ref(s->socket)) == MR_OK)
        s->dropped = true;
    else if (!s->dropped)
        mr_socket_unref(s->socket); /* the next tick tries again */
}

static void sent(struct st_sub *s, int rc)
{
    if (rc != MR_OK && rc != MR_E_CLOSED)
        st_sub_give_up(s);
}

void st_sub_flush(struct st_sub *s)
{
    s->flush_at_ms = 0;
    if (s->collected.len == 0 || s->broken)
        return;
    mr_buf_add_char(&s->collected, ']');
    sent(s, mr_buf_err(&s->collected) == MR_OK
                ? mr_socket_emit(s->socket, "replication_events", mr_buf_span(&s->collected))
                : MR_E_NOMEM);
    mr_buf_clear(&s->collected);
}

static void collect(struct st_sub *s, struct mr_span json)
{
    if (s->collected.len + json.len + 2 > ST_COLLECT_FLUSH)
        st_sub_flush(s);
    if (json.len + 2 > ST_COLLECT_BYTES_MAX) { /* one event that alone passes the limit */
        sent(s, mr_socket_emit(s->socket, "replication_event", json));
        return;
    }
    mr_buf_add_char(&s->collected, s->collected.len ? ',' : '[');
    mr_buf_add_span(&s->collected, json);
    if (!s->flush_at_ms)
        s->flush_at_ms = st_now(s->st) + s->batch_ms;
}

bool st_sub_event(struct st_sub *s, struct mr_ring_entry *entry, const struct mr_run_event *e,
                  size_t i)
{
    s->at = e->seq;
    if (s->broken || !passes(s, e))
        return false;
    if (s->batch_ms) {
        collect(s, e->json);
    } else if (entry) {
        struct mr_frame *f = mr_ring_frame(mr_socket_server(s->socket), entry, i);

        sent(s, f ? mr_socket_send(s->socket, f) : MR_E_NOMEM);
    } else {
        sent(s, mr_socket_emit(s->socket, "replication_event", e->json));
    }
    s->st->stats.frames_sent++;
    return true;
}
