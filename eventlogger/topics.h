/* topics.h - which pipeline owns a topic.
 *
 * A pipeline claims topics by exact name or by prefix. Where several claim one topic the exact name
 * wins, then the longer prefix, then the older pipeline. A map is built once, sealed, and never
 * changed again, so that threads can share it by reference. Pure: no SQL, no Kafka. */
#ifndef EVENTLOGGER_TOPICS_H
#define EVENTLOGGER_TOPICS_H

#include "base/uuid.h"
#include "proto/err.h"

#define EL_TOPIC_MAX 250 /* Kafka's limit is 249 characters; with the NUL */

struct el_map;

/* One reference, nothing claimed. NULL when out of memory. */
struct el_map *el_map_new(void);
struct el_map *el_map_ref(struct el_map *m); /* [thread: any] */
void el_map_unref(struct el_map *m);         /* NULL is allowed. [thread: any] */

/* Claim; older pipelines first. Copies the name. MR_OK; MR_E_NOMEM. */
MR_MUSTCHECK int el_map_add_topic(struct el_map *m, struct mr_span name, struct mr_uuid pipeline);
MR_MUSTCHECK int el_map_add_prefix(struct el_map *m, struct mr_span prefix,
                                   struct mr_uuid pipeline);
/* After the last claim, before the first question. */
void el_map_seal(struct el_map *m);

/* True and *owner when some pipeline owns the topic. Kafka's own topics are nobody's. */
bool el_map_owner(const struct el_map *m, struct mr_span topic, struct mr_uuid *owner);

#endif
