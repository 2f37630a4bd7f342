/* fields.c - one field after the other, each by its kind. */
#include "api/fields.h"
#include "base/uuid.h"
#include "proto/utf8.h"
#include <strings.h>

/* A string's text; false: a fault was recorded. */
static bool text_of(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                    struct mr_buf *text)
{
    if (mr_json_type(v) != MR_JSON_STRING) {
        mr_call_fault(c, f->name,
                      f->kind == MR_INPUT_STRINGS ? "must hold strings" : "must be a string");
        return false;
    }
    if (mr_json_unescape(mr_json_string_raw(v), text) != MR_OK ||
        (text->len > 0 && memchr(text->ptr, 0, text->len))) {
        mr_call_fault(c, f->name, "holds a character that is not allowed");
        return false;
    }
    return true;
}

static bool fits(struct mr_call *c, const struct mr_input *f, struct mr_span text)
{
    if (f->fits == NULL || f->fits(text))
        return true;
    mr_call_fault(c, f->name, "%s", f->rule);
    return false;
}

static void take_text(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                      struct mr_buf *out)
{
    struct mr_buf text = MR_BUF_INIT(1u << 20);
    size_t n;

    if (text_of(c, f, v, &text)) {
        n = mr_utf8_count(mr_buf_span(&text));
        if ((int64_t)n < f->min || (int64_t)n > f->max)
            mr_call_fault(c, f->name, "must have %lld to %lld characters", (long long)f->min,
                          (long long)f->max);
        else if (fits(c, f, mr_buf_span(&text)))
            mr_json_add_string(out, mr_buf_span(&text));
    }
    mr_buf_free(&text);
}

/* "one|two" as "one, two". */
static void say_choices(struct mr_call *c, const struct mr_input *f)
{
    char list[200];
    size_t n = 0;

    for (const char *p = f->choices; *p && n + 3 < sizeof(list); p++) {
        list[n++] = *p == '|' ? ',' : *p;
        if (*p == '|')
            list[n++] = ' ';
    }
    list[n] = '\0';
    mr_call_fault(c, f->name, "must be one of %s", list);
}

static void take_enum(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                      struct mr_buf *out)
{
    struct mr_span text = mr_json_string_raw(v);
    const char *at = f->choices;

    while (mr_json_type(v) == MR_JSON_STRING && *at) {
        size_t n = strcspn(at, "|");

        if (n == text.len && strncasecmp(at, text.ptr, n) == 0) {
            mr_json_add_string(out, mr_span_of(at, n));
            return;
        }
        at += n;
        at += *at == '|';
    }
    say_choices(c, f);
}

static void take_uuid(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                      struct mr_buf *out)
{
    char text[MR_UUID_TEXT];
    struct mr_uuid id;

    if (mr_json_type(v) != MR_JSON_STRING || !mr_uuid_parse(mr_json_string_raw(v), &id)) {
        mr_call_fault(c, f->name, "must be a UUID");
        return;
    }
    mr_uuid_format(id, text);
    mr_json_add_string(out, mr_span_str(text));
}

static void take_int(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                     struct mr_buf *out)
{
    int64_t n;

    if (mr_json_type(v) != MR_JSON_NUMBER || mr_json_int(v, &n) != MR_OK || n < f->min ||
        n > f->max)
        mr_call_fault(c, f->name, "must be a whole number from %lld to %lld", (long long)f->min,
                      (long long)f->max);
    else
        mr_buf_addf(out, "%lld", (long long)n);
}

static bool item_fits(struct mr_call *c, const struct mr_input *f, struct mr_span v)
{
    struct mr_buf text = MR_BUF_INIT(1u << 20);
    bool good = text_of(c, f, v, &text);
    size_t n = mr_utf8_count(mr_buf_span(&text));

    if (good && f->fits == NULL && (n < 1 || (int64_t)n > f->item_max)) {
        mr_call_fault(c, f->name, "must hold texts of 1 to %lld characters",
                      (long long)f->item_max);
        good = false;
    }
    good = good && fits(c, f, mr_buf_span(&text));
    mr_buf_free(&text);
    return good;
}

static void take_strings(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                         struct mr_buf *out)
{
    struct mr_json_iter it;
    int64_t n = 0;
    int rc;

    if (mr_json_type(v) != MR_JSON_ARRAY) {
        mr_call_fault(c, f->name, "must be an array");
        return;
    }
    for (rc = mr_json_begin(&it, v); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        if (++n > f->max) {
            mr_call_fault(c, f->name, "must hold at most %lld", (long long)f->max);
            return;
        }
        if (!item_fits(c, f, it.value))
            return;
    }
    mr_buf_add_span(out, v);
}

/* PostgreSQL's jsonb has no U+0000, wherever it stands. */
static bool holds_nul(struct mr_span v)
{
    for (size_t i = 0; i + 5 < v.len; i++) {
        if (v.ptr[i] != '\\')
            continue;
        if (memcmp(v.ptr + i, "\\u0000", 6) == 0)
            return true;
        i++; /* what is escaped is not a backslash of its own */
    }
    return false;
}

static void take_object(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                        struct mr_buf *out)
{
    if (mr_json_type(v) != MR_JSON_OBJECT)
        mr_call_fault(c, f->name, "must be an object");
    else if ((int64_t)v.len > f->max)
        mr_call_fault(c, f->name, "must have at most %lld bytes", (long long)f->max);
    else if (holds_nul(v))
        mr_call_fault(c, f->name, "holds a character that is not allowed");
    else
        mr_buf_add_span(out, v);
}

static void take_bool(struct mr_call *c, const struct mr_input *f, struct mr_span v,
                      struct mr_buf *out)
{
    enum mr_json_type type = mr_json_type(v);

    if (type == MR_JSON_TRUE || type == MR_JSON_FALSE)
        mr_buf_add_span(out, v);
    else
        mr_call_fault(c, f->name, "must be a boolean");
}

static void take_null(struct mr_call *c, const struct mr_input *f, struct mr_buf *out)
{
    if (f->required)
        mr_call_fault(c, f->name, "must not be null");
    else
        mr_buf_add_str(out, f->if_null ? f->if_null : "null");
}

void mr_fields_read(struct mr_call *c, const struct mr_input *table, size_t n,
                    enum mr_fields_of what, struct mr_buf *out)
{
    static void (*const takes[])(struct mr_call *, const struct mr_input *, struct mr_span,
                                 struct mr_buf *) = {
        [MR_INPUT_TEXT] = take_text,     [MR_INPUT_ENUM] = take_enum,
        [MR_INPUT_UUID] = take_uuid,     [MR_INPUT_BOOL] = take_bool,
        [MR_INPUT_INT] = take_int,       [MR_INPUT_STRINGS] = take_strings,
        [MR_INPUT_OBJECT] = take_object,
    };
    bool first = true;

    mr_buf_add_char(out, '{');
    for (size_t i = 0; i < n; i++) {
        const struct mr_input *f = &table[i];
        struct mr_span v;
        bool there = mr_json_get(c->body, f->name, &v) == MR_OK;
        bool null = there && mr_json_type(v) == MR_JSON_NULL;

        if (!there || (null && what == MR_FIELDS_NEW)) {
            if (f->required && what == MR_FIELDS_NEW)
                mr_call_fault(c, f->name, "is required");
            continue;
        }
        if (!first)
            mr_buf_add_char(out, ',');
        first = false;
        mr_json_add_string(out, mr_span_str(f->name));
        mr_buf_add_char(out, ':');
        if (null)
            take_null(c, f, out);
        else
            takes[f->kind](c, f, v, out);
    }
    mr_buf_add_char(out, '}');
}
