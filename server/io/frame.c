/* frame.c - encode once, share by reference. */
#include "io/frame.h"

#include "proto/alloc.h"
#include "proto/eio.h"
#include "proto/json.h"
#include "proto/sio.h"

struct mr_frame *mr__frame_make(uint8_t opcode, struct mr_span payload)
{
    struct mr_frame *f = mr_alloc(sizeof(*f) + MR_FRAME_HEADROOM + payload.len);
    unsigned char head[MR_FRAME_HEADROOM];

    if (f == NULL)
        return NULL;
    f->refs = 1;
    f->twin = NULL;
    f->opcode = opcode;
    f->no_compress = false;
    f->latest = 0;
    f->len = payload.len;
    f->head_len = (uint8_t)mr__ws_head_write(head, opcode, payload.len);
    memcpy(f->bytes + MR_FRAME_HEADROOM - f->head_len, head, f->head_len);
    if (payload.len > 0)
        memcpy(f->bytes + MR_FRAME_HEADROOM, payload.ptr, payload.len);
    return f;
}

struct mr_frame *mr__frame_raw(struct mr_span bytes)
{
    struct mr_frame *f = mr__frame_make(MR_WS_TEXT, bytes);

    if (f != NULL)
        f->head_len = 0;
    return f;
}

struct mr_frame *mr_frame_ref(struct mr_frame *f)
{
    f->refs++;
    return f;
}

void mr_frame_unref(struct mr_frame *f)
{
    if (f == NULL || --f->refs > 0)
        return;
    if (f->twin != f)
        mr_frame_unref(f->twin);
    mr_free(f);
}

size_t mr_frame_bytes(const struct mr_frame *f)
{
    return f->head_len + f->len;
}

uint64_t mr__frame_key(const char *nsp, const char *key)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */

    for (const char *c = nsp; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    h = (h ^ 0xff) * 1099511628211u; /* no namespace has this byte */
    for (const char *c = key; *c != '\0'; c++)
        h = (h ^ (unsigned char)*c) * 1099511628211u;
    return h | 1;
}

static struct mr_frame *finish(struct mr_buf *b)
{
    struct mr_frame *f = NULL;

    if (mr_buf_err(b) == MR_OK)
        f = mr__frame_make(MR_WS_TEXT, mr_buf_span(b));
    mr_buf_free(b);
    return f;
}

/* What proto writes for a plain packet, with the attachment count where the protocol wants it. */
struct mr_frame *mr__frame_event(struct mr_span nsp, const char *event, struct mr_span args,
                                 int64_t ack_id, unsigned attachments)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);

    (void)mr_buf_reserve(&b, nsp.len + args.len + 2 * strlen(event) + 48);
    mr_buf_add_char(&b, '0' + MR_EIO_MESSAGE);
    if (attachments == 0) {
        mr_sio_add_event(&b, nsp, ack_id, event, args);
    } else {
        mr_sio_add_head(&b, MR_SIO_BINARY_EVENT, attachments, nsp, ack_id);
        mr_buf_add_char(&b, '[');
        mr_json_add_string(&b, mr_span_str(event));
        mr_buf_add_str(&b, args.len > 0 ? "," : "");
        mr_buf_add_span(&b, args);
        mr_buf_add_char(&b, ']');
    }
    return finish(&b);
}

struct mr_frame *mr__frame_ack(struct mr_span nsp, int64_t ack_id, struct mr_span args,
                               unsigned attachments)
{
    struct mr_buf b = MR_BUF_INIT(SIZE_MAX);

    (void)mr_buf_reserve(&b, nsp.len + args.len + 48);
    mr_buf_add_char(&b, '0' + MR_EIO_MESSAGE);
    if (attachments == 0) {
        mr_sio_add_ack(&b, nsp, ack_id, args);
    } else {
        mr_sio_add_head(&b, MR_SIO_BINARY_ACK, attachments, nsp, ack_id);
        mr_buf_add_char(&b, '[');
        mr_buf_add_span(&b, args);
        mr_buf_add_char(&b, ']');
    }
    return finish(&b);
}

struct mr_frame *mr_frame_new(const char *nsp, const char *event, struct mr_span args)
{
    return mr__frame_event(mr_span_str(nsp), event, args, -1, 0);
}
