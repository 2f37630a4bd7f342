/* test_api_auth.c - which tokens are believed, how passwords are compared, who has to wait. Time is
 * passed in. */
#include "rows.h"

#include "api/auth.h"
#include "api/password.h"
#include "api/throttle.h"
#include <jwt.h>
#include <stdio.h>

#define SECRET "a test key of more than thirty-two characters"
#define USER   "018f2a50-7c39-7b0a-8d7e-2f6d3c4b5a69"
#define NOW    1700000000

static struct mr_auth *make_auth(const char *secret, const char *mode)
{
    char secret_text[128], mode_text[16];
    struct mr_config cfg = {.jwt_secret = secret_text, .auth = mode_text};
    struct mr_auth *a = NULL;

    (void)snprintf(secret_text, sizeof(secret_text), "%s", secret);
    (void)snprintf(mode_text, sizeof(mode_text), "%s", mode);
    assert_int_equal(mr_auth_new(&a, &cfg), MR_OK);
    return a;
}

static void test_own_token(void **state)
{
    struct mr_auth *a = make_auth(SECRET, "required");
    struct mr_identity who = {.user_id = USER, .username = "ann", .role = MR_ROLE_OPERATOR}, got;
    struct mr_buf token = MR_BUF_INIT(MR_TOKEN_BYTES_MAX);

    (void)state;
    assert_int_equal(mr_auth_issue(a, &who, NOW, 900, &token), MR_OK);
    assert_int_equal(mr_auth_check(a, mr_buf_span(&token), NOW + 899, &got), MR_OK);
    assert_string_equal(got.user_id, USER);
    assert_string_equal(got.username, "ann");
    assert_int_equal(got.role, MR_ROLE_OPERATOR);
    assert_int_equal(got.expires_at, NOW + 900);
    assert_int_equal(mr_auth_check(a, mr_buf_span(&token), NOW + 900, &got), MR_E_TIMEOUT);
    assert_int_equal(got.role, MR_ROLE_NONE);
    mr_buf_free(&token);
    mr_auth_free(a);
}

struct forged {
    const char *name;
    const char *iss, *sub, *role, *jti;
    const char *key;
    long exp;
    jwt_alg_t alg;
    int rc;
};

/* clang-format off */
static const struct forged forgeries[] = {
    {"the forger's tools work", "millrace", USER, "admin", "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_OK},
    {"another key", "millrace", USER, "admin", "x", "some other key of thirty-two characters", NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"another algorithm with our key", "millrace", USER, "admin", "x", SECRET, NOW + 9, JWT_ALG_HS512, MR_E_AUTH},
    {"no algorithm and no signature", "millrace", USER, "admin", "x", NULL, NOW + 9, JWT_ALG_NONE, MR_E_AUTH},
    {"another issuer", "somebody", USER, "admin", "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"no issuer", NULL, USER, "admin", "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"a subject that is no user id", "millrace", "root", "admin", "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"no subject", "millrace", NULL, "admin", "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"a role that does not exist", "millrace", USER, "emperor", "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"no role", "millrace", USER, NULL, "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"the role \"none\"", "millrace", USER, "none", "x", SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"no jti", "millrace", USER, "admin", NULL, SECRET, NOW + 9, JWT_ALG_HS256, MR_E_AUTH},
    {"no expiry", "millrace", USER, "admin", "x", SECRET, 0, JWT_ALG_HS256, MR_E_AUTH},
    {"expired", "millrace", USER, "admin", "x", SECRET, NOW - 1, JWT_ALG_HS256, MR_E_TIMEOUT},
}; /* clang-format on */

static void test_forged(void **state)
{
    const struct forged *row = *state;
    struct mr_auth *a = make_auth(SECRET, "required");
    struct mr_identity got;
    jwt_t *jwt = NULL;
    char *text;

    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_set_alg(jwt, row->alg, (const unsigned char *)row->key,
                                 row->key ? (int)strlen(row->key) : 0),
                     0);
    if (row->iss)
        jwt_add_grant(jwt, "iss", row->iss);
    if (row->sub)
        jwt_add_grant(jwt, "sub", row->sub);
    if (row->role)
        jwt_add_grant(jwt, "role", row->role);
    if (row->jti)
        jwt_add_grant(jwt, "jti", row->jti);
    if (row->exp)
        jwt_add_grant_int(jwt, "exp", row->exp);
    text = jwt_encode_str(jwt);
    assert_int_equal(mr_auth_check(a, mr_span_str(text), NOW, &got), row->rc);
    if (row->rc != MR_OK)
        assert_int_equal(got.role, MR_ROLE_NONE);
    free(text);
    jwt_free(jwt);
    mr_auth_free(a);
}

struct noise_row {
    const char *name;
    struct mr_span token;
};

static const struct noise_row noise[] = {
    {"no token", TEXT("")},   {"noise", TEXT("x")},
    {"two dots", TEXT("..")}, {"three parts that are no JSON", TEXT("YQ.YQ.YQ")},
    {"a NUL", TEXT("a\0b")},
};

static void test_noise(void **state)
{
    const struct noise_row *row = *state;
    struct mr_auth *a = make_auth(SECRET, "required");
    struct mr_identity got;

    assert_int_equal(mr_auth_check(a, row->token, NOW, &got), MR_E_AUTH);
    mr_auth_free(a);
}

static void test_long_token(void **state)
{
    static char text[MR_TOKEN_BYTES_MAX + 100];
    struct mr_auth *a = make_auth(SECRET, "required");
    struct mr_identity got;

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(mr_auth_check(a, mr_span_of(text, sizeof(text)), NOW, &got), MR_E_AUTH);
    mr_auth_free(a);
}

static void test_secrets(void **state)
{
    char shorter[] = "too short", none[] = "", required[] = "required";
    struct mr_config cfg = {.jwt_secret = shorter, .auth = required};
    struct mr_buf token = MR_BUF_INIT(MR_TOKEN_BYTES_MAX);
    struct mr_identity who = {.user_id = USER, .role = MR_ROLE_VIEWER}, got;
    struct mr_auth *a = NULL, *b = NULL;

    (void)state;
    assert_int_equal(mr_auth_new(&a, &cfg), MR_E_CONFIG);
    cfg.jwt_secret = none; /* random: two processes do not believe each other */
    assert_int_equal(mr_auth_new(&a, &cfg), MR_OK);
    assert_int_equal(mr_auth_new(&b, &cfg), MR_OK);
    assert_int_equal(mr_auth_issue(a, &who, NOW, 9, &token), MR_OK);
    assert_int_equal(mr_auth_check(a, mr_buf_span(&token), NOW, &got), MR_OK);
    assert_int_equal(mr_auth_check(b, mr_buf_span(&token), NOW, &got), MR_E_AUTH);
    mr_buf_free(&token);
    mr_auth_free(a);
    mr_auth_free(b);
}

static void test_open(void **state)
{
    struct mr_auth *a = make_auth("", "open");
    struct mr_identity got;

    (void)state;
    assert_int_equal(mr_auth_check(a, MR_SPAN_NONE, NOW, &got), MR_OK);
    assert_int_equal(got.role, MR_ROLE_ADMIN);
    assert_int_equal(got.expires_at, 0);
    mr_auth_free(a);
}

/* ---- passwords ---------------------------------------------------------------------------- */

static void test_passwords(void **state)
{
    char hash[MR_PASSWORD_HASH_MAX], other[MR_PASSWORD_HASH_MAX], long_one[80];

    (void)state;
    memset(long_one, 'x', sizeof(long_one));
    assert_int_equal(mr_password_hash(MR_SPAN("correct horse"), 4, hash), MR_OK);
    assert_int_equal(strncmp(hash, "$2b$04$", 7), 0);
    assert_int_equal(mr_password_hash(MR_SPAN("correct horse"), 4, other), MR_OK);
    assert_string_not_equal(hash, other);
    assert_true(mr_password_matches(MR_SPAN("correct horse"), hash, 4));
    assert_false(mr_password_matches(MR_SPAN("correct hors"), hash, 4));
    assert_false(mr_password_matches(MR_SPAN("correct horse\0x"), hash, 4));
    assert_false(mr_password_matches(MR_SPAN(""), hash, 4));
    assert_false(mr_password_matches(MR_SPAN("correct horse"), NULL, 4));
    assert_false(mr_password_matches(MR_SPAN("correct horse"), "", 4));
    assert_false(mr_password_matches(MR_SPAN("correct horse"), "no hash", 4));
    assert_int_equal(mr_password_hash(mr_span_of(long_one, 72), 4, hash), MR_OK);
    assert_false(mr_password_matches(mr_span_of(long_one, 73), hash, 4)); /* not cut to 72 */
    assert_int_equal(mr_password_hash(mr_span_of(long_one, 73), 4, hash), MR_E_INVAL);
    assert_int_equal(mr_password_hash(MR_SPAN(""), 4, hash), MR_E_INVAL);
    assert_int_equal(mr_password_hash(MR_SPAN("a\0b"), 4, hash), MR_E_INVAL);
}

/* ---- waiting ------------------------------------------------------------------------------ */

static const struct mr_span ann = {"ann", 3}, bob = {"bob", 3}, here = {"10.0.0.1", 8},
                            there = {"10.0.0.2", 8};

static void test_throttle_grows(void **state)
{
    struct mr_throttle *t = NULL;
    uint64_t now = 1000;

    (void)state;
    assert_int_equal(mr_throttle_new(&t), MR_OK);
    for (int i = 0; i < 4; i++) {
        mr_throttle_failed(t, ann, here, now);
        assert_int_equal(mr_throttle_wait(t, ann, here, now), 0);
    }
    for (uint64_t want = 1000; want < MR_THROTTLE_MAX_MS; want *= 2) {
        mr_throttle_failed(t, ann, here, now);
        assert_int_equal(mr_throttle_wait(t, ann, here, now), want);
        assert_int_equal(mr_throttle_wait(t, MR_SPAN("ANN"), here, now), want);
        assert_int_equal(mr_throttle_wait(t, ann, here, now + want), 0);
    }
    mr_throttle_failed(t, ann, here, now);
    assert_int_equal(mr_throttle_wait(t, ann, here, now), MR_THROTTLE_MAX_MS);
    assert_int_equal(mr_throttle_wait(t, bob, here, now), 0);
    assert_int_equal(mr_throttle_wait(t, ann, there, now), 0);
    mr_throttle_succeeded(t, ann, here);
    assert_int_equal(mr_throttle_wait(t, ann, here, now), 0);
    mr_throttle_free(t);
}

static void test_throttle_forgets(void **state)
{
    struct mr_throttle *t = NULL;

    (void)state;
    assert_int_equal(mr_throttle_new(&t), MR_OK);
    for (int i = 0; i < 20; i++)
        mr_throttle_failed(t, ann, here, 1000);
    mr_throttle_failed(t, ann, here, 1001 + MR_THROTTLE_FORGET_MS);
    assert_int_equal(mr_throttle_wait(t, ann, here, 1001 + MR_THROTTLE_FORGET_MS), 0);
    mr_throttle_free(t);
}

static void test_throttle_is_bounded(void **state)
{
    struct mr_throttle *t = NULL;
    char name[32];

    (void)state;
    assert_int_equal(mr_throttle_new(&t), MR_OK);
    for (int i = 0; i < 100000; i++) {
        int n = snprintf(name, sizeof(name), "user%d", i);

        mr_throttle_failed(t, mr_span_of(name, (size_t)n), here, 1000 + (uint64_t)i);
    }
    for (int i = 0; i < 5; i++) /* and it still works for the newest */
        mr_throttle_failed(t, ann, here, 200000);
    assert_int_equal(mr_throttle_wait(t, ann, here, 200000), 1000);
    mr_throttle_free(t);
}

int main(void)
{
    static struct rows r;

    rows_add_one(&r, "a token of ours is believed until it expires", test_own_token);
    rows_add(&r, forgeries, test_forged);
    rows_add(&r, noise, test_noise);
    rows_add_one(&r, "a token that is too long is refused", test_long_token);
    rows_add_one(&r, "a short secret is refused, none means a random one", test_secrets);
    rows_add_one(&r, "open means that everybody is administrator", test_open);
    rows_add_one(&r, "passwords", test_passwords);
    rows_add_one(&r, "five failures are free, then the wait doubles, per user and address",
                 test_throttle_grows);
    rows_add_one(&r, "old failures are forgotten", test_throttle_forgets);
    rows_add_one(&r, "a flood of names does not grow the table", test_throttle_is_bounded);
    return rows_run("auth", &r);
}
