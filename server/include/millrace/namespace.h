/* namespace.h - namespaces that are made when a client asks for them.
 *
 *   mr_nsp_family(srv, "tenants", "/tenant-[0-9]+", NULL, NULL);
 *   mr_on(srv, "tenants", "message", on_message, NULL);     every /tenant-.. has these handlers
 *   mr_emit(srv, "tenants", NULL, "news", args);            to the sockets of all of them
 *   mr_emit(srv, "/tenant-7", NULL, "news", args);          to those of one
 *
 * A CONNECT to a namespace that there is (registering handlers makes one) is never looked at by a
 * family. [thread: loop]
 */
#ifndef MILLRACE_NAMESPACE_H
#define MILLRACE_NAMESPACE_H

#include "proto/err.h"
#include "proto/span.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mr_server;
struct mr_nsp_request; /* opaque; a CONNECT to a namespace that there is not yet */

/* May this namespace be made? auth borrows the client's JSON object ("{}" when it sent none). MR_OK
 * makes it. Any error: the next family is asked, and after the last the client hears "Invalid
 * namespace". MR_E_AGAIN: mr_nsp_allow or mr_nsp_refuse comes later (from a worker: by mr_post),
 * exactly one of them, which frees req; with any other result req is not to be kept. */
typedef int (*mr_nsp_fn)(const char *name, struct mr_span auth, struct mr_nsp_request *req,
                         void *ctx);

/* Namespaces whose whole name matches a POSIX extended regular expression (NULL: any) and that fn
 * (NULL: nobody is asked) lets in. They are made when the first client connects, and have the
 * handlers and middlewares of the family, also those that are registered later: registering,
 * emitting to, joining, leaving and disconnecting take the family's name in place of a namespace's.
 * What is registered for one of them by its own name comes in place of the family's handler
 * (mr_use: behind it). Calls that wait for answers from a family are MR_E_INVAL: they go to one
 * namespace.
 *
 * name must not begin with "/". Copies. MR_OK; MR_E_INVAL: name or pattern means nothing;
 * MR_E_CONFLICT: there is a family of that name; MR_E_NOMEM. */
MR_EXPORT MR_MUSTCHECK int mr_nsp_family(struct mr_server *srv, const char *name,
                                         const char *pattern, mr_nsp_fn fn, void *ctx);
MR_EXPORT void mr_nsp_allow(struct mr_nsp_request *req);
MR_EXPORT void mr_nsp_refuse(struct mr_nsp_request *req);

enum mr_nsp_event {
    MR_NSP_CREATED, /* nobody has connected to it yet: the place to register what is its own */
    MR_NSP_REMOVED, /* empty, and mr_options' cleanup_empty_namespaces is set */
};
/* What happens to the namespaces of families. family: whose it is. Names are borrowed. */
typedef void (*mr_nsp_event_fn)(enum mr_nsp_event what, const char *name, const char *family,
                                void *ctx);
MR_EXPORT void mr_on_namespace(struct mr_server *srv, mr_nsp_event_fn fn, void *ctx);
/* Call fn for each namespace, fixed ones, too (family: NULL), until it returns false. It may not
 * make any. */
MR_EXPORT void mr_nsps_each(struct mr_server *srv,
                            bool (*fn)(const char *name, const char *family, size_t sockets,
                                       void *ctx),
                            void *ctx);

#ifdef __cplusplus
}
#endif

#endif
