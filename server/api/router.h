/* router.h - one declarative table: method, path, who may, where it runs, what does it. Matching is
 * pure; server/api/openapi.yaml lists the same routes, and a test compares the two. */
#ifndef API_ROUTER_H
#define API_ROUTER_H

#include "store/grants.h"

#define MR_ROUTE_PARAMS_MAX 3

struct mr_call;

enum mr_route_where {
    MR_ON_LOOP,    /* answers at once, without blocking */
    MR_ON_WORKER,  /* straight-line code that may use PostgreSQL */
    MR_ON_OUTSIDE, /* the same, where it waits for databases that are not ours */
    MR_ON_AUTH,    /* the same on threads of its own: bcrypt never delays anybody else */
};
enum mr_route_body {
    MR_BODY_NONE,     /* ignored */
    MR_BODY_OPTIONAL, /* JSON when there is one */
    MR_BODY_JSON,     /* a JSON object is required */
    MR_BODY_RECORDS,  /* a JSON object, an array, or NDJSON (then the call's body is its text) */
};

struct mr_route {
    const char *method; /* a GET answers HEAD too */
    const char *path;   /* "/api/v1/pipelines/{id}": a parameter fills one segment */
    enum mr_role role;  /* MR_ROLE_NONE: everybody */
    enum mr_route_where where;
    enum mr_route_body body;
    /* MR_OK: the call holds the answer; an error becomes a problem document. */
    int (*handler)(struct mr_call *c);
    const char *surface; /* NULL, or the word of MILLRACE_ANONYMOUS that opens it */
    enum mr_resource of; /* what its {id} is: role is then the one for that resource */
};

struct mr_match {
    const struct mr_route *route;               /* NULL unless found */
    struct mr_span params[MR_ROUTE_PARAMS_MAX]; /* as sent, percent-encoded; borrow the path */
    char allow[64]; /* "GET, HEAD, OPTIONS": the methods of this path; empty when the path is
                       unknown */
};

/* Find a route. MR_OK; MR_E_NOTFOUND: no such path; MR_E_CONFLICT: the path exists, the method does
 * not (out->allow). */
MR_MUSTCHECK int mr_router_match(const struct mr_route *table, size_t n, const char *method,
                                 struct mr_span path, struct mr_match *out);

/* ---- queries and paths -------------------------------------------------------------------- */

/* Append text with %XX resolved (plus: "+" is a blank). MR_E_PROTO: a bad escape, a NUL, or not
 * UTF-8 afterwards; buffer errors as in buf.h. */
MR_MUSTCHECK int mr_url_decode(struct mr_span text, bool plus, struct mr_buf *out);
/* The first value of a name in a query string, decoded. MR_E_NOTFOUND: absent. */
MR_MUSTCHECK int mr_query_get(struct mr_span query, const char *name, struct mr_buf *out);
/* Does an Accept-Encoding or similar list name this token with a quality above 0? */
bool mr_header_accepts(struct mr_span list, const char *token);

#endif
