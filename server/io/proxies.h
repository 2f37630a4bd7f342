/* proxies.h - whose word about a client's address is believed. Pure. */
#ifndef IO_PROXIES_H
#define IO_PROXIES_H

#include "proto/err.h"
#include "proto/span.h"

struct mr_proxies;

/* From mr_options.trusted_proxies; NULL or empty: *out is NULL. MR_OK; MR_E_INVAL; MR_E_NOMEM. */
MR_MUSTCHECK int mr__proxies_new(struct mr_proxies **out, const char *list);
void mr__proxies_free(struct mr_proxies *p);
/* The client's address: the last of X-Forwarded-For that is no trusted proxy, if the peer is one;
 * else, and where the header cannot be read, as far as it could. out: 48 bytes. */
void mr__proxies_client(const struct mr_proxies *p, const char *peer, struct mr_span forwarded,
                        char out[48]);

#endif
