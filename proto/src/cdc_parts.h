/* cdc_parts.h - what the files of the Debezium reader share; inside mrproto only.
 *
 *   cdc_names.c  names, as numbers and places      cdc_forms.c  which form a payload has
 *   cdc_take.c   members to fields          cdc.c        the reading itself
 */
#ifndef PROTO_SRC_CDC_PARTS_H
#define PROTO_SRC_CDC_PARTS_H

#include "proto/cdc.h"

/* What the top level of a payload can hold. The last three stand for many names each. */
enum mr__member {
    MR__M_SCHEMA,
    MR__M_PAYLOAD,
    MR__M_BEFORE,
    MR__M_AFTER,
    MR__M_SOURCE,
    MR__M_OP,
    MR__M_TS_MS,
    MR__M_TS_US,
    MR__M_TS_NS,
    MR__M_TRANSACTION,
    MR__M_MESSAGE,
    MR__M_UPDATE_DESCRIPTION,
    MR__M_STATUS,
    MR__M_ID,
    MR__M_EVENT_COUNT,
    MR__M_DATA_COLLECTIONS,
    MR__M_DDL,
    MR__M_TABLE_CHANGES,
    MR__M_DATABASE_NAME,
    MR__M_SCHEMA_NAME,
    MR__M_AGGREGATE_TYPE,
    MR__M_TYPE,
    MR__M_ADDITIONAL_DATA,
    MR__M_TIMESTAMP,
    MR__M_SPECVERSION,
    MR__M_DATA,
    MR__M_DATA_BASE64,
    MR__M_META,  /* __op, __deleted, ...: what ExtractNewRecordState adds to a row */
    MR__M_CLOUD, /* iodebezium...: what the CloudEvents converter adds */
    MR__M_OTHER,
    MR__M_COUNT,
};
#define MR__BIT(member) (UINT32_C(1) << (member))

/* A key's or value's payload, unwrapped. Members that it does not have are empty spans. */
struct mr__payload {
    enum mr_json_type type;
    struct mr_span raw;
    uint32_t seen; /* MR__BIT of each member met */
    struct mr_span member[MR__M_COUNT];
};

static inline bool mr__has(const struct mr__payload *p, uint32_t any_of)
{
    return (p->seen & any_of) != 0;
}

enum mr__member mr__cdc_member(struct mr_span key);

/* The place in a change of a field of the source block, by its name there (commit_lsn) or as
 * CloudEvents spells it (commitlsn). NULL when millrace has no use for it. */
struct mr_span *mr__cdc_source_field(struct mr_change *c, struct mr_span name);

/* A scalar as text: a string's content, a number's digits, true or false; else empty. */
struct mr_span mr__cdc_text(struct mr_span value);

/* Does the text hold the placeholder of an unchanged out-of-line column, in any spelling? */
bool mr__cdc_mentions_unavailable(struct mr_span json);

void mr__cdc_clear(struct mr_change *c);
/* One field of a source block, by any of its spellings. */
void mr__cdc_take_source_field(struct mr_change *c, struct mr_span name, struct mr_span value);
/* What an envelope's members say; its source block is not looked into. */
void mr__cdc_take_envelope(const struct mr__payload *p, struct mr_change *c);
/* A row whose metadata, if any, are columns: __op, __deleted, __source_ts_ms, __lsn... */
void mr__cdc_take_row(const struct mr__payload *p, struct mr_change *c);
/* The attributes of a CloudEvent that come from Debezium, and the connector from its type. */
void mr__cdc_take_cloud_attributes(const struct mr__payload *p, struct mr_change *c);
/* What every row change still needs once its members are taken. */
void mr__cdc_finish_event(struct mr_change *c);

/* A change envelope: {before, after, source, op, ...}. */
bool mr__cdc_is_envelope(const struct mr__payload *p);

/* What a record is that is no change: heartbeat, transaction... MR_CHANGE_KINDS when it may be a
 * change after all. key: raw, unwrapped. */
enum mr_change_kind mr__cdc_other_kind(struct mr_span topic, struct mr_span key,
                                       const struct mr__payload *p);

/* A row of Debezium's signalling table, which its incremental snapshots write. */
bool mr__cdc_is_signal_row(const struct mr_change *c);

#endif
