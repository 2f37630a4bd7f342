/* sid.h - random ids: 20 characters of url-safe base64, 120 bits from the kernel.
 *
 * An Engine.IO session's sid is a secret: who knows it can speak for that client. A socket's public
 * id is drawn independently and tells nothing about it. [thread: loop]
 */
#ifndef IO_SID_H
#define IO_SID_H

#include <stddef.h>

#define MR_SID_LEN 20

struct mr_sid_pool { /* random bytes drawn ahead, so that a storm of handshakes is not one of
                        system calls */
    unsigned char bytes[960];
    size_t left;
};

/* Write 20 characters and a NUL. */
void mr__sid_make(struct mr_sid_pool *pool, char out[MR_SID_LEN + 1]);
/* The encoding alone: 15 bytes to 20 characters and a NUL. */
void mr__sid_encode(const unsigned char bytes[15], char out[MR_SID_LEN + 1]);
/* n bytes from getrandom(2); aborts if the kernel has none to give. [thread: any] */
void mr__random(void *out, size_t n);

#endif
