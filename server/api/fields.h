/* fields.h - what the body of a request may hold: one table a resource, from which every fault of
 * an input is found at once, and which the OpenAPI document is compared with. Fields that are not
 * in the table are left alone, so that what was read can be sent back changed.
 *
 * The result is a JSON object of the accepted fields alone, in their stored form (enumerations as
 * they are spelt in the table, UUIDs in lower case): a statement takes it as one jsonb parameter.
 * [thread: worker] */
#ifndef API_FIELDS_H
#define API_FIELDS_H

#include "api/call.h"

enum mr_input_kind {
    MR_INPUT_TEXT, /* min..max characters (code points), no NUL */
    MR_INPUT_ENUM, /* one of choices, any case */
    MR_INPUT_UUID,
    MR_INPUT_BOOL,
    MR_INPUT_INT,     /* min..max */
    MR_INPUT_STRINGS, /* an array of at most max texts, 1 to item_max characters each */
    MR_INPUT_OBJECT,  /* a JSON object of at most max bytes */
};

struct mr_input {
    const char *name;
    enum mr_input_kind kind;
    int64_t min, max;
    int64_t item_max;
    const char *choices; /* "one|two" */
    bool required;       /* when a resource is made; never null */
    const char *if_null; /* JSON that null stands for in a change; NULL: null itself */
    bool (*fits)(struct mr_span text); /* a further rule for a text, or for each of STRINGS */
    const char *rule;                  /* how it is said: "must .." */
};

enum mr_fields_of {
    MR_FIELDS_NEW,    /* what is required must be there; null counts as absent */
    MR_FIELDS_CHANGE, /* what is there changes */
};

/* Read the call's body. Appends the object to out; faults are recorded in the call (look with
 * mr_call_faults). */
void mr_fields_read(struct mr_call *c, const struct mr_input *table, size_t n,
                    enum mr_fields_of what, struct mr_buf *out);

/* The tables, each as long as its _n says: pipeline_fields.c, api_keys.c, connection_fields.c */
extern const struct mr_input mr_pipeline_fields[], mr_api_key_fields[], mr_connection_fields[];
extern const size_t mr_pipeline_fields_n, mr_api_key_fields_n, mr_connection_fields_n;

#endif
