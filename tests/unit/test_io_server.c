/* test_io_server.c - the server as a whole, over real sockets: posting from other threads, origins
 * that may and may not, descriptors that run out, closing with everything still open.
 */
#include "io_client.h"

#include "millrace/millrace.h"
#include "proto/alloc.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define THREADS 3
#define EVENTS  2000
#define OPEN                                                                                       \
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n"      \
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                       \
    "Sec-WebSocket-Version: 13\r\n\r\n"
#define END "Connection: close\r\n\r\n"

static struct mr_server *srv;
static pthread_t server_thread;
static sem_t ready;
static atomic_int disconnected;

static void on_disconnect(struct mr_socket *s, const char *reason, void *ctx)
{
    (void)s;
    (void)ctx;
    must(strcmp(reason, "server shutting down") == 0 || strcmp(reason, "transport close") == 0);
    atomic_fetch_add(&disconnected, 1);
}

static void on_join(struct mr_socket *s, struct mr_span args, int64_t ack_id, void *ctx)
{
    (void)args;
    (void)ctx;
    must(mr_join(s, "room") == MR_OK);
    mr_ack(s, ack_id, MR_SPAN_NONE);
}

static void *serve(void *arg)
{
    const struct mr_options opt = {.cors_origins = "http://a.example, http://b.example:3000"};
    uv_loop_t loop;

    (void)arg;
    must(uv_loop_init(&loop) == 0);
    must(mr_server_new(&srv, &loop, &opt) == MR_OK);
    must(mr_on(srv, "/", "join", on_join, NULL) == MR_OK);
    must(mr_on_disconnect(srv, "/", on_disconnect, NULL) == MR_OK);
    must(mr_server_listen(srv, "127.0.0.1", 0) == MR_OK);
    port = mr_server_port(srv);
    sem_post(&ready);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0);
    return NULL;
}

static int start(void **state)
{
    (void)state;
    atomic_store(&disconnected, 0);
    (void)sem_init(&ready, 0, 0);
    assert_int_equal(pthread_create(&server_thread, NULL, serve, NULL), 0);
    (void)sem_wait(&ready);
    return 0;
}

static void close_server(void *arg)
{
    (void)arg;
    mr_server_close(srv, NULL, NULL);
}

static int stop(void **state)
{
    (void)state;
    assert_int_equal(mr_post(srv, close_server, NULL), MR_OK);
    assert_int_equal(pthread_join(server_thread, NULL), 0);
    return 0;
}

/* A masked text frame with a key of zeros. */
static void say_frame(int fd, const char *text)
{
    char frame[200];
    size_t len = strlen(text);

    assert_true(len < 126);
    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | len);
    memset(frame + 2, 0, 4);
    memcpy(frame + 6, text, len);
    assert_int_equal(send(fd, frame, len + 6, MSG_NOSIGNAL), (ssize_t)(len + 6));
}

static int connect_socket(void)
{
    int fd = dial();

    say(fd, OPEN);
    (void)hear(fd, "maxPayload");
    say_frame(fd, "40");
    (void)hear(fd, "40{\"sid\"");
    say_frame(fd, "420[\"join\"]");
    (void)hear(fd, "430[]");
    return fd;
}

static void *post_events(void *arg)
{
    int thread = *(int *)arg;
    char args[64];

    for (int i = 1; i <= EVENTS; i++) {
        int n = snprintf(args, sizeof(args), "%d,%d", thread, i);

        while (mr_post_emit(srv, "/", "room", "e", mr_span_of(args, (size_t)n)) == MR_E_AGAIN)
            sched_yield();
    }
    return NULL;
}

static void events_posted_from_threads_arrive_each_in_its_order(void **state)
{
    static char in[1 << 16];
    pthread_t threads[THREADS];
    int ids[THREADS], last[THREADS] = {0}, total = 0;
    size_t have = 0;
    int fd = connect_socket();

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        ids[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, post_events, &ids[i]), 0);
    }
    while (total < THREADS * EVENTS) {
        ssize_t got = recv(fd, in + have, sizeof(in) - have, 0);
        size_t at = 0;

        assert_true(got > 0);
        have += (size_t)got;
        while (have - at >= 2 &&
               have - at >= 2u + (unsigned char)in[at + 1]) { /* short frames all */
            char text[130];
            int thread, number;
            size_t len = (unsigned char)in[at + 1];

            memcpy(text, in + at + 2, len);
            text[len] = '\0';
            assert_int_equal(sscanf(text, "42[\"e\",%d,%d]", &thread, &number), 2);
            assert_int_equal(number, ++last[thread]);
            total++;
            at += 2 + len;
        }
        memmove(in, in + at, have - at);
        have -= at;
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    close(fd);
}

static void allowed_origins_may_read_with_credentials_others_may_not(void **state)
{
    const char *answer = ask("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n"
                             "Origin: http://b.example:3000\r\n" END);

    (void)state;
    has(answer, "200 OK\r\n");
    has(answer, "Access-Control-Allow-Origin: http://b.example:3000\r\n");
    has(answer, "Access-Control-Allow-Credentials: true\r\n");
    has(answer, "Vary: Origin\r\n");
    has(ask("GET /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: h\r\n"
            "Origin: http://a.example\r\n" END),
        "Access-Control-Allow-Origin: http://a.example\r\n");
    answer = ask("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n"
                 "Origin: http://a.example.evil\r\n" END);
    has(answer, "200 OK\r\n");
    assert_null(strstr(answer, "Access-Control"));
    answer = ask("OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n"
                 "Origin: http://a.example\r\nAccess-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: x-token\r\n" END);
    has(answer, "HTTP/1.1 204 No Content\r\n");
    has(answer, "Access-Control-Allow-Methods: GET,HEAD,PUT,PATCH,POST,DELETE\r\n");
    has(answer, "Access-Control-Allow-Headers: x-token\r\n");
    answer = ask("OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n"
                 "Origin: http://evil.example\r\n" END);
    has(answer, "HTTP/1.1 204 No Content\r\n");
    assert_null(strstr(answer, "Access-Control"));
}

static void closing_says_good_bye_to_every_transport(void **state)
{
    int ws = connect_socket(), held = dial(), idle = dial();
    char *answer, sid[64], request[300];

    (void)state;
    answer = ask("GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: h\r\n" END);
    assert_int_equal(sscanf(strstr(answer, "\"sid\":\""), "\"sid\":\"%20s", sid), 1);
    (void)snprintf(request, sizeof(request),
                   "GET /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: h\r\n\r\n",
                   sid);
    say(held, request);
    say(idle, "GET /x HTTP/1.1\r\nHost: h\r\n\r\nGET /");
    has(hear(idle, "not found"), "404");
    assert_int_equal(mr_post(srv, close_server, NULL), MR_OK);
    answer = hear(held, NULL);
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\n1");
    (void)hear(idle, NULL);
    answer = hear(ws, "\x88\x02\x03\xe9"); /* 1001, going away */
    close(ws);
    close(held);
    close(idle);
    assert_int_equal(pthread_join(server_thread, NULL), 0);
    assert_int_equal(atomic_load(&disconnected), 1);
}

static void an_address_in_use_is_an_error(void **state)
{
    struct mr_server *other;
    uv_loop_t loop;

    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(mr_server_new(&other, &loop, NULL), MR_OK);
    assert_int_equal(mr_server_listen(other, "127.0.0.1", port), MR_E_IO);
    assert_int_equal(mr_server_listen(other, "127.0.0.1", 70000), MR_E_IO);
    assert_int_equal(mr_on(other, "/", "disconnect", NULL, NULL), MR_E_INVAL);
    mr_server_close(other, NULL, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_posted_from_threads_arrive_each_in_its_order, start,
                                        stop),
        cmocka_unit_test_setup_teardown(allowed_origins_may_read_with_credentials_others_may_not,
                                        start, stop),
        cmocka_unit_test_setup(closing_says_good_bye_to_every_transport, start),
        cmocka_unit_test_setup_teardown(an_address_in_use_is_an_error, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
