/* tuple.c - tuples for COPY .. (FORMAT binary): a count of columns, then each one's length and
 * bytes, numbers in network order.
 *
 *   PGCOPY\n\377\r\n\0 flags ext | 13 | 16 <uuid> | 16 <uuid> | 8 <seq> | .. | -1 (NULL) | .. | -1
 */
#include "store.h"

#include <endian.h>

#define PG_EPOCH_US 946684800000000 /* 2000-01-01 in Unix microseconds */

static void add_16(struct mr_buf *b, uint16_t v)
{
    v = htobe16(v);
    mr_buf_add(b, &v, sizeof(v));
}

static void add_32(struct mr_buf *b, uint32_t v)
{
    v = htobe32(v);
    mr_buf_add(b, &v, sizeof(v));
}

void el_tuple_begin(struct mr_buf *b)
{
    mr_buf_add(b, "PGCOPY\n\377\r\n\0", 11);
    add_32(b, 0); /* no flags */
    add_32(b, 0); /* no extension */
}

void el_tuple_end(struct mr_buf *b)
{
    add_16(b, UINT16_MAX);
}

void el_tuple_open(struct mr_buf *b, uint16_t columns)
{
    add_16(b, columns);
}

void el_tuple_null(struct mr_buf *b)
{
    add_32(b, UINT32_MAX);
}

void el_tuple_bytes(struct mr_buf *b, const void *bytes, size_t len)
{
    add_32(b, (uint32_t)len);
    mr_buf_add(b, bytes, len);
}

void el_tuple_span(struct mr_buf *b, struct mr_span s)
{
    if (s.ptr == NULL)
        el_tuple_null(b);
    else
        el_tuple_bytes(b, s.ptr, s.len);
}

void el_tuple_i32(struct mr_buf *b, int32_t v)
{
    add_32(b, sizeof(v));
    add_32(b, (uint32_t)v);
}

void el_tuple_i64(struct mr_buf *b, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);

    add_32(b, sizeof(be));
    mr_buf_add(b, &be, sizeof(be));
}

void el_tuple_time(struct mr_buf *b, int64_t unix_us)
{
    el_tuple_i64(b, unix_us - PG_EPOCH_US);
}

void el_tuple_jsonb(struct mr_buf *b, struct mr_span before, struct mr_span text)
{
    add_32(b, (uint32_t)(1 + before.len + text.len));
    mr_buf_add_char(b, 1); /* the version of jsonb's binary form, which is its text */
    mr_buf_add_span(b, before);
    mr_buf_add_span(b, text);
}
