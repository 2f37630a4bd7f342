-- 0007_api_keys: keys for machines. A key is shown once; only its hash is here.
CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         text        NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    prefix       text        NOT NULL,              -- its first characters, to know it by
    key_hash     bytea       NOT NULL UNIQUE,       -- SHA-256
    scopes       text[]      NOT NULL,              -- "pipelines:read", "*:operate"
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    last_used_at timestamptz,                       -- to the minute
    revoked_at   timestamptz
);
CREATE INDEX api_keys_user ON api_keys (user_id);
