/* problem.c - one writer for every error, so that they all have the same members. */
#include "api/problem.h"

/* clang-format off */
static const struct {
    int status;
    const char *reason, *detail;
} statuses[] = {
    {200, "OK", ""}, {201, "Created", ""}, {204, "No Content", ""}, {304, "Not Modified", ""},
    {400, "Bad Request", "The request cannot be read."},
    {401, "Unauthorized", "Sign in first: a valid access token is needed."},
    {403, "Forbidden", "Your role does not permit this."},
    {404, "Not Found", "There is nothing at this address."},
    {405, "Method Not Allowed", "This address does not answer that method."},
    {409, "Conflict", "This conflicts with the present state."},
    {412, "Precondition Failed", "It has changed since you read it."},
    {413, "Content Too Large", "The request body is over the size limit."},
    {414, "URI Too Long", "The address is over the size limit."},
    {415, "Unsupported Media Type", "The body must be application/json."},
    {422, "Unprocessable Content", "A value is not acceptable."},
    {424, "Failed Dependency", "What this rests on could not be done."},
    {429, "Too Many Requests", "Too many attempts; wait before the next one."},
    {431, "Request Header Fields Too Large", "The request's head is over the size limit."},
    {500, "Internal Server Error", "Something went wrong here; the log has this request_id."},
    {502, "Bad Gateway", "A dependency refused."},
    {503, "Service Unavailable", "Not available now; try again."},
    {504, "Gateway Timeout", "A dependency took too long."},
}; /* clang-format on */

static size_t row(int status)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].status == status)
            return i;
    return row(status >= 500 ? 500 : 400);
}

const char *mr_http_reason(int status)
{
    return statuses[row(status)].reason;
}

void mr_problem_write(struct mr_buf *out, const struct mr_problem *p)
{
    const char *detail = p->detail && p->detail[0] ? p->detail : statuses[row(p->status)].detail;

    mr_buf_add_str(out, "{\"type\":\"about:blank\",\"title\":");
    mr_json_add_string(out, mr_span_str(mr_http_reason(p->status)));
    mr_buf_addf(out, ",\"status\":%d,\"detail\":", p->status);
    mr_json_add_string(out, mr_span_str(detail));
    mr_buf_add_str(out, ",\"instance\":");
    mr_json_add_string(out, p->instance);
    if (p->request_id) {
        mr_buf_add_str(out, ",\"request_id\":");
        mr_json_add_string(out, mr_span_str(p->request_id));
    }
    if (p->errors.len > 0) {
        mr_buf_add_str(out, ",\"errors\":[");
        mr_buf_add_span(out, p->errors);
        mr_buf_add_char(out, ']');
    }
    mr_buf_add_span(out, p->extra);
    mr_buf_add_char(out, '}');
}
