-- warehouse.sql: the demo's target. Pipelines make their tables in it; this only says what it is for.
COMMENT ON DATABASE warehouse IS 'millrace demo: target of pipelines';
