/* fake_pg.h - a PostgreSQL that does what a test says: refuses, falls silent, hangs up, answers
 * with a given SQLSTATE. It speaks as much of protocol 3 as libpq asks for, on a thread of its own.
 *
 * What a statement does is in its text: "FAIL 23505" fails with that SQLSTATE, "HANG" is never
 * answered, "DIE" ends the connection, BEGIN and the like move the transaction's state, and
 * anything that holds SELECT gives fake->rows. Every statement is noted in fake->said. */
#ifndef TESTS_UNIT_FAKE_PG_H
#define TESTS_UNIT_FAKE_PG_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FAKE_CONNS 16
#define FAKE_BYTES 65536
#define FAKE_SAID  64

struct fake_conn {
    int fd; /* -1: free */
    bool started, failed;
    char tx; /* 'I', 'T' or 'E' */
    char in[FAKE_BYTES];
    size_t len;
    char prepared[64][256]; /* by the number in the name "s0" */
    char portal[256];
};

struct fake_pg {
    int listener, port;
    int control[2], done[2]; /* pipes: a command, and the word that it was carried out */
    pthread_t thread;
    pthread_mutex_t lock;
    bool silent;     /* {lock} accept, and never say a word */
    size_t accepted; /* {lock} connections so far */
    size_t parsed;   /* {lock} statements prepared so far */
    size_t n_said;   /* {lock} */
    char said[FAKE_SAID][256];
    size_t n_rows; /* {lock} the answer to SELECTs: two columns of text */
    const char *rows[16][2];
    struct fake_conn conn[FAKE_CONNS];
};

struct fake_out {
    char at[FAKE_BYTES];
    size_t len, mark;
};

static inline void fake_put(struct fake_out *o, const void *p, size_t n)
{
    if (o->len + n > sizeof(o->at))
        abort();
    memcpy(o->at + o->len, p, n);
    o->len += n;
}

static inline void fake_str(struct fake_out *o, const char *s)
{
    fake_put(o, s, strlen(s) + 1);
}

static inline void fake_i32(struct fake_out *o, size_t v)
{
    uint32_t n = htonl((uint32_t)v);

    fake_put(o, &n, 4);
}

static inline void fake_i16(struct fake_out *o, unsigned v)
{
    uint16_t n = htons((uint16_t)v);

    fake_put(o, &n, 2);
}

static inline void fake_begin(struct fake_out *o, char type)
{
    fake_put(o, &type, 1);
    o->mark = o->len;
    fake_i32(o, 0);
}

static inline void fake_end(struct fake_out *o)
{
    uint32_t n = htonl((uint32_t)(o->len - o->mark));

    memcpy(o->at + o->mark, &n, 4);
}

static inline void fake_error(struct fake_out *o, const char *severity, const char *state,
                              const char *text)
{
    fake_begin(o, 'E');
    fake_put(o, "S", 1), fake_str(o, severity);
    fake_put(o, "V", 1), fake_str(o, severity);
    fake_put(o, "C", 1), fake_str(o, state);
    fake_put(o, "M", 1), fake_str(o, text);
    fake_put(o, "D", 1), fake_str(o, "a row value that nobody may log");
    fake_put(o, "", 1);
    fake_end(o);
}

static inline void fake_ready(struct fake_out *o, struct fake_conn *c)
{
    fake_begin(o, 'Z');
    fake_put(o, &c->tx, 1);
    fake_end(o);
    c->failed = false;
}

static inline void fake_columns(struct fake_out *o)
{
    fake_begin(o, 'T');
    fake_i16(o, 2);
    for (int i = 0; i < 2; i++) {
        fake_str(o, i ? "b" : "a");
        fake_i32(o, 0), fake_i16(o, 0), fake_i32(o, 25), fake_i16(o, 0xffff);
        fake_i32(o, 0xffffffff), fake_i16(o, 0);
    }
    fake_end(o);
}

static inline void fake_row(struct fake_out *o, const char *const row[2])
{
    fake_begin(o, 'D');
    fake_i16(o, 2);
    for (int k = 0; k < 2; k++) {
        fake_i32(o, row[k] ? strlen(row[k]) : 0xffffffff);
        if (row[k])
            fake_put(o, row[k], strlen(row[k]));
    }
    fake_end(o);
}

static inline void fake_rows(struct fake_pg *f, const char *sql, struct fake_out *o)
{
    if (strstr(sql, "to_regclass")) { /* is the table there? It is when there are rows */
        fake_row(o, (const char *const[2]){f->n_rows ? "t" : "f", NULL});
        return;
    }
    for (size_t i = 0; i < f->n_rows; i++)
        fake_row(o, f->rows[i]);
}

/* Carry out one statement. False: nothing more is to be said on this connection. */
static inline bool fake_run(struct fake_pg *f, struct fake_conn *c, const char *sql,
                            struct fake_out *o, bool simple)
{
    const char *fail = strstr(sql, "FAIL ");
    char state[6] = "";

    if (f->n_said < FAKE_SAID)
        (void)snprintf(f->said[f->n_said++], sizeof(f->said[0]), "%s", sql);
    if (strstr(sql, "HANG"))
        return false;
    if (strstr(sql, "DIE")) {
        (void)shutdown(c->fd, SHUT_RDWR);
        return false;
    }
    if (fail) {
        memcpy(state, fail + 5, 5);
        fake_error(o, "ERROR", state, "it failed");
        c->failed = true;
        if (c->tx == 'T')
            c->tx = 'E';
        return true;
    }
    if (strcmp(sql, "BEGIN") == 0)
        c->tx = 'T';
    if (strcmp(sql, "COMMIT") == 0 || strcmp(sql, "ROLLBACK") == 0)
        c->tx = 'I';
    if (strstr(sql, "SELECT") && simple)
        fake_columns(o);
    if (strstr(sql, "SELECT"))
        fake_rows(f, sql, o);
    fake_begin(o, 'C');
    fake_str(o, strstr(sql, "SELECT") ? "SELECT 1" : "OK");
    fake_end(o);
    return true;
}

static inline void fake_welcome(struct fake_out *o, struct fake_conn *c)
{
    static const char *const status[][2] = {{"server_version", "15.0"},
                                            {"client_encoding", "UTF8"},
                                            {"standard_conforming_strings", "on"}};

    fake_begin(o, 'R');
    fake_i32(o, 0);
    fake_end(o);
    for (size_t i = 0; i < 3; i++) {
        fake_begin(o, 'S');
        fake_str(o, status[i][0]), fake_str(o, status[i][1]);
        fake_end(o);
    }
    fake_begin(o, 'K');
    fake_i32(o, 1), fake_i32(o, 2);
    fake_end(o);
    fake_ready(o, c);
    c->started = true;
}

/* One message of an open connection. */
static inline void fake_message(struct fake_pg *f, struct fake_conn *c, char type, const char *body,
                                struct fake_out *o)
{
    const char *second = body + strlen(body) + 1;
    size_t slot = body[0] == 's' ? strtoul(body + 1, NULL, 10) % 64 : 63;

    if (type == 'Q') {
        if (fake_run(f, c, body, o, true))
            fake_ready(o, c);
    } else if (type == 'S') {
        fake_ready(o, c);
    } else if (c->failed) {
        return; /* until Sync */
    } else if (type == 'P') {
        (void)snprintf(c->prepared[slot], sizeof(c->prepared[0]), "%s", second);
        f->parsed++;
        fake_begin(o, '1'), fake_end(o);
    } else if (type == 'B') {
        slot = second[0] == 's' ? strtoul(second + 1, NULL, 10) % 64 : 63;
        (void)snprintf(c->portal, sizeof(c->portal), "%s", c->prepared[slot]);
        fake_begin(o, '2'), fake_end(o);
    } else if (type == 'D' && strstr(c->portal, "SELECT")) {
        fake_columns(o);
    } else if (type == 'D') {
        fake_begin(o, 'n'), fake_end(o);
    } else if (type == 'E' && !fake_run(f, c, c->portal, o, false)) {
        c->tx = 'H'; /* hangs: what follows is not answered either */
    }
}

static inline size_t fake_size(const char *at)
{
    uint32_t n;

    memcpy(&n, at, 4);
    return ntohl(n);
}

static inline void fake_read(struct fake_pg *f, struct fake_conn *c)
{
    static struct fake_out o;
    ssize_t n = recv(c->fd, c->in + c->len, sizeof(c->in) - c->len, 0);

    if (n <= 0) {
        (void)close(c->fd);
        c->fd = -1;
        return;
    }
    c->len += (size_t)n;
    o.len = 0;
    for (;;) {
        size_t head = c->started ? 1 : 0, size;

        if (f->silent || c->tx == 'H' || c->len < head + 4)
            break;
        size = head + fake_size(c->in + head);
        if (c->len < size)
            break;
        if (c->started)
            fake_message(f, c, c->in[0], c->in + 5, &o);
        else if (fake_size(c->in + 4) == 196608) /* 3.0; else a request for TLS or GSS */
            fake_welcome(&o, c);
        else
            fake_put(&o, "N", 1);
        memmove(c->in, c->in + size, c->len - size);
        c->len -= size;
    }
    if (o.len > 0 && send(c->fd, o.at, o.len, MSG_NOSIGNAL) < 0)
        (void)shutdown(c->fd, SHUT_RDWR);
}

static inline void fake_hang_up(struct fake_pg *f, bool farewell)
{
    static struct fake_out o;

    o.len = 0;
    fake_error(&o, "FATAL", "57P01", "terminating connection due to administrator command");
    for (size_t i = 0; i < FAKE_CONNS; i++) {
        if (f->conn[i].fd < 0)
            continue;
        if (farewell)
            (void)send(f->conn[i].fd, o.at, o.len, MSG_NOSIGNAL);
        (void)close(f->conn[i].fd);
        f->conn[i].fd = -1;
    }
}

static inline void fake_accept(struct fake_pg *f)
{
    int fd = accept(f->listener, NULL, NULL);

    for (size_t i = 0; i < FAKE_CONNS && fd >= 0; i++) {
        if (f->conn[i].fd >= 0)
            continue;
        f->conn[i] = (struct fake_conn){.fd = fd, .tx = 'I'};
        f->accepted++;
        return;
    }
    abort();
}

static inline void *fake_serve(void *arg)
{
    struct fake_pg *f = arg;

    for (;;) {
        struct pollfd p[FAKE_CONNS + 2] = {{.fd = f->control[0], .events = POLLIN},
                                           {.fd = f->listener, .events = POLLIN}};
        char command = 0;

        for (size_t i = 0; i < FAKE_CONNS; i++)
            p[i + 2] = (struct pollfd){.fd = f->conn[i].fd, .events = POLLIN};
        if (poll(p, FAKE_CONNS + 2, -1) < 0)
            continue;
        pthread_mutex_lock(&f->lock);
        for (size_t i = 0; i < FAKE_CONNS; i++)
            if (p[i + 2].revents && f->conn[i].fd >= 0)
                fake_read(f, &f->conn[i]);
        if (p[1].revents)
            fake_accept(f);
        if (p[0].revents && read(f->control[0], &command, 1) == 1) {
            if (command != 's')
                fake_hang_up(f, command == 'f');
            if (command == 'r' || command == 'q') {
                (void)close(f->listener);
                f->listener = -1;
            }
        }
        pthread_mutex_unlock(&f->lock);
        if (command && write(f->done[1], &command, 1) != 1)
            abort();
        if (command == 'q')
            return NULL;
    }
}

/* 'f': a farewell, then hang up on all; 'c': hang up on all; 'r': and refuse from now on. */
static inline void fake_do(struct fake_pg *f, char command)
{
    if (write(f->control[1], &command, 1) != 1 || read(f->done[0], &command, 1) != 1)
        abort();
}

static inline void fake_start(struct fake_pg *f)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);

    memset(f, 0, sizeof(*f));
    for (size_t i = 0; i < FAKE_CONNS; i++)
        f->conn[i].fd = -1;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&a, size) != 0 ||
        listen(f->listener, 16) != 0 ||
        getsockname(f->listener, (struct sockaddr *)&a, &size) != 0 || pipe(f->control) != 0 ||
        pipe(f->done) != 0 || pthread_mutex_init(&f->lock, NULL) != 0 ||
        pthread_create(&f->thread, NULL, fake_serve, f) != 0)
        abort();
    f->port = ntohs(a.sin_port);
}

static inline void fake_stop(struct fake_pg *f)
{
    fake_do(f, 'q');
    pthread_join(f->thread, NULL);
    pthread_mutex_destroy(&f->lock);
    for (int i = 0; i < 2; i++)
        (void)close(f->control[i]), (void)close(f->done[i]);
}

#define FAKE_SET(f, field, value)                                                                  \
    do {                                                                                           \
        pthread_mutex_lock(&(f)->lock);                                                            \
        (f)->field = (value);                                                                      \
        pthread_mutex_unlock(&(f)->lock);                                                          \
    } while (0)

static inline size_t fake_get(struct fake_pg *f, const size_t *field)
{
    size_t v;

    pthread_mutex_lock(&f->lock);
    v = *field;
    pthread_mutex_unlock(&f->lock);
    return v;
}

#endif
