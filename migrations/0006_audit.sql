-- 0006_audit: who did what, when and from where, in a chain that shows what was taken out of it.
CREATE TABLE audit_log (
    id            bigint      PRIMARY KEY,           -- gapless, in order of commit
    at            timestamptz NOT NULL,
    actor_id      text,                              -- a user's id; NULL: the server itself
    actor         text        NOT NULL,
    addr          text,
    request_id    text,
    action        text        NOT NULL,              -- "pipeline.start"
    resource_type text        NOT NULL,
    resource_id   text,
    before        jsonb,                             -- secrets are masked before they come here
    after         jsonb,
    prev_hash     bytea       NOT NULL,
    hash          bytea       NOT NULL               -- SHA-256 of prev_hash and all the above
);
CREATE INDEX audit_log_resource ON audit_log (resource_type, resource_id, id);
CREATE INDEX audit_log_actor ON audit_log (lower(actor), id);

-- One row: locking it makes the chain one chain.
CREATE TABLE audit_head (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    last_id   bigint  NOT NULL,
    last_hash bytea   NOT NULL
);
INSERT INTO audit_head (last_id, last_hash) VALUES (0, '\x');

CREATE FUNCTION millrace_audit_hash(e audit_log) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(e.prev_hash || convert_to(jsonb_build_array(e.id,
        extract(epoch FROM e.at), e.actor_id, e.actor, e.addr, e.request_id, e.action,
        e.resource_type, e.resource_id, e.before, e.after)::text, 'UTF8'))
$$;

CREATE FUNCTION millrace_audit(actor_id text, actor text, addr text, request_id text, action text,
                               resource_type text, resource_id text, before jsonb, after jsonb)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head audit_head;
    e    audit_log;
BEGIN
    SELECT * INTO STRICT head FROM audit_head FOR UPDATE;
    e := ROW(head.last_id + 1, clock_timestamp(), actor_id, actor, addr, request_id, action,
             resource_type, resource_id, before, after, head.last_hash, '\x'::bytea);
    e.hash := millrace_audit_hash(e);
    INSERT INTO audit_log SELECT e.*;
    UPDATE audit_head SET last_id = e.id, last_hash = e.hash;
END $$;

-- The first entry that is not what was written, or follows what is not there; NULL: all is whole.
CREATE FUNCTION millrace_audit_broken() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT min(id) FROM (
        SELECT a.id FROM (SELECT l AS e, l.id, l.hash, l.prev_hash,
                                 lag(l.id, 1, 0::bigint) OVER w AS prev_id,
                                 lag(l.hash, 1, '\x'::bytea) OVER w AS was
                          FROM audit_log l WINDOW w AS (ORDER BY l.id)) a
        WHERE a.id <> a.prev_id + 1 OR a.prev_hash <> a.was OR a.hash <> millrace_audit_hash(a.e)
        UNION ALL
        SELECT h.last_id FROM audit_head h
        WHERE h.last_id <> 0 AND NOT EXISTS (SELECT 1 FROM audit_log l
                                             WHERE l.id = h.last_id AND l.hash = h.last_hash)) bad
$$;

CREATE FUNCTION millrace_audit_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_log is only ever added to';
END $$;
CREATE TRIGGER audit_log_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION millrace_audit_stands();
