/* test_el_place.c - which records of a partition are taken, told as a conversation: "s100/7" stands
 * at offset 100 with fingerprint 7 before it, "99/7" is the record at 99 with that fingerprint.
 * Answers: from where it fetches, then for each record t(ake), d(rop), a(gain), r(emade). */
#include "rows.h"

#include "place.h"

static const struct talk {
    const char *name, *said;
    int64_t start;
    const char *answers;
    int64_t next;
} talks[] = {
    {"a partition that was never consumed", "s0/0 0/1 1/2 2/3", 0, "ttt", 3},
    {"one that begins after its first records were dropped", "s50/0 50/1 51/1", 50, "tt", 52},
    {"begins one early and knows the record again", "s100/7 99/7 100/8 101/9", 99, "dtt", 102},
    {"another record in its place: made anew", "s100/7 99/6", 99, "r", 100},
    {"the record before is gone: looks twice, then goes on", "s100/7 100/8 100/8 101/9", 99, "att",
     102},
    {"it comes at the second look", "s100/7 105/8 99/7 100/8", 99, "adt", 101},
    {"offsets may have holes", "s10/0 12/1 15/1 16/1", 10, "ttt", 17},
    {"records of before are dropped", "s10/0 10/1 11/1 10/1 11/1 12/1", 10, "ttddt", 13},
    {"records long before, while it verifies", "s100/7 97/1 98/1 99/7 100/1", 99, "dddt", 101},
    {"offset 0 has nothing before it", "s0/9 0/1", 0, "t", 1},
};

static void converses(void **state)
{
    const struct talk *t = *state;
    struct el_place p = {.state = EL_PLACE_READY, .claimed = true};
    char answers[16];
    size_t n = 0;

    for (const char *at = t->said; *at; at += *at == ' ') {
        bool stand = *at == 's';
        char *end;
        int64_t offset = strtoll(at + stand, &end, 10);
        uint64_t mark = strtoull(end + 1, &end, 10);

        at = end;
        if (stand) {
            struct el_stand s = {true, offset, mark};

            assert_int_equal(el_place_begin(&p, &s), t->start);
        } else {
            answers[n++] = "tpdar"[el_place_see(&p, offset, mark)];
        }
    }
    answers[n] = '\0';
    assert_string_equal(answers, t->answers);
    assert_int_equal(p.next, t->next);
}

static void waits(void **state)
{
    struct el_place p = {.state = EL_PLACE_WAITING, .claimed = true, .next = 5};

    (void)state;
    assert_int_equal(el_place_see(&p, 5, 0), EL_DROP);
    p.state = EL_PLACE_READY;
    p.claimed = false;
    assert_int_equal(el_place_see(&p, 5, 0), EL_DROP);
    p.claimed = true;
    assert_int_equal(el_place_see(&p, 5, 0), EL_TAKE);
}

static const struct range_row {
    const char *name;
    int64_t next, low, high;
    bool in;
} ranges[] = {
    {"in the middle", 5, 0, 10, true},
    {"at its beginning", 5, 5, 10, true},
    {"at its end, nothing new", 10, 5, 10, true},
    {"before its beginning", 4, 5, 10, false},
    {"beyond its end", 11, 5, 10, false},
    {"an empty topic", 1, 0, 0, false},
    {"an empty topic at 0", 0, 0, 0, true},
};

static void in_range(void **state)
{
    const struct range_row *r = *state;
    struct el_place p = {.next = r->next};

    assert_int_equal(el_place_in_range(&p, r->low, r->high), r->in);
}

static void fingerprints_differ(void **state)
{
    struct mr_span a = MR_SPAN("ab"), b = MR_SPAN("c"), ab = MR_SPAN("a"), bc = MR_SPAN("bc");
    uint64_t f = el_fingerprint(1, a, b);

    (void)state;
    assert_true(f != 0);
    assert_true(f == el_fingerprint(1, a, b));
    assert_true(f != el_fingerprint(2, a, b));
    assert_true(f != el_fingerprint(1, ab, bc));
    assert_true(f != el_fingerprint(1, a, MR_SPAN_NONE));
    assert_true(el_fingerprint(1, MR_SPAN_NONE, a) != el_fingerprint(1, a, MR_SPAN_NONE));
}

/* ---- a topic made anew, while the consumer just went on ---- */

/* Offsets and times of what is taken, one a character: the letter is the time in hundreds of ms. */
static void follow(struct el_place *p, const char *times)
{
    for (; *times; times++) {
        int64_t ms = 100 * (*times - 'a'), offset = p->next;

        assert_int_equal(el_place_see(p, offset, 0), EL_TAKE);
        if (el_trail_begins(p->trail, ms))
            el_trail_begin(p->trail, offset, ms, (uint64_t)*times);
        else
            el_trail_extend(p->trail, offset);
    }
}

static const struct remade_row {
    const char *name, *taken; /* until it is noticed */
    char reborn;              /* the time of the new topic's first record */
    const char *again;        /* t or p for each record from 0 on */
} remades[] = {
    {"nothing was taken since", "aaabbb", 'c', "tttttttt"},
    {"what was taken since is passed over", "aaabbbdd", 'c', "ttttttppt"},
    {"all of it in one go", "aaaadddd", 'c', "ttttppppt"},
    {"it had just begun", "adddd", 'b', "tpppptt"},
};

static void mends(void **state)
{
    const struct remade_row *row = *state;
    struct el_trail trail = {.n = 0};
    struct el_place p = {.state = EL_PLACE_READY, .claimed = true, .trail = &trail};
    struct el_stand beginning = {true, 0, 0};
    const struct el_trail_point *mark;
    char answers[16];
    size_t n = strlen(row->again);

    follow(&p, row->taken);
    mark = el_trail_oldest(&trail);
    assert_non_null(mark);
    assert_true(el_trail_has(&trail, mark));
    assert_int_equal(el_place_audit(&p, mark->offset, mark->fingerprint), 0);
    assert_true(el_place_verifies(&p, 0));
    assert_int_equal(el_place_see(&p, 0, 99), EL_REMADE);
    el_place_remade(&p);
    assert_int_equal(el_place_begin(&p, &beginning), 0);
    for (size_t i = 0; i < n; i++) {
        el_place_refill(&p, (int64_t)i, 100 * (row->reborn - 'a') + (int64_t)i);
        answers[i] = "tpdar"[el_place_see(&p, (int64_t)i, 0)];
    }
    answers[n] = '\0';
    assert_string_equal(answers, row->again);
    assert_false(el_trail_has(&trail, mark));
}

static void false_alarm(void **state)
{
    struct el_trail trail = {.n = 0};
    struct el_place p = {.state = EL_PLACE_READY, .claimed = true, .trail = &trail};
    struct el_stand elsewhere = {true, 2, 0};

    (void)state;
    follow(&p, "abc");
    assert_int_equal(el_place_audit(&p, 0, 'a'), 0);
    assert_int_equal(el_place_see(&p, 0, 'a'), EL_DROP);
    assert_int_equal(el_place_see(&p, 1, 0), EL_DROP);
    assert_int_equal(el_place_see(&p, 3, 0), EL_TAKE);
    /* the record is gone: no proof of anything */
    assert_int_equal(el_place_audit(&p, 0, 'a'), 0);
    assert_int_equal(el_place_see(&p, 2, 0), EL_DROP);
    assert_int_equal(el_place_see(&p, 4, 0), EL_TAKE);
    assert_non_null(el_trail_oldest(&trail));
    assert_int_equal(el_place_begin(&p, &elsewhere), 2);
    assert_null(el_trail_oldest(&trail));
}

static void trail_turns(void **state)
{
    struct el_trail t = {.n = 0};

    (void)state;
    assert_null(el_trail_oldest(&t));
    assert_int_equal(el_trail_before(&t, 1000), -1);
    for (int64_t i = 0; i < 3 * EL_TRAIL_POINTS; i++) {
        int64_t ms = i * EL_TRAIL_STEP_MS;

        assert_true(el_trail_begins(&t, ms));
        el_trail_begin(&t, 10 * i, ms, 7);
        assert_false(el_trail_begins(&t, ms + EL_TRAIL_STEP_MS - 1));
        assert_false(el_trail_begins(&t, ms - 1000));
        el_trail_extend(&t, 10 * i + 8);
    }
    assert_int_equal(el_trail_oldest(&t)->offset, 10 * 2 * EL_TRAIL_POINTS);
    assert_int_equal(el_trail_before(&t, 3 * EL_TRAIL_POINTS * EL_TRAIL_STEP_MS),
                     10 * (3 * EL_TRAIL_POINTS - 1) + 9);
    assert_int_equal(el_trail_before(&t, (3 * EL_TRAIL_POINTS - 1) * EL_TRAIL_STEP_MS),
                     10 * (3 * EL_TRAIL_POINTS - 2) + 9);
    assert_int_equal(el_trail_before(&t, 2 * EL_TRAIL_POINTS * EL_TRAIL_STEP_MS), -1);
}

int main(void)
{
    static struct rows all;

    rows_add(&all, talks, converses);
    rows_add(&all, ranges, in_range);
    rows_add_one(&all, "nothing is taken while it waits, or nobody claims it", waits);
    rows_add_one(&all, "a fingerprint tells time, key and value apart", fingerprints_differ);
    rows_add(&all, remades, mends);
    rows_add_one(&all, "a record that is the same, or gone, is no proof of another topic",
                 false_alarm);
    rows_add_one(&all, "a trail keeps its newest points, and what was taken before a time",
                 trail_turns);
    return rows_run("places", &all);
}
