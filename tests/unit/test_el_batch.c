/* test_el_batch.c - taking a batch to pieces, and the bytes of a COPY tuple.
 *
 * A batch is written as letters: "." is stored, "x" is refused until it is a dead letter, "!" even
 * then, "f" fences whatever piece it is in. What comes out is the order in which they were stored.
 */
#include "rows.h"

#include "store.h"

struct pieces {
    char records[64];
    char stored[64]; /* index letters, in order */
    size_t stored_n, calls;
};

static int store(void *ctx, size_t from, size_t to)
{
    struct pieces *p = ctx;

    p->calls++;
    assert_true(from < to);
    for (size_t i = from; i < to; i++) {
        if (p->records[i] == 'x' || p->records[i] == '!')
            return MR_E_DATA;
        if (p->records[i] == 'f')
            return EL_FENCED;
    }
    for (size_t i = from; i < to; i++)
        p->stored[p->stored_n++] = p->records[i];
    return MR_OK;
}

static void refuse(void *ctx, size_t i)
{
    struct pieces *p = ctx;

    assert_int_not_equal(p->records[i], '.');
    if (p->records[i] == 'x')
        p->records[i] = 'D';
}

static const struct halving_row {
    const char *name, *records, *stored;
    int rc;
    size_t calls_max;
} halvings[] = {
    {"all well: one call", "................", "................", MR_OK, 1},
    {"one bad in the middle", "........x.......", "........D.......", MR_OK, 11},
    {"the first", "x.......", "D.......", MR_OK, 9},
    {"the last", ".......x", ".......D", MR_OK, 9},
    {"all bad", "xxxxxxxx", "DDDDDDDD", MR_OK, 23},
    {"a batch of one", "x", "D", MR_OK, 2},
    {"an odd number", "..x..x...", "..D..D...", MR_OK, 19},
    {"refused even as a dead letter: the rest is not stored", "..!.", "..", MR_E_DATA, 5},
    {"fenced in its second half: the first stays stored", "x..f", "D.", EL_FENCED, 7},
};

static void halves(void **state)
{
    const struct halving_row *row = *state;
    struct pieces p = {.calls = 0};
    struct el_halving h = {store, refuse, &p};
    size_t n = strlen(row->records);

    memcpy(p.records, row->records, n + 1);
    assert_int_equal(el_batch_halve(&h, 0, n), row->rc);
    p.stored[p.stored_n] = '\0';
    assert_string_equal(p.stored, row->stored);
    assert_in_range(p.calls, 1, row->calls_max);
}

/* ---- partitions of a batch ---- */

static void spans_of(void **state)
{
    rd_kafka_message_t messages[6] = {{.offset = 10}, {.offset = 90}, {.offset = 11},
                                      {.offset = 13}, {.offset = 91}, {.offset = 14}};
    static const uint32_t parts[6] = {0, 1, 0, 0, 1, 0};
    struct el_batch *b = el_batch_new(6);
    struct el_part two[2] = {{.expected = 10}, {.expected = 88}};

    (void)state;
    assert_non_null(b);
    b->parts = two;
    b->parts_n = 2;
    for (size_t i = 0; i < 6; i++)
        b->records[i] = (struct el_record){.msg = &messages[i], .part = parts[i]};
    assert_int_equal(el_batch_span(b, 0, 1), 1);
    assert_int_equal(two[0].next, 11);
    assert_int_equal(two[1].next, -1);
    el_batch_stored(b);
    assert_int_equal(two[0].expected, 11);
    assert_int_equal(two[1].expected, 88);
    assert_int_equal(el_batch_span(b, 1, 6), 2);
    assert_int_equal(two[0].next, 15);
    assert_int_equal(two[0].last, 5);
    assert_int_equal(two[1].next, 92);
    assert_int_equal(two[1].last, 4);
    b->parts = NULL;
    el_batch_free(b);
}

/* ---- tuples ---- */

static const char tuple_bytes[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"
                                  "\0\7"
                                  "\0\0\0\4\0\0\1\2"
                                  "\0\0\0\10\377\377\377\377\377\377\377\376"
                                  "\377\377\377\377"
                                  "\0\0\0\3a\0b"
                                  "\0\0\0\0"
                                  "\0\0\0\10\0\0\0\0\0\17\102\100"
                                  "\0\0\0\10\1{\"a\":1}"
                                  "\377\377";

static void writes_tuple(void **state)
{
    struct mr_buf b = MR_BUF_INIT(4096);

    (void)state;
    el_tuple_begin(&b);
    el_tuple_open(&b, 7);
    el_tuple_i32(&b, 258);
    el_tuple_i64(&b, -2);
    el_tuple_span(&b, MR_SPAN_NONE);
    el_tuple_bytes(&b, "a\0b", 3);
    el_tuple_span(&b, MR_SPAN(""));
    el_tuple_time(&b, 946684800000000 + 1000000); /* a second after PostgreSQL's epoch */
    el_tuple_jsonb(&b, MR_SPAN("{"), MR_SPAN("\"a\":1}"));
    el_tuple_end(&b);
    assert_int_equal(mr_buf_err(&b), MR_OK);
    assert_int_equal(b.len, sizeof(tuple_bytes) - 1);
    assert_memory_equal(b.ptr, tuple_bytes, b.len);
    mr_buf_free(&b);
}

int main(void)
{
    static struct rows all;

    rows_add(&all, halvings, halves);
    rows_add_one(&all, "each part knows its end in any piece of the batch", spans_of);
    rows_add_one(&all, "a tuple in COPY's binary format", writes_tuple);
    return rows_run("batches", &all);
}
