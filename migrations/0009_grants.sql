-- 0009_grants: what a user may do with one pipeline or connection, instead of what the user's role
-- says. Administrators are not narrowed: somebody has to be able to undo it.
CREATE TABLE grants (
    resource_type text        NOT NULL CHECK (resource_type IN ('pipeline', 'connection')),
    resource_id   uuid        NOT NULL,
    user_id       uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role          text        NOT NULL CHECK (role IN ('none', 'viewer', 'operator', 'admin')),
    granted_by    text        NOT NULL,
    granted_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (resource_type, resource_id, user_id)
);
CREATE INDEX grants_user ON grants (user_id, resource_type);

-- Who loses sight of a pipeline leaves its room at once.
CREATE TRIGGER grants_changed AFTER INSERT OR UPDATE OR DELETE ON grants
    FOR EACH STATEMENT EXECUTE FUNCTION millrace_pipelines_changed();
