/* records.c - bodies that are one record or many. */
#include "api/call.h"
#include <ctype.h>
#include <stdio.h>

/* What is being gone through. */
struct records {
    struct mr_call *c;
    long max, at;
    mr_record_fn take;
    void *ctx;
};

static int too_many(const struct records *r)
{
    return mr_call_fail(r->c, MR_E_INVAL, 422, "At most %ld messages at once.", r->max);
}

static int each_element(struct records *r)
{
    struct mr_json_iter it;
    int rc;

    for (rc = mr_json_begin(&it, r->c->body); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;
         r->at++) {
        if (r->at == r->max)
            return too_many(r);
        rc = r->take(r->c, r->at, it.value, r->ctx);
        if (rc != MR_OK)
            return rc;
    }
    return rc == MR_E_END ? MR_OK : rc;
}

/* A line that is no JSON is a fault, named by its place. */
static int take_line(struct records *r, struct mr_span line)
{
    struct mr_span value;
    char name[24];

    if (mr_json_check(line, &value) == MR_OK)
        return r->take(r->c, r->at, value, r->ctx);
    (void)snprintf(name, sizeof(name), "%ld", r->at);
    mr_call_fault(r->c, name, "is not valid JSON");
    return MR_OK;
}

static int each_line(struct records *r)
{
    struct mr_span rest = r->c->body;
    int rc = MR_OK;

    while (rest.len > 0 && rc == MR_OK) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        struct mr_span line = mr_span_of(rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len);

        rest = end ? mr_span_of(end + 1, rest.len - line.len - 1) : mr_span_of(rest.ptr, 0);
        while (line.len > 0 && isspace((unsigned char)line.ptr[line.len - 1]))
            line.len--;
        if (line.len == 0)
            continue;
        if (r->at == r->max)
            return too_many(r);
        rc = take_line(r, line);
        r->at++;
    }
    return rc;
}

int mr_call_records(struct mr_call *c, long max, mr_record_fn take, void *ctx)
{
    struct records r = {.c = c, .max = max, .take = take, .ctx = ctx};

    if (c->ndjson)
        return each_line(&r);
    if (mr_json_type(c->body) == MR_JSON_ARRAY)
        return each_element(&r);
    return take(c, -1, c->body, ctx);
}
