-- 0002_connections: the databases that pipelines read from and write to.
CREATE TABLE connections (
    id               uuid        PRIMARY KEY,
    name             text        NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    connection_type  text        NOT NULL CHECK (connection_type IN ('source', 'target')),
    database_type    text        NOT NULL,
    host             text        NOT NULL,
    port             integer     NOT NULL CHECK (port BETWEEN 1 AND 65535),
    database         text        NOT NULL,
    username         text        NOT NULL,
    password_cipher  bytea,                          -- XChaCha20-Poly1305; never leaves the server
    password_key_id  text,                           -- which MILLRACE_SECRET_KEY sealed it
    schema           text,
    ssl_mode         text,
    ssl_root_cert    text,
    options          jsonb       NOT NULL DEFAULT '{}',
    last_tested_at   timestamptz,
    last_test_status text,
    last_test_error  text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    deleted_at       timestamptz                     -- soft delete; NULL means visible
);
CREATE UNIQUE INDEX connections_name ON connections (lower(name)) WHERE deleted_at IS NULL;
