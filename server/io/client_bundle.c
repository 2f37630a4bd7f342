/* client_bundle.c - the browser client's files as replies, under the headers that the reference
 * server gives them. They are kept compressed; for who does not accept that they are unpacked.
 */
#include "io/client_bundle.h"

#include "io/http_coding.h"
#include "io/http_cond.h"
#include "proto/alloc.h"

#include <stdio.h>

static const struct mr_client_file *find(const struct mr_server *srv, struct mr_span path)
{
    size_t skip = strlen(srv->opt.path);

    if (path.len <= skip || srv->opt.serve_client < 0)
        return NULL;
    path = mr_span_of(path.ptr + skip, path.len - skip);
    for (const struct mr_client_file *f = mr__client_files; f->name != NULL; f++) {
        if (mr_span_is(path, f->name))
            return f;
    }
    return NULL;
}

static void keep(void *ctx)
{
    (void)ctx; /* part of the program */
}

/* The file as it was, in memory of its own; NULL: none left. */
static char *unpack(const struct mr_client_file *f)
{
    char *bytes = mr_alloc(f->len);

    if (bytes != NULL &&
        !mr__coding_unpack(mr_span_of((const char *)f->gzip, f->gzip_len), bytes, f->len)) {
        mr_free(bytes);
        return NULL;
    }
    return bytes;
}

bool mr__client_serve(struct mr_http_conn *h, const struct mr_http_head *head)
{
    const struct mr_client_file *f = find(h->conn->srv, head->path);
    const struct mr_cond cond = {.if_none_match = mr__http_field(head, "if-none-match")};
    const bool has_body = head->length > 0 || head->chunked;
    struct mr_buf lines = MR_BUF_INIT(1024);
    struct mr_range all;
    char etag[64], *plain = NULL;

    if (f == NULL || has_body ||
        !(mr_span_is(head->method, "GET") || mr_span_is(head->method, "HEAD")))
        return false;
    (void)snprintf(etag, sizeof(etag), "\"%s\"", mr__client_version);
    mr_buf_addf(&lines, "Cache-Control: public, max-age=0\r\nETag: %s\r\nVary: Accept-Encoding\r\n",
                etag);
    if (mr__cond_status(&cond, mr_span_str(etag), 0, f->len, false, &all) == 304) {
        mr__http_respond(h, 304, mr_buf_span(&lines), MR_SPAN_NONE, NULL, NULL);
        mr_buf_free(&lines);
        return true;
    }
    mr_buf_addf(&lines, "Content-Type: application/%s; charset=utf-8\r\n",
                strstr(f->name, ".map") != NULL ? "json" : "javascript");
    if (mr__coding_choose(mr__http_field(head, "accept-encoding"), MR_CODING_BIT(MR_CODING_GZIP)) ==
        MR_CODING_GZIP) {
        mr_buf_add_str(&lines, "Content-Encoding: gzip\r\n");
        mr__http_respond(h, 200, mr_buf_span(&lines),
                         mr_span_of((const char *)f->gzip, f->gzip_len), keep, NULL);
    } else if ((plain = unpack(f)) != NULL) {
        mr__http_respond(h, 200, mr_buf_span(&lines), mr_span_of(plain, f->len), mr_free, plain);
    } else {
        mr__http_decline(h, 503, "out of memory", "");
    }
    mr_buf_free(&lines);
    return true;
}
