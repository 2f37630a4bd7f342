/* ledger.c - what became of each offset: counted per partition, in the statement that advances it,
 * so that what was counted and how far the log has come can be held against each other. */
#include "store.h"

#include <string.h>

#define NAME(fate) fate,
static const char *const names[EL_FATES] = {EL_FATE_COLUMNS(NAME)};

static int fate_of(const struct el_record *r)
{
    if (r->known)
        return EL_FATE_KNOWN;
    return r->dead ? EL_FATE_DEAD : (int)r->change.kind;
}

void el_ledger_count(struct el_work *w)
{
    memset(w->fates, 0, w->b->parts_n * sizeof(*w->fates));
    for (size_t i = w->from; i < w->to; i++) {
        const struct el_record *r = &w->b->records[i];

        w->fates[r->part][fate_of(r)]++;
        w->fates[r->part][EL_FATE_GAP] += r->gap;
    }
}

void el_ledger_json(struct mr_buf *b, const int64_t fates[EL_FATES])
{
    for (size_t i = 0; i < EL_FATES; i++)
        if (fates[i] != 0)
            mr_buf_addf(b, ",\"%s\":%lld", names[i], (long long)fates[i]);
}
