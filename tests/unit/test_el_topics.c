/* test_el_topics.c - which pipeline owns a topic. Pipelines are numbered by age: 1 is the oldest.
 */
#include "rows.h"

#include "topics.h"

static struct mr_uuid pipeline(int n)
{
    struct mr_uuid id = {{0}};

    id.b[15] = (unsigned char)n;
    return id;
}

/* claims: "=name" or "name*" with the pipeline's number behind a colon, oldest first. */
static const struct topic_row {
    const char *name, *claims, *topic;
    int owner; /* 0: nobody */
} rows[] = {
    {"an exact name", "=shop.public.orders:1", "shop.public.orders", 1},
    {"a name that only begins so", "=shop.public.orders:1", "shop.public.orders2", 0},
    {"a name that is shorter", "=shop.public.orders:1", "shop.public.order", 0},
    {"a prefix", "shop.*:1", "shop.public.orders", 1},
    {"a prefix that is the whole name", "shop*:1", "shop", 1},
    {"a name that the prefix is longer than", "shop.public*:1", "shop", 0},
    {"an exact name goes before any prefix", "shop.public.*:1 =shop.public.orders:2",
     "shop.public.orders", 2},
    {"the longer prefix goes before the shorter", "shop.*:1 shop.public.*:2", "shop.public.orders",
     2},
    {"and the shorter has the rest", "shop.*:1 shop.public.*:2", "shop.private.orders", 1},
    {"of equal prefixes the older pipeline's", "shop.*:1 shop.*:2", "shop.x", 1},
    {"of equal names the older pipeline's", "=t:1 =t:2 =t:3", "t", 1},
    {"a name that is claimed in the middle of many", "=a:1 =c:2 =b:3 =e:4 =d:5", "d", 5},
    {"and one that is not", "=a:1 =c:2 =b:3 =e:4 =d:5", "bb", 0},
    {"case matters", "=Shop:1", "shop", 0},
    {"nobody claims anything", "", "shop", 0},
    {"the empty prefix claims nothing", "*:1", "shop", 0},
    {"an empty topic", "shop*:1", "", 0},
    {"Kafka's offsets are nobody's", "__*:1", "__consumer_offsets", 0},
    {"nor its transactions", "=__transaction_state:1", "__transaction_state", 0},
    {"heartbeats can be claimed", "__debezium-heartbeat.*:1", "__debezium-heartbeat.shop", 1},
};

static struct el_map *build(const char *claims)
{
    struct el_map *m = el_map_new();

    assert_non_null(m);
    for (const char *at = claims; *at;) {
        size_t len = strcspn(at, ":"), whole = strcspn(at, " ");
        struct mr_uuid owner = pipeline(at[len + 1] - '0');

        if (*at == '=')
            assert_int_equal(el_map_add_topic(m, mr_span_of(at + 1, len - 1), owner), MR_OK);
        else
            assert_int_equal(el_map_add_prefix(m, mr_span_of(at, len - 1), owner), MR_OK);
        at += whole;
        at += *at == ' ';
    }
    el_map_seal(m);
    return m;
}

static void owns(void **state)
{
    const struct topic_row *row = *state;
    struct el_map *m = build(row->claims);
    struct mr_uuid owner = {{0}};
    bool any = el_map_owner(m, mr_span_str(row->topic), &owner);

    el_map_unref(m);
    assert_int_equal(any, row->owner != 0);
    assert_int_equal(owner.b[15], row->owner);
}

int main(void)
{
    static struct rows all;

    rows_add(&all, rows, owns);
    return rows_run("whose a topic is", &all);
}
