/* encode.c - entity tags and gzip. */
#include "api/encode.h"
#include <stdio.h>
#include <zlib.h>

#define GZIP_MIN     1024
#define GZIP_ON_LOOP 65536
#define GZIP_LEVEL   5
#define GZIP_WINDOW  (15 + 16) /* 16: a gzip wrapper instead of zlib's */

/* FNV-1a: a change must show, nobody gains by a collision of their own making. */
static uint64_t hash(struct mr_span s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 0x100000001b3u;
    return h;
}

void mr_etag_make(int64_t version, struct mr_span body, char out[MR_ETAG_MAX])
{
    (void)snprintf(out, MR_ETAG_MAX, "\"%llx-%016llx\"", (unsigned long long)version,
                   (unsigned long long)hash(body));
}

/* The next member of a list of tags, as it stands; false at the end. */
static bool next_tag(struct mr_span *list, struct mr_span *tag)
{
    size_t n = 0;

    while (list->len > 0 && strchr(", \t", *list->ptr))
        list->ptr++, list->len--;
    while (n < list->len && list->ptr[n] != ',')
        n++;
    *tag = mr_span_of(list->ptr, n);
    list->ptr += n;
    list->len -= n;
    while (tag->len > 0 && strchr(" \t", tag->ptr[tag->len - 1]))
        tag->len--;
    return tag->len > 0;
}

bool mr_etag_lists_version(struct mr_span list, int64_t version)
{
    char want[24];
    struct mr_span tag;

    (void)snprintf(want, sizeof(want), "\"%llx-", (unsigned long long)version);
    while (next_tag(&list, &tag))
        if (mr_span_is(tag, "*") || mr_span_starts(tag, mr_span_str(want)))
            return true;
    return false;
}

bool mr_etag_lists(struct mr_span list, const char *etag)
{
    size_t n = strlen(etag) - 1; /* without the closing quote */
    struct mr_span tag;

    while (next_tag(&list, &tag)) {
        if (mr_span_is(tag, "*"))
            return true;
        if (mr_span_starts(tag, MR_SPAN("W/")))
            tag = mr_span_of(tag.ptr + 2, tag.len - 2);
        if (mr_span_starts(tag, mr_span_of(etag, n)) &&
            (mr_span_is(mr_span_of(tag.ptr + n, tag.len - n), "\"") ||
             mr_span_is(mr_span_of(tag.ptr + n, tag.len - n), "g\"")))
            return true;
    }
    return false;
}

int mr_call_if_match(struct mr_call *c, int64_t version)
{
    struct mr_span list = mr_http_header(c->req, "if-match");

    if (list.len == 0 || mr_etag_lists_version(list, version))
        return MR_OK;
    return mr_call_fail(c, MR_E_CONFLICT, 412,
                        "Somebody has changed it since it was read; read it again.");
}

/* ---- gzip --------------------------------------------------------------------------------- */

static bool is_text(const char *type)
{
    return type && (strncmp(type, "application/json", 16) == 0 ||
                    strncmp(type, "application/problem+json", 24) == 0 ||
                    strncmp(type, "application/x-ndjson", 20) == 0 ||
                    strncmp(type, "application/yaml", 16) == 0 || strncmp(type, "text/", 5) == 0);
}

/* False: it stays as it is. */
static bool deflate_all(struct mr_span in, struct mr_buf *out)
{
    z_stream z = {0};
    bool good;

    if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    good = mr_buf_reserve(out, deflateBound(&z, (uLong)in.len)) == MR_OK;
    if (good) {
        z.next_in = (Bytef *)(uintptr_t)in.ptr; /* zlib's type has no const; it only reads */
        z.avail_in = (uInt)in.len;
        z.next_out = (Bytef *)out->ptr;
        z.avail_out = (uInt)out->cap;
        good = deflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out < in.len;
        out->len = z.total_out;
    }
    (void)deflateEnd(&z);
    return good;
}

static bool compress_out(struct mr_call *c, bool on_loop)
{
    struct mr_buf packed = MR_BUF_INIT(MR_CALL_BODY_MAX);

    if (c->borrowed.ptr || c->out.len < GZIP_MIN || (on_loop && c->out.len > GZIP_ON_LOOP) ||
        !is_text(c->type) || mr_call_header_of(c, "Content-Encoding"))
        return false;
    mr_call_header(c, "Vary", "Accept-Encoding");
    if (!mr_header_accepts(mr_http_header(c->req, "accept-encoding"), "gzip") ||
        !deflate_all(mr_buf_span(&c->out), &packed)) {
        mr_buf_free(&packed);
        return false;
    }
    mr_buf_free(&c->out);
    c->out = packed;
    mr_call_header(c, "Content-Encoding", "gzip");
    return true;
}

void mr_encode(struct mr_call *c, bool on_loop)
{
    const char *method = mr_http_method(c->req);
    struct mr_span known = mr_http_header(c->req, "if-none-match");
    char etag[MR_ETAG_MAX];

    if (c->version > 0) {
        struct mr_buf *out = &c->out;

        mr_etag_make(c->version, mr_buf_span(out), etag);
        if (c->status == 200 && (strcmp(method, "GET") == 0 || c->head) && known.len > 0 &&
            mr_etag_lists(known, etag)) {
            mr_call_header(c, "ETag", "%s", etag);
            c->status = 304;
            c->type = NULL;
            mr_buf_clear(out);
            return;
        }
    }
    if (compress_out(c, on_loop) && c->version > 0)
        (void)snprintf(etag + strlen(etag) - 1, 3, "g\"");
    if (c->version > 0)
        mr_call_header(c, "ETag", "%s", etag);
}
