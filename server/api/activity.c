/* activity.c - what happened lately, by REST and to those who watch. */
#include "store/activity.h"
#include "api/api.h"
#include "api/grants.h"
#include "api/handlers.h"
#include "proto/json.h"

int mr_get_activity(struct mr_call *c)
{
    int64_t limit = mr_call_query_int(c, "limit", 50, 1, 500);
    struct mr_buf hidden = MR_BUF_INIT(0);
    struct mr_pg *db = NULL;
    int rc = mr_call_faults(c);

    if (rc == MR_OK)
        rc = mr_call_db(c, &db);
    if (rc == MR_OK)
        rc = mr_call_hidden(c, db, MR_OF_PIPELINE, &hidden);
    if (rc == MR_OK)
        rc = mr_activity_recent(db, limit, mr_buf_cstr(&hidden), &c->out);
    mr_buf_free(&hidden);
    return rc;
}

/* Of one entry: whom it may be told. */
struct audience {
    const struct mr_sockets *sockets;
    struct mr_uuid pipeline;
};

static bool may_see(const void *ctx, const struct mr_identity *who)
{
    const struct audience *a = ctx;

    return mr_sockets_may_see(a->sockets, who, a->pipeline);
}

static bool is(struct mr_span entry, const char *member, const char *value)
{
    struct mr_span v;

    return mr_json_get(entry, member, &v) == MR_OK && mr_span_is(mr_json_string_raw(v), value);
}

void mr_feed_activity(void *ctx, struct mr_span entries)
{
    struct mr_api *api = ctx;
    struct mr_json_iter it;

    if (!api->feeds)
        return;
    for (int rc = mr_json_begin(&it, entries); rc == MR_OK && mr_json_next(&it) == MR_OK;) {
        struct audience a = {.sockets = api->opt.sockets};
        bool (*may)(const void *ctx, const struct mr_identity *who) = NULL;
        struct mr_span id;

        if (mr_json_get(it.value, "pipeline_id", &id) == MR_OK &&
            mr_uuid_parse(mr_json_string_raw(id), &a.pipeline))
            may = may_see;
        mr_feeds_tell(api->feeds, "activity", it.value, may, &a);
        if (is(it.value, "outcome", "failure"))
            mr_feeds_tell(api->feeds, "error", it.value, may, &a);
        else if (is(it.value, "kind", "ingestion") || is(it.value, "kind", "load"))
            mr_feeds_tell(api->feeds, "ingestion_complete", it.value, may, &a);
    }
}
