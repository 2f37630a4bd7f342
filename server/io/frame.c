/* frame.c - encode once, share by reference. */
#include "io/frame.h"

#include "proto/alloc.h"
#include "proto/eio.h"

/* before: a character in front of the payload; 0: none. */
static struct mr_frame *frame_of(uint8_t opcode, char before, struct mr_span payload)
{
    size_t len = payload.len + (before != 0);
    struct mr_frame *f = mr_alloc(sizeof(*f) + MR_FRAME_HEADROOM + len + 1);
    unsigned char head[MR_FRAME_HEADROOM];

    if (f == NULL)
        return NULL;
    f->refs = 1;
    f->twin = NULL;
    f->opcode = opcode;
    f->no_compress = false;
    f->latest = 0;
    f->len = len;
    f->head_len = (uint8_t)mr__ws_head_write(head, opcode, len);
    memcpy(f->bytes + MR_FRAME_HEADROOM - f->head_len, head, f->head_len);
    f->bytes[MR_FRAME_HEADROOM] = before;
    if (payload.len > 0)
        memcpy(f->bytes + MR_FRAME_HEADROOM + (before != 0), payload.ptr, payload.len);
    return f;
}

struct mr_frame *mr__frame_make(uint8_t opcode, struct mr_span payload)
{
    return frame_of(opcode, 0, payload);
}

struct mr_frame *mr__frame_message(bool binary, struct mr_span bytes)
{
    return binary ? frame_of(MR_WS_BINARY, 0, bytes)
                  : frame_of(MR_WS_TEXT, '0' + MR_EIO_MESSAGE, bytes);
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
