/* problem.h - errors for people and programs: RFC 9457 problem details. Pure. [thread: any] */
#ifndef API_PROBLEM_H
#define API_PROBLEM_H

#include "proto/json.h"

struct mr_problem {
    int status;
    const char *detail;      /* a sentence; NULL or "": the status's own */
    struct mr_span instance; /* the request's path */
    const char *request_id;  /* NULL: left out */
    struct mr_span errors;   /* raw elements of "errors", or empty */
    struct mr_span extra;    /* raw further members, each with its leading comma, or empty */
};

/* "Not Found"; never NULL. */
const char *mr_http_reason(int status);
void mr_problem_write(struct mr_buf *out, const struct mr_problem *p);

#endif
