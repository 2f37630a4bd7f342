#!/usr/bin/env bash
# generate.sh - about twenty changes a second in the demo's shop, until it is told to stop. Which
# database is in psql's own variables (PGHOST, PGPORT, ...); one that goes away is waited for.
set -u
while :; do
    printf 'CALL tick();\n\\watch 0.048\n' | psql -XqAt -v ON_ERROR_STOP=1 -o /dev/null
    sleep 1
done
