/* static_csp.c - finds <script> elements without src and hashes what is between the tags. The page
 * is the build's own output, so a scan for tags is enough; it need not be an HTML parser. */
#include "api/static_csp.h"
#include "proto/alloc.h"
#include "proto/b64.h"
#include <openssl/sha.h>
#include <strings.h>

static const char *find_tag(const char *from, const char *end, const char *tag)
{
    size_t n = strlen(tag);

    for (; from + n <= end; from++)
        if (*from == '<' && strncasecmp(from, tag, n) == 0)
            return from;
    return NULL;
}

/* Has the start tag [tag, close) an attribute src? */
static bool has_src(const char *tag, const char *close)
{
    for (const char *p = tag; p + 5 < close; p++)
        if ((*p == ' ' || *p == '\n' || *p == '\t') && strncasecmp(p + 1, "src=", 4) == 0)
            return true;
    return false;
}

static void add_hash(struct mr_buf *b, const char *from, const char *to)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)from, (size_t)(to - from), digest);
    mr_buf_add_str(b, " 'sha256-");
    mr_b64_encode(mr_span_of((const char *)digest, sizeof(digest)), b);
    mr_buf_add_char(b, '\'');
}

int mr_static_csp(struct mr_span html, char **out)
{
    struct mr_buf b = MR_BUF_INIT(8192);
    const char *p = html.ptr, *end = html.ptr + html.len;
    size_t n = 0;
    int rc;

    mr_buf_add_str(&b, "default-src 'self'; script-src 'self'");
    while (p && (p = find_tag(p, end, "<script"))) {
        const char *close = memchr(p, '>', (size_t)(end - p));
        const char *stop = close ? find_tag(close, end, "</script") : NULL;

        if (!stop)
            break;
        if (!has_src(p, close) && ++n <= MR_CSP_SCRIPTS_MAX)
            add_hash(&b, close + 1, stop);
        p = stop + 1;
    }
    mr_buf_add_str(&b, "; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
                       "font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
                       "form-action 'self'; frame-ancestors 'none'");
    rc = n > MR_CSP_SCRIPTS_MAX ? MR_E_TOOBIG : mr_buf_err(&b);
    if (rc == MR_OK) {
        *out = mr_memdup0(b.ptr, b.len);
        rc = *out ? MR_OK : MR_E_NOMEM;
    }
    mr_buf_free(&b);
    return rc;
}
