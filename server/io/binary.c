/* binary.c - a BINARY_EVENT or BINARY_ACK comes as one text packet and its attachments after it.
 *
 * Text and attachments together stay under body_bytes_max: what one client can make us keep while
 * it takes its time is one message, however many pieces it comes in.
 */
#include "io/namespace.h"

#include "proto/alloc.h"

void mr__binary_free(struct mr_binary *bin)
{
    if (bin == NULL)
        return;
    for (unsigned i = 0; i < bin->n; i++)
        mr_free((void *)(uintptr_t)bin->parts[i].ptr);
    mr_free(bin->text);
    mr_free(bin);
}

/* The same view into another copy of the text. */
static struct mr_span moved(struct mr_span view, struct mr_span from, const char *to)
{
    if (view.len > 0 && view.ptr >= from.ptr && view.ptr < from.ptr + from.len)
        view.ptr = to + (view.ptr - from.ptr);
    return view;
}

void mr__binary_begin(struct mr_session *s, struct mr_span text, const struct mr_sio_packet *p)
{
    struct mr_binary *bin = mr_zalloc(1, sizeof(*bin));

    if (bin != NULL)
        bin->text = mr_memdup0(text.ptr, text.len);
    if (bin == NULL || bin->text == NULL) {
        mr_free(bin);
        mr__session_doom(s, "transport error");
        return;
    }
    bin->packet = *p;
    bin->packet.nsp = moved(p->nsp, text, bin->text);
    bin->packet.data = moved(p->data, text, bin->text);
    bin->packet.event = moved(p->event, text, bin->text);
    bin->packet.args = moved(p->args, text, bin->text);
    bin->bytes = text.len;
    s->binary = bin;
}

bool mr__binary_add(struct mr_session *s, struct mr_span bytes, int *rc)
{
    struct mr_binary *bin = s->binary;
    char *copy;

    if (bytes.len > s->engine->opt.body_bytes_max - bin->bytes) {
        *rc = MR_E_TOOBIG;
        return false;
    }
    copy = mr_memdup0(bytes.ptr, bytes.len);
    if (copy == NULL) {
        *rc = MR_E_NOMEM;
        return false;
    }
    bin->bytes += bytes.len;
    bin->parts[bin->n++] = mr_span_of(copy, bytes.len);
    *rc = MR_OK;
    return bin->n == bin->packet.attachments;
}
