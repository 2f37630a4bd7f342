/* version.h - which libmillrace this is. See docs/abi.md. [thread: any] */
#ifndef MILLRACE_VERSION_H
#define MILLRACE_VERSION_H

#include "proto/err.h"

#define MR_VERSION_MAJOR 0
#define MR_VERSION_MINOR 1
#define MR_VERSION_PATCH 0
#define MR_ABI_VERSION   0 /* of the shared library's name: libmillrace.so.0 */

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0": of the library that runs, where MR_VERSION_ are of the headers. Static. */
MR_EXPORT const char *mr_version(void);

#ifdef __cplusplus
}
#endif

#endif
