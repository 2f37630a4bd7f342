/* static_csp.h - a page's Content-Security-Policy: nothing but this origin, and exactly those
 * inline scripts that the build wrote into the page, by their hashes. Pure. [thread: any] */
#ifndef API_STATIC_CSP_H
#define API_STATIC_CSP_H

#include "proto/err.h"
#include "proto/span.h"

/* The policy as text, for mr_free. A page with too many inline scripts to name (over
 * MR_CSP_SCRIPTS_MAX) is MR_E_TOOBIG: it would not work, and that should be seen at start. */
#define MR_CSP_SCRIPTS_MAX 64
MR_MUSTCHECK int mr_static_csp(struct mr_span html, char **out);

#endif
