/* test_cdc_captured.c - what Debezium itself wrote (tests/capture), read record by record.
 *
 * For each topic of each configuration the kinds that must come out, in the order of the records,
 * one letter a record: the op of a change (r c u d t m), o for a row that does not say, and for
 * what is no change x tombstone, H heartbeat, T transaction, N notification or signal. They follow
 * from tests/capture/changes.sql, not from the reader.
 */
#include "cdc_describe.h"
#include "rows.h"

#include "proto/alloc.h"

#define FILE_BYTES_MAX (1 << 20)

struct row {
    const char *name;
    const char *file, *topic; /* captured/<file>.jsonl, the records of this topic */
    const char *kinds;
    enum mr_change_form form; /* of its changes */
    const char *table;        /* that its changes name; NULL: none, they do not say */
};

/* clang-format off */
static const struct row rows[] = {
    {"items with schemas", "schemas_on", "cap_schemas_on.public.items", "rrccudxcdxc", MR_FORM_ENVELOPE, "items"},
    {"whole rows with schemas", "schemas_on", "cap_schemas_on.public.full_items", "rcudxc", MR_FORM_ENVELOPE, "full_items"},
    {"items without schemas", "schemas_off", "cap_schemas_off.public.items", "rrccudxcdxc", MR_FORM_ENVELOPE, "items"},
    {"whole rows, and those of an incremental snapshot", "schemas_off", "cap_schemas_off.public.full_items", "rcudxrc", MR_FORM_ENVELOPE, "full_items"},
    {"rows without a key", "schemas_off", "cap_schemas_off.public.no_key", "cc", MR_FORM_ENVELOPE, "no_key"},
    {"a table that is emptied", "schemas_off", "cap_schemas_off.public.emptied", "rrt", MR_FORM_ENVELOPE, "emptied"},
    {"large values out of line", "schemas_off", "cap_schemas_off.public.toasted", "cu", MR_FORM_ENVELOPE, "toasted"},
    {"logical messages", "schemas_off", "cap_schemas_off.message", "mm", MR_FORM_ENVELOPE, NULL},
    {"the signalling table", "schemas_off", "cap_schemas_off.public.capture_signal", "NNNNN", MR_FORM_NONE, "capture_signal"},
    {"notifications", "schemas_off", "cap_schemas_off.notifications", "NNNNNNNNNNNNNNNNNN", MR_FORM_NONE, NULL},
    {"transactions", "schemas_off", "cap_schemas_off.transaction", "TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT", MR_FORM_NONE, NULL},
    {"heartbeats", "schemas_off", "__debezium-heartbeat.cap_schemas_off", "HHH", MR_FORM_NONE, NULL},
    {"flattened items with metadata", "flattened", "cap_flattened.public.items", "rrccuxcxc", MR_FORM_FLATTENED, "items"},
    {"flattened whole rows with metadata", "flattened", "cap_flattened.public.full_items", "rcuxc", MR_FORM_FLATTENED, "full_items"},
    {"flattened rows of a table that is emptied", "flattened", "cap_flattened.public.emptied", "rr", MR_FORM_FLATTENED, "emptied"},
    {"flattened large values", "flattened", "cap_flattened.public.toasted", "cu", MR_FORM_FLATTENED, "toasted"},
    {"messages pass the flattening whole", "flattened", "cap_flattened.message", "mm", MR_FORM_ENVELOPE, NULL},
    {"flattened rows with deletes rewritten", "flattened_rewrite", "cap_flattened_rewrite.public.full_items", "rcudxc", MR_FORM_FLATTENED, NULL},
    {"flattened large values with schemas", "flattened_rewrite", "cap_flattened_rewrite.public.toasted", "cu", MR_FORM_FLATTENED, NULL},
    {"flattened rows that say nothing of themselves", "flattened_bare", "cap_flattened_bare.public.items", "oooooxoxo", MR_FORM_FLATTENED, NULL},
    {"CloudEvents of items", "cloudevents", "cap_cloudevents.public.items", "rrccudxcdxc", MR_FORM_CLOUDEVENT, "items"},
    {"CloudEvents of whole rows", "cloudevents", "cap_cloudevents.public.full_items", "rcudxc", MR_FORM_CLOUDEVENT, "full_items"},
    {"CloudEvents of large values", "cloudevents", "cap_cloudevents.public.toasted", "cu", MR_FORM_CLOUDEVENT, "toasted"},
    {"CloudEvents with schemas around the data", "cloudevents_schemas", "cap_cloudevents_schemas.public.items", "rrccudxcdxc", MR_FORM_CLOUDEVENT, "items"},
    {"MariaDB with schemas", "mariadb_schemas_on", "cap_schemas_on.shop.items", "rrcudxcdxcuuc", MR_FORM_ENVELOPE, "items"},
    {"MariaDB's changes of schema", "mariadb_schemas_on", "cap_schemas_on", "SSSSSSSSS", MR_FORM_NONE, NULL},
    {"MariaDB without schemas", "mariadb_schemas_off", "cap_schemas_off.shop.items", "rrcudxcdxcuuc", MR_FORM_ENVELOPE, "items"},
    {"MariaDB: rows without a key, emptied", "mariadb_schemas_off", "cap_schemas_off.shop.no_key", "ct", MR_FORM_ENVELOPE, "no_key"},
    {"MariaDB's transactions", "mariadb_schemas_off", "cap_schemas_off.transaction", "TTTTTTTTTTTTTTTT", MR_FORM_NONE, NULL},
    {"MariaDB's heartbeats", "mariadb_schemas_off", "__debezium-heartbeat.cap_schemas_off", "HH", MR_FORM_NONE, NULL},
};
/* clang-format on */

/* A record of a captured file, its strings resolved; ptr NULL where the record had null. */
struct record {
    struct mr_buf topic, key, value;
};

static struct mr_span read_file(const char *name)
{
    char path[200];
    char *bytes = mr_alloc(FILE_BYTES_MAX);
    FILE *f;
    size_t len;

    assert_non_null(bytes);
    (void)snprintf(path, sizeof(path), "unit/captured/%s.jsonl", name);
    f = fopen(path, "r");
    if (f == NULL)
        fail_msg("cannot open %s from tests/", path);
    len = fread(bytes, 1, FILE_BYTES_MAX, f);
    assert_true(len > 0 && len < FILE_BYTES_MAX);
    (void)fclose(f);
    return mr_span_of(bytes, len);
}

static struct mr_span next_line(struct mr_span *text)
{
    const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    struct mr_span line = *text;

    if (end == NULL)
        return MR_SPAN_NONE;
    line.len = (size_t)(end - text->ptr);
    text->ptr += line.len + 1;
    text->len -= line.len + 1;
    return line;
}

static void take_string(struct mr_span line, const char *name, struct mr_buf *out)
{
    struct mr_span value;

    mr_buf_clear(out);
    assert_int_equal(mr_json_get(line, name, &value), MR_OK);
    if (mr_json_type(value) == MR_JSON_NULL) {
        mr_buf_free(out);
        return;
    }
    assert_int_equal(mr_buf_reserve(out, 1), MR_OK); /* an empty string has a pointer */
    assert_int_equal(mr_json_unescape(mr_json_string_raw(value), out), MR_OK);
}

static void free_record(struct record *r)
{
    mr_buf_free(&r->topic);
    mr_buf_free(&r->key);
    mr_buf_free(&r->value);
}

/* Read under guards: as it is, and cut at every byte, which is never a record. */
static void read_all_ways(const struct record *r, struct mr_change *c, struct guard g[2])
{
    char reason[MR_CDC_REASON_MAX];
    struct mr_span topic = mr_buf_span(&r->topic);
    struct mr_span key = guard_copy(&g[0], mr_buf_span(&r->key));
    struct mr_span value;

    for (size_t len = 0; len < r->value.len; len++) {
        value = guard_copy(&g[1], mr_span_of(r->value.ptr, len));
        assert_int_equal(mr_cdc_read(topic, key, value, c, reason), MR_E_PROTO);
        assert_memory_equal(reason, "value: ", 7);
    }
    value = guard_copy(&g[1], mr_buf_span(&r->value));
    if (mr_cdc_read(topic, key, value, c, reason) != MR_OK)
        fail_msg("%s", reason);
    assert_true(cdc_spans_inside(c, key, value));
}

static char kind_letter(const struct mr_change *c)
{
    static const char letters[MR_CHANGE_KINDS] = {
        [MR_CHANGE_OTHER] = 'o',       [MR_CHANGE_TOMBSTONE] = 'x',    [MR_CHANGE_HEARTBEAT] = 'H',
        [MR_CHANGE_TRANSACTION] = 'T', [MR_CHANGE_NOTIFICATION] = 'N', [MR_CHANGE_SCHEMA] = 'S',
    };

    return letters[c->kind] != '\0' ? letters[c->kind] : c->op.len == 1 ? c->op.ptr[0] : '?';
}

static bool is_digits(struct mr_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return s.len > 0;
}

/* A change has a place in the binary log, by file and position and, once streaming, by GTID. */
static void check_mariadb(const struct mr_change *c)
{
    assert_span(c->connector, MR_SPAN("mariadb"));
    assert_span(c->db, MR_SPAN("shop"));
    assert_int_equal(c->schema.len, 0);
    assert_int_equal(c->lsn.len, 0);
    assert_true(mr_span_starts(c->file, MR_SPAN("capture-bin.0")));
    assert_true(is_digits(c->pos));
    assert_int_equal(c->gtid.len > 0, !c->snapshot);
    assert_true(c->source_ts_ms > 1700000000000);
}

static void check_postgresql(const struct row *row, const struct mr_change *c)
{
    const bool bare = c->kind == MR_CHANGE_OTHER;
    /* These rows are read from the table, so they have no place in the log. */
    const bool incremental = mr_span_is(c->snapshot_text, "incremental");

    assert_int_equal(is_digits(c->lsn), !bare && !incremental);
    if (row->table != NULL) { /* those that say more than their op say all of this */
        assert_span(c->connector, MR_SPAN("postgresql"));
        assert_span(c->db, MR_SPAN("capture"));
        assert_span(c->schema, MR_SPAN("public"));
        assert_true(c->source_ts_ms > 1700000000000);
        assert_int_equal(is_digits(c->tx_id), !incremental);
    }
}

/* What holds for every change that Debezium made here. */
static void check_change(const struct row *row, const struct mr_change *c)
{
    assert_int_equal(c->form, row->form);
    if (row->table != NULL)
        assert_span(c->table, mr_span_str(row->table));
    else
        assert_int_equal(c->table.len, 0);
    assert_int_equal(c->snapshot, c->kind != MR_CHANGE_OTHER && c->op.ptr[0] == 'r');
    if (strncmp(row->file, "mariadb", 7) == 0)
        check_mariadb(c);
    else
        check_postgresql(row, c);
    if (c->kind == MR_CHANGE_INSERT || c->kind == MR_CHANGE_UPDATE)
        assert_int_equal(mr_json_type(c->after), MR_JSON_OBJECT);
    if (c->kind == MR_CHANGE_DELETE) {
        assert_int_equal(mr_json_type(c->before), MR_JSON_OBJECT);
        assert_int_not_equal(mr_json_type(c->after), MR_JSON_OBJECT);
    }
    assert_int_equal(c->maybe_unavailable,
                     c->kind == MR_CHANGE_UPDATE && strstr(row->topic, "toasted") != NULL);
}

static void check_topic(void **state)
{
    const struct row *row = *state;
    struct mr_span file = read_file(row->file);
    struct mr_span rest = file, line;
    struct record r = {MR_BUF_INIT(1000), MR_BUF_INIT(100000), MR_BUF_INIT(100000)};
    struct mr_buf kinds = MR_BUF_INIT(1000);
    struct guard g[2] = {{NULL, 0}, {NULL, 0}};
    struct mr_change c;

    while ((line = next_line(&rest)).ptr != NULL) {
        take_string(line, "topic", &r.topic);
        if (!mr_span_is(mr_buf_span(&r.topic), row->topic))
            continue;
        take_string(line, "key", &r.key);
        take_string(line, "value", &r.value);
        read_all_ways(&r, &c, g);
        mr_buf_add_char(&kinds, kind_letter(&c));
        if (MR_CHANGE_IS_EVENT(c.kind))
            check_change(row, &c);
    }
    assert_string_equal(mr_buf_cstr(&kinds), row->kinds);
    free_record(&r);
    mr_buf_free(&kinds);
    guard_free(&g[0]);
    guard_free(&g[1]);
    mr_free((void *)(uintptr_t)file.ptr);
}

/* Finds a change of items by the row's name, in any configuration. */
static void find_item(const char *file, const char *topic, const char *name, struct record *r,
                      struct mr_change *c)
{
    char reason[MR_CDC_REASON_MAX];
    struct mr_span all = read_file(file);
    struct mr_span rest = all, line, value;
    bool found = false;

    while (!found && (line = next_line(&rest)).ptr != NULL) {
        take_string(line, "topic", &r->topic);
        take_string(line, "key", &r->key);
        take_string(line, "value", &r->value);
        if (r->value.ptr == NULL || !mr_span_is(mr_buf_span(&r->topic), topic))
            continue;
        assert_int_equal(mr_cdc_read(mr_buf_span(&r->topic), mr_buf_span(&r->key),
                                     mr_buf_span(&r->value), c, reason),
                         MR_OK);
        found = mr_json_get(c->after, "name", &value) == MR_OK &&
                strncmp(mr_json_string_raw(value).ptr, name, strlen(name)) == 0;
    }
    assert_true(found);
    mr_free((void *)(uintptr_t)all.ptr);
}

/* A change of a primary key is a delete, its tombstone and an insert; headers name the other half.
 */
static void halves_of_a_changed_key_are_linked(void **state)
{
    struct record r = {MR_BUF_INIT(1000), MR_BUF_INIT(100000), MR_BUF_INIT(100000)};
    struct mr_buf text = MR_BUF_INIT(1000);
    struct mr_span file = read_file("mariadb_schemas_off"), rest = file, line, headers;
    char reason[MR_CDC_REASON_MAX];
    struct mr_json_iter it;
    struct mr_change c;
    int linked = 0;

    (void)state;
    while ((line = next_line(&rest)).ptr != NULL) {
        if (mr_json_get(line, "headers", &headers) != MR_OK)
            continue;
        take_string(line, "key", &r.key);
        take_string(line, "value", &r.value);
        assert_int_equal(
            mr_cdc_read(MR_SPAN("t"), mr_buf_span(&r.key), mr_buf_span(&r.value), &c, reason),
            MR_OK);
        assert_int_equal(mr_json_begin(&it, headers), MR_OK);
        while (mr_json_next(&it) == MR_OK) {
            mr_buf_clear(&text);
            assert_int_equal(mr_json_unescape(mr_json_string_raw(it.value), &text), MR_OK);
            mr_cdc_link(&c, it.key, mr_buf_span(&text));
        }
        if (c.kind == MR_CHANGE_DELETE)
            assert_span(c.new_key, MR_SPAN("{\"id\":30}"));
        else if (c.kind == MR_CHANGE_INSERT)
            assert_span(c.old_key, MR_SPAN("{\"id\":3}"));
        linked += c.kind != MR_CHANGE_TOMBSTONE;
    }
    assert_int_equal(linked, 2);
    mr_buf_free(&text);
    free_record(&r);
    mr_free((void *)(uintptr_t)file.ptr);
}

static void numbers_and_text_arrive_as_they_were(void **state)
{
    struct record r = {MR_BUF_INIT(1000), MR_BUF_INIT(100000), MR_BUF_INIT(100000)};
    struct mr_buf text = MR_BUF_INIT(1000);
    struct mr_change c = {.kind = MR_CHANGE_OTHER};
    struct mr_span value = MR_SPAN_NONE;

    (void)state;
    find_item("schemas_off", "cap_schemas_off.public.items", "tab", &r, &c);
    assert_span(c.key, MR_SPAN("{\"id\":9223372036854775807}"));
    assert_int_equal(mr_json_get(c.after, "big", &value), MR_OK);
    assert_span(value, MR_SPAN("9223372036854775807"));
    assert_int_equal(mr_json_get(c.after, "price", &value), MR_OK);
    assert_span(value, MR_SPAN("\"12345678901234567890.0123456789\""));
    assert_int_equal(mr_json_get(c.after, "name", &value), MR_OK);
    assert_int_equal(mr_json_unescape(mr_json_string_raw(value), &text), MR_OK);
    assert_string_equal(mr_buf_cstr(&text), "tab\tquote\" back\\slash line\nend \xc3\xa9 "
                                            "\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 </script>");
    mr_buf_free(&text);
    free_record(&r);
}

static void each_unchanged_large_column_is_recognised(void **state)
{
    static const char *const columns[] = {"words", "bytes", "tags", "ints", "longs", "doc"};
    struct record r = {MR_BUF_INIT(1000), MR_BUF_INIT(100000), MR_BUF_INIT(100000)};
    struct mr_span file = read_file("schemas_off");
    struct mr_span rest = file, line, value;
    char reason[MR_CDC_REASON_MAX];
    struct mr_change c;
    size_t found = 0;

    (void)state;
    while ((line = next_line(&rest)).ptr != NULL) {
        take_string(line, "topic", &r.topic);
        take_string(line, "value", &r.value);
        if (!mr_span_is(mr_buf_span(&r.topic), "cap_schemas_off.public.toasted"))
            continue;
        assert_int_equal(
            mr_cdc_read(mr_buf_span(&r.topic), MR_SPAN_NONE, mr_buf_span(&r.value), &c, reason),
            MR_OK);
        for (size_t i = 0; i < LEN(columns); i++) {
            assert_int_equal(mr_json_get(c.after, columns[i], &value), MR_OK);
            assert_int_equal(mr_cdc_unavailable(value), c.kind == MR_CHANGE_UPDATE);
            found += c.kind == MR_CHANGE_UPDATE;
        }
    }
    assert_int_equal(found, LEN(columns));
    free_record(&r);
    mr_free((void *)(uintptr_t)file.ptr);
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add(&r, rows, check_topic);
    rows_add_one(&r, "halves of a changed key are linked", halves_of_a_changed_key_are_linked);
    rows_add_one(&r, "numbers and text arrive as they were", numbers_and_text_arrive_as_they_were);
    rows_add_one(&r, "each unchanged large column is recognised",
                 each_unchanged_large_column_is_recognised);
    return rows_run("cdc_captured", &r);
}
