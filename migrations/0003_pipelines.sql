-- 0003_pipelines: what is replicated, and which topics belong to whom.
CREATE TABLE pipelines (
    id                      uuid        PRIMARY KEY,
    name                    text        NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    description             text        NOT NULL DEFAULT '',
    source_connection_id    uuid        REFERENCES connections (id),
    target_connection_id    uuid        REFERENCES connections (id),
    mode                    text        NOT NULL DEFAULT 'cdc_only'
                            CHECK (mode IN ('full_load_only', 'cdc_only', 'full_load_and_cdc')),
    engine                  text        NOT NULL DEFAULT 'external'
                            CHECK (engine IN ('connect', 'external')),
    status                  text        NOT NULL DEFAULT 'NOT_STARTED'
                            CHECK (status IN ('NOT_STARTED', 'STARTING', 'RUNNING', 'STOPPING',
                                              'STOPPED', 'PAUSED', 'ERROR')),
    full_load_status        text        NOT NULL DEFAULT 'NOT_STARTED'
                            CHECK (full_load_status IN ('NOT_STARTED', 'IN_PROGRESS', 'COMPLETED',
                                                        'FAILED')),
    cdc_status              text        NOT NULL DEFAULT 'NOT_STARTED'
                            CHECK (cdc_status IN ('NOT_STARTED', 'STARTING', 'RUNNING', 'PAUSED',
                                                  'STOPPED', 'ERROR')),
    source_schema           text,
    source_tables           jsonb       NOT NULL DEFAULT '[]',
    target_schema           text,
    table_mapping           jsonb       NOT NULL DEFAULT '{}',
    auto_create_target      boolean     NOT NULL DEFAULT true,
    snapshot_mode           text,
    -- A pipeline owns topics by exact name or by prefix; where two claim one topic the exact name
    -- wins, then the longer prefix, then the older pipeline (eventlogger/topics.c).
    topic_prefix            text        CHECK (topic_prefix <> ''),
    kafka_topics            jsonb       NOT NULL DEFAULT '[]'
                            CHECK (jsonb_typeof(kafka_topics) = 'array'),
    debezium_connector_name text,
    sink_connector_name     text,
    debezium_config         jsonb       NOT NULL DEFAULT '{}',
    sink_config             jsonb       NOT NULL DEFAULT '{}',
    full_load_lsn           text,
    full_load_completed_at  timestamptz,
    error_message           text,
    tags                    jsonb       NOT NULL DEFAULT '[]',
    created_by              text,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    deleted_at              timestamptz              -- soft delete; the event log keeps its rows
);
CREATE UNIQUE INDEX pipelines_name ON pipelines (lower(name)) WHERE deleted_at IS NULL;

-- Loggers listen, so that a change takes effect at once; they also poll, should a notice be lost.
CREATE FUNCTION millrace_pipelines_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('millrace_pipelines', '');
    RETURN NULL;
END $$;
CREATE TRIGGER pipelines_changed AFTER INSERT OR UPDATE OR DELETE ON pipelines
    FOR EACH STATEMENT EXECUTE FUNCTION millrace_pipelines_changed();
