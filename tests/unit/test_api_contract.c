/* test_api_contract.c - every route of the table is in openapi.json, and the other way round; and
 * who may call it is said there as it is done here. */
#include "rows.h"

#include "api/api.h"
#include "api/fields.h"
#include "api/router.h"
#include "pipelines/state.h"
#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>

extern const unsigned char mr_openapi_json[];
extern const size_t mr_openapi_json_len;

static cJSON *contract(void)
{
    cJSON *doc = cJSON_ParseWithLength((const char *)mr_openapi_json, mr_openapi_json_len);

    assert_non_null(doc);
    return doc;
}

static void lower(char *out, size_t size, const char *in)
{
    size_t i = 0;

    for (; in[i] && i + 1 < size; i++)
        out[i] = (char)tolower((unsigned char)in[i]);
    out[i] = '\0';
}

static const char *extension(const cJSON *op, const char *name)
{
    const cJSON *v = cJSON_GetObjectItem(op, name);

    return v != NULL ? v->valuestring : "none";
}

/* Who may call it: what the matrix of tests/integration/api_grants.test.mjs is made from. */
static void same_rights(const struct mr_route *r, const cJSON *op)
{
    const char *of = r->of == MR_OF_NOTHING ? "none" : mr_resource_name(r->of);

    if (strcmp(extension(op, "x-role"), mr_role_name(r->role)) != 0)
        fail_msg("%s %s: x-role is not %s", r->method, r->path, mr_role_name(r->role));
    if (strcmp(extension(op, "x-grants"), of) != 0)
        fail_msg("%s %s: x-grants is not %s", r->method, r->path, of);
    if ((r->of != MR_OF_NOTHING) != (strstr(r->path, "/pipelines/{id}") != NULL ||
                                     strstr(r->path, "/connections/{id}") != NULL))
        fail_msg("%s %s: is it of one resource?", r->method, r->path);
}

static void test_every_route_is_written_down(void **state)
{
    size_t n;
    const struct mr_route *routes = mr_api_routes(&n);
    cJSON *doc = contract(), *paths = cJSON_GetObjectItem(doc, "paths");

    (void)state;
    for (size_t i = 0; i < n; i++) {
        char method[16];
        cJSON *op, *security, *body;

        lower(method, sizeof(method), routes[i].method);
        op = cJSON_GetObjectItem(cJSON_GetObjectItemCaseSensitive(paths, routes[i].path), method);
        if (!op)
            fail_msg("%s %s is not in openapi.yaml", routes[i].method, routes[i].path);
        security = cJSON_GetObjectItem(op, "security");
        if ((routes[i].role == MR_ROLE_NONE) !=
            (security != NULL && cJSON_GetArraySize(security) == 0))
            fail_msg("%s %s: public here and there?", routes[i].method, routes[i].path);
        same_rights(&routes[i], op);
        body = cJSON_GetObjectItem(op, "requestBody");
        if ((routes[i].body == MR_BODY_JSON || routes[i].body == MR_BODY_RECORDS) !=
            (body != NULL && cJSON_IsTrue(cJSON_GetObjectItem(body, "required"))))
            fail_msg("%s %s: is its body required?", routes[i].method, routes[i].path);
    }
    cJSON_Delete(doc);
}

static bool is_method(const char *name)
{
    static const char *const methods[] = {"get", "post", "put", "patch", "delete"};

    for (size_t i = 0; i < LEN(methods); i++)
        if (strcmp(name, methods[i]) == 0)
            return true;
    return false;
}

static void test_everything_written_down_is_served(void **state)
{
    size_t n;
    const struct mr_route *routes = mr_api_routes(&n);
    cJSON *doc = contract(), *path, *op;

    (void)state;
    cJSON_ArrayForEach(path, cJSON_GetObjectItem(doc, "paths"))
    {
        cJSON_ArrayForEach(op, path)
        {
            bool found = false;

            for (size_t i = 0; i < n && !found; i++) {
                char method[16];

                lower(method, sizeof(method), routes[i].method);
                found =
                    strcmp(routes[i].path, path->string) == 0 && strcmp(method, op->string) == 0;
            }
            if (is_method(op->string) && !found)
                fail_msg("%s %s is not served", op->string, path->string);
        }
    }
    cJSON_Delete(doc);
}

/* ---- the fields of a body ---------------------------------------------------------------- */

static cJSON *schema_of(cJSON *doc, const char *name)
{
    return cJSON_GetObjectItem(
        cJSON_GetObjectItem(cJSON_GetObjectItem(doc, "components"), "schemas"), name);
}

static bool has_type(const cJSON *schema, const char *type)
{
    const cJSON *types = cJSON_GetObjectItem(schema, "type"), *one;

    if (cJSON_IsString(types))
        return strcmp(types->valuestring, type) == 0;
    cJSON_ArrayForEach(one, types)
    {
        if (strcmp(one->valuestring, type) == 0)
            return true;
    }
    return false;
}

static void same_bound(const struct mr_input *f, const cJSON *schema, const char *name,
                       int64_t ours)
{
    const cJSON *theirs = cJSON_GetObjectItem(schema, name);

    if (ours != (theirs ? (int64_t)theirs->valuedouble : 0))
        fail_msg("%s: %s is %lld in the table", f->name, name, (long long)ours);
}

static void same_choices(const struct mr_input *f, const cJSON *schema)
{
    char list[256] = "";
    const cJSON *one;

    cJSON_ArrayForEach(one, cJSON_GetObjectItem(schema, "enum"))
    {
        size_t n = strlen(list);

        if (cJSON_IsString(one))
            (void)snprintf(list + n, sizeof(list) - n, "%s%s", n ? "|" : "", one->valuestring);
    }
    if (strcmp(list, f->choices) != 0)
        fail_msg("%s: %s in the document, %s in the table", f->name, list, f->choices);
}

static void same_field(const struct mr_input *f, const cJSON *schema)
{
    static const char *const types[] = {
        [MR_INPUT_TEXT] = "string",   [MR_INPUT_ENUM] = "string", [MR_INPUT_UUID] = "string",
        [MR_INPUT_BOOL] = "boolean",  [MR_INPUT_INT] = "integer", [MR_INPUT_STRINGS] = "array",
        [MR_INPUT_OBJECT] = "object",
    };

    if (schema == NULL)
        fail_msg("%s is not in openapi.yaml", f->name);
    if (!has_type(schema, types[f->kind]))
        fail_msg("%s: it is a %s", f->name, types[f->kind]);
    if (has_type(schema, "null") == f->required)
        fail_msg("%s: may it be null?", f->name);
    if (f->kind == MR_INPUT_TEXT) {
        same_bound(f, schema, "minLength", f->min);
        same_bound(f, schema, "maxLength", f->max);
    } else if (f->kind == MR_INPUT_INT) {
        same_bound(f, schema, "minimum", f->min);
        same_bound(f, schema, "maximum", f->max);
    } else if (f->kind == MR_INPUT_STRINGS) {
        same_bound(f, schema, "maxItems", f->max);
        if (f->fits == NULL)
            same_bound(f, cJSON_GetObjectItem(schema, "items"), "maxLength", f->item_max);
    } else if (f->kind == MR_INPUT_ENUM) {
        same_choices(f, schema);
    }
}

static const struct body_row {
    const char *name; /* of the schema */
    const struct mr_input *table;
    const size_t *n;
    bool whole; /* required fields are required */
} bodies[] = {
    {"NewPipeline", mr_pipeline_fields, &mr_pipeline_fields_n, true},
    {"NewApiKey", mr_api_key_fields, &mr_api_key_fields_n, true},
    {"PipelineChange", mr_pipeline_fields, &mr_pipeline_fields_n, false},
    {"NewConnection", mr_connection_fields, &mr_connection_fields_n, true},
    {"ConnectionChange", mr_connection_fields, &mr_connection_fields_n, false},
};

static void test_bodies_are_checked_as_they_are_described(void **state)
{
    const struct body_row *row = *state;
    cJSON *doc = contract(), *schema = schema_of(doc, row->name);
    cJSON *fields = cJSON_GetObjectItem(schema, "properties"), *name;
    size_t required = 0;

    for (size_t i = 0; i < *row->n; i++) {
        same_field(&row->table[i], cJSON_GetObjectItem(fields, row->table[i].name));
        required += row->whole && row->table[i].required;
    }
    assert_int_equal(cJSON_GetArraySize(fields), *row->n);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(schema, "required")), required);
    cJSON_ArrayForEach(name, cJSON_GetObjectItem(schema, "required"))
    {
        bool is = false;

        for (size_t i = 0; i < *row->n; i++)
            is = is ||
                 (row->table[i].required && strcmp(row->table[i].name, name->valuestring) == 0);
        assert_true(is);
    }
    cJSON_Delete(doc);
}

/* ---- the state machine ------------------------------------------------------------------- */

static void test_commands_follow_the_transitions(void **state)
{
    (void)state;
    for (int from = 0; from < MR_PL_STATES; from++) {
        for (int cmd = MR_PL_START; cmd <= MR_PL_RESUME; cmd++) {
            enum mr_pipeline_state at = (enum mr_pipeline_state)from, path[2];
            int steps = mr_pipeline_path(at, (enum mr_pipeline_command)cmd, path);

            for (int i = 0; i < steps; i++) {
                if (!mr_pipeline_may(at, path[i]))
                    fail_msg("command %d goes from %s to %s", cmd, mr_pipeline_state_name(at),
                             mr_pipeline_state_name(path[i]));
                at = path[i];
            }
        }
    }
}

struct command_row {
    const char *name;
    enum mr_pipeline_state from;
    enum mr_pipeline_command cmd;
    int steps;
    enum mr_pipeline_state rest;
};

/* clang-format off */
static const struct command_row commands[] = {
    {"start begins", MR_PL_NOT_STARTED, MR_PL_START, 2, MR_PL_RUNNING},
    {"start begins again", MR_PL_STOPPED, MR_PL_START, 2, MR_PL_RUNNING},
    {"start after an error", MR_PL_ERROR, MR_PL_START, 2, MR_PL_RUNNING},
    {"start of a running one does nothing", MR_PL_RUNNING, MR_PL_START, 0, MR_PL_RUNNING},
    {"start of a paused one resumes", MR_PL_PAUSED, MR_PL_START, 1, MR_PL_RUNNING},
    {"start while stopping is refused", MR_PL_STOPPING, MR_PL_START, MR_E_CONFLICT, 0},
    {"stop of a running one", MR_PL_RUNNING, MR_PL_STOP, 2, MR_PL_STOPPED},
    {"stop of a paused one", MR_PL_PAUSED, MR_PL_STOP, 2, MR_PL_STOPPED},
    {"stop of one that is starting", MR_PL_STARTING, MR_PL_STOP, 2, MR_PL_STOPPED},
    {"stop of one in error", MR_PL_ERROR, MR_PL_STOP, 2, MR_PL_STOPPED},
    {"stop of one left in between goes on", MR_PL_STOPPING, MR_PL_STOP, 1, MR_PL_STOPPED},
    {"stop of a stopped one does nothing", MR_PL_STOPPED, MR_PL_STOP, 0, MR_PL_STOPPED},
    {"stop of one never started is refused", MR_PL_NOT_STARTED, MR_PL_STOP, MR_E_CONFLICT, 0},
    {"pause of a running one", MR_PL_RUNNING, MR_PL_PAUSE, 1, MR_PL_PAUSED},
    {"pause of a stopped one is refused", MR_PL_STOPPED, MR_PL_PAUSE, MR_E_CONFLICT, 0},
    {"resume of a paused one", MR_PL_PAUSED, MR_PL_RESUME, 1, MR_PL_RUNNING},
    {"resume of a stopped one is refused", MR_PL_STOPPED, MR_PL_RESUME, MR_E_CONFLICT, 0},
}; /* clang-format on */

static void test_command(void **state)
{
    const struct command_row *row = *state;
    enum mr_pipeline_state path[2] = {MR_PL_ERROR, MR_PL_ERROR};

    assert_int_equal(mr_pipeline_path(row->from, row->cmd, path), row->steps);
    if (row->steps >= 0)
        assert_int_equal(path[row->steps > 0 ? row->steps - 1 : 0], row->rest);
}

static void test_state_names(void **state)
{
    enum mr_pipeline_state got;

    (void)state;
    for (int s = 0; s < MR_PL_STATES; s++) {
        const char *name = mr_pipeline_state_name((enum mr_pipeline_state)s);

        assert_int_equal(mr_pipeline_state_parse(mr_span_str(name), &got), MR_OK);
        assert_int_equal(got, s);
    }
    assert_int_equal(mr_pipeline_state_parse(MR_SPAN("running"), &got), MR_OK);
    assert_int_equal(mr_pipeline_state_parse(MR_SPAN("RUNNIN"), &got), MR_E_NOTFOUND);
    assert_int_equal(mr_pipeline_state_parse(MR_SPAN(""), &got), MR_E_NOTFOUND);
}

int main(void)
{
    static struct rows r;

    rows_add_one(&r, "every route is written down", test_every_route_is_written_down);
    rows_add_one(&r, "everything written down is served", test_everything_written_down_is_served);
    rows_add(&r, bodies, test_bodies_are_checked_as_they_are_described);
    rows_add_one(&r, "commands follow the transitions", test_commands_follow_the_transitions);
    rows_add(&r, commands, test_command);
    rows_add_one(&r, "states have names, in any case", test_state_names);
    return rows_run("contract", &r);
}
