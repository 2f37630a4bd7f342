/* table.h - named things by their name: sessions, namespaces, events, rooms.
 *
 * Names come from clients, so they are hashed with SipHash under a key drawn for each table: nobody
 * outside can choose names that collide. Nodes are embedded in the things; the table owns only its
 * slots, which grow by doubling and are freed with the last node. [thread: loop]
 */
#ifndef IO_TABLE_H
#define IO_TABLE_H

#include "proto/err.h"
#include "proto/span.h"

struct mr_node {
    struct mr_node *next;
    uint64_t hash;
    struct mr_span name; /* borrowed from the thing that embeds the node */
};

struct mr_table {
    struct mr_node **slots; /* cap of them, a power of two; NULL while the table is empty */
    size_t n, cap;
    uint64_t key[2];
};

void mr__table_init(struct mr_table *t);
void mr__table_deinit(struct mr_table *t); /* forgets the nodes; frees the slots */
struct mr_node *mr__table_find(const struct mr_table *t, struct mr_span name);
/* Insert; node->name is set and no node of that name is there. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int mr__table_put(struct mr_table *t, struct mr_node *node);
void mr__table_del(struct mr_table *t, struct mr_node *node);
/* Walk: the node after node (NULL: the first); NULL at the end. Deleting the node that was given
 * out last breaks the walk: fetch the next one first. */
struct mr_node *mr__table_next(const struct mr_table *t, const struct mr_node *node);

#endif
