/* io_loop.h - a server on its loop in a thread of its own, for the clients of io_client.h.
 * Include it last: it has a variable named as parameters of the library are. */
#ifndef TESTS_UNIT_IO_LOOP_H
#define TESTS_UNIT_IO_LOOP_H

#include "io_client.h"

#include "millrace/millrace.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static struct mr_server *srv;
static pthread_t loop_thread;
static sem_t loop_ready;
static struct mr_options loop_options; /* set before loop_start, or all defaults */
static void loop_setup(void);          /* the test's: its routes; on the loop's thread */

static inline void *loop_serve(void *arg)
{
    uv_loop_t loop;

    (void)arg;
    must(uv_loop_init(&loop) == 0);
    must(mr_server_new(&srv, &loop, &loop_options) == MR_OK);
    loop_setup();
    must(mr_server_listen(srv, "127.0.0.1", 0) == MR_OK);
    port = mr_server_port(srv);
    sem_post(&loop_ready);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop) == 0); /* nothing of ours is left on it */
    return NULL;
}

static inline int loop_start(void **state)
{
    (void)state;
    (void)sem_init(&loop_ready, 0, 0);
    assert_int_equal(pthread_create(&loop_thread, NULL, loop_serve, NULL), 0);
    (void)sem_wait(&loop_ready);
    return 0;
}

static inline void loop_close(void *arg)
{
    (void)arg;
    mr_server_close(srv, NULL, NULL);
}

static inline int loop_stop(void **state)
{
    (void)state;
    assert_int_equal(mr_post(srv, loop_close, NULL), MR_OK);
    assert_int_equal(pthread_join(loop_thread, NULL), 0);
    return 0;
}

/* Until a number that the loop counts is what it must become. */
static inline void wait_for(atomic_int *value, int want)
{
    for (int i = 0; atomic_load(value) != want; i++) {
        if (i > WAIT_MS)
            fail_msg("%d instead of %d", atomic_load(value), want);
        (void)poll(NULL, 0, 1);
    }
}

#endif
