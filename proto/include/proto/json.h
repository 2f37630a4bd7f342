/* json.h - spans over JSON text: skip, find, unescape, write. No tree is built.
 *
 * Readers work on text that may be hostile: they never read past the end, refuse nesting deeper
 * than MR_JSON_DEPTH_MAX, and hand out views into the caller's bytes, so that numbers of any size
 * and precision pass through untouched. A value's span excludes the white space around it; a
 * string's value span includes its quotes. [thread: any]
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include "proto/buf.h"

#define MR_JSON_DEPTH_MAX 64

enum mr_json_type {
    MR_JSON_NONE, /* empty span, or not JSON */
    MR_JSON_NULL,
    MR_JSON_FALSE,
    MR_JSON_TRUE,
    MR_JSON_NUMBER,
    MR_JSON_STRING,
    MR_JSON_ARRAY,
    MR_JSON_OBJECT,
};

/* The type of a value, by its first byte. */
enum mr_json_type mr_json_type(struct mr_span value);

/* Check that text is exactly one JSON value (RFC 8259, valid UTF-8, white space around allowed)
 * and give its trimmed span. MR_E_PROTO when not, MR_E_TOOBIG when nested too deep. */
MR_MUSTCHECK int mr_json_check(struct mr_span text, struct mr_span *value);

/* Walk an object or array that is known to be well-formed, or not: errors are found either way.
 *
 *   struct mr_json_iter it;
 *   for (rc = mr_json_begin(&it, object); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;)
 *       it.key (raw string content without quotes, escapes kept; empty in an array), it.value
 *   rc is MR_E_END after the last member, MR_E_PROTO on a syntax error, MR_E_TOOBIG when too deep.
 */
struct mr_json_iter {
    struct mr_span key, value;
    const char *at, *end;
    char close;
    bool first;
    unsigned depth; /* levels open, this container included */
};
MR_MUSTCHECK int mr_json_begin(struct mr_json_iter *it, struct mr_span container);
MR_MUSTCHECK int mr_json_next(struct mr_json_iter *it);

/* The value of a member by name (compared to the raw key). MR_E_NOTFOUND when absent or when
 * object is not an object; MR_E_PROTO on a syntax error before it was found. */
MR_MUSTCHECK int mr_json_get(struct mr_span object, const char *name, struct mr_span *value);

/* Content of a string value without its quotes, escapes kept; empty span when not a string. */
struct mr_span mr_json_string_raw(struct mr_span value);
/* Integer value (no fraction or exponent). MR_E_PROTO when not one or out of int64 range. */
MR_MUSTCHECK int mr_json_int(struct mr_span value, int64_t *out);
/* Append the text of raw string content with its escapes resolved, as UTF-8. \u0000 gives a NUL
 * byte; a lone surrogate becomes U+FFFD. MR_E_PROTO on a bad escape; buffer errors as in buf.h. */
MR_MUSTCHECK int mr_json_unescape(struct mr_span raw, struct mr_buf *out);

/* Append text as a JSON string with quotes; invalid UTF-8 becomes U+FFFD. */
void mr_json_add_string(struct mr_buf *b, struct mr_span text);
/* Append text as a JSON string, or null when text.ptr is NULL. */
void mr_json_add_string_or_null(struct mr_buf *b, struct mr_span text);
/* Append ,"name":"text", or null for a text that is NULL or empty; name is written as it is. */
void mr_json_add_member(struct mr_buf *b, const char *name, const char *text);

#endif
