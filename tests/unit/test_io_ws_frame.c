/* test_io_ws_frame.c - WebSocket framing: what a server takes, in whatever pieces it comes, and
 * with which status it refuses the rest. Frames are written as hex with spaces; the key is 00 00 00
 * 00 unless the row is about masking, so that payloads can be read.
 */
#include "rows.h"

#include "io/ws_frame.h"

#include <stdio.h>

#define LIMIT 300

struct row {
    const char *name;
    const char *wire; /* hex */
    const char *want; /* op:text, joined by '|'; then "!status" when it is refused */
};

/* clang-format off */
static const struct row rows_frames[] = {
    {"a text message",                  "81 83 00000000 616263",                        "1:abc"},
    {"an empty one",                    "81 80 00000000",                               "1:"},
    {"a binary message",                "82 82 00000000 6162",                          "2:ab"},
    {"two at once",                     "81 81 00000000 61 81 81 00000000 62",          "1:a|1:b"},
    {"masked",                          "81 85 37fa213d 7f9f4d5158",                    "1:Hello"},
    {"in fragments",                    "01 81 00000000 61 00 81 00000000 62 80 81 00000000 63", "1:abc"},
    {"masked in fragments",             "01 82 01020304 6060 80 83 ff00ff00 9c64 9a",   "1:abcde"},
    {"an empty fragment first",         "01 80 00000000 80 81 00000000 61",             "1:a"},
    {"an empty fragment last",          "01 81 00000000 61 80 80 00000000",             "1:a"},
    {"a ping between fragments",        "01 81 00000000 61 89 81 00000000 70 80 81 00000000 62", "9:p|1:ab"},
    {"a pong",                          "8a 80 00000000",                               "10:"},
    {"a close",                         "88 82 00000000 03e8",                          "8:\x03\xe8"},
    {"length in two bytes",             "81 fe 0003 00000000 616263",                   "1:abc"},
    {"length in eight bytes",           "81 ff 0000000000000003 00000000 616263",       "1:abc"},
    {"UTF-8 cut between fragments",     "01 81 00000000 c3 80 81 00000000 a9",          "1:\xc3\xa9"},
    {"every letter cut everywhere",     "01 81 00000000 f0 00 81 00000000 9f 00 81 00000000 98 80 81 00000000 80", "1:\xf0\x9f\x98\x80"},
    {"the ends of the ranges",          "01 81 00000000 e0 00 82 00000000 a080 00 81 00000000 ed 00 82 00000000 9fbf 00 81 00000000 f4 80 83 00000000 8fbfbf", "1:\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf"},
    {"a ping between halves of a letter", "01 81 00000000 c3 89 80 00000000 80 81 00000000 a9", "9:|1:\xc3\xa9"},
    {"binary need not be UTF-8",        "82 81 00000000 ff",                            "2:\xff"},

    {"unmasked is refused",             "81 01 61",                                     "!1002"},
    {"reserved bits are refused",       "c1 81 00000000 61",                            "!1002"},
    {"unknown opcodes are refused",     "83 81 00000000 61",                            "!1002"},
    {"unknown control opcodes too",     "8b 80 00000000",                               "!1002"},
    {"nothing to continue",             "80 81 00000000 61",                            "!1002"},
    {"a message inside a message",      "01 81 00000000 61 81 81 00000000 62",          "!1002"},
    {"a ping in fragments",             "09 80 00000000",                               "!1002"},
    {"a ping over 125 bytes",           "89 fe 0100 00000000",                          "!1002"},
    {"text that is not UTF-8",          "81 81 00000000 ff",                            "!1007"},
    {"text that ends inside a letter",  "81 81 00000000 c3",                            "!1007"},
    {"a bad letter, before its message ends", "01 82 00000000 61ff",                     "!1007"},
    {"inside a frame that goes on",     "81 fe 0080 00000000 61c0 80",                  "!1007"},
    {"a surrogate, from its second byte", "01 82 00000000 eda0",                        "!1007"},
    {"overlong, from its second byte",  "01 82 00000000 e080",                          "!1007"},
    {"above the last letter",           "01 82 00000000 f490",                          "!1007"},
    {"a letter broken by a fragment",   "01 82 00000000 e282 00 81 00000000 41",        "!1007"},
    {"over the limit, by its header",   "82 fe 012d 00000000",                          "!1009"},
    {"far over the limit",              "82 ff 7fffffffffffffff 00000000",              "!1009"},
    {"absurdly over the limit",         "82 ff ffffffffffffffff 00000000",              "!1002"},
    {"over the limit in fragments",     "02 fe 00c8 00000000 *200 80 fe 0065 00000000", "!1009"},
    {"what came before is kept",        "81 81 00000000 61 83 80 00000000",             "1:a|!1002"},
}; /* clang-format on */

static size_t from_hex(const char *hex, unsigned char *out)
{
    size_t n = 0;
    unsigned byte;
    int used;

    while (*hex != '\0') {
        if (*hex == ' ') {
            hex++;
        } else if (sscanf(hex, "*%u%n", &byte, &used) == 1) { /* so many letters x */
            memset(out + n, 'x', byte);
            n += byte;
            hex += used;
        } else {
            assert_int_equal(sscanf(hex, "%2x", &byte), 1);
            out[n++] = (unsigned char)byte;
            hex += 2;
        }
    }
    return n;
}

static bool note(void *ctx, enum mr_ws_opcode op, struct mr_span data)
{
    struct mr_buf *got = ctx;

    mr_buf_addf(got, "%s%d:", got->len ? "|" : "", (int)op);
    mr_buf_add_span(got, data);
    return true;
}

/* Fed whole, byte by byte, and in every pair of pieces, the outcome is the same. */
static void frames_come_in_any_pieces(void **state)
{
    const struct row *row = *state;
    unsigned char wire[1024], copy[1024];
    size_t n = from_hex(row->wire, wire);

    for (size_t cut = 0; cut <= n; cut++) {
        struct mr_ws_rx rx;
        struct mr_buf got = MR_BUF_INIT(4096);
        int status = 0;

        mr__ws_rx_init(&rx, LIMIT);
        memcpy(copy, wire, n);
        if (cut == n) {
            for (size_t i = 0; i < n && status == 0; i++)
                status = mr__ws_rx_feed(&rx, copy + i, 1, note, &got);
        } else {
            status = mr__ws_rx_feed(&rx, copy, cut, note, &got);
            if (status == 0)
                status = mr__ws_rx_feed(&rx, copy + cut, n - cut, note, &got);
        }
        if (status != 0)
            mr_buf_addf(&got, "%s!%d", got.len ? "|" : "", status);
        assert_string_equal(mr_buf_cstr(&got), row->want);
        mr_buf_free(&got);
        mr__ws_rx_deinit(&rx);
    }
}

static bool stop_at_once(void *ctx, enum mr_ws_opcode op, struct mr_span data)
{
    (void)op;
    (void)data;
    ++*(int *)ctx;
    return false;
}

static void who_takes_a_message_may_stop(void **state)
{
    unsigned char wire[] = {0x81, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0};
    struct mr_ws_rx rx;
    int calls = 0;

    (void)state;
    mr__ws_rx_init(&rx, LIMIT);
    assert_int_equal(mr__ws_rx_feed(&rx, wire, sizeof(wire), stop_at_once, &calls), 0);
    assert_int_equal(calls, 1);
    mr__ws_rx_deinit(&rx);
}

static void an_idle_receiver_holds_no_memory(void **state)
{
    unsigned char wire[1024];
    size_t n = from_hex("01 81 00000000 61 89 82 00000000 7070 80 81 00000000 62", wire);
    struct mr_buf got = MR_BUF_INIT(4096);
    struct mr_ws_rx rx;

    (void)state;
    mr__ws_rx_init(&rx, LIMIT);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(mr__ws_rx_feed(&rx, wire + i, 1, note, &got), 0);
    assert_null(rx.message.ptr);
    assert_null(rx.control.ptr);
    mr_buf_free(&got);
}

static void headers_are_as_short_as_they_can_be(void **state)
{
    unsigned char out[10];

    (void)state;
    assert_int_equal(mr__ws_head_write(out, MR_WS_TEXT, 125), 2);
    assert_memory_equal(out, "\x81\x7d", 2);
    assert_int_equal(mr__ws_head_write(out, MR_WS_BINARY, 126), 4);
    assert_memory_equal(out, "\x82\x7e\x00\x7e", 4);
    assert_int_equal(mr__ws_head_write(out, MR_WS_TEXT, 65535), 4);
    assert_memory_equal(out, "\x81\x7e\xff\xff", 4);
    assert_int_equal(mr__ws_head_write(out, MR_WS_TEXT, 65536), 10);
    assert_memory_equal(out, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

static void masking_twice_changes_nothing_at_any_offset(void **state)
{
    static const unsigned char key[4] = {1, 2, 3, 4};

    (void)state;
    for (size_t n = 0; n < 40; n++) {
        for (size_t offset = 0; offset < 4; offset++) {
            unsigned char bytes[40] = {0};

            mr__ws_unmask(bytes, n, key, offset);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(bytes[i], key[(i + offset) & 3]);
        }
    }
}

static void close_codes_are_checked(void **state)
{
    (void)state;
    assert_int_equal(mr__ws_close_status(MR_SPAN_NONE), 1005);
    assert_int_equal(mr__ws_close_status(MR_SPAN("\x03")), 1002);
    assert_int_equal(mr__ws_close_status(MR_SPAN("\x03\xe8")), 1000);
    assert_int_equal(mr__ws_close_status(MR_SPAN("\x03\xe8why")), 1000);
    assert_int_equal(mr__ws_close_status(MR_SPAN("\x03\xe8\xff")), 1007);
    assert_int_equal(mr__ws_close_status(MR_SPAN("\x03\xed")), 1002); /* 1005 is never sent */
    assert_int_equal(mr__ws_close_status(MR_SPAN("\x0f\xa0")), 4000);
    assert_int_equal(mr__ws_close_status(MR_SPAN("\xff\xff")), 1002);
}

int main(void)
{
    struct rows rows = {0};

    rows_add(&rows, rows_frames, frames_come_in_any_pieces);
    rows_add_one(&rows, "who takes a message may stop", who_takes_a_message_may_stop);
    rows_add_one(&rows, "an idle receiver holds no memory", an_idle_receiver_holds_no_memory);
    rows_add_one(&rows, "headers are as short as they can be", headers_are_as_short_as_they_can_be);
    rows_add_one(&rows, "masking twice changes nothing, at any offset",
                 masking_twice_changes_nothing_at_any_offset);
    rows_add_one(&rows, "close codes are checked", close_codes_are_checked);
    return rows_run("ws_frame", &rows);
}
