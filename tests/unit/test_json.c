/* test_json.c - what is JSON, what walking it yields, and that the two agree on every row. Strings
 * are scanned in blocks, so the rows are also tried behind strings of many lengths.
 */
#include "guard.h"
#include "rows.h"

#include "proto/json.h"

struct check_row {
    const char *name;
    struct mr_span text;
    int rc;
};

/* clang-format off */
static const struct check_row checks[] = {
    {"an object", TEXT("{\"a\":1,\"b\":[true,false,null]}"), MR_OK},
    {"an empty object and an empty array", TEXT("[{},[]]"), MR_OK},
    {"white space everywhere", TEXT(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } } \n"), MR_OK},
    {"a lone number", TEXT("0"), MR_OK},
    {"a lone string", TEXT("\"\""), MR_OK},
    {"a lone null", TEXT("null"), MR_OK},
    {"numbers of every form", TEXT("[0,-0,1.5,-1.5e10,1E+2,2e-3,123456789012345678901234567890]"), MR_OK},
    {"every escape", TEXT("\"\\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u00e9 \\uD83D\\uDE00\""), MR_OK},
    {"a lone surrogate in an escape is still JSON", TEXT("\"\\ud800\""), MR_OK},
    {"UTF-8 of all lengths", TEXT("\"\xc3\xbc\xe6\x97\xa5\xf0\x9f\x98\x80\""), MR_OK},
    {"the same key twice", TEXT("{\"a\":1,\"a\":2}"), MR_OK},
    {"an empty key", TEXT("{\"\":1}"), MR_OK},
    {"DEL is no control byte in JSON", TEXT("\"\177\""), MR_OK},
    {"nothing", TEXT(""), MR_E_PROTO},
    {"only white space", TEXT("  \n"), MR_E_PROTO},
    {"two values", TEXT("1 2"), MR_E_PROTO},
    {"a NUL behind the value", TEXT("1\0"), MR_E_PROTO},
    {"a byte order mark", TEXT("\xef\xbb\xbf{}"), MR_E_PROTO},
    {"a comma too many in an array", TEXT("[1,]"), MR_E_PROTO},
    {"a comma too many in an object", TEXT("{\"a\":1,}"), MR_E_PROTO},
    {"a leading comma", TEXT("[,1]"), MR_E_PROTO},
    {"a leading comma in an object", TEXT("{,\"a\":1}"), MR_E_PROTO},
    {"a missing comma", TEXT("[1 2]"), MR_E_PROTO},
    {"a missing comma between members", TEXT("{\"a\":1 \"b\":2}"), MR_E_PROTO},
    {"a missing colon", TEXT("{\"a\" 1}"), MR_E_PROTO},
    {"a missing value", TEXT("{\"a\":}"), MR_E_PROTO},
    {"a key that is no string", TEXT("{1:2}"), MR_E_PROTO},
    {"a key alone", TEXT("{\"a\"}"), MR_E_PROTO},
    {"a colon in an array", TEXT("[\"a\":1]"), MR_E_PROTO},
    {"brackets that do not match", TEXT("[1}"), MR_E_PROTO},
    {"braces that do not match", TEXT("{\"a\":1]"), MR_E_PROTO},
    {"nested brackets that do not match", TEXT("[{\"a\":[1}]]"), MR_E_PROTO},
    {"a bracket too many", TEXT("[1]]"), MR_E_PROTO},
    {"a bracket too few", TEXT("[[1]"), MR_E_PROTO},
    {"a string that does not end", TEXT("\"abc"), MR_E_PROTO},
    {"a string that ends in a backslash", TEXT("\"abc\\"), MR_E_PROTO},
    {"a string whose quote is escaped", TEXT("\"abc\\\""), MR_E_PROTO},
    {"an escape that is none", TEXT("\"\\x\""), MR_E_PROTO},
    {"an escaped NUL byte", TEXT("\"\\\0\""), MR_E_PROTO},
    {"a short unicode escape", TEXT("\"\\u12\""), MR_E_PROTO},
    {"a unicode escape that is not hexadecimal", TEXT("\"\\u12g4\""), MR_E_PROTO},
    {"a tab in a string", TEXT("\"a\tb\""), MR_E_PROTO},
    {"a line end in a string", TEXT("\"a\nb\""), MR_E_PROTO},
    {"a NUL in a string", TEXT("\"a\0b\""), MR_E_PROTO},
    {"bytes that are not UTF-8", TEXT("\"\xff\""), MR_E_PROTO},
    {"a surrogate in UTF-8", TEXT("\"\xed\xa0\x80\""), MR_E_PROTO},
    {"UTF-8 that breaks off", TEXT("\"\xe6\x97\""), MR_E_PROTO},
    {"bytes that are not UTF-8 in a key", TEXT("{\"\xc0\xaf\":1}"), MR_E_PROTO},
    {"a leading zero", TEXT("01"), MR_E_PROTO},
    {"a minus alone", TEXT("-"), MR_E_PROTO},
    {"a minus before a letter", TEXT("[-a]"), MR_E_PROTO},
    {"a plus", TEXT("+1"), MR_E_PROTO},
    {"a point without digits", TEXT("1."), MR_E_PROTO},
    {"digits missing before the point", TEXT(".5"), MR_E_PROTO},
    {"an exponent without digits", TEXT("1e"), MR_E_PROTO},
    {"an exponent with only a sign", TEXT("1e+"), MR_E_PROTO},
    {"a hexadecimal number", TEXT("0x10"), MR_E_PROTO},
    {"not a number", TEXT("NaN"), MR_E_PROTO},
    {"infinity", TEXT("[Infinity]"), MR_E_PROTO},
    {"a word cut short", TEXT("[tru]"), MR_E_PROTO},
    {"a word in capitals", TEXT("True"), MR_E_PROTO},
    {"a word too long", TEXT("nullx"), MR_E_PROTO},
    {"single quotes", TEXT("{'a':1}"), MR_E_PROTO},
    {"a comment", TEXT("[1/*x*/]"), MR_E_PROTO},
};
/* clang-format on */

/* Walk everything there is to walk; MR_OK when no error was met. Bounded by the depth limit. */
static int walk(struct mr_span value, unsigned depth)
{
    struct mr_json_iter it;
    int rc;

    assert_true(depth <= MR_JSON_DEPTH_MAX + 1);
    if (mr_json_type(value) != MR_JSON_ARRAY && mr_json_type(value) != MR_JSON_OBJECT)
        return MR_OK;
    for (rc = mr_json_begin(&it, value); rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK;) {
        assert_true(span_inside(it.key, value) && span_inside(it.value, value));
        if (walk(it.value, depth + 1) != MR_OK)
            return MR_E_PROTO;
    }
    return rc == MR_E_END ? MR_OK : rc;
}

/* Check text under the guard; a container must be found the same by walking it. */
static int check_text(struct guard *g, struct mr_span text)
{
    struct mr_span copy = guard_copy(g, text);
    struct mr_span value = MR_SPAN_NONE;
    struct mr_json_iter it;
    int rc = mr_json_check(copy, &value);

    if (rc == MR_OK) {
        assert_true(span_inside(value, copy) && value.len > 0);
        assert_int_equal(walk(value, 0), MR_OK);
    } else {
        int walked = mr_json_begin(&it, copy);

        while (walked == MR_OK)
            walked = mr_json_next(&it);
        assert_int_not_equal(walked, MR_E_END);
    }
    return rc;
}

static void check_json(void **state)
{
    const struct check_row *row = *state;
    struct guard g = {NULL, 0};
    struct mr_buf b = MR_BUF_INIT(1000);

    assert_int_equal(check_text(&g, row->text), row->rc);
    for (size_t len = 0; len < row->text.len; len++)
        (void)check_text(&g, mr_span_of(row->text.ptr, len));
    for (size_t lead = 0; lead < 40; lead++) {
        mr_buf_clear(&b);
        mr_buf_add_str(&b, "[\"");
        for (size_t i = 0; i < lead; i++)
            mr_buf_add_char(&b, 'x');
        mr_buf_add_str(&b, "\",");
        mr_buf_add_span(&b, row->text);
        mr_buf_add_str(&b, "]");
        if (row->rc == MR_OK)
            assert_int_equal(check_text(&g, mr_buf_span(&b)), MR_OK);
        else
            (void)check_text(&g, mr_buf_span(&b));
    }
    mr_buf_free(&b);
    guard_free(&g);
}

/* open, n times; inside; close, n times */
static int check_nested(const char *open, const char *inside, const char *close, int n)
{
    struct guard g = {NULL, 0};
    struct mr_buf b = MR_BUF_INIT(1 << 22);
    int rc;

    for (int i = 0; i < n; i++)
        mr_buf_add_str(&b, open);
    mr_buf_add_str(&b, inside);
    for (int i = 0; i < n; i++)
        mr_buf_add_str(&b, close);
    rc = check_text(&g, mr_buf_span(&b));
    mr_buf_free(&b);
    guard_free(&g);
    return rc;
}

static void nesting_ends_at_64(void **state)
{
    (void)state;
    assert_int_equal(check_nested("[", "", "]", 64), MR_OK);
    assert_int_equal(check_nested("[", "", "]", 65), MR_E_TOOBIG);
    assert_int_equal(check_nested("{\"a\":", "1", "}", 64), MR_OK);
    assert_int_equal(check_nested("{\"a\":", "1", "}", 65), MR_E_TOOBIG);
    assert_int_equal(check_nested("[{\"a\":", "1", "}]", 32), MR_OK);
    assert_int_equal(check_nested("[{\"a\":", "[]", "}]", 32), MR_E_TOOBIG);
    assert_int_equal(check_nested("[", "", "", 1000000), MR_E_TOOBIG);
}

static void breadth_is_not_depth(void **state)
{
    struct guard g = {NULL, 0};
    struct mr_buf b = MR_BUF_INIT(1 << 20);

    (void)state;
    mr_buf_add_char(&b, '[');
    for (int i = 0; i < 1000; i++)
        mr_buf_add_str(&b, "{\"a\":[1]},");
    mr_buf_add_str(&b, "0]");
    assert_int_equal(check_text(&g, mr_buf_span(&b)), MR_OK);
    mr_buf_free(&b);
    guard_free(&g);
}

struct walk_row {
    const char *name;
    struct mr_span text;
    const char *want; /* key=value; ... then the error that ended it, unless it was the end */
};

/* clang-format off */
static const struct walk_row walks[] = {
    {"members in order, values whole", TEXT("{\"a\":1,\"b\":{\"c\":[2]},\"d\":\"x\"}"), "a=1;b={\"c\":[2]};d=\"x\";"},
    {"elements have no key", TEXT("[1,[2,3],{}]"), "=1;=[2,3];={};"},
    {"an empty container ends at once", TEXT(" [ ] "), ""},
    {"values are trimmed", TEXT("{ \"a\" : 1 , \"b\" :\t[ ] }"), "a=1;b=[ ];"},
    {"keys keep their escapes", TEXT("{\"a\\\"b\":1}"), "a\\\"b=1;"},
    {"numbers of any precision", TEXT("[9223372036854775808,0.1000000000000000055511151231257827]"), "=9223372036854775808;=0.1000000000000000055511151231257827;"},
    {"what comes before an error is given", TEXT("[1,2,x]"), "=1;=2;E_PROTO"},
    {"an error inside a value", TEXT("{\"a\":1,\"b\":[1 2]}"), "a=1;E_PROTO"},
    {"text behind the container", TEXT("[1]x"), "=1;E_PROTO"},
    {"a scalar cannot be walked", TEXT("12"), "E_PROTO"},
    {"nothing cannot be walked", TEXT(""), "E_PROTO"},
};
/* clang-format on */

static void check_walk(void **state)
{
    const struct walk_row *row = *state;
    struct guard g = {NULL, 0};
    struct mr_buf got = MR_BUF_INIT(1000);
    struct mr_json_iter it;
    int rc = mr_json_begin(&it, guard_copy(&g, row->text));

    while (rc == MR_OK && (rc = mr_json_next(&it)) == MR_OK) {
        mr_buf_add_span(&got, it.key);
        mr_buf_add_char(&got, '=');
        mr_buf_add_span(&got, it.value);
        mr_buf_add_char(&got, ';');
    }
    if (rc != MR_E_END)
        mr_buf_add_str(&got, mr_err_name(rc));
    assert_string_equal(mr_buf_cstr(&got), row->want);
    mr_buf_free(&got);
    guard_free(&g);
}

static void a_member_is_found_by_name(void **state)
{
    const struct mr_span object = MR_SPAN("{\"aa\":{\"a\":0},\"a\":\"one\",\"b\":2,\"z\":tru}");
    struct mr_span value = MR_SPAN("untouched");

    (void)state;
    assert_int_equal(mr_json_get(object, "a", &value), MR_OK);
    assert_span(value, MR_SPAN("\"one\""));
    assert_span(mr_json_string_raw(value), MR_SPAN("one"));
    assert_int_equal(mr_json_get(object, "z", &value), MR_E_PROTO);
    assert_int_equal(mr_json_get(MR_SPAN("{\"a\":1}"), "b", &value), MR_E_NOTFOUND);
    assert_int_equal(mr_json_get(MR_SPAN("[\"a\"]"), "a", &value), MR_E_NOTFOUND);
    assert_int_equal(mr_json_get(MR_SPAN("7"), "a", &value), MR_E_NOTFOUND);
    assert_int_equal(mr_json_get(MR_SPAN_NONE, "a", &value), MR_E_NOTFOUND);
    assert_span(value, MR_SPAN("\"one\""));
    assert_int_equal(mr_json_string_raw(MR_SPAN("12")).len, 0);
}

struct int_row {
    const char *name, *text;
    int rc;
    int64_t want;
};

static const struct int_row ints[] = {
    {"zero", "0", MR_OK, 0},
    {"the greatest integer", "9223372036854775807", MR_OK, INT64_MAX},
    {"the least integer", "-9223372036854775808", MR_OK, INT64_MIN},
    {"one above the greatest", "9223372036854775808", MR_E_PROTO, 0},
    {"one below the least", "-9223372036854775809", MR_E_PROTO, 0},
    {"far above the greatest", "100000000000000000000000", MR_E_PROTO, 0},
    {"a fraction is no integer", "1.0", MR_E_PROTO, 0},
    {"an exponent is no integer", "1e3", MR_E_PROTO, 0},
    {"a string is no integer", "\"1\"", MR_E_PROTO, 0},
    {"a minus is no integer", "-", MR_E_PROTO, 0},
    {"a leading zero is no integer", "-01", MR_E_PROTO, 0},
    {"nothing is no integer", "", MR_E_PROTO, 0},
};

static void check_int(void **state)
{
    const struct int_row *row = *state;
    int64_t got = -77;

    assert_int_equal(mr_json_int(mr_span_str(row->text), &got), row->rc);
    assert_true(got == (row->rc == MR_OK ? row->want : -77));
}

struct escape_row {
    const char *name;
    struct mr_span raw, text; /* text.ptr NULL: a bad escape */
    bool canonical;           /* writing text gives raw again */
};

/* clang-format off */
static const struct escape_row escapes[] = {
    {"plain text", TEXT("plain"), TEXT("plain"), true},
    {"no text", TEXT(""), TEXT(""), true},
    {"the short escapes", TEXT("\\\"\\\\\\b\\f\\n\\r\\t"), TEXT("\"\\\b\f\n\r\t"), true},
    {"an escaped slash is a slash", TEXT("a\\/b"), TEXT("a/b"), false},
    {"an escaped NUL is a NUL", TEXT("a\\u0000b"), TEXT("a\0b"), true},
    {"other controls have hexadecimal escapes", TEXT("\\u001f\\u0001"), TEXT("\x1f\x01"), true},
    {"escapes of two and three bytes", TEXT("\\u00E9\\u65e5"), TEXT("\xc3\xa9\xe6\x97\xa5"), false},
    {"a surrogate pair is one character", TEXT("\\ud83d\\ude00"), TEXT("\xf0\x9f\x98\x80"), false},
    {"a high surrogate alone is replaced", TEXT("\\ud83dx"), TEXT("\xef\xbf\xbdx"), false},
    {"a high surrogate before another escape", TEXT("\\ud83d\\n"), TEXT("\xef\xbf\xbd\n"), false},
    {"a high surrogate before a character above all surrogates", TEXT("\\ud83d\\uffee"), TEXT("\xef\xbf\xbd\xef\xbf\xae"), false},
    {"two high surrogates", TEXT("\\ud83d\\ud83d\\ude00"), TEXT("\xef\xbf\xbd\xf0\x9f\x98\x80"), false},
    {"a low surrogate alone is replaced", TEXT("\\ude00"), TEXT("\xef\xbf\xbd"), false},
    {"UTF-8 stays", TEXT("\xc3\xbc"), TEXT("\xc3\xbc"), true},
    {"a text longer than a block, with an escape in it", TEXT("0123456789abcdef0123\\n456789abcdef"), TEXT("0123456789abcdef0123\n456789abcdef"), true},
    {"a backslash at the end", TEXT("a\\"), {NULL, 0}, false},
    {"an unknown escape", TEXT("\\q"), {NULL, 0}, false},
    {"a short unicode escape", TEXT("\\u12"), {NULL, 0}, false},
    {"a unicode escape with a letter beyond f", TEXT("\\u00g0"), {NULL, 0}, false},
};
/* clang-format on */

static void check_escape(void **state)
{
    const struct escape_row *row = *state;
    struct guard g = {NULL, 0};
    struct mr_buf b = MR_BUF_INIT(1000);
    int rc = mr_json_unescape(guard_copy(&g, row->raw), &b);

    assert_int_equal(rc, row->text.ptr ? MR_OK : MR_E_PROTO);
    if (rc == MR_OK) {
        assert_span(mr_buf_span(&b), row->text);
        mr_buf_clear(&b);
        mr_json_add_string(&b, guard_copy(&g, row->text));
        assert_int_equal(check_text(&g, mr_buf_span(&b)), MR_OK);
        if (row->canonical)
            assert_span(mr_json_string_raw(mr_buf_span(&b)), row->raw);
    }
    mr_buf_free(&b);
    guard_free(&g);
}

static void written_strings_are_always_json(void **state)
{
    struct guard g = {NULL, 0};
    struct mr_buf b = MR_BUF_INIT(4000);
    char bytes[256];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(255 - i);
    mr_json_add_string(&b, guard_copy(&g, mr_span_of(bytes, sizeof(bytes))));
    assert_int_equal(check_text(&g, mr_buf_span(&b)), MR_OK);
    mr_buf_clear(&b);
    mr_json_add_string(&b, MR_SPAN("a\xff\xe6\x97z"));
    assert_string_equal(mr_buf_cstr(&b), "\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\"");
    mr_buf_clear(&b);
    mr_json_add_string_or_null(&b, MR_SPAN_NONE);
    mr_json_add_string_or_null(&b, MR_SPAN(""));
    assert_string_equal(mr_buf_cstr(&b), "null\"\"");
    mr_buf_free(&b);
    guard_free(&g);
}

int main(void)
{
    struct rows r = {.n = 0};

    rows_add(&r, checks, check_json);
    rows_add_one(&r, "nesting ends at 64 levels", nesting_ends_at_64);
    rows_add_one(&r, "breadth is not depth", breadth_is_not_depth);
    rows_add(&r, walks, check_walk);
    rows_add_one(&r, "a member is found by its name", a_member_is_found_by_name);
    rows_add(&r, ints, check_int);
    rows_add(&r, escapes, check_escape);
    rows_add_one(&r, "written strings are always JSON", written_strings_are_always_json);
    return rows_run("json", &r);
}
