/* room.c - membership. The search for a member walks the shorter side: the socket's rooms, which
 * are few, or the room, when that has fewer members.
 */
#include "io/room.h"

#include "io/namespace.h"
#include "io/peers.h"
#include "proto/alloc.h"

struct mr_room *mr__room_find(const struct mr_adapter *a, const char *name)
{
    struct mr_node *node = mr__table_find(&a->rooms, mr_span_str(name));

    return node ? MR_CONTAINER(node, struct mr_room, node) : NULL;
}

struct mr_socket *mr__room_owner(struct mr_adapter *a, const char *name)
{
    const struct mr_nsp *nsp = a->nsp;

    if (!mr__ids_shape(name) || nsp->n_members == 0)
        return NULL;
    if (a->ids.slots != NULL || mr__ids_build(&a->ids, nsp->members, nsp->n_members) == MR_OK)
        return mr__ids_find(&a->ids, name);
    for (size_t i = 0; i < nsp->n_members; i++) { /* no memory for a table: slow, but right */
        if (strcmp(nsp->members[i]->id, name) == 0)
            return nsp->members[i];
    }
    return NULL;
}

static void tell(const struct mr_adapter *a, enum mr_room_event what, const char *name,
                 struct mr_socket *sock)
{
    if (a->on_room != NULL)
        a->on_room(what, name, sock, a->on_room_ctx);
}

/* ---- a room and its members ----------------------------------------------------------------- */

static struct mr_room *room_new(struct mr_adapter *a, const char *name)
{
    size_t len = strlen(name);
    struct mr_room *room = mr_zalloc(1, sizeof(*room) + len + 1);

    if (room == NULL)
        return NULL;
    memcpy(room->name, name, len + 1);
    room->adapter = a;
    room->node.name = mr_span_of(room->name, len);
    if (mr__table_put(&a->rooms, &room->node) != MR_OK) {
        mr_free(room);
        return NULL;
    }
    a->nsp->srv->stats.rooms++;
    return room;
}

static bool free_if_empty(struct mr_room *room)
{
    if (room->n > 0)
        return false;
    mr__table_del(&room->adapter->rooms, &room->node);
    room->adapter->nsp->srv->stats.rooms--;
    mr_free(room->members);
    mr_free(room);
    return true;
}

static struct mr_member *member_of(const struct mr_socket *sock, const struct mr_room *room)
{
    if (sock->n_rooms <= room->n) {
        for (uint32_t i = 0; i < sock->n_rooms; i++) {
            if (sock->rooms[i]->room == room)
                return sock->rooms[i];
        }
        return NULL;
    }
    for (size_t i = 0; i < room->n; i++) {
        if (room->members[i]->socket == sock)
            return room->members[i];
    }
    return NULL;
}

static int reserve(struct mr_room *room, struct mr_socket *sock)
{
    if (room->n == room->cap) {
        size_t cap = room->cap ? room->cap * 2 : 2;
        void *members = mr_realloc(room->members, cap * sizeof(struct mr_member *));

        if (members == NULL)
            return MR_E_NOMEM;
        room->members = members;
        room->cap = cap;
    }
    if (sock->n_rooms == sock->cap_rooms) {
        uint32_t cap = sock->cap_rooms ? sock->cap_rooms * 2 : 2;
        void *rooms = mr_realloc(sock->rooms, cap * sizeof(struct mr_member *));

        if (rooms == NULL)
            return MR_E_NOMEM;
        sock->rooms = rooms;
        sock->cap_rooms = cap;
    }
    return MR_OK;
}

static int add_member(struct mr_room *room, struct mr_socket *sock)
{
    struct mr_member *m = mr_alloc(sizeof(*m));

    if (m == NULL || reserve(room, sock) != MR_OK) {
        mr_free(m);
        return MR_E_NOMEM;
    }
    *m = (struct mr_member){room, sock, room->n, sock->n_rooms};
    room->members[room->n++] = m;
    sock->rooms[sock->n_rooms++] = m;
    return MR_OK;
}

/* The last one takes the place of the one that leaves, on both sides. True: the room is gone. */
static bool del_member(struct mr_member *m)
{
    struct mr_room *room = m->room;
    struct mr_socket *sock = m->socket;

    room->members[m->in_room] = room->members[--room->n];
    room->members[m->in_room]->in_room = m->in_room;
    sock->rooms[m->in_socket] = sock->rooms[--sock->n_rooms];
    sock->rooms[m->in_socket]->in_socket = m->in_socket;
    mr_free(m);
    return free_if_empty(room);
}

/* ---- joining -------------------------------------------------------------------------------- */

static void join_own(struct mr_adapter *a, struct mr_socket *sock)
{
    if (sock->own_room)
        return;
    sock->own_room = true;
    mr__recovery_changed(sock, MR_SESSION_JOINED, sock->id);
    tell(a, MR_ROOM_CREATED, sock->id, sock);
    tell(a, MR_ROOM_JOINED, sock->id, sock);
}

/* Another one joins a socket's own room: from here on it is a real one. */
static int make_real(struct mr_room *room, struct mr_socket *owner)
{
    int rc = add_member(room, owner);

    if (rc == MR_OK)
        owner->own_room = false;
    return rc;
}

static int join_new(struct mr_adapter *a, struct mr_socket *sock, const char *name)
{
    struct mr_socket *owner = mr__room_owner(a, name);
    bool real = owner != NULL && owner->own_room;
    struct mr_room *room = room_new(a, name);

    if (room == NULL)
        return MR_E_NOMEM;
    if ((real && make_real(room, owner) != MR_OK) || add_member(room, sock) != MR_OK) {
        (void)free_if_empty(room);
        return MR_E_NOMEM;
    }
    mr__recovery_changed(sock, MR_SESSION_JOINED, name);
    if (!real)
        tell(a, MR_ROOM_CREATED, name, sock);
    tell(a, MR_ROOM_JOINED, name, sock);
    return MR_OK;
}

int mr__room_join(struct mr_adapter *a, struct mr_socket *sock, const char *name)
{
    struct mr_room *room;

    if (strlen(name) > MR_NAME_LEN_MAX)
        return MR_E_INVAL;
    room = mr__room_find(a, name);
    if (room != NULL && member_of(sock, room) != NULL)
        return MR_OK;
    if (room == NULL && strcmp(name, sock->id) == 0) {
        join_own(a, sock);
        return MR_OK;
    }
    if (sock->n_rooms >= sock->srv->opt.rooms_per_socket_max) {
        mr__limit_hit(sock->srv, MR_LIMIT_ROOMS, sock->hs->addr,
                      sock->srv->opt.rooms_per_socket_max);
        return MR_E_AGAIN;
    }
    if (room == NULL)
        return join_new(a, sock, name);
    if (add_member(room, sock) != MR_OK)
        return MR_E_NOMEM;
    mr__recovery_changed(sock, MR_SESSION_JOINED, name);
    tell(a, MR_ROOM_JOINED, name, sock);
    return MR_OK;
}

/* ---- leaving -------------------------------------------------------------------------------- */

static void leave_own(struct mr_adapter *a, struct mr_socket *sock)
{
    sock->own_room = false;
    mr__recovery_changed(sock, MR_SESSION_LEFT, sock->id);
    tell(a, MR_ROOM_LEFT, sock->id, sock);
    tell(a, MR_ROOM_DELETED, sock->id, sock);
}

static void leave(struct mr_adapter *a, struct mr_member *m)
{
    struct mr_socket *sock = m->socket;
    char name[MR_NAME_LEN_MAX + 1];
    bool gone;

    mr__recovery_changed(sock, MR_SESSION_LEFT, m->room->name);
    if (a->on_room == NULL) {
        (void)del_member(m);
        return;
    }
    memcpy(name, m->room->name, strlen(m->room->name) + 1); /* the room may not outlive this */
    gone = del_member(m);
    tell(a, MR_ROOM_LEFT, name, sock);
    if (gone)
        tell(a, MR_ROOM_DELETED, name, sock);
}

void mr__room_leave(struct mr_adapter *a, struct mr_socket *sock, const char *name)
{
    struct mr_room *room = mr__room_find(a, name);
    struct mr_member *m = room ? member_of(sock, room) : NULL;

    if (m != NULL)
        leave(a, m);
    else if (sock->own_room && strcmp(name, sock->id) == 0)
        leave_own(a, sock);
}

void mr__room_leave_all(struct mr_adapter *a, struct mr_socket *sock)
{
    while (sock->n_rooms > 0)
        leave(a, sock->rooms[sock->n_rooms - 1]);
    if (sock->own_room)
        leave_own(a, sock);
    mr_free(sock->rooms);
    sock->rooms = NULL;
    sock->cap_rooms = 0;
}

bool mr__room_has(const struct mr_adapter *a, const struct mr_socket *sock, const char *name)
{
    const struct mr_room *room = mr__room_find(a, name);

    if (room != NULL && member_of(sock, room) != NULL)
        return true;
    return sock->own_room && strcmp(name, sock->id) == 0;
}
