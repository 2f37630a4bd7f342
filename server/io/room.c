/* room.c - membership. The search for a member walks the shorter side: the socket's rooms, which
 * are few, or the room, when that has fewer members.
 */
#include "io/namespace.h"

#include "proto/alloc.h"

struct mr_room *mr__room_find(const struct mr_nsp *nsp, const char *name)
{
    struct mr_node *node = mr__table_find(&nsp->rooms, mr_span_str(name));

    return node ? MR_CONTAINER(node, struct mr_room, node) : NULL;
}

static struct mr_room *room_new(struct mr_nsp *nsp, const char *name)
{
    size_t len = strlen(name);
    struct mr_room *room = mr_zalloc(1, sizeof(*room) + len + 1);

    if (room == NULL)
        return NULL;
    memcpy(room->name, name, len + 1);
    room->nsp = nsp;
    room->node.name = mr_span_of(room->name, len);
    if (mr__table_put(&nsp->rooms, &room->node) != MR_OK) {
        mr_free(room);
        return NULL;
    }
    nsp->srv->stats.rooms++;
    return room;
}

static void free_if_empty(struct mr_room *room)
{
    if (room->n > 0)
        return;
    mr__table_del(&room->nsp->rooms, &room->node);
    room->nsp->srv->stats.rooms--;
    mr_free(room->members);
    mr_free(room);
}

struct mr_member *mr__room_member(const struct mr_socket *sock, const struct mr_room *room)
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

int mr__room_join(struct mr_socket *sock, const char *name)
{
    struct mr_room *room = mr__room_find(sock->nsp, name);
    struct mr_member *m;

    if (strlen(name) > MR_NAME_LEN_MAX)
        return MR_E_INVAL;
    if (room != NULL && mr__room_member(sock, room) != NULL)
        return MR_OK;
    if (sock->n_rooms >= MR_ROOMS_PER_SOCKET_MAX)
        return MR_E_AGAIN;
    if (room == NULL && (room = room_new(sock->nsp, name)) == NULL)
        return MR_E_NOMEM;
    m = mr_alloc(sizeof(*m));
    if (m == NULL || reserve(room, sock) != MR_OK) {
        mr_free(m);
        free_if_empty(room);
        return MR_E_NOMEM;
    }
    *m = (struct mr_member){room, sock, room->n, sock->n_rooms};
    room->members[room->n++] = m;
    sock->rooms[sock->n_rooms++] = m;
    return MR_OK;
}

/* The last one takes the place of the one that leaves, on both sides. */
void mr__room_leave(struct mr_member *m)
{
    struct mr_room *room = m->room;
    struct mr_socket *sock = m->socket;

    room->members[m->in_room] = room->members[--room->n];
    room->members[m->in_room]->in_room = m->in_room;
    sock->rooms[m->in_socket] = sock->rooms[--sock->n_rooms];
    sock->rooms[m->in_socket]->in_socket = m->in_socket;
    mr_free(m);
    free_if_empty(room);
}

void mr__room_leave_all(struct mr_socket *sock)
{
    while (sock->n_rooms > 0)
        mr__room_leave(sock->rooms[sock->n_rooms - 1]);
    mr_free(sock->rooms);
    sock->rooms = NULL;
    sock->cap_rooms = 0;
}

int mr_join(struct mr_socket *s, const char *room)
{
    MR_ASSERT_LOOP(s->srv);
    if (s->state == MR_SOCKET_GONE)
        return MR_E_CLOSED;
    return mr__room_join(s, room);
}

void mr_leave(struct mr_socket *s, const char *room)
{
    struct mr_room *r = mr__room_find(s->nsp, room);
    struct mr_member *m = r ? mr__room_member(s, r) : NULL;

    MR_ASSERT_LOOP(s->srv);
    if (m != NULL)
        mr__room_leave(m);
}

bool mr_in_room(const struct mr_socket *s, const char *room)
{
    const struct mr_room *r = mr__room_find(s->nsp, room);

    return r != NULL && mr__room_member(s, r) != NULL;
}

size_t mr_room_size(struct mr_server *srv, const char *nsp, const char *room)
{
    const struct mr_nsp *n = mr__nsp_get(srv, mr_span_str(nsp), false);
    const struct mr_room *r;

    if (n == NULL || room == NULL)
        return n ? n->n_members : 0;
    r = mr__room_find(n, room);
    return r ? r->n : 0;
}
