# install.sh - what must be on the machine, and how it gets there.
#
# Each need is a test and the Debian package that meets it. Only what fails its test is installed;
# nothing is upgraded, no service is started, and a Node, JDK or Maven of your own is respected.

# group | test | package | why
NEEDS='
base   | cmd curl                    | curl                      | HTTP requests to the services
base   | cmd setpriv                 | util-linux                | running PostgreSQL as its own user
base   | cmd ps                      | procps                    | looking after processes
base   | cmd awk                     | mawk                      | reading tables
base   | file /etc/ssl/certs/ca-certificates.crt | ca-certificates | TLS to the package registries
build  | cmd gcc                     | gcc                       | compiles the server
build  | file /usr/include/stdio.h   | libc6-dev                 | the C library
build  | cmd cmake                   | cmake                     | configures the build
build  | cmd ninja                   | ninja-build               | runs the build
build  | cmd pkg-config              | pkg-config                | finds the libraries
build  | pc libwebsockets            | libwebsockets-dev         | HTTP and WebSocket transport
build  | file /usr/lib/*/libwebsockets-evlib_uv.so | libwebsockets-evlib-uv | libwebsockets on libuv
build  | pc libuv                    | libuv1-dev                | the event loop
build  | pc zlib                     | zlib1g-dev                | compressed replies
build  | pc libpq                    | libpq-dev                 | PostgreSQL client
build  | pc rdkafka                  | librdkafka-dev            | Kafka client
build  | pc hiredis                  | libhiredis-dev            | Redis client
build  | pc libcjson                 | libcjson-dev              | JSON documents
build  | pc libjwt                   | libjwt-dev                | access tokens
build  | pc libcurl                  | libcurl4-openssl-dev      | Kafka Connect client
build  | pc libsodium                | libsodium-dev             | secrets at rest
build  | pc libmariadb               | libmariadb-dev            | MySQL and MariaDB client
build  | pc libcrypt                 | libcrypt-dev              | password hashes
build  | pc openssl                  | libssl-dev                | TLS
build  | pc cmocka                   | libcmocka-dev             | unit tests
stack  | pgserver                    | postgresql                | the log and the control plane
stack  | cmd psql                    | postgresql-client         | PostgreSQL shell
stack  | cmd mariadbd                | mariadb-server-core       | MariaDB for tests
stack  | cmd my_print_defaults       | mariadb-client-core       | MariaDB for tests
stack  | cmd redis-server            | redis-server              | the queue and the bus
stack  | cmd jq                      | jq                        | reads answers of the REST interfaces
stack  | cmd redis-cli               | redis-tools               | Redis shell
java   | java                        | openjdk-17-jre-headless   | runs Kafka and Debezium
java   | cmd kcat                    | kcat                      | asks Kafka whether it is ready
maven  | cmd mvn                     | maven                     | fetches Kafka and Debezium
node   | node                        | nodejs                    | builds the dashboard, runs the tests
node   | cmd npm                     | npm                       | fetches JavaScript packages
browser| cmd chromium                | chromium                  | browser tests
node   | cmd c++                     | g++                       | the library is used from C++, too
bench  | cmd wrk                     | wrk                       | load for the REST bench
lint   | cmd clang                   | clang                     | the second compiler
lint   | cmd clang-format            | clang-format              | formatting
lint   | cmd clang-tidy              | clang-tidy                | static checks
asan   | file /usr/lib/gcc/*/*/libasan.so | libgcc-12-dev        | AddressSanitizer
tsan   | file /usr/lib/gcc/*/*/libtsan.so | libgcc-12-dev        | ThreadSanitizer
'

need_met() { # KIND ARGUMENT
    case $1 in
        cmd) command -v "$2" >/dev/null ;;
        pc) command -v pkg-config >/dev/null && pkg-config --exists "$2" ;;
        file) compgen -G "$2" >/dev/null ;;
        pgserver) pg_bin >/dev/null ;;
        java) java_find ;;
        node) node_find ;;
        *) die "install.sh: unknown test '$1'" ;;
    esac
}

# install_needs GROUP...: sets MISSING (packages) and MISSING_WHY (lines), for those groups.
install_needs() {
    local group test package why
    MISSING=() MISSING_WHY=()
    while IFS='|' read -r group test package why; do
        read -r group <<<"$group"
        [[ -n $group && " $* " == *" $group "* ]] || continue
        read -r package <<<"$package"
        need_met $test && continue
        [[ " ${MISSING[*]} " == *" $package "* ]] && continue
        MISSING+=("$package")
        MISSING_WHY+=("$(printf '%-26s%s' "$package" "$why")")
    done <<<"$NEEDS"
}

install_for() {
    set -- base "$@"
    [[ " $* " == *' java '* ]] && ! java_cached && set -- "$@" maven
    install_needs "$@"
    ((${#MISSING[@]})) || return 0
    local as_root=()
    command -v apt-get >/dev/null || die "missing, and there is no apt-get to install them with:" \
        "${MISSING_WHY[@]}"
    if ((EUID != 0)); then
        command -v sudo >/dev/null || die "missing, and installing takes root or sudo; as root run:" \
            "apt-get install --no-install-recommends ${MISSING[*]}" "${MISSING_WHY[@]}"
        as_root=(sudo)
    fi
    say "apt${as_root:+ (through sudo)} is to install what is missing:"
    printf '           %s\n' "${MISSING_WHY[@]}"
    ((${#as_root[@]})) && { sudo -v || die 'sudo was refused'; }
    quietly "$LOG_DIR/apt.log" "installing ${#MISSING[@]} packages" \
        "${as_root[@]}" bash "$LIB/apt-install.sh" "${MISSING[@]}" || exit 1
    hash -r
    install_needs "$@"
    ((${#MISSING[@]} == 0)) || die "still missing after the installation:" "${MISSING_WHY[@]}"
}
