/* err.h - every error of the project: one table gives code, HTTP status and text.
 *
 * Functions return MR_OK (0) or a negative code; counts are >= 0. What a caller can do about an
 * error decides which code it is: retry (AGAIN, UNAVAIL, TIMEOUT, DB), split or refuse the input
 * (PROTO, DATA, TOOBIG, INVAL), or tell the user (AUTH, FORBIDDEN, NOTFOUND, CONFLICT).
 */
#ifndef PROTO_ERR_H
#define PROTO_ERR_H

#define MR_MUSTCHECK __attribute__((warn_unused_result))
#define MR_EXPORT    __attribute__((visibility("default")))

/* clang-format off */
#define MR_ERRORS(X) \
    X(OK,           0, 200, "ok") \
    X(E_END,       -1, 200, "nothing left to read") \
    X(E_PROTO,     -2, 400, "the bytes break the protocol") \
    X(E_INVAL,     -3, 422, "an argument is not acceptable") \
    X(E_TOOBIG,    -4, 413, "over the size limit") \
    X(E_NOMEM,     -5, 500, "out of memory, or a buffer's ceiling was reached") \
    X(E_AGAIN,     -6, 503, "busy: a queue or pool is full, try again later") \
    X(E_DATA,      -7, 422, "the database refused a value") \
    X(E_DB,        -8, 503, "PostgreSQL is away or failed") \
    X(E_UNAVAIL,   -9, 503, "a dependency is away") \
    X(E_TIMEOUT,  -10, 504, "it took too long") \
    X(E_AUTH,     -11, 401, "not authenticated") \
    X(E_FORBIDDEN,-12, 403, "not permitted") \
    X(E_NOTFOUND, -13, 404, "not found") \
    X(E_CONFLICT, -14, 409, "conflicts with the present state") \
    X(E_CLOSED,   -15, 503, "closed or shutting down") \
    X(E_IO,       -16, 500, "a system call failed") \
    X(E_CONFIG,   -17, 500, "a setting is missing or out of range")

enum mr_err {
#define X(name, code, http, text) MR_##name = (code),
    MR_ERRORS(X)
#undef X
}; /* clang-format on */

#ifdef __cplusplus
extern "C" {
#endif

/* The text of an error; never NULL. [thread: any] */
MR_EXPORT const char *mr_err_text(int err);
/* The symbolic name, "E_PROTO". [thread: any] */
MR_EXPORT const char *mr_err_name(int err);
/* The HTTP status to answer with; 500 for an unknown code. [thread: any] */
MR_EXPORT int mr_err_http(int err);

#ifdef __cplusplus
}
#endif

#endif
