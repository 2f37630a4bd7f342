/* test_feeds_bus.c - entries as messages, ids, and what waits for a socket. */
#include "rows.h"

#include "feeds/pending.h"
#include <stdio.h>
#include <string.h>

/* ---- messages ----------------------------------------------------------------------------- */

struct row {
    const char *name;
    size_t n; /* fields */
    const char *fields[6];
    const char *type, *data;
};

/* clang-format off */
static const struct row table[] = {
    {"JSON as data", 1, {"data", "{\"a\": 1}"}, "message", "{\"a\": 1}"},
    {"text as data", 1, {"data", "plain \"text\""}, "message", "\"plain \\\"text\\\"\""},
    {"empty data", 1, {"data", ""}, "message", "\"\""},
    {"bytes that are no UTF-8", 1, {"data", "a\xff\xfe" "b"}, "message", "\"a??b\""},
    {"a type of its own", 2, {"data", "1", "type", "tick"}, "tick", "1"},
    {"a type before the data", 2, {"type", "tick", "data", "1"}, "tick", "1"},
    {"a type that is the server's", 2, {"data", "1", "type", "error"}, "message", "1"},
    {"a type that is no name", 2, {"data", "1", "type", "a\"b"}, "message", "1"},
    {"fields", 2, {"symbol", "ACME", "price", "12.5"}, "message", "{\"symbol\":\"ACME\",\"price\":\"12.5\"}"},
    {"data among other fields", 2, {"data", "1", "price", "2"}, "message", "{\"data\":\"1\",\"price\":\"2\"}"},
    {"data twice", 2, {"data", "1", "data", "2"}, "message", "{\"data\":\"1\",\"data\":\"2\"}"},
};
/* clang-format on */

static void test_message(void **state)
{
    const struct row *row = *state;
    struct mr_buf out = MR_BUF_INIT(65536);
    struct mr_span fields[6];
    char want[512];

    for (size_t i = 0; i < 2 * row->n; i++)
        fields[i] = mr_span_str(row->fields[i]);
    mr_bus_encode(&out, "orders", MR_SPAN("5-1"), row->n, fields, 0);
    (void)snprintf(want, sizeof(want),
                   "{\"type\":\"%s\",\"stream\":\"orders\",\"channel\":\"orders\",\"id\":\"5-1\","
                   "\"data\":%s,\"timestamp\":\"1970-01-01T00:00:00.000000Z\"}",
                   row->type, row->data);
    assert_string_equal(mr_buf_cstr(&out), want);
    mr_buf_free(&out);
}

static void test_large(void **state)
{
    static char text[MR_BUS_ENTRY_MAX + 1];
    const struct mr_span fields[] = {MR_SPAN("data"), mr_span_of(text, sizeof(text))};
    struct mr_buf out = MR_BUF_INIT(65536);

    (void)state;
    memset(text, '1', sizeof(text));
    mr_bus_encode(&out, "s", MR_SPAN("5-1"), 1, fields, 0);
    assert_non_null(strstr(mr_buf_cstr(&out), "\"data\":null,\"too_large_bytes\":1048581,"));
    mr_buf_free(&out);
}

/* ---- ids ---------------------------------------------------------------------------------- */

struct id_row {
    const char *name, *text;
    bool ok;
    uint64_t ms, seq;
};

static const struct id_row ids[] = {
    {"both parts", "1700000000000-7", true, 1700000000000, 7},
    {"the time alone", "5", true, 5, 0},
    {"the largest", "18446744073709551615-18446744073709551615", true, UINT64_MAX, UINT64_MAX},
    {"too large", "18446744073709551616-0", false, 0, 0},
    {"nothing", "", false, 0, 0},
    {"no number", "x-1", false, 0, 0},
    {"no second number", "1-", false, 0, 0},
    {"more behind it", "1-1 ", false, 0, 0},
    {"$", "$", false, 0, 0},
};

static void test_id(void **state)
{
    const struct id_row *row = *state;
    struct mr_bus_id id;

    assert_int_equal(mr_bus_id_parse(mr_span_str(row->text), &id) == MR_OK, row->ok);
    if (row->ok)
        assert_true(id.ms == row->ms && id.seq == row->seq);
}

/* ---- what waits --------------------------------------------------------------------------- */

static const char *name_of(const void *ctx, size_t stream)
{
    (void)ctx;
    return stream == 0 ? "a" : "b";
}

static void add(struct pending *p, uint16_t stream, uint64_t n, size_t bytes)
{
    const struct pending_item item = {.bytes = bytes, .stream = stream, .id = {n, 0}};
    struct pending_item old;

    while (pending_make_room(p, bytes, &old))
        ;
    pending_add(p, &item);
}

static void test_newest_stay(void **state)
{
    struct mr_buf json = MR_BUF_INIT(4096);
    struct pending_item item;
    struct pending p;

    (void)state;
    pending_init(&p, 0, 0);
    for (uint64_t i = 0; i < 250; i++)
        add(&p, i % 2 == 1, i, 10);
    assert_int_equal(p.n, PENDING_MAX);
    assert_int_equal(p.lost, 150);
    for (uint64_t i = 150; i < 250; i++) {
        assert_true(pending_first(&p, &item));
        assert_int_equal(item.id.ms, i);
        pending_drop_first(&p);
    }
    assert_false(pending_first(&p, &item));
    assert_int_equal(p.bytes, 0);
    pending_lost_json(&p, name_of, NULL, &json);
    assert_string_equal(mr_buf_cstr(&json),
                        "{\"count\":150,\"total\":150,\"streams\":["
                        "{\"stream\":\"a\",\"count\":75,\"from\":\"0-0\",\"to\":\"148-0\"},"
                        "{\"stream\":\"b\",\"count\":75,\"from\":\"1-0\",\"to\":\"149-0\"}]}");
    assert_int_equal(p.lost, 0);
    assert_int_equal(p.lost_ever, 150);
    mr_buf_free(&json);
}

static void test_bytes(void **state)
{
    struct pending p;

    (void)state;
    pending_init(&p, 0, 0);
    for (uint64_t i = 0; i < 10; i++)
        add(&p, 0, i, PENDING_BYTES / 2);
    assert_int_equal(p.n, 2);
    add(&p, 0, 10, 10 * PENDING_BYTES); /* one that is larger than all the room goes alone */
    assert_int_equal(p.n, 1);
}

static void test_rate(void **state)
{
    struct pending p;
    size_t went = 0;

    (void)state;
    pending_init(&p, 50, 1000);
    for (uint64_t now = 1000; now < 11000; now++)
        for (int tries = 0; tries < 3; tries++)
            if (pending_may(&p, now)) {
                pending_went(&p);
                went++;
            }
    assert_in_range(went, 490, 510);
    assert_true(pending_may(&p, 20000)); /* a long pause saves up a tenth of a second */
    for (went = 0; pending_may(&p, 20000); went++)
        pending_went(&p);
    assert_in_range(went, 4, 6);
    for (int i = 0; i < 100; i++) /* a debt is paid first */
        pending_went(&p);
    assert_false(pending_may(&p, 21000));
    assert_true(pending_may(&p, 22200));
}

int main(void)
{
    static struct rows r;

    rows_add(&r, table, test_message);
    rows_add_one(&r, "of what is too large only the size is sent", test_large);
    rows_add(&r, ids, test_id);
    rows_add_one(&r, "the newest hundred stay, and what had to go is counted", test_newest_stay);
    rows_add_one(&r, "and no more than a mebibyte of them", test_bytes);
    rows_add_one(&r, "as many go as the rate allows", test_rate);
    return rows_run("the message bus", &r);
}
