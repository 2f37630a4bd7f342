/* drain.h - for core.c and server.c: end what lifecycle.h has begun. [thread: loop] */
#ifndef IO_DRAIN_H
#define IO_DRAIN_H

struct mr_server;

/* No more of it; done is not called. */
void mr__drain_end(struct mr_server *srv);
void mr__reporting_end(struct mr_server *srv);

#endif
