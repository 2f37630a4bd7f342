/* sockets.h - who may connect by Socket.IO, and what a client may ask for there.
 *
 *   CONNECT               auth {token} or an Authorization header; {message:"unauthorized",
 *                         data:{code}} otherwise; disconnected when the token expires
 *   subscribe_pipeline    id or {pipeline_id, after?, ..}: checked here, served by stream/
 *   unsubscribe_pipeline  id or {pipeline_id}
 *   refresh_token         token or {token}: the connection lives as long as the new one
 *   pipeline_status       (out) to a pipeline's room on each change of its state, whoever made it
 *
 * All [thread: loop] unless it says otherwise. */
#ifndef API_SOCKETS_H
#define API_SOCKETS_H

#include "api/auth.h"
#include "base/pool.h"
#include "millrace/millrace.h"
#include "stream/stream.h"

struct mr_sockets;

struct mr_sockets_options {
    struct mr_server *server;
    uv_loop_t *loop;
    struct mr_pool *pool;
    struct mr_pg_pool *pg;
    struct mr_auth *auth;
    /* Entries of activity that are new, a JSON array; NULL: nobody asks. [thread: loop] */
    void (*on_activity)(void *ctx, struct mr_span entries);
    void *ctx;
};

/* Borrows everything in opt until mr_sockets_free. The stream comes later, by mr_sockets_stream: it
 * wants mr_sockets_pipelines as its on_pipelines. MR_OK; MR_E_NOMEM; MR_E_IO. */
MR_MUSTCHECK int mr_sockets_new(struct mr_sockets **out, const struct mr_sockets_options *opt);
void mr_sockets_stream(struct mr_sockets *ss, struct mr_stream *st);
/* A row of pipelines has changed somewhere; ctx is the struct mr_sockets. */
void mr_sockets_pipelines(void *ctx);
/* May who is signed in see the pipeline, as far as it was last read? */
bool mr_sockets_may_see(const struct mr_sockets *ss, const struct mr_identity *who,
                        struct mr_uuid pipeline);
/* Append a JSON object for each socket, with commas between: {sid, transport, path, address, user,
 * connected_at, queued_bytes, rooms}. Returns how many. */
size_t mr_sockets_list(const struct mr_sockets *ss, struct mr_buf *out);
/* Disconnect one, and its transport. MR_OK; MR_E_NOTFOUND. */
MR_MUSTCHECK int mr_sockets_close(struct mr_sockets *ss, struct mr_span sid);
size_t mr_sockets_count(const struct mr_sockets *ss);
/* Refuse newcomers and disconnect those who are here, evenly over `ms`, then call done(ctx). MR_OK,
 * or as mr_server_drain. */
MR_MUSTCHECK int mr_sockets_drain(struct mr_sockets *ss, uint64_t ms, void (*done)(void *ctx),
                                  void *ctx);
/* Stop the timer; closed(ctx) when the loop has let go of it. No worker may be running for it any
 * more (the pool is freed) and no socket may be left (the server is closed). */
void mr_sockets_free(struct mr_sockets *ss);

#endif
