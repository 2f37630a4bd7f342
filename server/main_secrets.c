/* main_secrets.c - `millrace secrets rotate`: every stored password sealed anew with the first key
 * of MILLRACE_SECRET_KEY, in batches, while the server runs. */
#include "main.h"
#include "store/connections.h"
#include <stdio.h>

#define BATCH 100

static int rotate(struct mr_pg *c, const struct mr_secrets *s)
{
    char after[MR_UUID_TEXT] = "";
    int done, stuck, all = 0, left = 0, rc;

    do {
        rc = mr_connections_rotate(c, s, BATCH, after, &done, &stuck);
        all += rc == MR_OK ? done : 0;
        left += stuck;
    } while (rc == MR_OK && done + stuck > 0);
    if (rc != MR_OK)
        (void)fprintf(stderr, "millrace: %s (is the schema migrated?)\n", mr_err_text(rc));
    printf("%d password%s sealed anew with key %s\n", all, all == 1 ? "" : "s",
           mr_secrets_key_id(s));
    if (left > 0)
        (void)fprintf(stderr,
                      "millrace: %d could not be opened: give the key that sealed them as well "
                      "(MILLRACE_SECRET_KEY=new,old), or set those passwords again\n",
                      left);
    return rc == MR_OK && left == 0 ? 0 : 1;
}

int mr_main_secrets(const struct mr_config *cfg, int n, char **args)
{
    struct mr_secrets *s = NULL;
    struct mr_pg *c = NULL;
    int rc, status = 1;

    if (n != 1 || strcmp(args[0], "rotate") != 0) {
        (void)fputs("usage: millrace secrets rotate\n", stderr);
        return MR_EXIT_USAGE;
    }
    rc = mr_secrets_new(&s, cfg->secret_key);
    if (rc != MR_OK || !mr_secrets_key_id(s)) {
        (void)fputs("millrace: " MR_SECRET_KEY_ADVICE "\n", stderr);
        mr_secrets_free(s);
        return 1;
    }
    rc = mr_main_connect(cfg, "millrace-secrets", &c);
    if (rc != MR_OK)
        (void)fprintf(stderr, "millrace: PostgreSQL cannot be reached: check DATABASE_URL\n");
    else
        status = rotate(c, s);
    mr_pg_close(c);
    mr_secrets_free(s);
    return status;
}
