#!/usr/bin/env bash
# Runs the official protocol suites against reference_app, unchanged.
#
#   tests/conformance/run.sh CHECKOUT [BUILD]
#
# CHECKOUT is a checkout of the repository socketio/socket.io; BUILD the build directory (build/dev).
set -eu
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CHECKOUT=${1:?usage: tests/conformance/run.sh CHECKOUT [BUILD]}
APP=${2:-$ROOT/build/dev}/tests/conformance/reference_app
failed=0

suite() { # MODE DIRECTORY
    local dir=$CHECKOUT/$2 pid
    [[ -d $dir/node_modules ]] || npm --prefix "$dir" ci --silent
    "$APP" --mode "$1" --port 3000 &
    pid=$!
    until (: </dev/tcp/localhost/3000) 2>/dev/null; do
        kill -0 "$pid" || exit 1
    done
    echo "$2:"
    (cd "$dir" && npm test --silent) || failed=1
    kill "$pid"
    wait "$pid" || failed=1
}

suite engine docs/engine.io-protocol/v4-test-suite
suite socket docs/socket.io-protocol/v5-test-suite
exit $failed
