/* cdc.h - one Kafka record of a Debezium connector, in any of its forms, as a struct of views.
 *
 * The forms are told apart per message, never per deployment: with or without the JsonConverter's
 * {"schema","payload"} wrapper (key and value each on their own), the change envelope, the row that
 * ExtractNewRecordState flattened, CloudEvents, and what is not a row change at all (tombstone,
 * heartbeat, transaction, schema change, notification). The row data is never parsed into a tree:
 * before and after stay the bytes of the source. Nothing is allocated. [thread: any]
 *
 * Sources: Debezium 3.2 documentation, "Data change events", "New Record State Extraction",
 * "CloudEvents", "Transaction metadata", "Notifications".
 */
#ifndef PROTO_CDC_H
#define PROTO_CDC_H

#include "proto/json.h"

enum mr_change_kind {
    /* Row changes and their like: each becomes an event. */
    MR_CHANGE_INSERT, /* op c or r (snapshot read) */
    MR_CHANGE_UPDATE,
    MR_CHANGE_DELETE,
    MR_CHANGE_TRUNCATE,
    MR_CHANGE_MESSAGE, /* pg_logical_emit_message */
    MR_CHANGE_OTHER,   /* a flattened row without __op, or an op nobody knows: never guessed */
    /* Not events: counted and skipped. */
    MR_CHANGE_TOMBSTONE,
    MR_CHANGE_HEARTBEAT,
    MR_CHANGE_TRANSACTION,
    MR_CHANGE_SCHEMA, /* schema change (DDL) */
    MR_CHANGE_NOTIFICATION,
    MR_CHANGE_KINDS,
};
#define MR_CHANGE_IS_EVENT(kind) ((kind) <= MR_CHANGE_OTHER)

enum mr_change_form {
    MR_FORM_NONE, /* tombstone and other non-events */
    MR_FORM_ENVELOPE,
    MR_FORM_FLATTENED,
    MR_FORM_CLOUDEVENT,
};

/* Spans named "text" below hold string content with its JSON escapes kept, or a number's digits;
 * the raw ones are whole JSON values. Every span is empty when the message does not have it. */
struct mr_change {
    enum mr_change_kind kind;
    enum mr_change_form form;
    bool schema_wrapped;     /* the value had {"schema","payload"} */
    bool snapshot;           /* source.snapshot says so (any spelling but false), or op is r */
    bool maybe_unavailable;  /* the TOAST placeholder occurs somewhere in before or after */
    struct mr_span op;       /* text, as the writer spelt it */
    struct mr_span key;      /* raw, unwrapped; empty when the record has no key in JSON */
    struct mr_span key_text; /* not JSON: the whole key where it is plain text (StringConverter) */
    struct mr_span new_key; /* raw; of a delete whose row goes on under this key, see mr_cdc_link */
    struct mr_span old_key; /* raw; of an insert whose row had this key before */
    struct mr_span before;  /* raw; "null" is kept as null */
    struct mr_span after;   /* raw; of a flattened row the whole row (of a deleted one, before) */
    struct mr_span message; /* raw: the message block of op m */
    struct mr_span source;  /* raw: the whole source block */
    struct mr_span transaction;                        /* raw: the transaction block, unless null */
    struct mr_span connector, name, db, schema, table; /* text; table holds MongoDB's collection */
    struct mr_span tx_id, snapshot_text;               /* text */
    struct mr_span lsn;                                /* text, decimal (PostgreSQL) */
    struct mr_span gtid, file, pos, row;               /* text (MySQL, MariaDB) */
    struct mr_span commit_lsn, change_lsn, event_serial_no; /* text (SQL Server) */
    struct mr_span scn, commit_scn, ssn;                    /* text (Oracle) */
    struct mr_span ord;                                     /* text (MongoDB) */
    int64_t source_ts_ms; /* when the source committed it; -1 unknown */
    int64_t ts_ms;        /* when the connector handled it; -1 unknown */
};

/* The prefix of logical decoding messages (op m) that are heartbeats, not events: their content is
 * when they were sent, in ms since the epoch. `message` holds the block. */
#define MR_CDC_PROBE_PREFIX "mr_hb"

#define MR_CDC_REASON_MAX   128 /* bytes of a reason, with its NUL */

/* Read one record.
 *
 * topic  the record's topic, for what only the topic tells (heartbeats, transactions).
 * key, value  the record's bytes; ptr NULL means a null key or value (a null value is a tombstone).
 * out    written only on MR_OK; borrows from key and value.
 * reason out, on error: what is wrong and where, for people ("value: Avro or Protobuf framing
 *        (first byte 0), not JSON"); NUL-terminated, at most MR_CDC_REASON_MAX bytes.
 *
 * Returns MR_OK; MR_E_PROTO: not JSON or no form of Debezium's; MR_E_TOOBIG: nested too deep.
 */
MR_MUSTCHECK int mr_cdc_read(struct mr_span topic, struct mr_span key, struct mr_span value,
                             struct mr_change *out, char reason[MR_CDC_REASON_MAX]);

/* An UPDATE of a primary key comes as a delete and an insert, which know of each other by a header:
 * __debezium.newkey and __debezium.oldkey. Tell the change of one of its record's headers; any
 * other one is passed over, as is a value that is not JSON. change borrows from value. Source:
 * Debezium 3.2, PostgreSQL connector, "Primary key updates". */
void mr_cdc_link(struct mr_change *change, struct mr_span header, struct mr_span value);

/* Map an op code or one of the aliases that older writers left (any case, blanks around) to a
 * kind; MR_CHANGE_OTHER when unknown. */
enum mr_change_kind mr_cdc_kind(struct mr_span op);
/* "insert", "update", "delete", "truncate", "message", "other", "tombstone", ... */
const char *mr_cdc_kind_name(enum mr_change_kind kind);
/* True when a raw JSON value is Debezium's placeholder for an unchanged out-of-line column: the
 * string itself, its base64 form (bytea), or an array of one such element. */
bool mr_cdc_unavailable(struct mr_span value);

#endif
