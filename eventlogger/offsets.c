/* offsets.c - consumer_offsets, where the log says how far it has come.
 *
 * Rows are moved by the transaction that stores the records (store.c). Here they are read, made for
 * a partition that was never consumed, and, when the broker no longer has the offset, moved to
 * where its topic begins: by compare-and-set too, so that nobody's progress is undone. */
#include "base/log.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>

static const char SQL_READ[] =
    "SELECT n.i, o.next_offset, o.fingerprint FROM jsonb_to_recordset($1::jsonb) AS n (i int, "
    "topic text, partition int) JOIN consumer_offsets o "
    "ON o.topic = n.topic AND o.partition = n.partition";
static const char SQL_CREATE[] =
    "INSERT INTO consumer_offsets (topic, partition, first_offset, next_offset) "
    "VALUES ($1, $2::int, $3::bigint, $3::bigint) ON CONFLICT (topic, partition) DO NOTHING";
/* Further on: retention has passed the log, and the offsets between are a gap. Back: the topic is
 * another one, and what was counted of the old one is kept apart. */
static const char SQL_SKIP[] =
    "UPDATE consumer_offsets SET next_offset = $3::bigint, fingerprint = 0, updated_at = now(), "
    "gap_count = gap_count + $3::bigint - $4::bigint "
    "WHERE topic = $1 AND partition = $2::int AND next_offset = $4::bigint";
#define COUNT(fate) ", " fate "_count"
#define ZERO(fate)  ", " fate "_count = 0"
#define KEPT                                                                                       \
    "topic, partition, pipeline_id, first_offset, next_offset, fingerprint, "                      \
    "updated_at" EL_FATE_COLUMNS(COUNT)
static const char SQL_RESET[] =
    "WITH old AS (SELECT * FROM consumer_offsets WHERE topic = $1 AND partition = $2::int "
    "AND next_offset = $4::bigint FOR UPDATE), "
    "kept AS (INSERT INTO consumer_offsets_ended (" KEPT ") SELECT " KEPT " FROM old) "
    "UPDATE consumer_offsets o SET first_offset = $3::bigint, next_offset = $3::bigint, "
    "fingerprint = 0, updated_at = now()" EL_FATE_COLUMNS(
        ZERO) " FROM old "
              "WHERE o.topic = old.topic AND o.partition = old.partition";

#define ASK_JSON_MAX (64u << 20)

static int create(struct mr_pg *c, const struct el_ask_item *item)
{
    char partition[16], from[24];
    const char *params[] = {item->topic, partition, from};

    (void)snprintf(partition, sizeof(partition), "%d", (int)item->partition);
    (void)snprintf(from, sizeof(from), "%lld", (long long)item->from);
    return mr_pg_exec(c, SQL_CREATE, 3, params, NULL);
}

static int reset(struct el_logger *l, struct mr_pg *c, const struct el_ask_item *item)
{
    char partition[16], from[24], expected[24];
    const char *params[] = {item->topic, partition, from, expected};
    PGresult *res = NULL;
    int rc;

    (void)snprintf(partition, sizeof(partition), "%d", (int)item->partition);
    (void)snprintf(from, sizeof(from), "%lld", (long long)item->from);
    (void)snprintf(expected, sizeof(expected), "%lld", (long long)item->expected);
    rc = mr_pg_exec(c, item->from > item->expected ? SQL_SKIP : SQL_RESET, 4, params, &res);
    if (rc == MR_OK && strcmp(PQcmdTuples(res), "1") == 0) {
        LOG_WARN("offset_reset", F_STR("topic", item->topic), F_INT("partition", item->partition),
                 F_INT("was", item->expected), F_INT("now", item->from),
                 F_STR("why", "the topic was made anew, or its retention has passed the log"));
        el_board_reset(&l->board);
    }
    PQclear(res);
    return rc;
}

static int read_all(struct mr_pg *c, struct el_ask *ask)
{
    struct mr_buf json = MR_BUF_INIT(ASK_JSON_MAX);
    const char *params[1];
    PGresult *res = NULL;
    int rc;

    mr_buf_add_char(&json, '[');
    for (size_t i = 0; i < ask->n; i++) {
        mr_buf_addf(&json, "%s{\"i\":%zu,\"topic\":\"", i > 0 ? "," : "", i);
        mr_buf_add_str(&json, ask->items[i].topic); /* Kafka's names need no escapes */
        mr_buf_addf(&json, "\",\"partition\":%d}", (int)ask->items[i].partition);
    }
    mr_buf_add_char(&json, ']');
    rc = mr_buf_err(&json);
    params[0] = mr_buf_cstr(&json);
    if (rc == MR_OK)
        rc = mr_pg_exec(c, SQL_READ, 1, params, &res);
    for (size_t i = 0; rc == MR_OK && i < ask->n; i++)
        ask->items[i].stand = (struct el_stand){0};
    for (int row = 0; rc == MR_OK && row < PQntuples(res); row++) {
        size_t i = (size_t)mr_pg_i64(res, row, 0);

        if (i < ask->n)
            ask->items[i].stand =
                (struct el_stand){.known = true,
                                  .next = mr_pg_i64(res, row, 1),
                                  .fingerprint = (uint64_t)mr_pg_i64(res, row, 2)};
    }
    PQclear(res);
    mr_buf_free(&json);
    return rc;
}

int el_offsets_answer(struct el_logger *l, struct mr_pg *c, struct el_ask *ask)
{
    int rc = MR_OK;

    for (size_t i = 0; i < ask->n && rc == MR_OK; i++) {
        struct el_ask_item *item = &ask->items[i];

        if (item->what == EL_ASK_CREATE)
            rc = create(c, item);
        else if (item->what == EL_ASK_RESET)
            rc = reset(l, c, item);
        if (rc == MR_OK)
            item->what = EL_ASK_READ; /* done, should the rest be tried again */
    }
    return rc == MR_OK ? read_all(c, ask) : rc;
}
