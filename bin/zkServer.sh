#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# zkServer.sh [--config DIR] VERB [CONFIG]: starts, stops and asks zkd, with
# the verbs, output lines, exit codes and variables of Apache ZooKeeper's
# script of that name.  zkServer.sh(8) describes it.
#
# Where it knows more than a pause tells, it does not pause: start ends as
# soon as the server listens or is gone, stop when it is gone.

ZOOBIN="${BASH_SOURCE-$0}"
if [ ! -e "$(dirname "$ZOOBIN")/zkEnv.sh" ] && [ -L "$ZOOBIN" ]; then
    ZOOBIN="$(readlink -f "$ZOOBIN")"
fi
ZOOBINDIR="$(cd "$(dirname "$ZOOBIN")" && pwd)"
if [ -e "$ZOOBINDIR/../libexec/zkEnv.sh" ]; then
    . "$ZOOBINDIR/../libexec/zkEnv.sh"
else
    . "$ZOOBINDIR/zkEnv.sh"
fi

# Deadlines, in steps of zk_pause.
zk_start_steps=100  # 5 s: a server that still loads its data counts as up
zk_stop_steps=600   # 30 s

zk_pause() {
    sleep 0.05
}

# The lines about JMX stand first in the output that wrappers match against.
# zkd has no JMX and opens none of these ports.
zk_print_jmx() {
    if [ -n "${JMXDISABLE:-}" ] && [ "$JMXDISABLE" != false ]; then
        echo "JMX disabled by user request" >&2
        return 0
    fi
    echo "ZooKeeper JMX enabled by default" >&2
    [ -n "${JMXPORT:-}" ] || return 0
    echo "ZooKeeper remote JMX Port set to $JMXPORT" >&2
    echo "ZooKeeper remote JMX authenticate set to ${JMXAUTH:-false}" >&2
    echo "ZooKeeper remote JMX ssl set to ${JMXSSL:-false}" >&2
    echo "ZooKeeper remote JMX log4j set to ${JMXLOG4J:-true}" >&2
    [ -z "${JMXHOSTNAME:-}" ] ||
        echo "ZooKeeper remote JMX Hostname set to $JMXHOSTNAME" >&2
}

# zk_check_folders: ends the script when the user turned the making of data
# folders off and one is missing.
zk_check_folders() {
    local what
    [ -n "${ZOO_DATADIR_AUTOCREATE_DISABLE:-}" ] || return 0
    what="fix the path or run initialize"
    if [ ! -d "$ZOO_DATADIR/version-2" ]; then
        echo "ZooKeeper data directory is missing at $ZOO_DATADIR $what"
        exit 1
    fi
    if [ -n "$ZOO_DATALOGDIR" ] && [ ! -d "$ZOO_DATALOGDIR/version-2" ]; then
        echo "ZooKeeper txnlog directory is missing at $ZOO_DATALOGDIR $what"
        exit 1
    fi
    ZK_AUTOCREATE=(-Dzookeeper.datadir.autocreate=false)
}

# zk_build_command: sets the array ZK_COMMAND to what runs the server.
zk_build_command() {
    zk_find_program
    ZK_PROPERTIES=()
    ZK_IGNORED=()
    zk_java_words "${SERVER_JVMFLAGS:-} ${JVMFLAGS:-}"
    ZK_COMMAND=("$ZKD" "${ZK_AUTOCREATE[@]}"
        "-Dzookeeper.log.dir=$ZOO_LOG_DIR"
        "-Dzookeeper.log.file=$ZOO_LOG_FILE"
        ${ZOO_LOG4J_PROP:+"-Dzookeeper.root.logger=$ZOO_LOG4J_PROP"}
        "${ZK_PROPERTIES[@]}" "$ZOOCFG")
}

# zk_say_ignored: one line for the log about flags that zkd has no use for.
zk_say_ignored() {
    [ ${#ZK_IGNORED[@]} -eq 0 ] ||
        echo "zkServer.sh: flags for a Java machine, ignored:" \
            "${ZK_IGNORED[*]}"
}

# zk_alive PID: whether the process exists and is no zombie.  Where no
# process reaps orphans (containers), a zombie stays for good.
zk_alive() {
    local stat
    kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ] || return 1
    stat="$(cat "/proc/$1/stat" 2>/dev/null)"
    case "${stat##*) }" in
    Z* | X*) return 1 ;;
    esac
}

# zk_is_server PID: whether the process looks like a ZooKeeper server, zkd or
# Java.  After a reboot, or in a new container over old data, the pid file's
# number can be some other program's.  Unreadable means yes.
zk_is_server() {
    local words
    words="$(tr '\0' ' ' <"/proc/$1/cmdline")" 2>/dev/null || return 0
    case "$words" in
    '') return 0 ;;
    *org.apache.zookeeper.* | *zkd*) return 0 ;;
    *"${ZKD:-zkd}"*) return 0 ;;
    esac
    return 1
}

# zk_read_pid: prints the process that the pid file names, if it is one.
zk_read_pid() {
    local pid
    pid="$(cat "$ZOOPIDFILE" 2>/dev/null)"
    case "$pid" in
    '' | *[!0-9]*) return 1 ;;
    esac
    echo "$pid"
}

# zk_listens PID PORT: whether the process listens on the TCP port, by
# /proc, so that no connection disturbs the server.
zk_listens() {
    local inode inodes hex
    hex="$(printf ':%04X' "$2")"
    inodes="$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v hex="$hex" \
            '$4 == "0A" && substr($2, length($2) - 4) == hex { print $10 }')"
    for inode in $inodes; do
        if ls -l "/proc/$1/fd" 2>/dev/null | grep -q "socket:\[$inode\]"; then
            return 0
        fi
    done
    return 1
}

# zk_find_client_port: prints what it tried, in Apache's lines, and sets
# ZK_PORT, ZK_ADDRESS and ZK_SSL.  ZK_PORT stays empty when no port was found.
zk_find_client_port() {
    local myid pair dynamic
    ZK_SSL=false
    ZK_ADDRESS="$(zk_property clientPortAddress "$ZOOCFG")"
    ZK_ADDRESS="${ZK_ADDRESS:-localhost}"
    ZK_PORT="$(zk_property clientPort "$ZOOCFG")"
    [[ "$ZK_PORT" =~ ^[0-9]+$ ]] && return 0
    ZK_PORT=
    read -r myid 2>/dev/null <"$ZOO_DATADIR/myid"
    if ! [[ "$myid" =~ ^[0-9]+$ ]]; then
        echo "myid could not be determined, will not able to locate" \
            "clientPort in the server configs."
    else
        pair="$(zk_client_part "$myid" "$ZOOCFG")"
        if [ -z "$pair" ]; then
            echo "Client port not found in static config file." \
                "Looking in dynamic config file."
            dynamic="$(zk_property dynamicConfigFile "$ZOOCFG")"
            pair="$(zk_client_part "$myid" "$dynamic")"
        fi
        if [ -z "$pair" ]; then
            echo "Client port not found in the server configs"
        else
            zk_split_address "$pair"
        fi
    fi
    [ -z "$ZK_PORT" ] || return 0
    echo "Client port not found. Looking for secureClientPort in the" \
        "static config."
    ZK_PORT="$(zk_property secureClientPort "$ZOOCFG")"
    [ -n "$ZK_PORT" ] || return 0
    ZK_SSL=true
    ZK_ADDRESS="$(zk_property secureClientPortAddress "$ZOOCFG")"
    ZK_ADDRESS="${ZK_ADDRESS:-localhost}"
}

# zk_client_part ID FILE: prints the client part, [host:]port, of server.ID.
# A second part, after another ";", is the secure one.
zk_client_part() {
    local line part
    line="$(zk_property "server.$1" "$2")"
    case "$line" in
    *\;*) part="${line#*;}" && echo "${part%%;*}" ;;
    esac
}

# zk_split_address [HOST:]PORT: sets ZK_PORT, and ZK_ADDRESS when there is a
# host.  An IPv6 host stands in brackets.
zk_split_address() {
    local host
    ZK_PORT="${1##*:}"
    case "$1" in
    *:*)
        host="${1%:*}"
        host="${host#[}"
        ZK_ADDRESS="${host%]}"
        ;;
    esac
}

# zk_wait_started PID: waits until the server listens on its client port, has
# ended (returns 1), or the deadline has passed with the process alive.
zk_wait_started() {
    local step
    zk_find_client_port >/dev/null
    for ((step = 0; step < zk_start_steps; step++)); do
        zk_alive "$1" || return 1
        if [ -n "$ZK_PORT" ] && zk_listens "$1" "$ZK_PORT"; then
            return 0
        fi
        zk_pause
    done
    zk_alive "$1"
}

zk_start() {
    local pid out reason=
    printf 'Starting zookeeper ... '
    if pid="$(zk_read_pid)" && zk_alive "$pid" && zk_is_server "$pid"; then
        echo "already running as process $pid."
        return 1
    fi
    out="$ZOO_LOG_DIR/zookeeper-$USER-server-$HOSTNAME.out"
    if [ ! -f "$ZOOCFG" ] || [ ! -r "$ZOOCFG" ]; then
        reason="cannot read the configuration $ZOOCFG"
    elif [ -z "$ZOO_DATADIR" ]; then
        reason="$ZOOCFG sets no dataDir"
    elif ! mkdir -p "$ZOO_LOG_DIR" ||
            ! zk_say_ignored 2>/dev/null >"$out"; then
        reason="cannot write $out"
    fi
    if [ -n "$reason" ]; then
        echo "FAILED TO START"
        echo "zkServer.sh: $reason" >&2
        return 1
    fi
    if ! mkdir -p "$(dirname "$ZOOPIDFILE")" ||
            ! : 2>/dev/null >>"$ZOOPIDFILE"; then
        echo "FAILED TO WRITE PID"
        echo "zkServer.sh: cannot write $ZOOPIDFILE" >&2
        return 1
    fi
    nohup "${ZK_COMMAND[@]}" >>"$out" 2>&1 </dev/null &
    pid=$!
    if ! printf '%s' "$pid" >"$ZOOPIDFILE"; then
        kill "$pid"
        echo "FAILED TO WRITE PID"
        return 1
    fi
    if zk_wait_started "$pid"; then
        echo "STARTED"
    else
        rm -f "$ZOOPIDFILE"
        echo "FAILED TO START"
        echo "zkServer.sh: the server has ended; its last lines are in $out" \
            >&2
        return 1
    fi
}

zk_stop() {
    local pid step
    printf 'Stopping zookeeper ... '
    if [ ! -f "$ZOOPIDFILE" ]; then
        echo "no zookeeper to stop (could not find file $ZOOPIDFILE)"
        return 0
    fi
    if pid="$(zk_read_pid)" && zk_alive "$pid" && zk_is_server "$pid"; then
        if ! kill "$pid"; then
            echo "FAILED TO STOP"
            return 1
        fi
        for ((step = 0; step < zk_stop_steps; step++)); do
            zk_alive "$pid" || break
            zk_pause
        done
        if zk_alive "$pid"; then
            echo "FAILED TO STOP"
            echo "zkServer.sh: process $pid did not end within" \
                "$((zk_stop_steps / 20)) s of SIGTERM" >&2
            return 1
        fi
    else
        echo "zkServer.sh: $ZOOPIDFILE named no running server" >&2
    fi
    rm -f "$ZOOPIDFILE"
    echo "STOPPED"
}

# zk_status: asks the server for srvr, as any client on this machine can.
zk_status() {
    local host mode
    zk_find_client_port
    if [ -z "$ZK_PORT" ]; then
        echo "Unable to find either secure or unsecure client port in any" \
            "configs. Terminating."
        return 1
    fi
    echo "Client port found: $ZK_PORT. Client address: $ZK_ADDRESS." \
        "Client SSL: $ZK_SSL."
    ZK_PROPERTIES=()
    ZK_IGNORED=()
    zk_java_words "${CLIENT_JVMFLAGS:-} ${JVMFLAGS:-}"
    if [ "$ZK_SSL" = true ]; then
        ZK_PROPERTIES+=(-Dzookeeper.client.secure=true)
    fi
    host="$ZK_ADDRESS"
    case "$host" in
    *:*) host="[$host]" ;;
    esac
    mode="$("$ZKD" "${ZK_PROPERTIES[@]}" \
        --four-letter-word "$host:$ZK_PORT" srvr 2>/dev/null | grep Mode)"
    if [ -n "$mode" ]; then
        echo "$mode"
        return 0
    fi
    if [ "$ZK_SSL" = true ]; then
        cat <<EOF
 
Note: We used secureClientPort ($ZK_PORT) and got no answer. The TLS settings
  of this client connection come from CLIENT_JVMFLAGS, as -D properties:
  -Dzookeeper.ssl.trustStore.location and so on.
 
EOF
    fi
    echo "Error contacting service. It is probably not running."
    return 1
}

# zk_version: the program's own line for Apache's "version" verb.
zk_version() {
    local line
    line="$("$ZKD" --version | grep '^Apache ZooKeeper, version ')"
    if [ -z "$line" ]; then
        line="Apache ZooKeeper, version $("$ZKD" --version | head -n 1)"
    fi
    echo "$line"
}

# zk_print_cmd: what start runs, for people to read.
zk_print_cmd() {
    local word line=
    for word in "${ZK_COMMAND[@]}"; do
        line="$line\"$word\" "
    done
    echo "$line> \"$ZOO_LOG_DIR/zookeeper-$USER-server-$HOSTNAME.out\"" \
        "2>&1 < /dev/null"
}

zk_start_foreground() {
    zk_say_ignored >&2
    if [ -n "${ZOO_NOEXEC:-}" ]; then
        "${ZK_COMMAND[@]}"
    else
        exec "${ZK_COMMAND[@]}"
    fi
}

zk_print_jmx
# A name means a file inside ZOOCFGDIR, anything with a slash is a path.
case "${2:-}" in
'') ;;
*/*) ZOOCFG="$2" ;;
*) ZOOCFG="$ZOOCFGDIR/$2" ;;
esac
echo "Using config: $ZOOCFG" >&2

ZOO_DATADIR="$(zk_property dataDir "$ZOOCFG")"
ZOO_DATALOGDIR="$(zk_property dataLogDir "$ZOOCFG")"
ZOOPIDFILE="${ZOOPIDFILE:-$ZOO_DATADIR/zookeeper_server.pid}"
ZK_AUTOCREATE=()
zk_check_folders

case "${1:-}" in
start)
    zk_build_command
    zk_start
    ;;
start-foreground)
    zk_build_command
    zk_start_foreground
    ;;
stop)
    zk_stop
    ;;
restart)
    zk_build_command
    zk_stop && zk_start
    ;;
status)
    zk_find_program
    zk_status
    ;;
version)
    zk_find_program
    zk_version
    ;;
print-cmd)
    zk_build_command
    zk_print_cmd
    ;;
print-classpath)
    echo "CLASSPATH=${CLASSPATH:-}"
    ;;
upgrade)
    # A verb of 3.4: it turned the data folder of ZooKeeper 3.2 and older
    # into today's.
    echo "zkServer.sh: upgrade is not supported: it was for data of" \
        "ZooKeeper before 3.3; data written by 3.4.7 or newer needs no" \
        "upgrade" >&2
    ;;
*)
    # Apache's script exits with 0 here, too.
    echo "Usage: $0 [--config <conf-dir>]" \
        "{start|start-foreground|stop|version|restart|status|print-cmd}" >&2
    ;;
esac
