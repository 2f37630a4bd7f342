# proc.sh - processes that outlive the command that started them, and are never mistaken for others.
#
# $PID_DIR/NAME holds "pid identity". The identity is the boot's id and the process's start time,
# so a pid file left by a killed run never points at a stranger who got the same pid later.
# The file is written by the process itself before it execs: there is no moment at which a
# service runs unrecorded.

# proc_identity PID: fails when there is no such process, or it is a zombie.
proc_identity() {
    local stat boot
    { read -r boot </proc/sys/kernel/random/boot_id && stat=$(<"/proc/$1/stat"); } 2>/dev/null ||
        return 1
    stat=${stat##*) } # the name may hold spaces and brackets: fields count from after it
    set -- $stat
    [[ -n ${1:-} && $1 != [ZX] ]] && echo "$boot/${20}"
}

# proc_sweep NAME: end what a recorded process that is dead left in its process group. While the
# group has members the kernel gives its number to nobody else, so they are ours.
proc_sweep() {
    local pid identity boot
    { read -r pid identity <"$PID_DIR/$1" && read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null ||
        return 0
    [[ $identity == "$boot/"* ]] && ! proc_identity "$pid" >/dev/null && kill -KILL -- "-$pid" 2>/dev/null
    rm -f "$PID_DIR/$1"
}

# proc_pid NAME: the pid of a recorded process that is alive, or fails.
proc_pid() {
    local pid identity
    { read -r pid identity <"$PID_DIR/$1"; } 2>/dev/null || return 1
    [[ -n $identity && $(proc_identity "$pid") == "$identity" ]] && echo "$pid"
}

# proc_spawn NAME CMD...: start CMD in a session of its own, its output appended to $LOG_DIR/NAME.log.
proc_spawn() {
    local name=$1 log=$LOG_DIR/$1.log
    shift
    if [[ -f $log ]] && (($(stat -c %s "$log") > 10000000)); then
        mv -f "$log" "$log.1"
    fi
    proc_sweep "$name"
    setsid bash "$LIB/exec-recorded.sh" "$PID_DIR/$name" "$@" \
        </dev/null >>"$log" 2>&1 {LOCK_FD}>&- &
    disown
    local i
    for ((i = 0; i < 200; i++)); do
        [[ -s $PID_DIR/$name ]] && return 0
        sleep 0.01
    done
    return 1
}

# proc_stop NAME SIGNAL SECONDS: ask, wait, insist. Nothing happens when it is not ours or not there.
proc_stop() {
    local name=$1 pid deadline=$((${EPOCHREALTIME/[.,]/} + $3 * 1000000))
    if pid=$(proc_pid "$name"); then
        kill "-$2" -- "-$pid" 2>/dev/null # its group: what it runs is asked too
        while proc_pid "$name" >/dev/null; do
            if ((${EPOCHREALTIME/[.,]/} > deadline)); then
                warn "$name (pid $pid) ignored SIG$2 for $3 s: killing it"
                kill -KILL -- "-$pid" "$pid" 2>/dev/null
                deadline=$((${EPOCHREALTIME/[.,]/} + 5000000))
            fi
            sleep 0.05
        done
    fi
    proc_sweep "$name"
    return 0
}

# proc_kill_children: end what this shell started and is still at it: builds, fetches, subshells that
# wait for a service. Services have sessions of their own and are not among them.
proc_kill_children() {
    local pid ppid sid mine known=" $$ " found=() changed=1 table
    table=$(ps -e -o pid=,ppid=,sid=)
    mine=$(ps -o sid= -p $$)
    while ((changed)); do
        changed=0
        while read -r pid ppid sid; do
            [[ $sid == "${mine// /}" && $known == *" $ppid "* && $known != *" $pid "* ]] || continue
            known+="$pid "
            found+=("$pid")
            changed=1
        done <<<"$table"
    done
    ((${#found[@]} == 0)) || kill -TERM "${found[@]}" 2>/dev/null
    wait
}
