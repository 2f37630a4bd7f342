# postgres.sh - a PostgreSQL cluster of our own: never the system's, no socket file, TCP on loopback.
#
# PostgreSQL refuses to run as root; then it runs as the package's `postgres` user, and its data
# moves to /var/tmp when that user may not enter the checkout (one under /root, say).

# pg_as CMD...: as the user who owns the cluster.
pg_as() {
    if ((EUID == 0)); then
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    else
        "$@"
    fi
}

pg_bin() {
    local dir newest=''
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V); do
        [[ -x $dir/postgres && -x $dir/initdb ]] && newest=$dir
    done
    [[ -n $newest ]] && echo "$newest"
}

# Sets PG_HOME, a directory that the cluster's user can reach.
pg_place() {
    PG_HOME=$RUN_DIR/postgres
    ((EUID == 0)) || { mkdir -p "$PG_HOME"; return; }
    id postgres >/dev/null 2>&1 || die "no user 'postgres' on this machine" \
        "PostgreSQL does not run as root; the postgresql package makes that user."
    chmod go+x "$RUN_DIR"
    if ! pg_as test -x "$RUN_DIR"; then
        PG_HOME=/var/tmp/millrace-$(cksum <<<"$RUN_DIR" | cut -d' ' -f1)
        mkdir -m 755 "$PG_HOME" 2>/dev/null
        [[ ! -L $PG_HOME && $(stat -c %u "$PG_HOME") =~ ^(0|$(id -u postgres))$ ]] ||
            die "$PG_HOME belongs to somebody else: remove it, or set RUN_DIR"
    fi
    echo "$PG_HOME" >"$RUN_DIR/postgres-home"
    mkdir -p "$PG_HOME"
    chown postgres: "$PG_HOME"
}

pg_sql() { # DATABASE, then psql's arguments; as the superuser
    local database=$1
    shift
    PGPASSWORD=$PG_SUPERUSER_PASSWORD PGCONNECT_TIMEOUT=5 psql -XqAt -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -p "$(port_of postgres)" -U postgres -d "$database" "$@"
}

postgres_prepare() {
    PG_BIN=$(pg_bin) || die "no PostgreSQL server under /usr/lib/postgresql"
    pg_place
    [[ -s $PG_HOME/data/PG_VERSION ]] && return 0
    rm -rf "$PG_HOME/data"
    local pw=$PG_HOME/initdb-password
    (umask 077 && echo "$PG_SUPERUSER_PASSWORD" >"$pw")
    ((EUID == 0)) && chown postgres: "$pw"
    (cd "$PG_HOME" && LC_ALL=C.UTF-8 pg_as "$PG_BIN/initdb" -D "$PG_HOME/data" -U postgres --pwfile="$pw" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync) >>"$LOG_DIR/postgres.log" 2>&1
    local rc=$?
    rm -f "$pw"
    # What initdb found out about this machine (its kind of shared memory) stays; ours comes after.
    ((rc == 0)) && echo "include 'millrace.conf'" >>"$PG_HOME/data/postgresql.conf"
    return $rc
}

postgres_start() {
    # A postmaster that was killed and whom nobody has waited for yet still has its number: PostgreSQL
    # takes that for another one at work.
    local pid
    { read -r pid <"$PG_HOME/data/postmaster.pid"; } 2>/dev/null &&
        ! proc_identity "$pid" >/dev/null && rm -f "$PG_HOME/data/postmaster.pid"
    # A copy, since the cluster's user may not be able to read the checkout.
    install -m 644 "$ROOT/compose/conf/postgresql.conf" "$PG_HOME/data/millrace.conf"
    local run=()
    ((EUID == 0)) && run=(setpriv --reuid=postgres --regid=postgres --init-groups --)
    (cd "$PG_HOME" && proc_spawn postgres "${run[@]}" "$PG_BIN/postgres" -D "$PG_HOME/data" \
        -p "$(port_of postgres)" -c listen_addresses=127.0.0.1 -c unix_socket_directories=)
}

postgres_healthy() { [[ $(pg_sql postgres -c 'SELECT 1' 2>/dev/null) == 1 ]]; }

# Roles and databases; a no-op when they are there.
postgres_after() {
    (export PG_MILLRACE_PASSWORD PG_DEMO_PASSWORD
        pg_sql postgres -f "$ROOT/compose/conf/roles.sql") >>"$LOG_DIR/postgres.log" 2>&1
}

postgres_stop() { proc_stop postgres INT 30; } # INT is PostgreSQL's "fast": no waiting for clients
