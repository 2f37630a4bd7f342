# ports.sh - which port each service has. $PORT_DIR/NAME holds it, so that a restart has the same.
#
# The checkout's own .run prefers the well-known numbers below; any other RUN_DIR (tests, benches,
# a second instance) draws from a range under the kernel's ephemeral ports.

declare -gA PORT_DEFAULT=([postgres]=55432 [redis]=56379 [kafka]=59092 [controller]=59093
    [connect]=58083 [millrace]=8000)

# port_listeners PORT: the inodes of the sockets that listen there, IPv4 and IPv6. Asks the kernel
# itself, so that it needs no tool.
port_listeners() {
    local hex
    printf -v hex ':%04X' "$1"
    awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { print $10 }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

port_free() { [[ -z $(port_listeners "$1") ]]; }

# port_held_by PORT PID: it is this process that listens, not somebody else who got there first.
port_held_by() {
    local inode sockets
    sockets=$(find "/proc/$2/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null)
    for inode in $(port_listeners "$1"); do
        [[ $sockets == *"socket:[$inode]"* ]] && return 0
    done
    return 1
}

port_of() { cat "$PORT_DIR/$1" 2>/dev/null; }

# port_choose NAME: keep the recorded port when it is free; else the default; else any.
port_choose() {
    local name=$1 port i
    port=$(port_of "$name")
    [[ -z $port && $RUN_DIR == "$ROOT/.run" ]] && port=${PORT_DEFAULT[$name]}
    for ((i = 0; i < 200; i++)); do
        if [[ -n $port ]] && port_free "$port" && ! port_promised "$name" "$port"; then
            echo "$port" >"$PORT_DIR/$name"
            return 0
        fi
        [[ -n $port && $i == 0 ]] && say "port $port is taken: $name gets another"
        port=$((20000 + SRANDOM % 12000))
    done
    die "no free port found for $name"
}

# port_promised NAME PORT: another service of this run has it written down.
port_promised() {
    local other
    for other in "$PORT_DIR"/*; do
        [[ -f $other && ${other##*/} != "$1" && $(<"$other") == "$2" ]] && return 0
    done
    return 1
}
