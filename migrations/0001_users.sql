-- 0001_users: who may sign in, and their refresh tokens.
-- Forward only; each file runs in one transaction and is recorded with its checksum.
CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    username      text        NOT NULL CHECK (length(username) BETWEEN 1 AND 64),
    password_hash text        NOT NULL,              -- bcrypt, "$2b$.."
    role          text        NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    disabled_at   timestamptz,                       -- NULL: may sign in
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_username ON users (lower(username));

-- A refresh token is used once; using it again shows that it was stolen, and its family is revoked.
CREATE TABLE refresh_tokens (
    token_hash bytea       PRIMARY KEY,              -- SHA-256 of the token; the token is never stored
    family     uuid        NOT NULL,                 -- the sign-in that it descends from
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
