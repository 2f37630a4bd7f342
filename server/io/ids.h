/* ids.h - sockets by their id.
 *
 * Every socket is alone in a room named as its id, and most applications never use it; so there is
 * no such room, and the table that finds a socket by its id is made when it is first asked, and
 * kept from then on. Ids are drawn by us at random: their own first bytes are the hash. [thread:
 * loop]
 */
#ifndef IO_IDS_H
#define IO_IDS_H

#include "proto/err.h"

#include <stdbool.h>
#include <stddef.h>

struct mr_socket;

struct mr_ids {
    struct mr_socket **slots; /* open addressing; NULL: not in use */
    size_t n, cap;
};

/* Could this be an id at all? */
bool mr__ids_shape(const char *name);
/* Fill the table with list, n sockets. MR_OK; MR_E_NOMEM: not in use. */
MR_MUSTCHECK int mr__ids_build(struct mr_ids *ids, struct mr_socket *const *list, size_t n);
/* Both do nothing while the table is not in use. Without memory to grow it goes out of use. */
void mr__ids_add(struct mr_ids *ids, struct mr_socket *s);
void mr__ids_del(struct mr_ids *ids, struct mr_socket *s);
struct mr_socket *mr__ids_find(const struct mr_ids *ids, const char *id);
void mr__ids_deinit(struct mr_ids *ids);

#endif
