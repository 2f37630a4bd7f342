/* alloc.h - the only door to the heap. It lies in the lowest layer, so that buffers can use it and
 * a test can make the nth allocation of any layer fail. Banned elsewhere: malloc and its family.
 */
#ifndef PROTO_ALLOC_H
#define PROTO_ALLOC_H

#include <stddef.h>

/* n bytes, uninitialised; NULL when out of memory. n == 0 gives a unique pointer. [thread: any] */
void *mr_alloc(size_t n);
/* n items of size bytes, zeroed; NULL on overflow or out of memory. [thread: any] */
void *mr_zalloc(size_t n, size_t size);
/* Resize; on NULL the old block is untouched. ptr NULL is mr_alloc. [thread: any] */
void *mr_realloc(void *ptr, size_t n);
/* Release; NULL is allowed. [thread: any] */
void mr_free(void *ptr);
/* Copies a string / len bytes plus a NUL; NULL when out of memory. [thread: any] */
char *mr_strdup(const char *s);
char *mr_memdup0(const char *ptr, size_t len);
/* Make the nth allocation from now fail (1 = the next), once; 0 switches it off. For tests. */
void mr_alloc_fail_nth(unsigned long nth);

#endif
