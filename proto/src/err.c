/* err.c - the three columns of the error table in err.h, looked up by code. */
#include "proto/err.h"

#include <stddef.h>

struct err_row {
    int code, http;
    const char *name, *text;
};

static const struct err_row rows[] = {
#define X(name, code, http, text) {code, http, #name, text},
    MR_ERRORS(X)
#undef X
};

static const struct err_row *find_row(int err)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].code == err)
            return &rows[i];
    }
    return NULL;
}

const char *mr_err_text(int err)
{
    const struct err_row *row = find_row(err);

    return row ? row->text : "unknown error";
}

const char *mr_err_name(int err)
{
    const struct err_row *row = find_row(err);

    return row ? row->name : "E_UNKNOWN";
}

int mr_err_http(int err)
{
    const struct err_row *row = find_row(err);

    return row ? row->http : 500;
}
