/* query.h - reading the query of a request: a=1&b=two%20words. [thread: any] */
#ifndef MILLRACE_QUERY_H
#define MILLRACE_QUERY_H

#include "proto/err.h"
#include "proto/span.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Take the next parameter off a query (without "?"); name and value borrow from it and are encoded
 * still. False: there is none. */
MR_EXPORT bool mr_query_next(struct mr_span *query, struct mr_span *name, struct mr_span *value);
/* Decode a name or value ("%41", and "+" for a space) into out, with a null byte behind it. Returns
 * its length; MR_E_PROTO: "%" without two hexadecimal digits; MR_E_TOOBIG: it does not fit. */
MR_EXPORT int64_t mr_query_decode(struct mr_span raw, char *out, size_t size);
/* The first parameter of that name, decoded, as mr_query_decode; MR_E_NOTFOUND: there is none. */
MR_EXPORT int64_t mr_query_param(struct mr_span query, const char *name, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
