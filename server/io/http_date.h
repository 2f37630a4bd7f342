/* http_date.h - dates as HTTP writes them: "Sun, 06 Nov 1994 08:49:37 GMT", in no locale. Pure.
 * [thread: any] */
#ifndef IO_HTTP_DATE_H
#define IO_HTTP_DATE_H

#include "proto/err.h"
#include "proto/span.h"

#define MR_DATE_SIZE 32

/* Write t (seconds since 1970, of years up to 9999) with a NUL. */
void mr__date_text(int64_t t, char out[MR_DATE_SIZE]);
/* Read exactly this form. MR_OK; MR_E_PROTO: anything else, the two old forms too. */
MR_MUSTCHECK int mr__date_parse(struct mr_span text, int64_t *out);

#endif
