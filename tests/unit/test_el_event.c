/* test_el_event.c - a record's event, word for word. Each is written into exactly as many bytes as
 * its bound says, flush against an unmapped page. */
#include "guard.h"
#include "rows.h"

#include "event.h"

#define LOGGED_US 1795216210123456 /* 2026-11-20T23:10:10.123456Z */
#define HEAD                                                                                       \
    "{\"id\":\"01020304-0506-7708-890a-0b0c0d0e0f10\","                                            \
    "\"pipeline_id\":\"ffffffff-ffff-4fff-bfff-ffffffffffff\",\"run_type\":\"CDC\","               \
    "\"status\":\"COMPLETED\",\"started_at\":\"2026-11-20T23:10:10.123456Z\","                     \
    "\"completed_at\":\"2026-11-20T23:10:10.123456Z\","                                            \
    "\"created_at\":\"2026-11-20T23:10:10.123456Z\","
#define SEQ  "\"seq\":41,\"pipeline_seq\":7,"
#define TAIL ",\"topic\":\"shop.public.orders\",\"partition\":2,\"offset\":99,"
#define PG                                                                                         \
    "\"connector\":\"postgresql\",\"db\":\"shop\",\"schema\":\"public\",\"table\":\"orders\","
#define PG_IN                                                                                      \
    "\"connector\":\"postgresql\",\"ts_ms\":1795216210000,\"snapshot\":\"false\",\"db\":\"shop\"," \
    "\"schema\":\"public\",\"table\":\"orders\",\"txId\":740,\"lsn\":31140696"
#define LIFTED                                                                                     \
    "\"occurred_at\":\"2026-11-20T23:10:10.000000Z\",\"schema_name\":\"public\","                  \
    "\"table_name\":\"orders\",\"source_lsn\":\"0/1DB2B58\","
#define PG_OUT                                                                                     \
    "\"source\":{" PG "\"lsn\":31140696,\"position\":\"0/1DB2B58\",\"tx_id\":740,"                 \
    "\"ts_ms\":1795216210000,\"snapshot\":false},"

static const struct event_row {
    const char *name;
    struct mr_span key, value, want;
} rows[] = {
    {"an insert, its row byte for byte", TEXT("{\"id\":1}"),
     TEXT("{\"before\":null,\"after\":{\"id\": 9007199254740993,\"n\":\"\\u00e9\\n\"},"
          "\"source\":{" PG_IN "},\"op\":\"c\",\"ts_ms\":1795216210050}"),
     TEXT(HEAD LIFTED SEQ
          "\"event_type\":\"insert\",\"op\":\"c\"," PG_OUT
          "\"key\":{\"id\":1},\"before\":null,\"after\":{\"id\": 9007199254740993,\"n\":"
          "\"\\u00e9\\n\"}" TAIL "\"latency_ms\":123}")},
    {"a delete with the row before it", TEXT("{\"id\":1}"),
     TEXT("{\"before\":{\"id\":1},\"after\":null,\"source\":{" PG_IN "},\"op\":\"d\"}"),
     TEXT(HEAD LIFTED SEQ "\"event_type\":\"delete\",\"op\":\"d\"," PG_OUT
                          "\"key\":{\"id\":1},\"before\":{\"id\":1},\"after\":null" TAIL
                          "\"latency_ms\":123}")},
    {"a row of a snapshot has no latency", TEXT(""),
     TEXT("{\"before\":null,\"after\":{},\"source\":{\"connector\":\"postgresql\","
          "\"ts_ms\":1795216210000,\"snapshot\":\"last\",\"db\":\"shop\",\"schema\":\"public\","
          "\"table\":\"orders\",\"txId\":740,\"lsn\":31140696},\"op\":\"r\"}"),
     TEXT(HEAD LIFTED SEQ
          "\"event_type\":\"insert\",\"op\":\"r\",\"source\":{" PG
          "\"lsn\":31140696,\"position\":\"0/1DB2B58\",\"tx_id\":740,\"ts_ms\":1795216210000,"
          "\"snapshot\":\"last\"},\"key\":null,\"before\":null,\"after\":{}" TAIL
          "\"latency_ms\":null}")},
    {"a source whose clock is ahead: no negative latency", TEXT(""),
     TEXT("{\"before\":null,\"after\":{},\"source\":{\"connector\":\"mysql\",\"db\":\"d\","
          "\"table\":\"t\",\"ts_ms\":1795216211000,\"file\":\"bin.3\",\"pos\":154},\"op\":\"u\"}"),
     TEXT(HEAD "\"occurred_at\":\"2026-11-20T23:10:11.000000Z\",\"schema_name\":null,"
               "\"table_name\":\"t\",\"source_lsn\":\"bin.3:154\"," SEQ
               "\"event_type\":\"update\",\"op\":\"u\",\"source\":{\"connector\":\"mysql\","
               "\"db\":\"d\",\"schema\":null,\"table\":\"t\",\"file\":\"bin.3\",\"pos\":154,"
               "\"position\":\"bin.3:154\",\"tx_id\":null,\"ts_ms\":1795216211000,"
               "\"snapshot\":false},\"key\":null,\"before\":null,\"after\":{}" TAIL
               "\"latency_ms\":0}")},
    {"columns that were not sent are named", TEXT(""),
     TEXT("{\"before\":null,\"after\":{\"a\":1,\"b\":\"__debezium_unavailable_value\",\"c\":"
          "[\"__debezium_unavailable_value\"]},\"source\":{" PG_IN "},\"op\":\"u\"}"),
     TEXT(HEAD LIFTED SEQ "\"event_type\":\"update\",\"op\":\"u\"," PG_OUT
                          "\"key\":null,\"before\":null,\"after\":{\"a\":1,\"b\":"
                          "\"__debezium_unavailable_value\",\"c\":["
                          "\"__debezium_unavailable_value\"]},\"unavailable_columns\":[\"b\","
                          "\"c\"]" TAIL "\"latency_ms\":123}")},
    {"row data over the limit is a marker, the event is kept", TEXT("{\"id\":1}"),
     TEXT("{\"before\":null,\"after\":{\"n\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
          "xxxxxxxx\"},\"source\":{" PG_IN "},\"op\":\"c\"}"),
     TEXT(HEAD LIFTED SEQ "\"event_type\":\"insert\",\"op\":\"c\"," PG_OUT
                          "\"key\":{\"id\":1},\"before\":null,\"after\":{\"__millrace_truncated\":"
                          "true,\"bytes\":146},\"truncated\":true" TAIL "\"latency_ms\":123}")},
    {"a transaction's block goes along", TEXT(""),
     TEXT("{\"before\":null,\"after\":{},\"source\":{" PG_IN "},\"op\":\"c\","
          "\"transaction\":{\"id\":\"740:1\",\"total_order\":1}}"),
     TEXT(HEAD LIFTED SEQ "\"event_type\":\"insert\",\"op\":\"c\"," PG_OUT
                          "\"key\":null,\"before\":null,\"after\":{},\"tx_id\":\"740:1\","
                          "\"total_order\":1,\"transaction\":{\"id\":\"740:1\","
                          "\"total_order\":1}" TAIL "\"latency_ms\":123}")},
    {"a key of plain text is a string", TEXT("a \"b\" \\ c"),
     TEXT("{\"before\":null,\"after\":{},\"source\":{" PG_IN "},\"op\":\"c\"}"),
     TEXT(HEAD LIFTED SEQ "\"event_type\":\"insert\",\"op\":\"c\"," PG_OUT
                          "\"key\":\"a \\\"b\\\" \\\\ c\",\"before\":null,\"after\":{}" TAIL
                          "\"latency_ms\":123}")},
    {"a flattened row without an op is other, its time that of the record", TEXT(""),
     TEXT("{\"id\":1,\"name\":\"x\"}"),
     TEXT(HEAD "\"occurred_at\":\"2026-11-20T23:00:00.000000Z\",\"schema_name\":null,"
               "\"table_name\":null,\"source_lsn\":null," SEQ
               "\"event_type\":\"other\",\"op\":null,\"source\":{\"connector\":null,\"db\":null,"
               "\"schema\":null,\"table\":null,\"position\":null,\"tx_id\":null,\"ts_ms\":null,"
               "\"snapshot\":false},\"key\":null,\"before\":null,\"after\":{\"id\":1,\"name\":"
               "\"x\"}" TAIL "\"latency_ms\":null}")},
    {"a name with an escape stays escaped", TEXT(""),
     TEXT("{\"before\":null,\"after\":{},\"op\":\"c\",\"source\":{\"connector\":\"postgresql\","
          "\"table\":\"a\\\"b\",\"schema\":\"s\",\"ts_ms\":1795216210000}}"),
     TEXT(HEAD "\"occurred_at\":\"2026-11-20T23:10:10.000000Z\",\"schema_name\":\"s\","
               "\"table_name\":\"a\\\"b\",\"source_lsn\":null," SEQ
               "\"event_type\":\"insert\",\"op\":\"c\",\"source\":{\"connector\":\"postgresql\","
               "\"db\":null,\"schema\":\"s\",\"table\":\"a\\\"b\",\"position\":null,"
               "\"tx_id\":null,\"ts_ms\":1795216210000,\"snapshot\":false},\"key\":null,"
               "\"before\":null,\"after\":{}" TAIL "\"latency_ms\":123}")},
};

static struct el_event_place place(void)
{
    static const char logged[] = "2026-11-20T23:10:10.123456Z";
    struct el_event_place p = {
        .seq = 41,
        .pipeline_seq = 7,
        .logged_us = LOGGED_US,
        .logged_text = logged,
        .topic = MR_SPAN("shop.public.orders"),
        .partition = 2,
        .offset = 99,
        .record_ms = 1795215600000,
        .row_bytes_max = 128,
    };

    for (unsigned char i = 0; i < 16; i++)
        p.id.b[i] = (unsigned char)(i + 1);
    p.id.b[6] = 0x77;
    p.id.b[8] = 0x89;
    memset(p.pipeline_id.b, 0xff, 16);
    p.pipeline_id.b[6] = 0x4f;
    p.pipeline_id.b[8] = 0xbf;
    return p;
}

/* Room for exactly n bytes before an unmapped page. */
static char *room_of(struct guard *g, size_t n)
{
    char *zeros = calloc(1, n);
    struct mr_span s;

    assert_non_null(zeros);
    s = guard_copy(g, mr_span_of(zeros, n));
    free(zeros);
    return g->base + g->room - s.len;
}

static void writes(void **state)
{
    const struct event_row *row = *state;
    struct mr_span key = row->key.len ? row->key : MR_SPAN_NONE, whole, metadata;
    struct el_event_place p = place();
    char reason[MR_CDC_REASON_MAX];
    struct el_event_text text;
    struct guard g = {NULL, 0};
    struct mr_change c;
    char *out;

    assert_int_equal(mr_cdc_read(p.topic, key, row->value, &c, reason), MR_OK);
    out = room_of(&g, el_event_bound(&c, &p));
    text = el_event_write(out, &c, &p);
    assert_span(mr_span_of(out, text.len), row->want);
    assert_int_equal(mr_json_check(mr_span_of(out, text.len), &whole), MR_OK);
    metadata = mr_span_of(out + text.metadata, text.len - text.metadata);
    assert_true(mr_span_starts(metadata, MR_SPAN("\"seq\":41,")));
    guard_free(&g);
}

/* Whatever the sizes, the bound holds: every text as long as can be. */
static void bound_holds(void **state)
{
    char big[4096], reason[MR_CDC_REASON_MAX];
    struct el_event_place p = place();
    struct mr_buf value = MR_BUF_INIT(1 << 20);
    struct guard g = {NULL, 0};
    struct el_event_text text;
    struct mr_span whole;
    struct mr_change c;
    char *out;

    (void)state;
    memset(big, '7', sizeof(big));
    p.seq = p.pipeline_seq = p.offset = INT64_MAX;
    p.partition = INT32_MAX;
    p.row_bytes_max = 1 << 20;
    mr_buf_add_str(&value, "{\"op\":\"u\",\"transaction\":{\"id\":1},\"source\":{");
    for (size_t i = 0; i < 12; i++) {
        static const char *const names[] = {"connector", "db",  "schema", "table",
                                            "txId",      "lsn", "gtid",   "file",
                                            "pos",       "scn", "row",    "snapshot"};
        mr_buf_addf(&value, "%s\"%s\":\"%.*s\"", i ? "," : "", names[i], 4000, big);
    }
    mr_buf_addf(&value, "},\"before\":{\"%.*s\":\"__debezium_unavailable_value\"},\"after\":{",
                4000, big);
    for (int i = 0; i < 200; i++)
        mr_buf_addf(&value, "%s\"c%d\":\"__debezium_unavailable_value\"", i ? "," : "", i);
    mr_buf_add_str(&value, "}}");
    assert_int_equal(
        mr_cdc_read(p.topic, mr_span_of("\\\"\\\"\\", 5), mr_buf_span(&value), &c, reason), MR_OK);
    assert_int_equal(c.key_text.len, 5);
    out = room_of(&g, el_event_bound(&c, &p));
    text = el_event_write(out, &c, &p);
    assert_int_equal(mr_json_check(mr_span_of(out, text.len), &whole), MR_OK);
    guard_free(&g);
    mr_buf_free(&value);
}

static const struct position_row {
    const char *name;
    const char *source, *want;
} positions[] = {
    {"PostgreSQL's LSN, both halves", "\"lsn\":18446744069414584", "418937/4B851EB8"},
    {"an LSN of zero", "\"lsn\":0", "0/0"},
    {"MySQL's GTID goes before file and position", "\"gtid\":\"u:5\",\"file\":\"b\",\"pos\":1",
     "u:5"},
    {"MySQL's file and position", "\"file\":\"bin.01\",\"pos\":\"154\"", "bin.01:154"},
    {"SQL Server's commit LSN", "\"commit_lsn\":\"0025:0d98:00a2\",\"change_lsn\":\"x\"",
     "0025:0d98:00a2"},
    {"Oracle's commit SCN before its SCN", "\"scn\":\"11\",\"commit_scn\":\"12\"", "12"},
    {"MongoDB's ordinal", "\"ord\":31", "31"},
    {"a cut never halves an escape",
     "\"gtid\":"
     "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\\u00e9tail\"",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"nothing", "\"db\":\"d\"", ""},
};

static void tells_position(void **state)
{
    const struct position_row *row = *state;
    char out[EL_POSITION_TEXT], reason[MR_CDC_REASON_MAX];
    struct mr_buf value = MR_BUF_INIT(4096);
    struct mr_change c;

    mr_buf_addf(&value, "{\"op\":\"c\",\"before\":null,\"after\":{},\"source\":{%s}}", row->source);
    assert_int_equal(mr_cdc_read(MR_SPAN("t"), MR_SPAN_NONE, mr_buf_span(&value), &c, reason),
                     MR_OK);
    assert_int_equal(el_event_position(&c, out), strlen(row->want));
    assert_string_equal(out, row->want);
    mr_buf_free(&value);
}

int main(void)
{
    static struct rows all;

    rows_add(&all, rows, writes);
    rows_add(&all, positions, tells_position);
    rows_add_one(&all, "the bound holds for texts of any size", bound_holds);
    return rows_run("the event of a record", &all);
}
