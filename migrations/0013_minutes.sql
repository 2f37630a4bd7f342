-- 0013_minutes: what was logged in each minute, kept by the logger in the transaction of the rows, so that
-- a chart over weeks reads minutes and never events. What was logged before is not in here.

CREATE TABLE pipeline_minutes (
    pipeline_id    uuid        NOT NULL,
    minute         timestamptz NOT NULL,
    insert_count   bigint      NOT NULL,
    update_count   bigint      NOT NULL,
    delete_count   bigint      NOT NULL,
    other_count    bigint      NOT NULL,
    latency_count  bigint      NOT NULL,
    latency_sum_ms bigint      NOT NULL,
    -- How many events had a latency within each bucket of base/histogram.h; zeros at the end are left out.
    latencies      bigint[]    NOT NULL,
    PRIMARY KEY (pipeline_id, minute)
) WITH (fillfactor = 50);
CREATE INDEX pipeline_minutes_minute ON pipeline_minutes (minute);

-- The same by table; latencies would make it many times as large.
CREATE TABLE table_minutes (
    pipeline_id  uuid        NOT NULL,
    minute       timestamptz NOT NULL,
    schema_name  text        NOT NULL,  -- '' where there is none
    table_name   text        NOT NULL,
    insert_count bigint      NOT NULL,
    update_count bigint      NOT NULL,
    delete_count bigint      NOT NULL,
    other_count  bigint      NOT NULL,
    PRIMARY KEY (pipeline_id, minute, schema_name, table_name)
) WITH (fillfactor = 50);
CREATE INDEX table_minutes_minute ON table_minutes (minute);

-- Element by element; the shorter one counts as having zeros.
CREATE FUNCTION millrace_add(a bigint[], b bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) ORDER BY n), '{}')
    FROM ROWS FROM (unnest(a), unnest(b)) WITH ORDINALITY AS t (x, y, n)
$$;
