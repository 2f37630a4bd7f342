/* test_io_ws_deflate.c - permessage-deflate: which offers are taken, what is compressed, and what a
 * peer may send compressed.
 */
#include "rows.h"

#include "io/ws_deflate.h"

#include <stdio.h>

struct row {
    const char *name;
    const char *offer; /* lines of the field, separated by '|' */
    bool taken;
};

/* clang-format off */
static const struct row rows_offers[] = {
    {"none",                              "", false},
    {"the bare name",                     "permessage-deflate", true},
    {"in capitals",                       "Permessage-Deflate", true},
    {"what browsers send",                "permessage-deflate; client_max_window_bits", true},
    {"what the npm client sends",         "permessage-deflate; client_max_window_bits=15; server_no_context_takeover", true},
    {"both context flags",                "permessage-deflate;server_no_context_takeover;client_no_context_takeover", true},
    {"a window as large as ours",         "permessage-deflate; server_max_window_bits=12", true},
    {"a quoted value",                    "permessage-deflate; server_max_window_bits=\"15\"", true},
    {"a smaller window than ours",        "permessage-deflate; server_max_window_bits=11", false},
    {"the second offer suits",            "permessage-deflate; server_max_window_bits=8, permessage-deflate", true},
    {"the second extension",              "x-webkit-deflate-frame, permessage-deflate", true},
    {"on the second line",                "foo|permessage-deflate", true},
    {"other extensions have any value",   "foo; a=b; c=\"d\"; e, permessage-deflate", true},
    {"an unknown parameter",              "permessage-deflate; foo", false},
    {"a flag with a value",               "permessage-deflate; server_no_context_takeover=1", false},
    {"a flag twice",                      "permessage-deflate; client_no_context_takeover; client_no_context_takeover", false},
    {"bits without a value",              "permessage-deflate; server_max_window_bits", false},
    {"too few bits",                      "permessage-deflate; client_max_window_bits=7", false},
    {"too many bits",                     "permessage-deflate; client_max_window_bits=16", false},
    {"a leading zero",                    "permessage-deflate; client_max_window_bits=09", false},
    {"no number",                         "permessage-deflate; client_max_window_bits=1x", false},
    {"an open quote",                     "permessage-deflate; client_max_window_bits=\"15", false},
    {"an empty value",                    "permessage-deflate; client_max_window_bits=", false},
    {"an empty parameter",                "permessage-deflate;", false},
    {"garbage",                           ";;;,,,===\"\"\"", false},
    {"garbage behind it",                 "permessage-deflate foo", false},
    {"only a part of the name",           "permessage-deflat", false},
}; /* clang-format on */

static struct mr_server srv;

static int setup(void **state)
{
    static const struct mr_options opt = {.websocket_deflate = true};

    (void)state;
    return mr__core_init(&srv, &opt);
}

static int teardown(void **state)
{
    (void)state;
    mr__core_deinit(&srv);
    return 0;
}

static void offers_are_read_as_they_are(void **state)
{
    const struct row *row = *state;
    struct mr_http_field fields[4];
    struct mr_ws_codec *codec = NULL;
    struct mr_span left = mr_span_str(row->offer);
    size_t n = 0;

    (void)setup(NULL);
    for (;;) {
        const char *bar = left.len ? memchr(left.ptr, '|', left.len) : NULL;
        size_t len = bar ? (size_t)(bar - left.ptr) : left.len;

        fields[n].name = MR_SPAN("Sec-WebSocket-Extensions");
        fields[n++].value = mr_span_of(left.ptr, len);
        if (bar == NULL)
            break;
        left = mr_span_of(bar + 1, left.len - len - 1);
    }
    assert_int_equal(mr__ws_deflate_choose(&srv, fields, n, &codec), row->taken);
    assert_int_equal(codec != NULL, row->taken);
    srv.opt.websocket_deflate = false; /* the default */
    assert_false(mr__ws_deflate_choose(&srv, fields, n, &codec));
    (void)teardown(NULL);
}

static void a_frame_is_compressed_once(void **state)
{
    struct mr_ws_codec *codec = mr__ws_codec(&srv);
    struct mr_buf text = MR_BUF_INIT(100000), back = MR_BUF_INIT(100000);
    struct mr_frame *f, *twin;

    (void)state;
    for (int i = 0; i < 500; i++)
        mr_buf_addf(&text, "the same again, %d;", i);
    f = mr__frame_make(MR_WS_TEXT, mr_buf_span(&text));
    twin = mr__ws_deflated(&srv, f);
    assert_ptr_not_equal(twin, f);
    assert_ptr_equal(mr__ws_deflated(&srv, f), twin);
    assert_int_equal(srv.stats.websocket_deflated, 1);
    assert_true(twin->len < f->len / 4);
    assert_int_equal((unsigned char)mr__frame_wire(twin).ptr[0], 0xc1);
    assert_int_equal(mr__ws_inflate(codec, mr__frame_payload(twin), &back), 0);
    assert_int_equal(back.len, text.len);
    assert_memory_equal(back.ptr, text.ptr, text.len);
    mr_frame_unref(f);
    mr_buf_free(&text);
    mr_buf_free(&back);
}

static void what_does_not_get_smaller_stays(void **state)
{
    static char noise[4096];
    uint32_t x = 1;
    struct mr_frame *small = mr__frame_make(MR_WS_TEXT, MR_SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaa"));
    struct mr_frame *f;

    (void)state;
    assert_non_null(mr__ws_codec(&srv));
    for (size_t i = 0; i < sizeof(noise); i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (char)(x >> 24);
    }
    f = mr__frame_make(MR_WS_BINARY, mr_span_of(noise, sizeof(noise)));
    assert_ptr_equal(mr__ws_deflated(&srv, f), f);
    assert_ptr_equal(mr__ws_deflated(&srv, f), f);
    assert_ptr_equal(mr__ws_deflated(&srv, small), small);
    mr_frame_unref(f);
    mr_frame_unref(small);
}

static void a_turn_compresses_so_much_and_no_more(void **state)
{
    static char zeros[MR_DEFLATE_BYTES_MAX];
    struct mr_frame *f[6];

    (void)state;
    assert_non_null(mr__ws_codec(&srv));
    for (size_t i = 0; i < 6; i++) {
        f[i] = mr__frame_make(MR_WS_BINARY, mr_span_of(zeros, sizeof(zeros)));
        assert_int_equal(mr__ws_deflated(&srv, f[i]) != f[i],
                         i < MR_DEFLATE_TURN_BYTES_MAX / MR_DEFLATE_BYTES_MAX);
        mr_frame_unref(f[i]);
    }
}

/* ---- compressed messages in ---------------------------------------------------------------- */

static bool note(void *ctx, enum mr_ws_opcode op, struct mr_span data)
{
    struct mr_buf *got = ctx;

    mr_buf_addf(got, "%d:", (int)op);
    mr_buf_add_span(got, data);
    return true;
}

/* One masked frame (with zeros), fed byte by byte. */
static int feed(struct mr_ws_rx *rx, int first, struct mr_span payload, struct mr_buf *got)
{
    unsigned char head[8] = {(unsigned char)first, (unsigned char)(0x80 | payload.len)};
    size_t n = payload.len > 125 ? 4 : 2;
    int status = 0;

    if (payload.len > 125) {
        head[1] = 0x80 | 126;
        head[2] = (unsigned char)(payload.len >> 8);
        head[3] = (unsigned char)payload.len;
    }
    for (size_t i = 0; i < n + 4 && status == 0; i++)
        status = mr__ws_rx_feed(rx, &head[i], 1, note, got);
    for (size_t i = 0; i < payload.len && status == 0; i++) {
        unsigned char byte = (unsigned char)payload.ptr[i];

        status = mr__ws_rx_feed(rx, &byte, 1, note, got);
    }
    return status;
}

/* From RFC 7692, section 7.2.3. */
#define HELLO  mr_span_of("\xf2\x48\xcd\xc9\xc9\x07\x00", 7)
#define STORED mr_span_of("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11)
#define FINAL  mr_span_of("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8)
#define TWO    mr_span_of("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)

static void the_rfcs_own_examples_are_read(void **state)
{
    const struct mr_span rows[] = {HELLO, STORED, FINAL, TWO};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct mr_buf got = MR_BUF_INIT(1000);
        struct mr_ws_rx rx;

        mr__ws_rx_init(&rx, 300);
        rx.codec = mr__ws_codec(&srv);
        assert_int_equal(feed(&rx, 0xc1, rows[i], &got), 0);
        assert_string_equal(mr_buf_cstr(&got), "1:Hello");
        mr_buf_clear(&got); /* in two frames with a ping between, then one that is not compressed */
        assert_int_equal(feed(&rx, 0x41, mr_span_of(rows[i].ptr, 3), &got), 0);
        assert_int_equal(feed(&rx, 0x89, MR_SPAN("p"), &got), 0);
        assert_int_equal(feed(&rx, 0x80, mr_span_of(rows[i].ptr + 3, rows[i].len - 3), &got), 0);
        assert_int_equal(feed(&rx, 0x81, MR_SPAN("plain"), &got), 0);
        assert_string_equal(mr_buf_cstr(&got), "9:p1:Hello1:plain");
        assert_null(rx.message.ptr);
        mr_buf_free(&got);
    }
}

static int refused(bool agreed, int first, struct mr_span payload, int second)
{
    struct mr_buf got = MR_BUF_INIT(1000);
    struct mr_ws_rx rx;
    int status;

    mr__ws_rx_init(&rx, 300);
    rx.codec = agreed ? mr__ws_codec(&srv) : NULL;
    status = feed(&rx, first, payload, &got);
    if (status == 0 && second != 0)
        status = feed(&rx, second, MR_SPAN("x"), &got);
    assert_int_equal(got.len, 0);
    mr__ws_rx_deinit(&rx);
    return status;
}

static void what_breaks_the_rules_is_refused(void **state)
{
    (void)state;
    assert_int_equal(refused(false, 0xc1, HELLO, 0), 1002);   /* not agreed on */
    assert_int_equal(refused(true, 0xc9, HELLO, 0), 1002);    /* a ping */
    assert_int_equal(refused(true, 0xc8, HELLO, 0), 1002);    /* a close */
    assert_int_equal(refused(true, 0x02, HELLO, 0xc0), 1002); /* a later frame */
    assert_int_equal(refused(true, 0x41, HELLO, 0xc0), 1002); /* even of a compressed message */
    assert_int_equal(refused(true, 0xe1, HELLO, 0), 1002);    /* another reserved bit */
    assert_int_equal(refused(true, 0xc2, MR_SPAN("\xff\xff\xff"), 0), 1007); /* not deflate */
    assert_int_equal(refused(true, 0xc1, mr_span_of("\x00\x01\x00\xfe\xff\xff\x00", 7), 0), 1007);
}

static void a_bomb_stops_at_the_limit(void **state)
{
    static char zeros[MR_DEFLATE_BYTES_MAX];
    struct mr_frame *f = mr__frame_make(MR_WS_BINARY, mr_span_of(zeros, sizeof(zeros)));
    struct mr_ws_codec *codec = mr__ws_codec(&srv);
    struct mr_frame *twin = mr__ws_deflated(&srv, f);
    struct mr_buf back = MR_BUF_INIT(20000);

    (void)state;
    assert_true(twin->len < 300);
    assert_int_equal(refused(true, 0xc2, mr__frame_payload(twin), 0), 1009);
    assert_int_equal(mr__ws_inflate(codec, mr__frame_payload(twin), &back), 1009);
    assert_true(back.len <= 20000);
    mr_buf_free(&back);
    mr_buf_init(&back, sizeof(zeros)); /* and the codec works as before */
    assert_int_equal(mr__ws_inflate(codec, mr__frame_payload(twin), &back), 0);
    assert_int_equal(back.len, sizeof(zeros));
    mr_buf_free(&back);
    mr_frame_unref(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_frame_is_compressed_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_get_smaller_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_turn_compresses_so_much_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(the_rfcs_own_examples_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(what_breaks_the_rules_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_bomb_stops_at_the_limit, setup, teardown),
    };
    struct rows rows = {0};

    rows_add(&rows, rows_offers, offers_are_read_as_they_are);
    return rows_run("ws_offers", &rows) +
           cmocka_run_group_tests_name("ws_deflate", tests, NULL, NULL);
}
