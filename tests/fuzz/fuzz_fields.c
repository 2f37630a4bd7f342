/* fuzz_fields.c - the small languages inside requests: a query, the offers of WebSocket extensions,
 * and content codings. The first byte chooses.
 */
#include "fuzz.h"

#include "io/http_coding.h"
#include "io/ws_deflate.h"
#include "millrace/query.h"

static struct mr_server srv;

static void query(struct mr_span text)
{
    struct mr_span rest = text, name, value;
    char out[64];

    while (mr_query_next(&rest, &name, &value)) {
        int64_t n = mr_query_decode(value, out, sizeof(out));

        FUZZ_ASSERT(fuzz_inside(name, text) && fuzz_inside(value, text));
        FUZZ_ASSERT(n < (int64_t)sizeof(out));
        FUZZ_ASSERT(n < 0 || (size_t)n <= value.len);
    }
    FUZZ_ASSERT(rest.len == 0);
    FUZZ_ASSERT(mr_query_param(text, "token", out, sizeof(out)) < (int64_t)sizeof(out));
}

static void offers(struct mr_span text)
{
    struct mr_http_field fields[2] = {{MR_SPAN("sec-websocket-extensions"), text},
                                      {MR_SPAN("sec-websocket-extensions"), text}};
    struct mr_ws_codec *codec = NULL, *again = NULL;
    bool taken = mr__ws_deflate_choose(&srv, fields, 1, &codec);

    FUZZ_ASSERT(taken == (codec != NULL));
    FUZZ_ASSERT(mr__ws_deflate_choose(&srv, fields, 2, &again) == taken); /* nothing new in it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mr_span text;

    if (size == 0)
        return 0;
    if (srv.opt.path == NULL) {
        static const struct mr_options opt = {.websocket_deflate = true};

        FUZZ_ASSERT(mr__core_init(&srv, &opt) == MR_OK);
    }
    text = mr_span_of((const char *)data + 1, size - 1);
    if (data[0] % 3 == 0)
        query(text);
    else if (data[0] % 3 == 1)
        offers(text);
    else
        (void)mr__coding_choose(text, MR_CODINGS_OURS);
    return 0;
}
