-- 0012_activity: what happened lately, for people: pipelines that changed their state, loads and bursts of
-- messages that are through, services that went away and came back.

CREATE TABLE activity (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now(),
    kind        text        NOT NULL
                CHECK (kind IN ('pipeline', 'load', 'ingestion', 'simulation', 'service')),
    outcome     text        NOT NULL CHECK (outcome IN ('success', 'failure', 'info')),
    message     text        NOT NULL,
    pipeline_id uuid,
    details     jsonb       NOT NULL DEFAULT '{}',
    -- What several processes see is written by the first of them.
    ref         text        UNIQUE
);
CREATE INDEX activity_pipeline ON activity (pipeline_id, id DESC) WHERE pipeline_id IS NOT NULL;

-- Whoever listens for pipelines reads what is new here, too.
CREATE TRIGGER activity_added AFTER INSERT ON activity
    FOR EACH STATEMENT EXECUTE FUNCTION millrace_pipelines_changed();

CREATE FUNCTION millrace_pipeline_activity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO activity (kind, outcome, message, pipeline_id, details)
        VALUES ('pipeline', 'info', format('%s was created', NEW.name), NEW.id,
                jsonb_build_object('pipeline', NEW.name, 'status', NEW.status));
        RETURN NULL;
    END IF;
    IF NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN
        INSERT INTO activity (kind, outcome, message, pipeline_id, details)
        VALUES ('pipeline', 'info', format('%s was deleted', NEW.name), NEW.id,
                jsonb_build_object('pipeline', NEW.name, 'status', NEW.status));
    ELSIF NEW.status IS DISTINCT FROM OLD.status THEN
        INSERT INTO activity (kind, outcome, message, pipeline_id, details)
        VALUES ('pipeline',
                CASE NEW.status WHEN 'ERROR' THEN 'failure' WHEN 'RUNNING' THEN 'success' ELSE 'info' END,
                format('%s is %s', NEW.name, NEW.status), NEW.id,
                jsonb_build_object('pipeline', NEW.name, 'status', NEW.status, 'previous_status', OLD.status,
                                   'error', NEW.error_message));
    END IF;
    IF NEW.full_load_status IS DISTINCT FROM OLD.full_load_status
       AND NEW.full_load_status IN ('COMPLETED', 'FAILED') THEN
        INSERT INTO activity (kind, outcome, message, pipeline_id, details)
        VALUES ('load', CASE NEW.full_load_status WHEN 'FAILED' THEN 'failure' ELSE 'success' END,
                format('the full load of %s is %s', NEW.name, NEW.full_load_status), NEW.id,
                jsonb_build_object('pipeline', NEW.name, 'full_load_status', NEW.full_load_status,
                                   'error', NEW.error_message));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER pipelines_activity AFTER INSERT OR UPDATE ON pipelines
    FOR EACH ROW EXECUTE FUNCTION millrace_pipeline_activity();
