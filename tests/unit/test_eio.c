/* test_eio.c - what a frame and a polling body may and may not contain. */
#include "guard.h"
#include "rows.h"

#include "proto/eio.h"

struct row {
    const char *name;
    struct mr_span wire, want; /* want: packets as type:data, joined by '|'; '!' is MR_E_PROTO */
};

/* clang-format off */
static const struct row bodies[] = {
    {"an empty body yields nothing", TEXT(""), TEXT("")},
    {"a bare ping", TEXT("2"), TEXT("2:")},
    {"a ping with data", TEXT("2probe"), TEXT("2:probe")},
    {"two messages", TEXT("4a\0364b"), TEXT("4:a|4:b")},
    {"a NUL is data, not an end", TEXT("4a\0b"), TEXT("4:a\0b")},
    {"all seven types", TEXT("0\0361\0362\0363\0364\0365\0366"), TEXT("0:|1:|2:|3:|4:|5:|6:")},
    {"binary is a message in base64", TEXT("bAQIDBA=="), TEXT("4b:AQIDBA==")},
    {"empty binary", TEXT("b"), TEXT("4b:")},
    {"text, binary, text", TEXT("4x\036bAQ==\0364y"), TEXT("4:x|4b:AQ==|4:y")},
    {"binary that is not base64", TEXT("b***"), TEXT("!")},
    {"binary without its padding", TEXT("bAQ"), TEXT("4b:AQ")},
    {"binary with its lines broken", TEXT("bAQ\nID\r\nBA==\n"), TEXT("4b:AQ\nID\r\nBA==\n")},
    {"a digit too many", TEXT("bAQIDB"), TEXT("!")},
    {"a b inside text is only text", TEXT("4bAQ"), TEXT("4:bAQ")},
    {"a type out of range", TEXT("7"), TEXT("!")},
    {"a letter for a type", TEXT("abc"), TEXT("!")},
    {"first good, second bad", TEXT("4a\036x"), TEXT("4:a|!")},
    {"a dangling separator", TEXT("4a\036"), TEXT("!")},
    {"a leading separator", TEXT("\0364a"), TEXT("!")},
    {"two separators in a row", TEXT("4a\036\0364b"), TEXT("4:a|!")},
    {"nothing but a separator", TEXT("\036"), TEXT("!")},
    {"UTF-8 passes untouched", TEXT("4\xe2\x82\xac"), TEXT("4:\xe2\x82\xac")},
};

static const struct row frames[] = {
    {"a frame is one packet, separators and all", TEXT("4a\0364b"), TEXT("4:a\0364b")},
    {"a bare pong frame", TEXT("3"), TEXT("3:")},
    {"an empty frame", TEXT(""), TEXT("!")},
    {"binary as text, by a client that forces base64", TEXT("bAQ=="), TEXT("4b:AQ==")},
    {"a frame of base64 that is none", TEXT("bA"), TEXT("!")},
    {"a frame of an unknown type", TEXT("9"), TEXT("!")},
};
/* clang-format on */

static void add_packet(struct mr_buf *got, const struct mr_eio_packet *p, struct mr_span wire)
{
    assert_true(span_inside(p->data, wire));
    mr_buf_addf(got, "%s%d%s:", got->len > 0 ? "|" : "", (int)p->type, p->binary ? "b" : "");
    mr_buf_add_span(got, p->data);
}

/* The body's packets as text; leaves what was not read in *body. */
static void read_body(struct mr_span *body, struct mr_buf *got)
{
    struct mr_span wire = *body;
    struct mr_span before = *body;
    struct mr_eio_packet p;
    int rc;

    while ((rc = mr_eio_next(body, &p)) == MR_OK) {
        assert_true(body->len < before.len);
        before = *body;
        add_packet(got, &p, wire);
    }
    if (rc == MR_E_PROTO) {
        mr_buf_add_str(got, got->len > 0 ? "|!" : "!");
        assert_ptr_equal(body->ptr, before.ptr); /* unmoved */
        assert_int_equal(body->len, before.len);
    } else {
        assert_int_equal(rc, MR_E_END);
    }
}

static void check_body(void **state)
{
    const struct row *row = *state;
    struct guard g = {NULL, 0};
    struct mr_buf got = MR_BUF_INIT(1000);
    struct mr_span body = guard_copy(&g, row->wire);

    read_body(&body, &got);
    assert_span(mr_buf_span(&got), row->want);
    for (size_t len = 0; len < row->wire.len; len++) { /* cut anywhere: an answer, never a crash */
        body = guard_copy(&g, mr_span_of(row->wire.ptr, len));
        mr_buf_clear(&got);
        read_body(&body, &got);
    }
    mr_buf_free(&got);
    guard_free(&g);
}

static void check_frame(void **state)
{
    const struct row *row = *state;
    struct guard g = {NULL, 0};
    struct mr_buf got = MR_BUF_INIT(1000);
    struct mr_span wire = guard_copy(&g, row->wire);
    struct mr_eio_packet p;
    int rc = mr_eio_decode(wire, &p);

    if (rc == MR_OK)
        add_packet(&got, &p, wire);
    else
        mr_buf_add_str(&got, rc == MR_E_PROTO ? "!" : "?");
    assert_span(mr_buf_span(&got), row->want);
    mr_buf_free(&got);
    guard_free(&g);
}

static void open_has_exactly_five_keys(void **state)
{
    struct mr_buf b = MR_BUF_INIT(1000);

    (void)state;
    mr_eio_add_open(&b, MR_SPAN("a-b_c"), true, 25000, 20000, MR_EIO_PAYLOAD_BYTES_MAX);
    assert_string_equal(mr_buf_cstr(&b),
                        "0{\"sid\":\"a-b_c\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,"
                        "\"pingTimeout\":20000,\"maxPayload\":1000000}");
    mr_buf_clear(&b);
    mr_eio_add_open(&b, MR_SPAN("q\"q"), false, 1, 2, 3);
    assert_string_equal(mr_buf_cstr(&b), "0{\"sid\":\"q\\\"q\",\"upgrades\":[],\"pingInterval\":1,"
                                         "\"pingTimeout\":2,\"maxPayload\":3}");
    mr_buf_free(&b);
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add(&r, bodies, check_body);
    rows_add(&r, frames, check_frame);
    rows_add_one(&r, "OPEN has exactly its five keys", open_has_exactly_five_keys);
    return rows_run("eio", &r);
}
