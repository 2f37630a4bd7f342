/* io_client.h - the simplest client: dial, say, hear. A deadline fails the test; nothing sleeps. */
#ifndef TESTS_UNIT_IO_CLIENT_H
#define TESTS_UNIT_IO_CLIENT_H

#include "rows.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 5000

static int port; /* of the server under test */

/* As assert, on a thread where cmocka's may not be used, and in release builds too. */
#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static inline int dial(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
    return fd;
}

static inline void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Read until the peer closes, or until `until` has been seen. */
static inline char *hear(int fd, const char *until)
{
    static char out[1 << 16];
    size_t n = 0;

    out[0] = '\0';
    while (until == NULL || strstr(out, until) == NULL) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t got;

        if (poll(&p, 1, WAIT_MS) != 1)
            fail_msg("nothing came within %d ms after: %s", WAIT_MS, out);
        got = recv(fd, out + n, sizeof(out) - n - 1, 0);
        assert_true(got >= 0); /* a reset would lose what was said before it */
        if (got == 0)
            break;
        n += (size_t)got;
        out[n] = '\0';
    }
    return out;
}

static inline char *ask(const char *text)
{
    int fd = dial();
    char *answer;

    say(fd, text);
    answer = hear(fd, NULL);
    close(fd);
    return answer;
}

static inline void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

#endif
