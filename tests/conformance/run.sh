#!/usr/bin/env bash
# Runs the official protocol suites, and the JavaScript clients' own tests, against reference_app, unchanged.
# Of the clients' tests only the hook that starts their server is left out: ours is at its port.
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

# The clients are compiled first, as their own "npm test" does; this needs the monorepo's packages installed.
client() { # PACKAGE REFERENCE_APP_ARGUMENTS -- MOCHA_ARGUMENTS
    local package=$1 args=() pid port
    shift
    while [[ $1 != -- ]]; do args+=("$1") && shift; done
    shift
    "$APP" "${args[@]}" &
    pid=$!
    port=3210
    [[ $package = engine.io-client ]] && port=3000
    until (: </dev/tcp/localhost/$port) 2>/dev/null; do
        kill -0 "$pid" || exit 1
    done
    echo "packages/$package:"
    (cd "$CHECKOUT/packages/$package" && npx mocha --exit "$@") || failed=1
    kill "$pid"
    wait "$pid" || failed=1
}

suite engine docs/engine.io-protocol/v4-test-suite
suite socket docs/socket.io-protocol/v5-test-suite
if [[ -d $CHECKOUT/packages/socket.io-client/build ]]; then
    client socket.io-client --mode client-suite -- --import=tsx test/index.ts
    client engine.io-client --mode engine --max-payload 100 -- test/index.js
else
    echo "packages/socket.io-client is not compiled: the clients' own tests are left out"
fi
exit $failed
