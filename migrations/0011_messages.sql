-- 0011_messages: messages that came in by REST, Redis or Kafka, and the counters that say how many.

CREATE TABLE messages (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Given when the message is accepted, or derived from the batch in which it was taken: whatever is
    -- done twice after a crash is stored once.
    ingest_id   uuid        NOT NULL UNIQUE,
    user_id     bigint      NOT NULL,
    channel_id  bigint      NOT NULL,
    content     text        NOT NULL CHECK (char_length(content) BETWEEN 1 AND 10000),
    created_at  timestamptz NOT NULL,
    inserted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_newest ON messages (inserted_at DESC, id DESC);

-- Advanced in the transaction that stores the rows; Redis has a copy for those who look there.
CREATE TABLE ingest_counters (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    total_messages bigint  NOT NULL DEFAULT 0,
    total_batches  bigint  NOT NULL DEFAULT 0,
    total_failed   bigint  NOT NULL DEFAULT 0
);
INSERT INTO ingest_counters DEFAULT VALUES;

-- What no table of ours takes, with its bytes.
CREATE TABLE ingest_dead_letters (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ingest_id  uuid        NOT NULL UNIQUE,
    payload    bytea       NOT NULL,
    reason     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
