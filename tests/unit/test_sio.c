/* test_sio.c - Socket.IO packets: what each type must look like, and what is refused. */
#include "guard.h"
#include "rows.h"

#include "proto/sio.h"

struct row {
    const char *name;
    struct mr_span wire;
    const char *want; /* type attachments nsp id|data|event|args; or the error's name */
};

/* clang-format off */
static const struct row rows[] = {
    {"a bare CONNECT goes to the main namespace", TEXT("0"), "0 0 / -1|||"},
    {"CONNECT with auth", TEXT("0{\"token\":\"x\"}"), "0 0 / -1|{\"token\":\"x\"}||"},
    {"CONNECT to a namespace", TEXT("0/admin,"), "0 0 /admin -1|||"},
    {"a namespace needs no comma at the end", TEXT("0/random"), "0 0 /random -1|||"},
    {"CONNECT to a namespace with auth", TEXT("0/a,{\"b\":1}"), "0 0 /a -1|{\"b\":1}||"},
    {"the main namespace may be named", TEXT("0/,{}"), "0 0 / -1|{}||"},
    {"a namespace keeps its query string", TEXT("0/a?t=1&u=2,"), "0 0 /a?t=1&u=2 -1|||"},
    {"auth must be an object", TEXT("0[1]"), "E_PROTO"},
    {"auth must be an object, not null", TEXT("0null"), "E_PROTO"},
    {"auth must be JSON", TEXT("0abc"), "E_PROTO"},
    {"DISCONNECT", TEXT("1"), "1 0 / -1|||"},
    {"DISCONNECT of a namespace", TEXT("1/admin,"), "1 0 /admin -1|||"},
    {"DISCONNECT with a payload", TEXT("1{}"), "E_PROTO"},
    {"DISCONNECT with white space for a payload", TEXT("1 "), "E_PROTO"},
    {"an event", TEXT("2[\"hello\",1,{\"a\":[]}]"), "2 0 / -1|[\"hello\",1,{\"a\":[]}]|\"hello\"|1,{\"a\":[]}"},
    {"an event without arguments", TEXT("2[\"hello\"]"), "2 0 / -1|[\"hello\"]|\"hello\"|"},
    {"an event that wants an answer", TEXT("212[\"a\"]"), "2 0 / 12|[\"a\"]|\"a\"|"},
    {"an event of a namespace that wants an answer", TEXT("2/ns,0[\"a\",null]"), "2 0 /ns 0|[\"a\",null]|\"a\"|null"},
    {"a number may name an event", TEXT("2[7,true]"), "2 0 / -1|[7,true]|7|true"},
    {"white space between elements is not of the arguments", TEXT("2[ \"e\" , 1 , 2 ]"), "2 0 / -1|[ \"e\" , 1 , 2 ]|\"e\"|1 , 2"},
    {"numbers of any size pass untouched", TEXT("2[\"n\",12345678901234567890.12345678901234567890e999]"), "2 0 / -1|[\"n\",12345678901234567890.12345678901234567890e999]|\"n\"|12345678901234567890.12345678901234567890e999"},
    {"brackets in a name are not the array's", TEXT("2[\"a]b\",\"]\"]"), "2 0 / -1|[\"a]b\",\"]\"]|\"a]b\"|\"]\""},
    {"an event without its array", TEXT("2"), "E_PROTO"},
    {"an event with an object for its array", TEXT("2{\"a\":1}"), "E_PROTO"},
    {"an event with no name", TEXT("2[]"), "E_PROTO"},
    {"an event named by an object", TEXT("2[{}]"), "E_PROTO"},
    {"an event named by null", TEXT("2[null]"), "E_PROTO"},
    {"an event named by a boolean", TEXT("2[true]"), "E_PROTO"},
    {"an event whose JSON breaks off", TEXT("2[\"a\""), "E_PROTO"},
    {"an event with text behind its JSON", TEXT("2[\"a\"]x"), "E_PROTO"},
    {"an event that is not UTF-8", TEXT("2[\"\xff\"]"), "E_PROTO"},
    {"the reserved name connect", TEXT("2[\"connect\"]"), "E_PROTO"},
    {"the reserved name connect_error", TEXT("2[\"connect_error\"]"), "E_PROTO"},
    {"the reserved name disconnect", TEXT("2[\"disconnect\"]"), "E_PROTO"},
    {"the reserved name disconnecting", TEXT("2[\"disconnecting\"]"), "E_PROTO"},
    {"the reserved name newListener", TEXT("2[\"newListener\"]"), "E_PROTO"},
    {"the reserved name removeListener", TEXT("2[\"removeListener\"]"), "E_PROTO"},
    {"a reserved name in escapes", TEXT("2[\"\\u0063onn\\u0065ct\"]"), "E_PROTO"},
    {"a name that only begins like a reserved one", TEXT("2[\"connected\"]"), "2 0 / -1|[\"connected\"]|\"connected\"|"},
    {"a reserved word as an argument", TEXT("2[\"a\",\"connect\"]"), "2 0 / -1|[\"a\",\"connect\"]|\"a\"|\"connect\""},
    {"an ack id that is not a number", TEXT("2abc[\"a\"]"), "E_PROTO"},
    {"a negative ack id", TEXT("2-1[\"a\"]"), "E_PROTO"},
    {"the largest ack id", TEXT("29223372036854775807[\"a\"]"), "2 0 / 9223372036854775807|[\"a\"]|\"a\"|"},
    {"an ack id that overflows", TEXT("29223372036854775808[\"a\"]"), "E_PROTO"},
    {"an answer", TEXT("37[1,\"two\"]"), "3 0 / 7|[1,\"two\"]||"},
    {"an answer with nothing in it", TEXT("3/ns,7[]"), "3 0 /ns 7|[]||"},
    {"an answer's first element is no event name", TEXT("31[\"connect\"]"), "3 0 / 1|[\"connect\"]||"},
    {"an answer to nothing", TEXT("3[]"), "E_PROTO"},
    {"an answer without its array", TEXT("37"), "E_PROTO"},
    {"an answer with an object", TEXT("37{}"), "E_PROTO"},
    {"CONNECT_ERROR with an object", TEXT("4/ns,{\"message\":\"no\"}"), "4 0 /ns -1|{\"message\":\"no\"}||"},
    {"CONNECT_ERROR with a string", TEXT("4\"no\""), "4 0 / -1|\"no\"||"},
    {"CONNECT_ERROR with an array", TEXT("4[]"), "E_PROTO"},
    {"a binary event", TEXT("51-[\"u\",{\"_placeholder\":true,\"num\":0}]"), "5 1 / -1|[\"u\",{\"_placeholder\":true,\"num\":0}]|\"u\"|{\"_placeholder\":true,\"num\":0}"},
    {"a binary event of a namespace that wants an answer", TEXT("51-/ns,3[\"u\",{\"num\":0,\"_placeholder\":true}]"), "5 1 /ns 3|[\"u\",{\"num\":0,\"_placeholder\":true}]|\"u\"|{\"num\":0,\"_placeholder\":true}"},
    {"placeholders deep inside", TEXT("52-[\"u\",{\"a\":[{\"_placeholder\":true,\"num\":1}]},{\"_placeholder\":true,\"num\":0}]"), "5 2 / -1|[\"u\",{\"a\":[{\"_placeholder\":true,\"num\":1}]},{\"_placeholder\":true,\"num\":0}]|\"u\"|{\"a\":[{\"_placeholder\":true,\"num\":1}]},{\"_placeholder\":true,\"num\":0}"},
    {"a binary event that announces nothing", TEXT("50-[\"u\"]"), "E_PROTO"},
    {"a binary answer", TEXT("61-4[{\"_placeholder\":true,\"num\":0}]"), "6 1 / 4|[{\"_placeholder\":true,\"num\":0}]||"},
    {"a placeholder beyond the attachments", TEXT("51-[\"u\",{\"_placeholder\":true,\"num\":1}]"), "E_PROTO"},
    {"a placeholder below zero", TEXT("51-[\"u\",{\"_placeholder\":true,\"num\":-1}]"), "E_PROTO"},
    {"a placeholder without a number", TEXT("51-[\"u\",{\"_placeholder\":true}]"), "E_PROTO"},
    {"a placeholder whose number is a string", TEXT("51-[\"u\",{\"_placeholder\":true,\"num\":\"0\"}]"), "E_PROTO"},
    {"a number is its own object's only", TEXT("51-[\"u\",{\"_placeholder\":true,\"x\":{\"num\":0}}]"), "E_PROTO"},
    {"a number is not its neighbour's either", TEXT("51-[\"u\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true}]"), "E_PROTO"},
    {"beside a placeholder num is plain data", TEXT("51-[\"u\",{\"_placeholder\":true,\"num\":0},{\"num\":9}]"), "5 1 / -1|[\"u\",{\"_placeholder\":true,\"num\":0},{\"num\":9}]|\"u\"|{\"_placeholder\":true,\"num\":0},{\"num\":9}"},
    {"_placeholder false is plain data", TEXT("51-[\"u\",{\"_placeholder\":false,\"num\":9}]"), "5 1 / -1|[\"u\",{\"_placeholder\":false,\"num\":9}]|\"u\"|{\"_placeholder\":false,\"num\":9}"},
    {"a placeholder in a string is plain data", TEXT("51-[\"u\",\"{\\\"_placeholder\\\":true,\\\"num\\\":9}\"]"), "5 1 / -1|[\"u\",\"{\\\"_placeholder\\\":true,\\\"num\\\":9}\"]|\"u\"|\"{\\\"_placeholder\\\":true,\\\"num\\\":9}\""},
    {"in a plain event a placeholder is plain data", TEXT("2[\"u\",{\"_placeholder\":true,\"num\":9}]"), "2 0 / -1|[\"u\",{\"_placeholder\":true,\"num\":9}]|\"u\"|{\"_placeholder\":true,\"num\":9}"},
    {"ten attachments", TEXT("510-[\"u\"]"), "5 10 / -1|[\"u\"]|\"u\"|"},
    {"eleven attachments", TEXT("511-[\"u\"]"), "E_TOOBIG"},
    {"attachments beyond any integer", TEXT("599999999999999999999999-[\"u\"]"), "E_TOOBIG"},
    {"a binary event that announces no number", TEXT("5-[\"u\"]"), "E_PROTO"},
    {"a binary event without its dash", TEXT("51[\"u\"]"), "E_PROTO"},
    {"a binary event that breaks off after its number", TEXT("51"), "E_PROTO"},
    {"attachments belong to binary types", TEXT("21-[\"u\"]"), "E_PROTO"},
    {"an empty packet", TEXT(""), "E_PROTO"},
    {"a type out of range", TEXT("7"), "E_PROTO"},
    {"a letter for a type", TEXT("abc"), "E_PROTO"},
    {"a control byte in a namespace", TEXT("0/a\036b,"), "E_PROTO"},
    {"a namespace that is not UTF-8", TEXT("0/\xff,"), "E_PROTO"},
    {"a namespace in UTF-8", TEXT("0/\xc3\xa9,"), "0 0 /\xc3\xa9 -1|||"},
};
/* clang-format on */

static void describe(int rc, const struct mr_sio_packet *p, struct mr_buf *out)
{
    mr_buf_clear(out);
    if (rc != MR_OK) {
        mr_buf_add_str(out, mr_err_name(rc));
        return;
    }
    mr_buf_addf(out, "%d %u ", (int)p->type, p->attachments);
    mr_buf_add_span(out, p->nsp);
    mr_buf_addf(out, " %lld|", (long long)p->ack_id);
    mr_buf_add_span(out, p->data);
    mr_buf_add_char(out, '|');
    mr_buf_add_span(out, p->event);
    mr_buf_add_char(out, '|');
    mr_buf_add_span(out, p->args);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct guard g = {NULL, 0};
    struct mr_buf got = MR_BUF_INIT(1000);
    struct mr_span wire = guard_copy(&g, row->wire);
    struct mr_sio_packet p;
    int rc = mr_sio_decode(wire, &p);

    describe(rc, &p, &got);
    assert_string_equal(mr_buf_cstr(&got), row->want);
    if (rc == MR_OK) {
        assert_true(span_inside(p.data, wire) && span_inside(p.event, wire) &&
                    span_inside(p.args, wire));
        assert_true(span_inside(p.nsp, wire) || mr_span_is(p.nsp, "/"));
    }
    for (size_t len = 0; len < row->wire.len; len++)
        (void)!mr_sio_decode(guard_copy(&g, mr_span_of(row->wire.ptr, len)), &p);
    mr_buf_free(&got);
    guard_free(&g);
}

static void a_namespace_has_a_greatest_length(void **state)
{
    struct mr_buf wire = MR_BUF_INIT(1000);
    struct mr_sio_packet p;

    (void)state;
    mr_buf_add_str(&wire, "0/");
    for (int i = 1; i < MR_SIO_NAMESPACE_LEN_MAX; i++)
        mr_buf_add_char(&wire, 'n');
    assert_int_equal(mr_sio_decode(mr_buf_span(&wire), &p), MR_OK);
    assert_int_equal(p.nsp.len, MR_SIO_NAMESPACE_LEN_MAX);
    mr_buf_add_char(&wire, 'n');
    assert_int_equal(mr_sio_decode(mr_buf_span(&wire), &p), MR_E_TOOBIG);
    mr_buf_free(&wire);
}

static void a_reserved_name_is_no_prefix_of_one(void **state)
{
    struct guard g = {NULL, 0};

    (void)state;
    for (size_t len = 0; len <= strlen("connect_error"); len++) {
        struct mr_span name = guard_copy(&g, mr_span_of("connect_error", len));

        assert_int_equal(mr_sio_reserved(name), len == 7 || len == 13);
    }
    assert_false(mr_sio_reserved(guard_copy(&g, MR_SPAN("\\u0063onnec"))));
    guard_free(&g);
}

static void nesting_over_64_is_refused(void **state)
{
    struct mr_buf wire = MR_BUF_INIT(1000);
    struct mr_sio_packet p;

    (void)state;
    for (int depth = 63; depth <= 64; depth++) { /* of the argument; the array is one more */
        mr_buf_clear(&wire);
        mr_buf_add_str(&wire, "2[\"e\",");
        for (int i = 0; i < depth; i++)
            mr_buf_add_char(&wire, '[');
        for (int i = 0; i < depth; i++)
            mr_buf_add_char(&wire, ']');
        mr_buf_add_char(&wire, ']');
        assert_int_equal(mr_sio_decode(mr_buf_span(&wire), &p), depth == 63 ? MR_OK : MR_E_TOOBIG);
    }
    mr_buf_free(&wire);
}

static void a_head_is_written_as_it_is_read(void **state)
{
    struct mr_buf b = MR_BUF_INIT(1000), got = MR_BUF_INIT(1000);
    struct mr_sio_packet p;

    (void)state;
    mr_sio_add_head(&b, MR_SIO_BINARY_EVENT, 2, MR_SPAN("/ns"), 8);
    assert_string_equal(mr_buf_cstr(&b), "52-/ns,8");
    mr_buf_add_str(&b, "[\"e\"]");
    describe(mr_sio_decode(mr_buf_span(&b), &p), &p, &got);
    assert_string_equal(mr_buf_cstr(&got), "5 2 /ns 8|[\"e\"]|\"e\"|");
    mr_buf_clear(&b);
    mr_sio_add_head(&b, MR_SIO_EVENT, 0, MR_SPAN("/"), -1);
    assert_string_equal(mr_buf_cstr(&b), "2");
    mr_buf_free(&b);
    mr_buf_free(&got);
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add(&r, rows, check_row);
    rows_add_one(&r, "a namespace has a greatest length", a_namespace_has_a_greatest_length);
    rows_add_one(&r, "a reserved name is no prefix of one", a_reserved_name_is_no_prefix_of_one);
    rows_add_one(&r, "nesting over 64 levels is refused", nesting_over_64_is_refused);
    rows_add_one(&r, "a head is written as it is read", a_head_is_written_as_it_is_read);
    return rows_run("sio", &r);
}
