/* args.c - reading JSON arguments where they lie. */
#include "millrace/millrace.h"

#include "proto/json.h"

/* args are the elements of an array without its brackets, and were checked when they came in: the
 * commas on their own level separate them. */
struct mr_span mr_arg(struct mr_span args, size_t i)
{
    size_t from = 0, depth = 0, nth = 0, at = 0;
    struct mr_span value;

    for (; at < args.len; at++) {
        char c = args.ptr[at];

        if (c == '"') {
            for (at++; at < args.len && args.ptr[at] != '"'; at++)
                at += args.ptr[at] == '\\';
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        } else if (c == ',' && depth == 0) {
            if (nth == i)
                break;
            nth++;
            from = at + 1;
        }
    }
    if (at > args.len)
        at = args.len;
    if (nth != i || mr_json_check(mr_span_of(args.ptr + from, at - from), &value) != MR_OK)
        return MR_SPAN_NONE;
    return value;
}

struct mr_span mr_member(struct mr_span object, const char *name)
{
    struct mr_span value;

    return mr_json_get(object, name, &value) == MR_OK ? value : MR_SPAN_NONE;
}

struct mr_span mr_string(struct mr_span value)
{
    return mr_json_string_raw(value);
}
