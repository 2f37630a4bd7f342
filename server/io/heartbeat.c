/* heartbeat.c - the server pings each ping_interval and hears a pong within ping_timeout, or else.
 *
 * Deadlines are counted from the moment a timer was due, not from when the loop came round to it,
 * so that a session ends exactly ping_interval + ping_timeout after its last sign of life.
 */
#include "io/session.h"

static void ping_due(struct mr_timer *t);

static void pong_late(struct mr_timer *t)
{
    struct mr_session *s = MR_CONTAINER(t, struct mr_session, beat);

    s->srv->stats.ping_timeouts++;
    mr__session_close(s, "ping timeout", MR_CLOSE_NOW);
}

static void ping_due(struct mr_timer *t)
{
    struct mr_session *s = MR_CONTAINER(t, struct mr_session, beat);

    s->awaiting_pong = true;
    mr__timer_set(&s->srv->timers, t, t->at_ms + s->engine->opt.ping_timeout_ms, pong_late);
    if (mr__session_send(s, s->srv->ping) == MR_E_NOMEM) /* a full queue dooms it by itself */
        mr__session_doom(s, "transport error");
}

void mr__heartbeat_start(struct mr_session *s)
{
    mr__timer_set(&s->srv->timers, &s->beat, mr__now(s->srv) + s->engine->opt.ping_interval_ms,
                  ping_due);
}

void mr__heartbeat_pong(struct mr_session *s)
{
    s->awaiting_pong = false;
    mr__heartbeat_start(s);
}
