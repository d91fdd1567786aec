#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# Sourced, never run, by the other zk*.sh scripts.  The caller sets
# ZOOBINDIR and hands on its own arguments, of which this file takes a
# leading "--config DIR" (sourcing without arguments shares them, shift
# included).  bash, because zookeeper-env.sh and java.env, which users wrote
# for Apache's scripts, are read by bash there.
#
# Sets: ZOOKEEPER_PREFIX ZOOCFGDIR ZOOCFG (a path) ZOO_LOG_DIR ZOO_LOG_FILE
#       LOG4C_RCPATH.
# Functions begin with zk_.

# Filled in by "make install"; as they stand they name nothing, and the
# places beside the script are used.
zk_sbindir='@sbindir@'
zk_pkgsysconfdir='@pkgsysconfdir@'
zk_localstatedir='@localstatedir@'

ZOOBINDIR="${ZOOBINDIR:-/usr/bin}"
ZOOKEEPER_PREFIX="$ZOOBINDIR/.."

if [ $# -gt 1 ] && [ "$1" = --config ]; then
    ZOOCFGDIR="$2"
    shift 2
fi

# Apache's folders first: a tarball layout has ../conf, an FHS one
# ../etc/zookeeper; then the folder that this build was configured with.
if [ -z "${ZOOCFGDIR:-}" ]; then
    if [ -d "$ZOOBINDIR/../conf" ]; then
        ZOOCFGDIR="$ZOOBINDIR/../conf"
    elif [ -d "$ZOOBINDIR/../etc/zookeeper" ] ||
            [ "${zk_pkgsysconfdir#@}" != "$zk_pkgsysconfdir" ]; then
        ZOOCFGDIR="$ZOOBINDIR/../etc/zookeeper"
    else
        ZOOCFGDIR="$zk_pkgsysconfdir"
    fi
fi

# Users keep JVMFLAGS and the ZOO_* variables in these two.
if [ -f "$ZOOCFGDIR/zookeeper-env.sh" ]; then
    . "$ZOOCFGDIR/zookeeper-env.sh"
fi
if [ -f "$ZOOCFGDIR/java.env" ]; then
    . "$ZOOCFGDIR/java.env"
fi

# ZOOCFG is a file name inside ZOOCFGDIR.  Debian's environment file sets a
# whole path; that is taken as it is.
ZOOCFG="${ZOOCFG:-zoo.cfg}"
case "$ZOOCFG" in
/*) ;;
*) ZOOCFG="$ZOOCFGDIR/$ZOOCFG" ;;
esac

if [ -z "${ZOO_LOG_DIR:-}" ]; then
    if [ -d "$ZOOBINDIR/../conf" ] ||
            [ "${zk_localstatedir#@}" != "$zk_localstatedir" ]; then
        ZOO_LOG_DIR="$ZOOBINDIR/../logs"
    else
        ZOO_LOG_DIR="$zk_localstatedir/log/zkd"
    fi
fi
ZOO_LOG_FILE="${ZOO_LOG_FILE:-zookeeper-$USER-server-$HOSTNAME.log}"

# log4c looks for its file log4crc in this folder first.
if [ -z "${LOG4C_RCPATH:-}" ] && [ -f "$ZOOCFGDIR/log4crc" ]; then
    LOG4C_RCPATH="$ZOOCFGDIR"
fi
[ -z "${LOG4C_RCPATH:-}" ] || export LOG4C_RCPATH

# zk_fail MESSAGE: says on stderr which script failed and why, and ends it.
zk_fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
    exit 1
}

# zk_find_program [NAME]: sets ZKD to the server program, or for the NAMEs
# zktool and zkcli ZKTOOL and ZKCLI to those, or ends the script.  A value
# from the environment wins.  Then come an installed tree (sbin beside bin), a
# build tree, the build folder of bootstrap.sh, the configured sbindir, the
# folder of ZKD, and PATH.
zk_find_program() {
    local name="${1:-zkd}" place
    local var="${name^^}"
    if [ -n "${!var:-}" ]; then
        [ -x "${!var}" ] || zk_fail "$var=${!var} is not a program"
        return 0
    fi
    for place in "$ZOOBINDIR/../sbin" "$ZOOBINDIR" "$ZOOBINDIR/../src" \
            "$ZOOBINDIR/../build/src" "$zk_sbindir" \
            "$(dirname "${ZKD:-/}")"; do
        if [ -f "$place/$name" ] && [ -x "$place/$name" ]; then
            printf -v "$var" %s "$place/$name"
            return 0
        fi
    done
    printf -v "$var" %s "$(type -P "$name")"
    [ -n "${!var}" ] ||
        zk_fail "cannot find the program $name; set $var to its path"
}

# zk_property KEY FILE: prints the value of KEY as java.util.Properties reads
# it: "=", ":" or blanks after the key, lines joined by a backslash at their
# end, escapes, comments after "#" or "!", the last of several wins, blanks
# around the value cut.  Prints nothing when there is no such key or file.
zk_property() {
    [ -f "$2" ] && [ -r "$2" ] || return 0
    LC_ALL=C ZK_KEY="$1" awk '
    function code_point(hex,    i, n) {
        n = 0
        for (i = 1; i <= 4; i++)
            n = n * 16 + index("0123456789abcdef", \
                               tolower(substr(hex, i, 1))) - 1
        if (n < 128) return sprintf("%c", n)
        if (n < 2048)
            return sprintf("%c%c", 192 + int(n / 64), 128 + n % 64)
        return sprintf("%c%c%c", 224 + int(n / 4096),
                       128 + int(n / 64) % 64, 128 + n % 64)
    }
    function unescape(s,    out, i, c) {
        out = ""
        for (i = 1; i <= length(s); i++) {
            c = substr(s, i, 1)
            if (c == "\\") {
                c = substr(s, ++i, 1)
                if (c == "t") c = "\t"
                else if (c == "n") c = "\n"
                else if (c == "r") c = "\r"
                else if (c == "f") c = "\f"
                else if (c == "u") {
                    c = code_point(substr(s, i + 1, 4))
                    i += 4
                }
            }
            out = out c
        }
        return out
    }
    function trim(s) {
        sub(/^[ \t\r\n\f]+/, "", s)
        sub(/[ \t\r\n\f]+$/, "", s)
        return s
    }
    function entry(s,    i, c, rest) {
        for (i = 1; i <= length(s); i++) {
            c = substr(s, i, 1)
            if (c == "\\") i++
            else if (index("=: \t\f", c)) break
        }
        rest = substr(s, i)
        sub(/^[ \t\f]+/, "", rest)
        if (rest ~ /^[=:]/) rest = substr(rest, 2)
        if (trim(unescape(substr(s, 1, i - 1))) == ENVIRON["ZK_KEY"])
            value = trim(unescape(rest))
    }
    {
        line = $0
        sub(/\r$/, "", line)
        sub(/^[ \t\f]+/, "", line)
        if (!joined) {
            if (line == "" || line ~ /^[#!]/) next
            whole = ""
        }
        whole = whole line
        ends = whole
        sub(/\\+$/, "", ends)
        joined = (length(whole) - length(ends)) % 2
        if (joined) whole = substr(whole, 1, length(whole) - 1)
        else entry(whole)
    }
    END {
        if (joined) entry(whole)
        if (value != "") print value
    }' "$2"
}

# zk_tool COMMAND WORDS...: becomes zktool, with the -D words of JVMFLAGS.
zk_tool() {
    zk_find_program zktool
    ZK_PROPERTIES=()
    ZK_IGNORED=()
    zk_java_words "${JVMFLAGS:-}"
    exec "$ZKTOOL" "${ZK_PROPERTIES[@]}" "$@"
}

# zk_java_words FLAGS: splits a JVMFLAGS-like string at blanks, as an
# unquoted expansion does, without expanding file patterns.  The -D words are
# added to the array ZK_PROPERTIES ("-Dname" means "-Dname="), the others,
# meant for a Java machine, to ZK_IGNORED.
zk_java_words() {
    local word words
    read -r -d '' -a words <<<"$1"
    for word in "${words[@]}"; do
        case "$word" in
        -D?*=*) ZK_PROPERTIES+=("$word") ;;
        -D?*) ZK_PROPERTIES+=("$word=") ;;
        *) ZK_IGNORED+=("$word") ;;
        esac
    done
}
