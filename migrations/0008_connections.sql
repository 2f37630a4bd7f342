-- 0008_connections: what the server found out about a connection, and no pipeline on a deleted one.
ALTER TABLE connections ADD COLUMN created_by text;
ALTER TABLE connections ADD COLUMN last_test jsonb;     -- the whole checklist of the last test
CREATE INDEX connections_keyset ON connections (created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX connections_key ON connections (password_key_id) WHERE password_cipher IS NOT NULL;

-- A foreign key knows nothing of soft deletion. The share lock makes a deletion, which locks the row
-- and then looks for pipelines, wait for this pipeline or be seen by it.
CREATE FUNCTION pipeline_connections_exist() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanted uuid;
BEGIN
    FOREACH wanted IN ARRAY ARRAY[NEW.source_connection_id, NEW.target_connection_id] LOOP
        CONTINUE WHEN wanted IS NULL;
        PERFORM 1 FROM connections WHERE id = wanted AND deleted_at IS NULL FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'a pipeline names a connection that does not exist'
                USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER pipeline_connections_exist
    BEFORE INSERT OR UPDATE OF source_connection_id, target_connection_id ON pipelines
    FOR EACH ROW EXECUTE FUNCTION pipeline_connections_exist();
