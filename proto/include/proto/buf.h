/* buf.h - a growing byte buffer that is born with its ceiling.
 *
 * An append that would pass the ceiling, or that runs out of memory, appends nothing and marks
 * the buffer failed; later appends then do nothing too. So a writer appends freely and asks once,
 * with mr_buf_err, at the end.
 */
#ifndef PROTO_BUF_H
#define PROTO_BUF_H

#include "proto/err.h"
#include "proto/span.h"

struct mr_buf {
    char *ptr;  /* owned; not NUL-terminated unless mr_buf_cstr was called */
    size_t len; /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* ceiling on len */
    int err;    /* MR_OK, or MR_E_TOOBIG / MR_E_NOMEM once an append has failed */
};

/* clang-format off */
#define MR_BUF_INIT(ceiling) {NULL, 0, 0, (ceiling), 0}
/* clang-format on */

void mr_buf_init(struct mr_buf *b, size_t max);
/* Release the bytes; the ceiling stays, the error is cleared, the buffer can be used again. */
void mr_buf_free(struct mr_buf *b);
/* Forget the content and the error, keep the memory. */
void mr_buf_clear(struct mr_buf *b);
/* Make room for n more bytes. MR_OK, MR_E_TOOBIG or MR_E_NOMEM (also recorded in b->err). */
int mr_buf_reserve(struct mr_buf *b, size_t n);
void mr_buf_add(struct mr_buf *b, const void *ptr, size_t len);
void mr_buf_add_span(struct mr_buf *b, struct mr_span s);
void mr_buf_add_str(struct mr_buf *b, const char *s);
void mr_buf_add_char(struct mr_buf *b, char c);
void mr_buf_add_u64(struct mr_buf *b, uint64_t v); /* decimal */
void mr_buf_add_i64(struct mr_buf *b, int64_t v);  /* decimal */
void mr_buf_addf(struct mr_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* MR_OK or the first failure. */
MR_MUSTCHECK int mr_buf_err(const struct mr_buf *b);
/* NUL-terminated view (the NUL is not counted); "" on failure. Valid until the next append. */
const char *mr_buf_cstr(struct mr_buf *b);

static inline struct mr_span mr_buf_span(const struct mr_buf *b)
{
    return (struct mr_span){b->ptr, b->len};
}

#endif
