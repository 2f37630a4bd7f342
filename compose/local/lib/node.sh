# node.sh - Node.js 18 or later, and packages from the lock files.

node_find() {
    local node
    for node in "$(command -v node)" /usr/bin/node /usr/local/bin/node; do
        [[ -x $node ]] || continue
        if (($("$node" -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0) >= 18)); then
            [[ $node == "$(command -v node)" ]] || PATH=${node%/*}:$PATH
            return 0
        fi
    done
    return 1
}

# npm_ci DIR: what the lock file says, unless that is what is there already.
npm_ci() { exclusively "npm-${1//\//-}" npm_ci_alone "$1"; }

npm_ci_alone() {
    local dir=$ROOT/$1 stamp
    [[ -f $dir/package-lock.json ]] || { warn "$1/package-lock.json is missing"; return 1; }
    stamp=$(cat "$dir/package.json" "$dir/package-lock.json" <(node -p process.versions.modules) | sha256sum)
    [[ -f $dir/node_modules/.millrace-stamp && $(<"$dir/node_modules/.millrace-stamp") == "$stamp" ]] &&
        return 0
    # The lock files name no host, so the registry is whichever this machine is configured for.
    PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 NEXT_TELEMETRY_DISABLED=1 \
        quietly "$LOG_DIR/npm-${1//\//-}.log" "fetching the packages of $1/ with npm" \
        npm --prefix "$dir" ci --no-audit --no-fund --omit-lockfile-registry-resolved || return 1
    echo "$stamp" >"$dir/node_modules/.millrace-stamp"
}
