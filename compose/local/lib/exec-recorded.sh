# exec-recorded.sh PIDFILE CMD...: record this process, then become CMD (same pid, same start time).
. "${BASH_SOURCE[0]%/*}/proc.sh"
echo "$$ $(proc_identity $$)" >"$1.new" && mv "$1.new" "$1" || exit 1
shift
exec "$@"
