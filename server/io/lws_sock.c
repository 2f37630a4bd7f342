/* lws_sock.c - the one file that calls libwebsockets.
 *
 * It runs on the caller's libuv loop (foreign_loops: it then leaves signals alone), holds no
 * listening socket of its own, and treats every connection as a raw stream: bytes, writability and
 * the end arrive here, one line a case, and everything else is decided in conn.c and above. No
 * libwebsockets timeout is ever set: those live in sorted lists and cost more with every socket.
 */
#include "io/conn.h"

#include "base/log.h"

#include <libwebsockets.h>

#define PROTOCOL "millrace"

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    struct mr_conn *c = lws_get_opaque_user_data(wsi);

    (void)user;
    switch (reason) {
    case LWS_CALLBACK_RAW_ADOPT:
        c->wsi = wsi;
        break;
    case LWS_CALLBACK_RAW_RX:
        mr__net_event(c->net);
        mr__conn_readable(c, in, len);
        break;
    case LWS_CALLBACK_RAW_WRITEABLE:
        mr__net_event(c->net);
        mr__conn_writable(c);
        break;
    case LWS_CALLBACK_RAW_CLOSE:
        mr__net_event(c->net);
        mr__conn_closed(c);
        break;
    default:
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {.name = PROTOCOL, .callback = callback},
    {.name = NULL},
};

static void to_log(int level, const char *line)
{
    struct mr_span text = mr_span_str(line);

    while (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (level & LLL_ERR)
        LOG_ERROR("libwebsockets", F_SPAN("message", text));
    else
        LOG_WARN("libwebsockets", F_SPAN("message", text));
}

int mr__lws_init(struct mr_net *net)
{
    void *loops[] = {net->loop};
    struct lws_context_creation_info info = {
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
        .port = CONTEXT_PORT_NO_LISTEN,
        .foreign_loops = loops,
        .protocols = protocols,
        .pt_serv_buf_size = MR_READ_BYTES + LWS_PRE,
        .vhost_name = PROTOCOL,
    };

    lws_set_log_level(LLL_ERR | LLL_WARN, to_log);
    net->lws = lws_create_context(&info);
    if (net->lws == NULL)
        return MR_E_IO;
    net->vhost = lws_create_vhost(net->lws, &info);
    return net->vhost != NULL ? MR_OK : MR_E_IO;
}

void mr__lws_destroy(struct mr_net *net)
{
    lws_context_destroy(net->lws);
}

/* The second call finds the handles closed, and frees the rest. */
void mr__lws_fini(struct mr_net *net)
{
    lws_context_destroy(net->lws);
    net->lws = NULL;
}

int mr__sock_adopt(struct mr_conn *c)
{
    lws_adopt_desc_t adopt = {
        .vh = c->net->vhost,
        .type = LWS_ADOPT_SOCKET,
        .fd = {.sockfd = c->fd},
        .vh_prot_name = PROTOCOL,
        .opaque = c,
    };

    return lws_adopt_descriptor_vhost_via_info(&adopt) != NULL ? MR_OK : MR_E_IO;
}

void mr__sock_want_write(struct mr_conn *c)
{
    if (c->wsi != NULL)
        lws_callback_on_writable(c->wsi);
}

void mr__sock_pause(struct mr_conn *c, bool pause)
{
    if (c->wsi == NULL || c->paused == pause)
        return;
    c->paused = pause;
    (void)lws_rx_flow_control(c->wsi, pause ? 0 : 1);
}

void mr__sock_kill(struct mr_conn *c)
{
    if (c->wsi != NULL)
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

void mr__sha1(const void *bytes, size_t n, unsigned char out[20])
{
    lws_SHA1(bytes, n, out);
}
