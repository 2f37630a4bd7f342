/* denied.c - whom a pipeline is hidden from, as last read together with the states of pipelines. A
 * socket that is in the room of one leaves it as soon as that is known. */
#include "api/sockets_parts.h"
#include "proto/alloc.h"
#include <stdlib.h>

static int by_user(const void *a, const void *b)
{
    const struct denial *x = a, *y = b;
    int order = memcmp(&x->user, &y->user, sizeof(x->user));

    return order ? order : memcmp(&x->pipeline, &y->pipeline, sizeof(x->pipeline));
}

int denied_read(struct mr_pg *db, struct denied *out)
{
    PGresult *res = NULL;
    int rc = mr_pg_exec(db,
                        "SELECT g.user_id, g.resource_id FROM grants g JOIN users u "
                        "ON u.id = g.user_id WHERE g.resource_type = 'pipeline' "
                        "AND g.role = 'none' AND u.role <> 'admin'",
                        0, NULL, &res);

    if (rc != MR_OK)
        return rc;
    out->list = mr_zalloc((size_t)PQntuples(res) + 1, sizeof(*out->list));
    for (int i = 0; out->list && i < PQntuples(res); i++) {
        struct denial *d = &out->list[out->n];

        out->n += mr_uuid_parse(mr_pg_span(res, i, 0), &d->user) &&
                  mr_uuid_parse(mr_pg_span(res, i, 1), &d->pipeline);
    }
    PQclear(res);
    if (!out->list)
        return MR_E_NOMEM;
    qsort(out->list, out->n, sizeof(*out->list), by_user);
    return MR_OK;
}

void denied_free(struct denied *d)
{
    mr_free(d->list);
    *d = (struct denied){0};
}

static bool key_of(const struct mr_identity *who, struct mr_uuid pipeline, struct denial *key)
{
    key->pipeline = pipeline;
    return who->role != MR_ROLE_ADMIN && mr_uuid_parse(mr_span_str(who->user_id), &key->user);
}

bool denied_to(const struct mr_sockets *ss, const struct mr_identity *who, struct mr_uuid pipeline)
{
    struct denial key;

    return ss->denied.n > 0 && key_of(who, pipeline, &key) &&
           bsearch(&key, ss->denied.list, ss->denied.n, sizeof(key), by_user) != NULL;
}

/* The first one of a user, or where it would be. */
static size_t first_of(const struct denied *d, const struct denial *key)
{
    size_t low = 0, high = d->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (by_user(&d->list[mid], key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void denied_now(struct mr_sockets *ss, struct denied *d)
{
    denied_free(&ss->denied);
    ss->denied = *d;
    *d = (struct denied){0};
    for (struct sock *s = ss->first, *next; s && ss->denied.n > 0 && ss->stream; s = next) {
        struct denial key = {.pipeline = {{0}}};

        next = s->next;
        if (!key_of(&s->who, key.pipeline, &key))
            continue;
        for (size_t i = first_of(&ss->denied, &key);
             i < ss->denied.n && memcmp(&ss->denied.list[i].user, &key.user, sizeof(key.user)) == 0;
             i++) {
            if (mr_stream_unsubscribe(ss->stream, s->socket, ss->denied.list[i].pipeline))
                sock_error(ss, s->socket, -1, "subscribe_error", "forbidden",
                           "This pipeline is not for you any more.");
        }
    }
}
