-- 0014_ledger: what became of each offset. In the statement that advances a partition's offset the records
-- up to it are counted by what they were, so that for each row first_offset + all counts = next_offset.
-- What was consumed before this is in no count: first_offset stands where the log stood.
ALTER TABLE consumer_offsets
    ADD COLUMN pipeline_id        uuid,                      -- whose the topic was when it last advanced
    ADD COLUMN first_offset       bigint NOT NULL DEFAULT 0,
    ADD COLUMN insert_count       bigint NOT NULL DEFAULT 0,
    ADD COLUMN update_count       bigint NOT NULL DEFAULT 0,
    ADD COLUMN delete_count       bigint NOT NULL DEFAULT 0,
    ADD COLUMN truncate_count     bigint NOT NULL DEFAULT 0,
    ADD COLUMN message_count      bigint NOT NULL DEFAULT 0,
    ADD COLUMN other_count        bigint NOT NULL DEFAULT 0,
    ADD COLUMN tombstone_count    bigint NOT NULL DEFAULT 0,
    ADD COLUMN heartbeat_count    bigint NOT NULL DEFAULT 0,
    ADD COLUMN transaction_count  bigint NOT NULL DEFAULT 0,
    ADD COLUMN schema_count       bigint NOT NULL DEFAULT 0,
    ADD COLUMN notification_count bigint NOT NULL DEFAULT 0,
    ADD COLUMN dead_letter_count  bigint NOT NULL DEFAULT 0,
    ADD COLUMN gap_count          bigint NOT NULL DEFAULT 0, -- without a record: compacted, aborted, expired
    ADD COLUMN known_count        bigint NOT NULL DEFAULT 0; -- of a topic made anew, and logged already
UPDATE consumer_offsets SET first_offset = next_offset;

-- Partitions of topics that were made anew: what was counted of the old ones.
CREATE TABLE consumer_offsets_ended (
    LIKE consumer_offsets,
    ended_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE consumer_offsets_ended ALTER COLUMN updated_at SET DEFAULT now();
CREATE INDEX consumer_offsets_ended_place ON consumer_offsets_ended (topic, partition, ended_at);

-- Events that are no offset's: those logged before this, and dead letters that could be read later.
ALTER TABLE event_log_head ADD COLUMN uncounted bigint NOT NULL DEFAULT 0;
UPDATE event_log_head SET uncounted = last_seq;

-- Rows of the log that retention has dropped: last_pipeline_seq = the counters' total + removed_count.
ALTER TABLE pipeline_counters ADD COLUMN removed_count bigint NOT NULL DEFAULT 0;
UPDATE pipeline_counters
SET removed_count = last_pipeline_seq - insert_count - update_count - delete_count - other_count;
