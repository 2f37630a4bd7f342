/* http_chunked.c - a body in chunks, decoded as it comes.
 *
 *   size [; extension] CRLF  content CRLF  ...  0 CRLF  [trailers CRLF ...]  CRLF
 *
 * Extensions and trailers are read over, within limits: each line's, and all extensions' of a body
 * together, so that nobody sends a gigabyte of framing around a few bytes.
 */
#include "io/http_parse.h"

enum {
    SIZE,       /* hex digits */
    SIZE_SPACE, /* white space behind the size: an extension or the CR follows */
    EXTENSION,  /* up to the CR */
    SIZE_LF,    /* the LF behind the size */
    CONTENT,    /* c->left bytes */
    CONTENT_CR, /* the CRLF behind the content */
    CONTENT_LF,
    TRAILER,      /* at the start of a trailer line, or of the empty one */
    TRAILER_TEXT, /* inside one */
    TRAILER_LF,   /* its LF */
    LAST_LF,      /* the LF of the empty line */
};

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int take_size(struct mr_chunked *c, char ch)
{
    int digit = hex(ch);

    if (++c->line > MR_CHUNK_LINE_MAX)
        return MR_E_PROTO;
    if (digit >= 0) {
        if (c->left >> 56)
            return MR_E_PROTO;
        c->left = c->left << 4 | (uint64_t)digit;
        c->digits = true;
        return MR_OK;
    }
    if (!c->digits)
        return MR_E_PROTO;
    if (ch == '\r')
        c->state = SIZE_LF;
    else if (ch == ';')
        c->state = EXTENSION;
    else if (ch == ' ' || ch == '\t')
        c->state = SIZE_SPACE;
    else
        return MR_E_PROTO;
    return MR_OK;
}

static bool is_control(char ch)
{
    return ((unsigned char)ch < ' ' && ch != '\t') || ch == 0x7f;
}

/* Behind the size, up to its CR. */
static int take_extension(struct mr_chunked *c, char ch)
{
    if (++c->line > MR_CHUNK_LINE_MAX || ++c->extras > MR_CHUNK_EXTRAS_MAX)
        return MR_E_PROTO;
    if (ch == '\r')
        c->state = SIZE_LF;
    else if (c->state == SIZE_SPACE && ch == ';')
        c->state = EXTENSION;
    else if (is_control(ch) || (c->state == SIZE_SPACE && ch != ' ' && ch != '\t'))
        return MR_E_PROTO;
    return MR_OK;
}

/* One byte that is not content. */
static int take(struct mr_chunked *c, char ch)
{
    switch (c->state) {
    case SIZE:
        return take_size(c, ch);
    case SIZE_SPACE:
    case EXTENSION:
        return take_extension(c, ch);
    case SIZE_LF:
        c->state = c->left > 0 ? CONTENT : TRAILER;
        c->line = 0;
        return ch == '\n' ? MR_OK : MR_E_PROTO;
    case CONTENT_CR:
        c->state = CONTENT_LF;
        return ch == '\r' ? MR_OK : MR_E_PROTO;
    case CONTENT_LF:
        c->state = SIZE;
        c->digits = false;
        return ch == '\n' ? MR_OK : MR_E_PROTO;
    case TRAILER:
        c->state = ch == '\r' ? LAST_LF : TRAILER_TEXT;
        return ++c->line > MR_TRAILER_BYTES_MAX || (is_control(ch) && ch != '\r') ? MR_E_PROTO
                                                                                  : MR_OK;
    case TRAILER_TEXT:
        if (ch == '\r')
            c->state = TRAILER_LF;
        return ++c->line > MR_TRAILER_BYTES_MAX || (is_control(ch) && ch != '\r') ? MR_E_PROTO
                                                                                  : MR_OK;
    case TRAILER_LF:
        c->state = TRAILER;
        return ch == '\n' ? MR_OK : MR_E_PROTO;
    default: /* LAST_LF */
        return ch == '\n' ? MR_E_END : MR_E_PROTO;
    }
}

int mr__chunked_feed(struct mr_chunked *c, struct mr_span *in, struct mr_buf *out)
{
    int rc = MR_OK;

    while (rc == MR_OK && in->len > 0) {
        size_t n = 1;

        if (c->state == CONTENT) {
            n = c->left < in->len ? (size_t)c->left : in->len;
            mr_buf_add(out, in->ptr, n);
            rc = mr_buf_err(out);
            c->left -= n;
            if (c->left == 0)
                c->state = CONTENT_CR;
        } else {
            rc = take(c, *in->ptr);
        }
        *in = mr_span_of(in->ptr + n, in->len - n);
    }
    return rc;
}
