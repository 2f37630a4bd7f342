/* test_store_secrets.c - what was sealed opens with its key, in its place, unchanged; and in no
 * other case. */
#include "rows.h"

#include "store/secrets.h"
#include <stdio.h>

#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define ROW   "0190a000-0000-7000-8000-000000000001"

struct key_row {
    const char *name, *keys;
    int rc;
    bool seals;
};

/* clang-format off */
static const struct key_row key_rows[] = {
    {"no key: nothing can be sealed", "", MR_OK, false},
    {"base64 of 32 bytes", KEY_A, MR_OK, true},
    {"64 hex digits", KEY_B, MR_OK, true},
    {"several, with blanks", KEY_A ", " KEY_B, MR_OK, true},
    {"too short", "AAEC", MR_E_CONFIG, false},
    {"63 hex digits", "f0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", MR_E_CONFIG, false},
    {"not base64", "this is not a key of any kind, is it? no", MR_E_CONFIG, false},
    {"a good one and a bad one", KEY_A ",x", MR_E_CONFIG, false},
    {"nine of them", KEY_A "," KEY_A "," KEY_A "," KEY_A "," KEY_A "," KEY_A "," KEY_A "," KEY_A "," KEY_A, MR_E_CONFIG, false},
}; /* clang-format on */

static void test_keys(void **state)
{
    const struct key_row *row = *state;
    struct mr_buf sealed = MR_BUF_INIT(4096);
    struct mr_secrets *s = NULL;

    assert_int_equal(mr_secrets_new(&s, row->keys), row->rc);
    if (row->rc != MR_OK)
        return;
    assert_int_equal(mr_secrets_key_id(s) != NULL, row->seals);
    assert_int_equal(mr_secrets_seal(s, ROW, "password", MR_SPAN("x"), &sealed),
                     row->seals ? MR_OK : MR_E_CONFIG);
    mr_buf_free(&sealed);
    mr_secrets_free(s);
}

static struct mr_secrets *with(const char *keys)
{
    struct mr_secrets *s = NULL;

    assert_int_equal(mr_secrets_new(&s, keys), MR_OK);
    return s;
}

static void test_place_and_bytes(void **state)
{
    static const char secret[] = "p\xc3\xa4ss\0word";
    struct mr_secrets *s = with(KEY_A);
    const char *id = mr_secrets_key_id(s);
    struct mr_buf sealed = MR_BUF_INIT(4096), plain = MR_BUF_INIT(4096);

    (void)state;
    assert_int_equal(
        mr_secrets_seal(s, ROW, "password", mr_span_of(secret, sizeof(secret)), &sealed), MR_OK);
    assert_int_equal(sealed.len, sizeof(secret) + MR_SECRET_EXTRA);
    assert_null(memmem(sealed.ptr, sealed.len, "ss\0wo", 5));
    assert_int_equal(mr_secrets_open(s, ROW, "password", id, mr_buf_span(&sealed), &plain), MR_OK);
    assert_int_equal(plain.len, sizeof(secret));
    assert_memory_equal(plain.ptr, secret, sizeof(secret));
    assert_int_equal(mr_secrets_open(s, "another", "password", id, mr_buf_span(&sealed), &plain),
                     MR_E_DATA);
    assert_int_equal(mr_secrets_open(s, ROW, "column", id, mr_buf_span(&sealed), &plain),
                     MR_E_DATA);
    for (size_t i = 0; i < sealed.len; i++) { /* each byte counts */
        sealed.ptr[i] = (char)(sealed.ptr[i] ^ 1);
        assert_int_equal(mr_secrets_open(s, ROW, "password", id, mr_buf_span(&sealed), &plain),
                         MR_E_DATA);
        sealed.ptr[i] = (char)(sealed.ptr[i] ^ 1);
    }
    for (size_t n = 0; n < sealed.len; n++)
        assert_int_equal(mr_secrets_open(s, ROW, "password", id, mr_span_of(sealed.ptr, n), &plain),
                         MR_E_DATA);
    assert_int_equal(plain.len, sizeof(secret));
    mr_secrets_wipe(&plain);
    mr_buf_free(&sealed);
    mr_secrets_free(s);
}

static void test_rotation(void **state)
{
    struct mr_secrets *was = with(KEY_A), *both = with(KEY_B "," KEY_A), *now = with(KEY_B);
    struct mr_buf sealed = MR_BUF_INIT(4096), plain = MR_BUF_INIT(4096);
    const char *id = mr_secrets_key_id(was);

    (void)state;
    assert_string_not_equal(id, mr_secrets_key_id(both));
    assert_string_equal(mr_secrets_key_id(both), mr_secrets_key_id(now));
    assert_int_equal(mr_secrets_seal(was, ROW, "password", MR_SPAN("secret"), &sealed), MR_OK);
    assert_int_equal(mr_secrets_open(both, ROW, "password", id, mr_buf_span(&sealed), &plain),
                     MR_OK);
    assert_true(mr_span_is(mr_buf_span(&plain), "secret"));
    assert_int_equal(mr_secrets_open(now, ROW, "password", id, mr_buf_span(&sealed), &plain),
                     MR_E_CONFIG);
    mr_buf_free(&plain);
    mr_buf_free(&sealed);
    mr_secrets_free(was);
    mr_secrets_free(both);
    mr_secrets_free(now);
}

static void test_no_two_are_alike(void **state)
{
    struct mr_secrets *s = with(KEY_A);
    struct mr_buf a = MR_BUF_INIT(4096), b = MR_BUF_INIT(4096);

    (void)state;
    assert_int_equal(mr_secrets_seal(s, ROW, "password", MR_SPAN("same"), &a), MR_OK);
    assert_int_equal(mr_secrets_seal(s, ROW, "password", MR_SPAN("same"), &b), MR_OK);
    assert_memory_not_equal(a.ptr, b.ptr, a.len);
    mr_buf_free(&a);
    mr_buf_free(&b);
    mr_secrets_free(s);
}

int main(void)
{
    static struct rows r;

    rows_add(&r, key_rows, test_keys);
    rows_add_one(&r, "bound to its place, and each byte counts", test_place_and_bytes);
    rows_add_one(&r, "an old key opens, the first one seals", test_rotation);
    rows_add_one(&r, "the same secret is sealed differently each time", test_no_two_are_alike);
    return rows_run("secrets", &r);
}
