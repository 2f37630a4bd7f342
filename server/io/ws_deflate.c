/* ws_deflate.c - messages made smaller and whole again; what is agreed on is in ws_offer.c. */
#include "io/ws_deflate.h"

#include "proto/alloc.h"

#include <zlib.h>

#define LEVEL      4
#define PIECE      16384
#define TAIL_BYTES 4 /* 00 00 ff ff: the end of each message, which is not sent */

struct mr_ws_codec {
    z_stream deflate, inflate;
};

static voidpf take_memory(voidpf ctx, uInt n, uInt size)
{
    (void)ctx;
    return mr_zalloc(n, size);
}

static void give_memory(voidpf ctx, voidpf p)
{
    (void)ctx;
    mr_free(p);
}

struct mr_ws_codec *mr__ws_codec(struct mr_server *srv)
{
    struct mr_ws_codec *c = srv->ws_codec;

    if (c != NULL)
        return c;
    c = mr_zalloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->deflate.zalloc = c->inflate.zalloc = take_memory;
    c->deflate.zfree = c->inflate.zfree = give_memory;
    if (inflateInit2(&c->inflate, -MAX_WBITS) != Z_OK) {
        mr_free(c);
        return NULL;
    }
    if (deflateInit2(&c->deflate, LEVEL, Z_DEFLATED, -(int)srv->opt.websocket_window_bits, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        (void)inflateEnd(&c->inflate);
        mr_free(c);
        return NULL;
    }
    srv->ws_codec = c;
    return c;
}

void mr__ws_codec_free(struct mr_server *srv)
{
    if (srv->ws_codec == NULL)
        return;
    (void)inflateEnd(&srv->ws_codec->inflate);
    (void)deflateEnd(&srv->ws_codec->deflate);
    mr_free(srv->ws_codec);
    srv->ws_codec = NULL;
}

/* The compressed payload in place of f's; NULL: it is not smaller, or memory is short. */
static struct mr_frame *make_twin(struct mr_ws_codec *c, struct mr_frame *f)
{
    struct mr_span in = mr__frame_payload(f);
    char *out = mr_alloc(in.len);
    struct mr_frame *twin = NULL;
    z_stream *z = &c->deflate;

    if (out == NULL)
        return NULL;
    if (deflateReset(z) == Z_OK) {
        z->next_in = (unsigned char *)(uintptr_t)in.ptr;
        z->avail_in = (uInt)in.len;
        z->next_out = (unsigned char *)out;
        z->avail_out = (uInt)in.len;
        if (deflate(z, Z_SYNC_FLUSH) == Z_OK && z->avail_in == 0 && z->avail_out > 0)
            twin = mr__frame_make((uint8_t)(f->opcode | MR_WS_RSV1),
                                  mr_span_of(out, in.len - z->avail_out - TAIL_BYTES));
    }
    mr_free(out);
    return twin;
}

struct mr_frame *mr__ws_deflated(struct mr_server *srv, struct mr_frame *f)
{
    if (f->len < srv->opt.websocket_deflate_bytes_min || f->len > MR_DEFLATE_BYTES_MAX ||
        f->opcode > MR_WS_BINARY || f->no_compress || f->head_len == 0 || srv->ws_codec == NULL)
        return f;
    if (f->twin == NULL) {
        if (srv->deflated_bytes + f->len > MR_DEFLATE_TURN_BYTES_MAX)
            return f;
        srv->deflated_bytes += f->len;
        f->twin = make_twin(srv->ws_codec, f);
        if (f->twin != NULL)
            f->twin->latest = f->latest;
        if (f->twin != NULL)
            srv->stats.websocket_deflated++;
        else
            f->twin = f; /* tried */
    }
    return f->twin;
}

static int take_out(z_stream *z, struct mr_buf *out)
{
    unsigned char piece[PIECE];

    for (;;) {
        int rc;

        z->next_out = piece;
        z->avail_out = PIECE;
        rc = inflate(z, Z_SYNC_FLUSH);
        mr_buf_add(out, piece, PIECE - z->avail_out);
        if (mr_buf_err(out) != MR_OK)
            return mr_buf_err(out) == MR_E_TOOBIG ? MR_WS_TOO_BIG : MR_WS_INTERNAL;
        if (rc == Z_STREAM_END) /* a last block; others may follow it */
            rc = inflateReset(z);
        if (rc == Z_MEM_ERROR)
            return MR_WS_INTERNAL;
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            return MR_WS_BAD_TEXT;
        if (z->avail_in == 0 && z->avail_out > 0)
            return 0;
    }
}

int mr__ws_inflate(struct mr_ws_codec *codec, struct mr_span in, struct mr_buf *out)
{
    static const unsigned char tail[TAIL_BYTES] = {0, 0, 0xff, 0xff};
    z_stream *z = &codec->inflate;
    int status;

    if (inflateReset(z) != Z_OK)
        return MR_WS_INTERNAL;
    z->next_in = (unsigned char *)(uintptr_t)in.ptr;
    z->avail_in = (uInt)in.len;
    status = take_out(z, out);
    if (status != 0)
        return status;
    z->next_in = (unsigned char *)(uintptr_t)tail;
    z->avail_in = sizeof(tail);
    return take_out(z, out);
}
