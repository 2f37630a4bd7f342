/* adapter.h - a namespace's adapter, as the library has it: the functions that are in force, what
 * the one for a single process keeps (rooms and ids; room.c and adapter_memory.c alone look into
 * them), and the handlers of the namespace that adapters call. [thread: loop]
 */
#ifndef IO_ADAPTER_H
#define IO_ADAPTER_H

#include "io/core.h"
#include "io/ids.h"

struct mr_nsp;
struct mr_socket;

struct mr_adapter {
    const struct mr_adapter_ops *ops;
    struct mr_nsp *nsp;
    void *state; /* of whoever is built on the one in memory */
    struct mr_table rooms;
    struct mr_ids ids;
    struct mr_link crowds; /* adapter_acks.c: broadcasts that wait for acks */
    mr_room_event_fn on_room;
    void *on_room_ctx;
    mr_server_event_fn on_server;
    void *on_server_ctx;
    char server_id[MR_SID_LEN + 1];
};

/* Give a new namespace its adapter: the server's. MR_OK, or why not: nothing is left behind. */
MR_MUSTCHECK int mr__adapter_open(struct mr_nsp *nsp);
void mr__adapter_close(struct mr_nsp *nsp);

/* adapter_acks.c, for the adapter in memory */
int mr__crowd_ask(struct mr_adapter *a, struct mr_packet *p, struct mr_socket *const *list,
                  size_t n, bool is_volatile, struct mr_collector *c);
void mr__crowd_forget(struct mr_adapter *a, struct mr_collector *c);

/* broadcast_ack.c: end what still waits, as the adapter ends */
void mr__gathers_end(struct mr_adapter *a);

#endif
