/* message.h - what a message has to be, whichever way it comes. [thread: any] */
#ifndef INGEST_MESSAGE_H
#define INGEST_MESSAGE_H

#include "proto/json.h"

#define MR_MESSAGE_CHARACTERS_MAX 10000 /* of its content; at least 1 */

/* Is it a whole number of at most 18 digits: a user, a channel? batch.c */
bool mr_message_number(struct mr_span v);

#endif
