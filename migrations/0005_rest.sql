-- 0005_rest: what lost updates and repeated requests are noticed by.
-- Grows with each change that a client makes of a row's fields (not of its state): the ETag's first
-- half, which If-Match is compared with.
ALTER TABLE pipelines ADD COLUMN version bigint NOT NULL DEFAULT 1;
ALTER TABLE connections ADD COLUMN version bigint NOT NULL DEFAULT 1;

-- Answers to POSTs that came with an Idempotency-Key. The row is written in the transaction of what
-- the request did, so either both are there or neither is.
CREATE TABLE idempotency_keys (
    subject      text        NOT NULL,              -- who asked: a user's id
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,              -- of method, path, query and body
    status       integer,
    content_type text,
    location     text,
    version      bigint,
    body         text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
