-- 0010_jobs: what millrace does to pipelines that it manages itself (engine connect): jobs with recorded
-- steps, the full load's progress, and the evidence that a pipeline runs.

-- What was made for a pipeline elsewhere. Written before the thing is made, so that nothing that was
-- made is ever without a name.
ALTER TABLE pipelines
    ADD COLUMN slot_name            text,
    ADD COLUMN publication_name     text,
    ADD COLUMN schema_change_policy text    NOT NULL DEFAULT 'evolve'
               CHECK (schema_change_policy IN ('evolve', 'pause', 'ignore')),
    ADD COLUMN cdc_metadata_columns boolean NOT NULL DEFAULT false,
    ADD COLUMN health               text    CHECK (health IN ('HEALTHY', 'DEGRADED')),
    ADD COLUMN health_reason        text;

CREATE TABLE pipeline_jobs (
    id               uuid        PRIMARY KEY,
    pipeline_id      uuid        NOT NULL REFERENCES pipelines (id),
    kind             text        NOT NULL CHECK (kind IN ('start', 'stop', 'pause', 'resume', 'restart',
                                                          'resync', 'delete')),
    state            text        NOT NULL DEFAULT 'pending'
                     CHECK (state IN ('pending', 'running', 'done', 'failed', 'cancelled')),
    step             text,                             -- the one under way, or the last one
    steps            jsonb       NOT NULL DEFAULT '[]', -- [{step, at, ms}] of those that are done
    options          jsonb       NOT NULL DEFAULT '{}', -- {keep_slot, drop_slot, ..}
    error            text,                             -- why it failed, or why it is tried again
    attempts         integer     NOT NULL DEFAULT 0,
    cancel_requested boolean     NOT NULL DEFAULT false,
    not_before       timestamptz NOT NULL DEFAULT now(),
    created_by       text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    finished_at      timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX pipeline_jobs_open ON pipeline_jobs (not_before, created_at)
    WHERE state IN ('pending', 'running');
CREATE INDEX pipeline_jobs_of ON pipeline_jobs (pipeline_id, created_at);

-- One row a table of a full load.
CREATE TABLE pipeline_loads (
    pipeline_id     uuid    NOT NULL REFERENCES pipelines (id),
    schema_name     text    NOT NULL,
    table_name      text    NOT NULL,
    target_table    text    NOT NULL,
    phase           text    NOT NULL DEFAULT 'waiting'
                    CHECK (phase IN ('waiting', 'copying', 'indexing', 'done', 'failed')),
    rows_estimated  bigint,
    bytes_estimated bigint,
    rows_done       bigint  NOT NULL DEFAULT 0,
    bytes_done      bigint  NOT NULL DEFAULT 0,
    chunks          integer NOT NULL DEFAULT 0,
    chunks_done     integer NOT NULL DEFAULT 0,
    error           text,
    started_at      timestamptz,
    finished_at     timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, schema_name, table_name)
);

-- What the monitor last saw of a pipeline, as GET /status and /lsn-latency show it.
CREATE TABLE pipeline_evidence (
    pipeline_id uuid        PRIMARY KEY REFERENCES pipelines (id),
    measured_at timestamptz NOT NULL DEFAULT now(),
    body        jsonb       NOT NULL,
    -- The source's tables when they were last taken notice of, and what has changed in them.
    catalog        jsonb,
    schema_changes jsonb    NOT NULL DEFAULT '[]'
);

-- A heartbeat that came through source, slot, Kafka and logger: when it was sent and when it was logged.
ALTER TABLE pipeline_counters
    ADD COLUMN heartbeat_sent_at   timestamptz,
    ADD COLUMN heartbeat_logged_at timestamptz;
