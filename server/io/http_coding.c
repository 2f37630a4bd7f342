/* http_coding.c - Accept-Encoding, and the server's compressor.
 *
 * zlib runs without a wrapper, so that one stream makes both forms:
 *
 *   gzip      1f 8b 08 00  00000000 00 03   the stream   CRC-32, length (little endian)
 *   deflate   78 5e                         the stream   Adler-32 (big endian)
 */
#include "io/http_coding.h"

#include "io/http_parse.h"
#include "proto/alloc.h"

#include <zlib.h>

#define BODY_MIN 20 /* no smaller one can shrink */
#define LEVEL    3  /* text at some 60 MB/s: an eighth of a megabyte takes two milliseconds */

/* ---- negotiation --------------------------------------------------------------------------- */

static struct mr_span trimmed(struct mr_span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = mr_span_of(s.ptr + 1, s.len - 1);
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Take off what comes before the separator. */
static struct mr_span next_of(struct mr_span *list, char separator)
{
    const char *end;
    size_t len;
    struct mr_span one;

    if (list->len == 0)
        return MR_SPAN_NONE;
    end = memchr(list->ptr, separator, list->len);
    len = end != NULL ? (size_t)(end - list->ptr) : list->len;
    one = mr_span_of(list->ptr, len);
    *list = mr_span_of(list->ptr + len + (end != NULL), list->len - len - (end != NULL));
    return trimmed(one);
}

/* "q=0.5" in thousandths; what is malformed is not wanted. */
static int weight_of(struct mr_span params)
{
    while (params.len > 0) {
        struct mr_span p = next_of(&params, ';');
        int q = 0, unit = 100;

        if (p.len < 3 || (p.ptr[0] != 'q' && p.ptr[0] != 'Q') || p.ptr[1] != '=')
            continue;
        if (p.len > 7 || (p.ptr[2] != '0' && p.ptr[2] != '1') || (p.len > 3 && p.ptr[3] != '.'))
            return 0;
        q = (p.ptr[2] - '0') * 1000;
        for (size_t i = 4; i < p.len; i++, unit /= 10) {
            if (p.ptr[i] < '0' || p.ptr[i] > '9')
                return 0;
            q += (p.ptr[i] - '0') * unit;
        }
        return q > 1000 ? 0 : q;
    }
    return 1000;
}

const char *mr__coding_name(enum mr_coding coding)
{
    static const char *const names[] = {NULL, "deflate", "gzip", "br"};

    return names[coding];
}

enum mr_coding mr__coding_choose(struct mr_span accept, unsigned have)
{
    int weights[] = {-1, -1, -1, -1}, others = -1;
    enum mr_coding best = MR_CODING_NONE;

    while (accept.len > 0) {
        struct mr_span params = next_of(&accept, ',');
        struct mr_span name = next_of(&params, ';');
        int q = weight_of(params);

        if (mr__http_same(name, "*"))
            others = q;
        else if (mr__http_same(name, "identity"))
            weights[MR_CODING_NONE] = q;
        else if (mr__http_same(name, "gzip") || mr__http_same(name, "x-gzip"))
            weights[MR_CODING_GZIP] = q;
        else if (mr__http_same(name, "deflate"))
            weights[MR_CODING_DEFLATE] = q;
        else if (mr__http_same(name, "br"))
            weights[MR_CODING_BR] = q;
    }
    if (weights[MR_CODING_NONE] < 0) /* never refused, but wanted least */
        weights[MR_CODING_NONE] = 0;
    for (enum mr_coding c = MR_CODING_DEFLATE; c <= MR_CODING_BR; c++) {
        int q = weights[c] >= 0 ? weights[c] : others;

        if ((have & MR_CODING_BIT(c)) != 0 && q > 0 && q >= weights[best]) {
            weights[c] = q;
            best = c;
        }
    }
    return best;
}

bool mr__coding_helps(struct mr_span type)
{
    static const char *const types[] = {"application/json",          "application/javascript",
                                        "application/xml",           "image/svg+xml",
                                        "application/manifest+json", "application/wasm",
                                        "application/problem+json",  "application/x-ndjson",
                                        "application/yaml",          "application/xhtml+xml"};
    struct mr_span name = next_of(&type, ';');

    if (name.len > 5 && strncasecmp(name.ptr, "text/", 5) == 0)
        return !mr__http_same(name, "text/event-stream");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (mr__http_same(name, types[i]))
            return true;
    }
    return false;
}

/* ---- compression --------------------------------------------------------------------------- */

static void *zlib_alloc(void *ctx, unsigned n, unsigned size)
{
    (void)ctx;
    return mr_zalloc(n, size);
}

static void zlib_free(void *ctx, void *ptr)
{
    (void)ctx;
    mr_free(ptr);
}

struct mr_deflater {
    z_stream z;
    /* The last body of each form: a broadcast goes to many pollers, and is compressed once. */
    struct mr_buf plain[2], packed[2];
};

/* Ready for a new body, or NULL. */
static struct mr_deflater *deflater_of(struct mr_server *srv)
{
    struct mr_deflater *d = srv->deflater;

    if (d != NULL)
        return d;
    d = mr_zalloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->z.zalloc = zlib_alloc;
    d->z.zfree = zlib_free;
    for (int i = 0; i < 2; i++) {
        mr_buf_init(&d->plain[i], MR_DEFLATE_BYTES_MAX);
        mr_buf_init(&d->packed[i], MR_DEFLATE_BYTES_MAX);
    }
    if (deflateInit2(&d->z, LEVEL, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        mr_free(d);
        return NULL;
    }
    srv->deflater = d;
    return d;
}

void mr__coding_fini(struct mr_server *srv)
{
    struct mr_deflater *d = srv->deflater;

    if (d == NULL)
        return;
    (void)deflateEnd(&d->z);
    for (int i = 0; i < 2; i++) {
        mr_buf_free(&d->plain[i]);
        mr_buf_free(&d->packed[i]);
    }
    mr_free(d);
    srv->deflater = NULL;
}

static void add_number(struct mr_buf *b, uint32_t v, bool big_endian)
{
    for (int i = 0; i < 4; i++)
        mr_buf_add_char(b, (char)(v >> 8 * (big_endian ? 3 - i : i)));
}

/* Fill out with body in one of the two forms. False: it would not get smaller, or memory is short.
 */
static bool pack(z_stream *z, bool is_gzip, struct mr_span body, struct mr_buf *out)
{
    static const char gzip[] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    static const char deflated[] = {0x78, 0x5e};
    const size_t head = is_gzip ? sizeof(gzip) : sizeof(deflated), tail = is_gzip ? 8 : 4;
    const Bytef *bytes = (const Bytef *)body.ptr;

    if (deflateReset(z) != Z_OK || mr_buf_reserve(out, body.len) != MR_OK)
        return false;
    mr_buf_add(out, is_gzip ? gzip : deflated, head);
    z->next_in = (z_const Bytef *)(uintptr_t)bytes;
    z->avail_in = (uInt)body.len;
    z->next_out = (Bytef *)out->ptr + out->len;
    z->avail_out = (uInt)(body.len - head - tail);
    if (deflate(z, Z_FINISH) != Z_STREAM_END)
        return false;
    out->len += z->total_out;
    if (is_gzip) {
        add_number(out, (uint32_t)crc32(0, bytes, (uInt)body.len), false);
        add_number(out, (uint32_t)body.len, false);
    } else {
        add_number(out, (uint32_t)adler32(1, bytes, (uInt)body.len), true);
    }
    return mr_buf_err(out) == MR_OK;
}

bool mr__coding_apply(struct mr_server *srv, enum mr_coding coding, struct mr_span body,
                      struct mr_buf *out)
{
    const bool is_gzip = coding == MR_CODING_GZIP;
    struct mr_buf *plain, *packed;
    struct mr_deflater *d;

    if (coding == MR_CODING_NONE || body.len > MR_DEFLATE_BYTES_MAX || body.len < BODY_MIN)
        return false;
    d = deflater_of(srv);
    if (d == NULL)
        return false;
    plain = &d->plain[is_gzip];
    packed = &d->packed[is_gzip];
    if (!mr_span_eq(mr_buf_span(plain), body)) {
        if (srv->deflated_bytes + body.len > MR_DEFLATE_TURN_BYTES_MAX)
            return false;
        srv->deflated_bytes += body.len;
        mr_buf_clear(plain);
        mr_buf_clear(packed);
        mr_buf_add_span(plain, body); /* what failed once is not tried again, either */
        if (!pack(&d->z, is_gzip, body, packed))
            mr_buf_clear(packed);
    }
    if (packed->len == 0 || mr_buf_reserve(out, packed->len) != MR_OK)
        return false;
    mr_buf_add_span(out, mr_buf_span(packed));
    srv->stats.http_compressed++;
    return true;
}

bool mr__coding_unpack(struct mr_span packed, char *out, size_t len)
{
    z_stream z = {.zalloc = zlib_alloc,
                  .zfree = zlib_free,
                  .next_in = (z_const Bytef *)(uintptr_t)packed.ptr,
                  .avail_in = (uInt)packed.len,
                  .next_out = (Bytef *)out,
                  .avail_out = (uInt)len};
    bool whole;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return false;
    whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == len;
    (void)inflateEnd(&z);
    return whole;
}
