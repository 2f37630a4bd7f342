/* room.h - rooms: who is in what, indexed both ways. For the adapter in memory, and nobody else.
 *
 *   room.members[i]  -> member <- socket.rooms[j]       member knows i and j
 *
 * so that joining, leaving and counting are O(1) in the size of the room, leaving everything is
 * O(rooms of the socket), and a broadcast walks an array. An empty room is freed at once: rooms are
 * as many as clients care to name.
 *
 * A socket's own room, named as its id, is a flag of the socket (own_room) as long as nobody else
 * is in it: it costs nothing. When another joins it becomes a room like any other. [thread: loop]
 */
#ifndef IO_ROOM_H
#define IO_ROOM_H

#include "io/adapter.h"

struct mr_room;

struct mr_member {
    struct mr_room *room;
    struct mr_socket *socket;
    size_t in_room;     /* index in room->members */
    uint32_t in_socket; /* index in socket->rooms */
};

struct mr_room {
    struct mr_node node; /* in adapter->rooms */
    struct mr_adapter *adapter;
    struct mr_member **members;
    size_t n, cap;
    char name[];
};

struct mr_room *mr__room_find(const struct mr_adapter *a, const char *name);
/* Of the connected sockets; makes the table of ids if need be. */
struct mr_socket *mr__room_owner(struct mr_adapter *a, const char *name);
/* MR_OK, also when it is in already; MR_E_NOMEM; MR_E_INVAL (name over MR_NAME_LEN_MAX); MR_E_AGAIN
 * (rooms_per_socket_max). Handlers of room events run inside, last. */
MR_MUSTCHECK int mr__room_join(struct mr_adapter *a, struct mr_socket *sock, const char *name);
void mr__room_leave(struct mr_adapter *a, struct mr_socket *sock, const char *name);
void mr__room_leave_all(struct mr_adapter *a, struct mr_socket *sock);
bool mr__room_has(const struct mr_adapter *a, const struct mr_socket *sock, const char *name);

#endif
