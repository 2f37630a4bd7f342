/* outq.h - what one receiver still has to get: references to frames, bounded in bytes.
 *
 * The ring holds references only and shrinks to four places when it empties, so an idle socket
 * carries no buffer.
 * `sent` is how far the kernel has taken the first frame; nothing else is ever half sent, so
 * control frames can simply queue up behind. [thread: loop]
 */
#ifndef IO_OUTQ_H
#define IO_OUTQ_H

#include "io/frame.h"

#include <sys/uio.h>

struct mr_outq {
    struct mr_frame **ring; /* cap places, a power of two; NULL while cap is 0 */
    uint32_t head, n, cap;
    size_t bytes; /* on the wire, what was sent of the first frame not counted */
    size_t sent;
};

/* Queue a reference of our own. A queue that is empty takes any frame; else MR_E_TOOBIG when
 * bytes_max would be passed. MR_OK; MR_E_TOOBIG; MR_E_NOMEM: the frame is not queued. */
MR_MUSTCHECK int mr__outq_push(struct mr_outq *q, struct mr_frame *f, size_t bytes_max);
/* The i-th frame, i < q->n; borrows. */
struct mr_frame *mr__outq_at(const struct mr_outq *q, uint32_t i);
/* Describe the first frames' unsent bytes: at most n_max pieces and about bytes_max. Returns how
 * many pieces. */
int mr__outq_iov(const struct mr_outq *q, struct iovec *iov, int n_max, size_t bytes_max);
/* Take the youngest packet of this key out, unless it is being sent. Returns its bytes; 0: none. */
size_t mr__outq_drop_latest(struct mr_outq *q, uint64_t key);
/* The kernel took n bytes: drop whole frames, remember the part of the next. Returns how many
 * frames were dropped. */
uint32_t mr__outq_took(struct mr_outq *q, size_t n);
/* Drop the first frame. */
void mr__outq_pop(struct mr_outq *q);
/* Put everything of src behind dst. MR_OK; MR_E_NOMEM: nothing moved. */
MR_MUSTCHECK int mr__outq_move(struct mr_outq *dst, struct mr_outq *src);
/* Drop everything, the ring too. */
void mr__outq_clear(struct mr_outq *q);

#endif
