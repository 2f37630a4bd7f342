# apt-install.sh PACKAGE...: as root, install these and nothing more; start no service, make no
# database cluster, and leave the machine's own settings as they were.
set -eu
export DEBIAN_FRONTEND=noninteractive
POLICY=/usr/sbin/policy-rc.d
CLUSTERS=/etc/postgresql-common/createcluster.conf
saved=$(mktemp -d)

restore() {
    [[ ! -f $saved/policy ]] || rm -f "$POLICY"
    [[ ! -f $saved/clusters ]] || cp -p "$saved/clusters" "$CLUSTERS"
    rm -rf "$saved"
}
trap restore EXIT

get() {
    apt-get -q -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold \
        -o Acquire::Retries=3 --no-install-recommends install "$@"
}

if [[ ! -e $POLICY ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$POLICY" # "action forbidden": package scripts start nothing
    chmod 755 "$POLICY"
    touch "$saved/policy"
fi
apt-get -q -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 update
for package in "$@"; do
    case $package in
        postgresql)
            get postgresql-common
            cp -p "$CLUSTERS" "$saved/clusters"
            sed -i 's/^#\?create_main_cluster *=.*/create_main_cluster = false/' "$CLUSTERS"
            ;;
        redis-server) new_redis=1 ;;
    esac
done
get "$@"
# What came for our own use stays off at the next boot, too.
if [[ -n ${new_redis:-} ]] && command -v systemctl >/dev/null; then
    systemctl disable redis-server.service || true
fi
