/* main_metrics.c - figures that other parts keep, under the names of GET /metrics. */
#include "base/metrics.h"
#include "main.h"

#define GAUGE(name, help, v)                                                                       \
    mr_metric_set(mr_metric_gauge("millrace_" name, help, NULL), (double)(v))
#define TOTAL(name, help, v)                                                                       \
    mr_metric_set(mr_metric_counter("millrace_" name "_total", help, NULL), (double)(v))

static void by_transport(const char *transport, const struct mr_traffic *t)
{
    char label[64];

    (void)snprintf(label, sizeof(label), "transport=\"%s\"", transport);
#define BY(name, help, v)                                                                          \
    mr_metric_set(mr_metric_counter("millrace_transport_" name "_total", help, label), (double)(v))
    BY("packets_in", "packets received, by transport", t->packets_in);
    BY("packets_out", "packets sent, by transport", t->packets_out);
    BY("bytes_in", "bytes of packets received, by transport", t->bytes_in);
    BY("bytes_out", "bytes of packets sent, by transport", t->bytes_out);
#undef BY
}

void mr_main_metrics(struct mr_server *server, struct mr_stream *stream, struct mr_pool *workers,
                     struct mr_pg_pool *pg)
{
    size_t open, idle;
    struct mr_stats s;
    struct mr_stream_stats t;

    mr_server_stats(server, &s);
    mr_stream_stats(stream, &t);
    mr_pg_pool_count(pg, &open, &idle);
    GAUGE("sessions", "Engine.IO sessions", s.sessions);
    GAUGE("sessions_polling", "of them by HTTP long-polling", s.polling_sessions);
    GAUGE("sessions_websocket", "of them by WebSocket", s.websocket_sessions);
    GAUGE("sockets", "Socket.IO sockets", s.sockets);
    GAUGE("rooms", "rooms with a member", s.rooms);
    GAUGE("queued_bytes", "bytes that wait for clients to take them", s.queued_bytes);
    GAUGE("queued_packets", "packets that wait for clients to take them", s.queued_packets);
    GAUGE("loop_lag_seconds_max", "worst lag of the loop since the last look",
          (double)s.loop_lag_us_max / 1e6);
    GAUGE("worker_queue", "requests that wait for a worker", mr_pool_queued(workers));
    GAUGE("workers_busy", "workers at work", mr_pool_busy(workers));
    GAUGE("postgres_connections", "PostgreSQL connections of the API that are open", open);
    GAUGE("postgres_connections_idle", "of them not in use", idle);
    TOTAL("sessions", "Engine.IO sessions opened", s.sessions_total);
    TOTAL("packets_in", "packets received", s.packets_in);
    TOTAL("packets_out", "packets sent", s.packets_out);
    TOTAL("bytes_in", "bytes received", s.bytes_in);
    TOTAL("bytes_out", "bytes sent", s.bytes_out);
    TOTAL("upgrades", "upgrades to WebSocket", s.upgrades);
    TOTAL("upgrade_failures", "upgrades that did not complete", s.upgrade_failures);
    TOTAL("ping_timeouts", "sessions closed for want of a pong", s.ping_timeouts);
    TOTAL("parse_errors", "packets that broke the protocol", s.parse_errors);
    TOTAL("slow_consumers", "sessions closed because they did not keep up", s.slow_consumers);
    TOTAL("sessions_refused", "handshakes refused", s.refused);
    TOTAL("sessions_shed", "slow consumers closed because all queues together were too long",
          s.shed);
    for (int i = 0; i < MR_LIMITS; i++) {
        char label[64];

        (void)snprintf(label, sizeof(label), "limit=\"%s\"", mr_limit_name((enum mr_limit)i));
        mr_metric_set(
            mr_metric_counter("millrace_limit_hits_total", "times a limit has bitten", label),
            (double)s.limit_hits[i]);
    }
    TOTAL("volatile_dropped", "volatile packets left out because a client could not take them",
          s.volatile_dropped);
    TOTAL("latest_replaced", "queued packets that made way for a newer one of their key",
          s.latest_replaced);
    by_transport("polling", &s.polling);
    by_transport("websocket", &s.websocket);
    TOTAL("http_requests", "HTTP requests", s.http_requests);
    TOTAL("http_bad_requests", "malformed or oversized HTTP requests", s.http_bad_requests);
    TOTAL("mailbox_full", "messages to the loop refused", s.mailbox_full);
    GAUGE("log_delivered_seq", "place in the log up to which rooms were served", t.delivered_seq);
    GAUGE("subscribers", "subscriptions", t.subscribers);
    GAUGE("subscribers_behind", "of them not level with the log", t.behind);
    TOTAL("log_events", "events of the log that passed through here", t.events);
    TOTAL("log_frames_sent", "events queued to subscribers", t.frames_sent);
    TOTAL("log_replayed", "events sent from the log's past", t.replayed);
    TOTAL("log_pages", "pages of the log read for subscribers", t.pages);
    TOTAL("log_gaps_read", "times the log was read for what had not arrived in memory",
          t.gaps_read);
    TOTAL("log_replay_gaps", "times a subscriber's position was beyond the log's reach",
          t.replay_gaps);
}
