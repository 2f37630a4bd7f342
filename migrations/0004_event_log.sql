-- 0004_event_log: what every connected source has changed, in one total order.
-- Reads that must stay fast: a pipeline's events after a seq (replay), its newest events
-- (GET /monitoring/events); the dashboard's counts are in pipeline_counters.
CREATE TABLE pipeline_runs (
    id           uuid        NOT NULL,              -- UUIDv7, made by the writer
    -- No foreign key: pipelines are only ever soft-deleted, and a key check a row would cost more
    -- than everything else that is done for it.
    pipeline_id  uuid        NOT NULL,
    seq          bigint,                            -- place in the log; NULL for FULL_LOAD
    pipeline_seq bigint,                            -- place within the pipeline
    run_type     text        NOT NULL CHECK (run_type IN ('CDC', 'FULL_LOAD')),
    -- Not named event_type: dashboards group run_metadata->>'event_type' under that alias, and
    -- PostgreSQL would bind the name to a column of ours instead.
    op_kind      text        CHECK (op_kind IN ('insert', 'update', 'delete', 'truncate', 'message',
                                                'other')),
    schema_name  text,
    table_name   text,
    status       text        NOT NULL,
    started_at   timestamptz NOT NULL,              -- CDC: when it was logged (partition key)
    completed_at timestamptz,
    run_metadata jsonb       NOT NULL DEFAULT '{}',
    -- The replication_event as it was emitted, byte for byte: a replay sends these bytes again.
    -- jsonb cannot give them back (it reorders keys and rewrites numbers).
    event        text,
    deleted_at   timestamptz,                       -- soft delete; NULL means visible
    PRIMARY KEY (id, started_at),
    CHECK (run_type <> 'CDC' OR op_kind IS NOT NULL OR event IS NULL)
) PARTITION BY RANGE (started_at);
CREATE INDEX pipeline_runs_replay ON pipeline_runs (pipeline_id, seq) WHERE run_type = 'CDC';
CREATE INDEX pipeline_runs_log ON pipeline_runs (seq) WHERE run_type = 'CDC';
-- The logger makes a partition a day ahead of time; whatever none fits lands here, not nowhere.
CREATE TABLE pipeline_runs_default PARTITION OF pipeline_runs DEFAULT;

-- One row: locking it is what makes seq gapless and equal to commit order.
CREATE TABLE event_log_head (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_seq bigint  NOT NULL
) WITH (fillfactor = 10);  -- updated by every transaction: room for new versions on its own page
INSERT INTO event_log_head (last_seq) VALUES (0);

-- Where the log stands in Kafka. Advanced by compare-and-set in the transaction that stores the rows;
-- Kafka's own committed offsets are a courtesy to other tools.
CREATE TABLE consumer_offsets (
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    next_offset bigint      NOT NULL,
    -- Of the record before next_offset: tells a topic that was made anew from the old one of the
    -- same name, although the offset exists in it. 0: none.
    fingerprint bigint      NOT NULL DEFAULT 0,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Exact at every commit, so that no dashboard ever counts rows. total = insert + update + delete + other.
CREATE TABLE pipeline_counters (
    pipeline_id       uuid    PRIMARY KEY,
    insert_count      bigint  NOT NULL DEFAULT 0,
    update_count      bigint  NOT NULL DEFAULT 0,
    delete_count      bigint  NOT NULL DEFAULT 0,
    other_count       bigint  NOT NULL DEFAULT 0,    -- truncate, message, other
    snapshot_count    bigint  NOT NULL DEFAULT 0,    -- of insert_count: rows of a snapshot
    tombstone_count   bigint  NOT NULL DEFAULT 0,    -- not events
    skipped_count     bigint  NOT NULL DEFAULT 0,    -- heartbeats, transactions, schema changes, ..
    failed_count      bigint  NOT NULL DEFAULT 0,    -- dead letters
    latency_count     bigint  NOT NULL DEFAULT 0,    -- events that have a latency
    latency_sum_ms    bigint  NOT NULL DEFAULT 0,
    last_pipeline_seq bigint  NOT NULL DEFAULT 0,
    last_event_at     timestamptz,
    last_position     text
) WITH (fillfactor = 50);

-- What could not be read or stored: kept whole, so that it can be retried after a fix.
CREATE TABLE dead_letters (
    id           uuid        PRIMARY KEY,
    pipeline_id  uuid        NOT NULL,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    "offset"     bigint      NOT NULL,
    record_key   bytea,
    record_value bytea,
    headers      jsonb       NOT NULL DEFAULT '[]',  -- [{"key": text, "value": base64}]
    record_ts    timestamptz,
    reason       text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
-- Not unique: a topic that is deleted and made anew counts its offsets from 0 again. That a record
-- has one letter only is consumer_offsets' doing.
CREATE INDEX dead_letters_record ON dead_letters (topic, partition, "offset");
CREATE INDEX dead_letters_recent ON dead_letters (created_at, id);
CREATE INDEX dead_letters_pipeline ON dead_letters (pipeline_id, created_at, id);
