/* fuzz_ingest.c - any bytes as a message of the queue, as an entry of the bus, as Redis's URL, and
 * as what Kafka Connect says of a connector: read without leaving the input, and what becomes a row
 * is JSON. */
#include "fuzz.h"

#include "feeds/reader.h"
#include "ingest/store.h"
#include "pipelines/connect_client.h"
#include "store/redis.h"
#include <stdlib.h>
#include <string.h>

/* What is sent is JSON, whatever the entry is. */
static void fuzz_bus(struct mr_span text)
{
    const struct mr_span data[] = {MR_SPAN("data"), text, MR_SPAN("type"), text};
    const struct mr_span fields[] = {text, text, MR_SPAN("data"), text};
    struct mr_buf json = MR_BUF_INIT(1u << 24);
    struct mr_span value;
    struct mr_bus_id id;

    mr_bus_encode(&json, "s", MR_SPAN("1-0"), 2, data, 0);
    FUZZ_ASSERT(mr_json_check(mr_buf_span(&json), &value) == MR_OK);
    mr_buf_clear(&json);
    mr_bus_encode(&json, "s", MR_SPAN("1-0"), 2, fields, 0);
    FUZZ_ASSERT(mr_json_check(mr_buf_span(&json), &value) == MR_OK);
    mr_buf_free(&json);
    FUZZ_ASSERT(mr_bus_id_parse(text, &id) != MR_OK || text.len <= 41 || text.ptr[0] == '0');
    (void)mr_bus_name_ok(text);
    (void)mr_bus_type_ok(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span text = mr_span_of((const char *)data, size), value;
    struct mr_buf json = MR_BUF_INIT(1u << 24);
    struct mr_connector_status status;
    struct mr_batch_row row;
    struct mr_redis_url url;
    char *copy = malloc(size + 1);

    if (!copy)
        return 0;
    mr_batch_row(text, "0192f0a0-0000-7000-8000-000000000001", &row, &json);
    FUZZ_ASSERT(strlen(row.ingest_id) == 36);
    FUZZ_ASSERT(row.reason || mr_json_check(mr_buf_span(&json), &value) == MR_OK);
    fuzz_bus(text);
    if (mr_json_check(text, &value) == MR_OK) {
        mr_connector_status_read(value, &status);
        FUZZ_ASSERT(status.running <= status.tasks && status.failed <= status.tasks);
        (void)mr_connector_snapshot_taken(value);
    }
    memcpy(copy, data, size);
    copy[size] = '\0';
    FUZZ_ASSERT(mr_redis_url_parse(copy, &url) != MR_OK || url.n_hosts > 0);
    free(copy);
    mr_buf_free(&json);
    return 0;
}
