/* main_tsan.c - only in the ThreadSanitizer build: C11 threads by way of POSIX ones.
 *
 * librdkafka makes its threads and locks with <threads.h>, which ThreadSanitizer does not know:
 * such a thread has no stack of its own in the tool's books, and the tool crashes when it wants to
 * report something there. These definitions take the place of the C library's for the whole
 * process, so that it sees every thread and every lock. Every program that makes a Kafka client has
 * to be linked with this file. Elsewhere it is empty. */
#if defined(__SANITIZE_THREAD__)
#define MR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MR_TSAN 1
#endif
#endif

#ifdef MR_TSAN
#include "proto/alloc.h"
#include "proto/err.h"
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "mtx_t holds a POSIX mutex");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "cnd_t holds a POSIX condition");

const char *__tsan_default_suppressions(void);

/* librdkafka hands an object with a new lock to a thread that runs already by atomic operations,
 * which the tool cannot see in a library that was built without it: it takes the making of the lock
 * and its first use for a race. So accesses to a lock itself are not reported; races on what the
 * locks guard are. The project's own code uses POSIX locks, which are not concerned. */
MR_EXPORT const char *__tsan_default_suppressions(void)
{
    return "race:^mtx_\n";
}

static int result(int rc)
{
    switch (rc) {
    case 0:
        return thrd_success;
    case EBUSY:
        return thrd_busy;
    case ETIMEDOUT:
        return thrd_timedout;
    case ENOMEM:
        return thrd_nomem;
    default:
        return thrd_error;
    }
}

struct start {
    thrd_start_t fn;
    void *arg;
};

static void *run(void *arg)
{
    struct start s = *(struct start *)arg;

    mr_free(arg);
    return (void *)(intptr_t)s.fn(s.arg);
}

MR_EXPORT int thrd_create(thrd_t *t, thrd_start_t fn, void *arg)
{
    struct start *s = mr_alloc(sizeof(*s));
    int rc;

    if (!s)
        return thrd_nomem;
    *s = (struct start){fn, arg};
    rc = pthread_create(t, NULL, run, s);
    if (rc != 0)
        mr_free(s);
    return result(rc);
}

MR_EXPORT int thrd_join(thrd_t t, int *res)
{
    void *value = NULL;
    int rc = pthread_join(t, &value);

    if (res)
        *res = (int)(intptr_t)value;
    return result(rc);
}

MR_EXPORT int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t attr;
    int rc;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type & mtx_recursive ? PTHREAD_MUTEX_RECURSIVE
                                                          : PTHREAD_MUTEX_NORMAL);
    rc = pthread_mutex_init((pthread_mutex_t *)m, &attr);
    pthread_mutexattr_destroy(&attr);
    return result(rc);
}

MR_EXPORT void mtx_destroy(mtx_t *m)
{
    pthread_mutex_destroy((pthread_mutex_t *)m);
}

MR_EXPORT int mtx_lock(mtx_t *m)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)m));
}

MR_EXPORT int mtx_unlock(mtx_t *m)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)m));
}

MR_EXPORT int cnd_init(cnd_t *c)
{
    return result(pthread_cond_init((pthread_cond_t *)c, NULL));
}

MR_EXPORT void cnd_destroy(cnd_t *c)
{
    pthread_cond_destroy((pthread_cond_t *)c);
}

MR_EXPORT int cnd_signal(cnd_t *c)
{
    return result(pthread_cond_signal((pthread_cond_t *)c));
}

MR_EXPORT int cnd_broadcast(cnd_t *c)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)c));
}

MR_EXPORT int cnd_wait(cnd_t *c, mtx_t *m)
{
    return result(pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

MR_EXPORT int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m,
                            const struct timespec *restrict ts)
{
    return result(pthread_cond_timedwait((pthread_cond_t *)c, (pthread_mutex_t *)m, ts));
}
#else
typedef int mr_nothing_to_do; /* a file may not be empty */
#endif
