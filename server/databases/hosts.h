/* hosts.h - which hosts the server may connect to on a client's behalf (MILLRACE_ALLOWED_HOSTS), so
 * that it is of no use as a scanner. Names, "*.suffix", addresses and networks ("10.0.0.0/8").
 *
 * What counts is the address that is really connected to: a name is resolved once, its addresses
 * are judged here, and the judged address is the one that is used. Link-local addresses, where
 * clouds keep their machines' credentials (169.254.169.254), are refused unless a network of the
 * list holds them. Immutable once made. [thread: any] */
#ifndef DATABASES_HOSTS_H
#define DATABASES_HOSTS_H

#include "proto/err.h"
#include <stdbool.h>
#include <sys/socket.h>

#define MR_HOSTS_MAX 256

struct mr_hosts;

/* list: entries with commas or blanks; "": every host but link-local ones. MR_OK; MR_E_CONFIG: an
 * entry is none of those; MR_E_NOMEM. */
MR_MUSTCHECK int mr_hosts_new(struct mr_hosts **out, const char *list);
void mr_hosts_free(struct mr_hosts *h);
/* May this address, which name was resolved to, be connected to? */
bool mr_hosts_allow(const struct mr_hosts *h, const char *name, const struct sockaddr *addr);

#endif
