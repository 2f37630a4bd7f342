/* sized.h - structs whose end the caller's version may not know, or ours: see docs/abi.md. */
#ifndef IO_SIZED_H
#define IO_SIZED_H

#include "proto/err.h"

#include <stddef.h>
#include <string.h>

/* Copy a caller's struct of from_size bytes into ours of to_size. MR_OK; MR_E_INVAL: it sets
 * something that we do not know. */
static inline int mr__sized_in(void *to, size_t to_size, const void *from, size_t from_size)
{
    const unsigned char *bytes = from;

    memset(to, 0, to_size);
    for (size_t i = to_size; i < from_size; i++) {
        if (bytes[i] != 0)
            return MR_E_INVAL;
    }
    memcpy(to, from, from_size < to_size ? from_size : to_size);
    return MR_OK;
}

/* The other way round. */
static inline void mr__sized_out(void *to, size_t to_size, const void *from, size_t from_size)
{
    memset(to, 0, to_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}

#endif
