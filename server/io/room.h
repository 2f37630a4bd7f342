/* room.h - rooms: who is in what, indexed both ways.
 *
 *   room.members[i]  -> member <- socket.rooms[j]       member knows i and j
 *
 * so that joining, leaving and counting are O(1) in the size of the room, leaving everything is
 * O(rooms of the socket), and a broadcast walks an array. An empty room is freed at once: rooms are
 * as many as clients care to name. [thread: loop]
 */
#ifndef IO_ROOM_H
#define IO_ROOM_H

#include "io/core.h"

struct mr_nsp;
struct mr_socket;
struct mr_room;

struct mr_member {
    struct mr_room *room;
    struct mr_socket *socket;
    size_t in_room;     /* index in room->members */
    uint32_t in_socket; /* index in socket->rooms */
};

struct mr_room {
    struct mr_node node; /* in nsp->rooms */
    struct mr_nsp *nsp;
    struct mr_member **members;
    size_t n, cap;
    char name[];
};

struct mr_room *mr__room_find(const struct mr_nsp *nsp, const char *name);
/* MR_OK, also when it is in already; MR_E_NOMEM; MR_E_INVAL (name over MR_NAME_LEN_MAX); MR_E_AGAIN
 * (MR_ROOMS_PER_SOCKET_MAX). */
MR_MUSTCHECK int mr__room_join(struct mr_socket *sock, const char *name);
void mr__room_leave(struct mr_member *m);
void mr__room_leave_all(struct mr_socket *sock);
/* NULL when the socket is not in it. */
struct mr_member *mr__room_member(const struct mr_socket *sock, const struct mr_room *room);

#endif
