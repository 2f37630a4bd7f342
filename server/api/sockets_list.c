/* sockets_list.c - who is connected by Socket.IO. */
#include "api/sockets_parts.h"
#include "base/clock.h"
#include <string.h>

#define ROOMS_MAX 1024

bool mr_sockets_may_see(const struct mr_sockets *ss, const struct mr_identity *who,
                        struct mr_uuid pipeline)
{
    return !denied_to(ss, who, pipeline);
}

static void add_rooms(const struct mr_socket *s, struct mr_buf *out)
{
    const char *names[ROOMS_MAX];
    size_t n = mr_socket_rooms(s, names, ROOMS_MAX);

    for (size_t i = 0; i < n && i < ROOMS_MAX; i++) {
        if (i > 0)
            mr_buf_add_char(out, ',');
        mr_json_add_string(out, mr_span_str(names[i]));
    }
}

size_t mr_sockets_list(const struct mr_sockets *ss, struct mr_buf *out)
{
    char since[MR_TIME_TEXT];
    size_t n = 0;

    for (const struct sock *s = ss->first; s; s = s->next) {
        mr_time_format(s->since_us, since);
        mr_buf_addf(out, "%s{\"sid\":\"%s\",\"transport\":\"%s\",\"path\":\"/socket.io/\",",
                    n++ > 0 ? "," : "", mr_socket_id(s->socket), mr_socket_transport(s->socket));
        mr_buf_addf(out, "\"address\":\"%s\",\"user\":", mr_socket_addr(s->socket));
        mr_json_add_string_or_null(out, mr_span_str(s->who.username));
        mr_buf_addf(out, ",\"connected_at\":\"%s\",\"queued_bytes\":%zu,\"rooms\":[", since,
                    mr_socket_queued(s->socket));
        add_rooms(s->socket, out);
        mr_buf_add_str(out, "]}");
    }
    return n;
}

int mr_sockets_close(struct mr_sockets *ss, struct mr_span sid)
{
    for (struct sock *s = ss->first; s; s = s->next) {
        if (!mr_span_is(sid, mr_socket_id(s->socket)))
            continue;
        mr_socket_disconnect(s->socket, true);
        return MR_OK;
    }
    return MR_E_NOTFOUND;
}
