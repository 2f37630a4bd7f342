/* http_cond.c - preconditions in the order of RFC 9110, 13.2.2. */
#include "io/http_cond.h"

#include "io/http_date.h"

static struct mr_span skip(struct mr_span s, const char *chars)
{
    while (s.len > 0 && strchr(chars, s.ptr[0]) != NULL && s.ptr[0] != '\0')
        s = mr_span_of(s.ptr + 1, s.len - 1);
    return s;
}

/* Is etag in the list? A weak tag counts only where weak ones are compared. */
static bool has_tag(struct mr_span list, struct mr_span etag, bool weak_too)
{
    if (mr_span_is(list, "*"))
        return true;
    for (list = skip(list, " \t,"); list.len > 0; list = skip(list, " \t,")) {
        bool weak = mr_span_starts(list, MR_SPAN("W/"));
        struct mr_span tag = weak ? mr_span_of(list.ptr + 2, list.len - 2) : list;
        const char *end =
            tag.len > 1 && tag.ptr[0] == '"' ? memchr(tag.ptr + 1, '"', tag.len - 1) : NULL;

        if (end == NULL)
            return false; /* no list of tags */
        tag.len = (size_t)(end + 1 - tag.ptr);
        if ((!weak || weak_too) && mr_span_eq(tag, etag))
            return true;
        list = mr_span_of(end + 1, list.len - (size_t)(end + 1 - list.ptr));
    }
    return false;
}

/* Digits, at least one; UINT64_MAX when they are more than any file. */
static bool take_number(struct mr_span *s, uint64_t *out)
{
    size_t n = 0;

    *out = 0;
    for (; n < s->len && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++)
        *out = *out > UINT64_MAX / 100 ? UINT64_MAX : *out * 10 + (uint64_t)(s->ptr[n] - '0');
    *s = mr_span_of(s->ptr + n, s->len - n);
    return n > 0;
}

/* 200, 206 or 416. */
static int range_status(struct mr_span range, uint64_t size, struct mr_range *part)
{
    uint64_t from = 0, to = UINT64_MAX;
    bool has_from;

    if (range.len < 6 || memcmp(range.ptr, "bytes=", 6) != 0)
        return 200;
    range = skip(mr_span_of(range.ptr + 6, range.len - 6), " ");
    has_from = take_number(&range, &from);
    if (range.len == 0 || range.ptr[0] != '-')
        return 200;
    range = mr_span_of(range.ptr + 1, range.len - 1);
    if (!take_number(&range, &to)) {
        if (!has_from)
            return 200;
        to = UINT64_MAX;
    }
    if (skip(range, " ").len > 0 || (has_from && to < from))
        return 200;
    if (!has_from) { /* the last `to` bytes */
        if (to == 0 || size == 0)
            return 416;
        *part = to < size ? (struct mr_range){size - to, to} : (struct mr_range){0, size};
        return 206;
    }
    if (from >= size)
        return 416;
    *part = (struct mr_range){from, (to < size ? to + 1 : size) - from};
    return 206;
}

/* Is what the client has a part of still the same? */
static bool range_holds(struct mr_span if_range, struct mr_span etag, int64_t changed_s)
{
    int64_t date;

    if (if_range.len == 0)
        return true;
    if (mr__date_parse(if_range, &date) == MR_OK)
        return date == changed_s;
    return mr_span_eq(if_range, etag);
}

int mr__cond_status(const struct mr_cond *cond, struct mr_span etag, int64_t changed_s,
                    uint64_t size, bool ranged, struct mr_range *part)
{
    int64_t date;

    *part = (struct mr_range){0, size};
    if (cond->if_match.len > 0) {
        if (!has_tag(cond->if_match, etag, false))
            return 412;
    } else if (mr__date_parse(cond->if_unmodified_since, &date) == MR_OK && changed_s > date) {
        return 412;
    }
    if (cond->if_none_match.len > 0) {
        if (has_tag(cond->if_none_match, etag, true))
            return 304;
    } else if (mr__date_parse(cond->if_modified_since, &date) == MR_OK && changed_s <= date) {
        return 304;
    }
    if (!ranged || cond->range.len == 0 || !range_holds(cond->if_range, etag, changed_s))
        return 200;
    return range_status(cond->range, size, part);
}
