# java.sh - a Java runtime, and what runs on it: fetched by Maven at pinned versions, held against
# the committed checksums, kept in the ignored .cache/java.

JAVA_CACHE=$ROOT/.cache/java
JAVA_SOURCE=$ROOT/compose/local/java
KAFKA_LOG4J=$ROOT/compose/conf/log4j.properties

java_major() { "$1" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; }

# Sets JAVA to a Java of at least 17: JAVA_HOME's, PATH's, or an installed one.
java_find() {
    local java major
    for java in ${JAVA_HOME:+"$JAVA_HOME/bin/java"} "$(command -v java)" /usr/lib/jvm/*/bin/java; do
        [[ -x $java ]] || continue
        major=$(java_major "$java")
        if [[ -n $major ]] && ((major >= 17)); then
            JAVA=$java
            return 0
        fi
    done
    return 1
}

java_stamp() { cat "$JAVA_SOURCE/pom.xml" "$JAVA_SOURCE/SHA256SUMS" | sha256sum | cut -d' ' -f1; }
java_cached() { [[ -f $JAVA_CACHE/stamp && $(<"$JAVA_CACHE/stamp") == "$(java_stamp)" ]]; }

# Into a directory of its own first: the cache is either complete and verified, or not there.
java_fetch() {
    java_find || return 1
    java_cached || exclusively java java_fetch_all
}

java_fetch_all() {
    local new=$JAVA_CACHE.new archive
    java_cached && return 0
    rm -rf "$new"
    quietly "$LOG_DIR/maven.log" 'fetching Kafka, Connect and Debezium with Maven' java_maven "$new" ||
        return 1
    if ! java_verify "$new"; then
        warn 'the Java artefacts do not match compose/local/java/SHA256SUMS; nothing was kept'
        return 1
    fi
    mkdir -p "$new/plugins"
    for archive in "$new"/archives/*.tar.gz; do
        tar -xzf "$archive" -C "$new/plugins" || return 1
    done
    rm -rf "$new/archives"
    java_stamp >"$new/stamp"
    rm -rf "$JAVA_CACHE"
    mv "$new" "$JAVA_CACHE"
    rm -rf "$ROOT/.cache/m2"
    say 'Java artefacts verified against their checksums'
}

java_maven() {
    JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$JAVA")")") \
        mvn -B -ntp -Dstyle.color=never -Dmaven.repo.local="$ROOT/.cache/m2" -f "$JAVA_SOURCE/pom.xml" -Dout="$1" package
}

# Every file has its line in the list, and every line its file.
java_verify() {
    local dir=$1
    (cd "$dir" && sha256sum --quiet --strict -c "$JAVA_SOURCE/SHA256SUMS") >&2 &&
        diff <(cd "$dir" && find kafka archives -type f | LC_ALL=C sort) \
            <(cut -c67- "$JAVA_SOURCE/SHA256SUMS") >&2
}

# `./dev java sums`: write the list anew after a version has changed.
java_sums() {
    java_find || die 'no Java 17 or later'
    local new=$ROOT/.cache/java.sums
    rm -rf "$new"
    quietly "$LOG_DIR/maven.log" 'fetching the artefacts with Maven' java_maven "$new" || exit 1
    (cd "$new" && find kafka archives -type f | LC_ALL=C sort | xargs sha256sum) >"$JAVA_SOURCE/SHA256SUMS"
    rm -rf "$new"
    say "wrote ${JAVA_SOURCE#"$ROOT/"}/SHA256SUMS: read the difference before committing it"
}
