/* realtime.c - who is connected: Socket.IO sockets and the WebSockets of feeds. [thread: loop] */
#include "api/api.h"
#include "api/handlers.h"

int mr_get_connections_live(struct mr_call *c)
{
    size_t n;

    mr_buf_add_str(&c->out, "{\"items\":[");
    n = mr_sockets_list(c->api->opt.sockets, &c->out);
    mr_feeds_list(c->api->feeds, &c->out, n == 0);
    mr_buf_add_str(&c->out, "]}");
    return MR_OK;
}

int mr_delete_connection_live(struct mr_call *c)
{
    struct mr_buf sid = MR_BUF_INIT(1024);
    int rc = mr_url_decode(c->params[0], false, &sid);

    if (rc == MR_OK)
        rc = mr_sockets_close(c->api->opt.sockets, mr_buf_span(&sid));
    if (rc == MR_E_NOTFOUND)
        rc = mr_feeds_close(c->api->feeds, mr_buf_span(&sid));
    mr_buf_free(&sid);
    if (rc != MR_OK)
        return mr_call_fail(c, MR_E_NOTFOUND, 0, "connection not found");
    c->status = 204;
    c->type = NULL;
    return MR_OK;
}
