#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copyright The zkd authors
#
# From a bare Debian 12 to a running server, or to all tests; see --help.

set -eu

build_packages="gcc make autoconf automake libtool pkg-config libssl-dev
    liblog4c-dev libcunit1-dev zlib1g-dev libdeflate-dev libsnappy-dev
    uthash-dev libedit-dev libjansson-dev libjemalloc-dev"
# What the tests use: Apache ZooKeeper and its clients, to test against; a
# second compiler, with the run-time of its fuzzer.
test_packages="zookeeper libzookeeper-java libnetty-java
    default-jre-headless libzookeeper-mt-dev zookeeper-bin python3
    python3-kazoo iproute2 procps openssl tmux clang libclang-rt-14-dev"

jobs="${JOBS:-$(nproc)}"
# Tests wait most of the time: for servers, time-outs, a machine of Java's.
test_jobs=$((jobs + 1))
# "check" ends within this time; a part that has none left counts as failed.
check_seconds="${CHECK_SECONDS:-2700}"
fuzz_seconds="${FUZZ_SECONDS:-10}"

usage() {
    cat <<EOF
Usage: ./bootstrap.sh [VERB]
Without a verb: installs the Debian packages that are missing, builds in
./build.  Needs root, or sudo, only when a package is missing.
  server   builds, then runs a standalone server in the foreground.  Its
           configuration and data are kept in
           ${ZKD_DATA:-${XDG_DATA_HOME:-\$HOME/.local/share}/zkd}
           (set ZKD_DATA for another folder).
  check    installs what the tests need and runs all of them: the developer
           build, the builds with gcc's address, undefined-behaviour and
           thread sanitizers, and each fuzzer for FUZZ_SECONDS (10).  The
           last line is the total: N passed, N failed.
  --help   this text
JOBS sets how many compilers run at once, CHECK_SECONDS the time that check
may take (2700; 25 minutes are usual on two cores).
EOF
}

say() {
    printf '%s\n' "bootstrap.sh: $*" >&2
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "neither root nor sudo; to be installed by hand: $missing"
        exit 1
    fi
}

# install_packages NAMES...: installs those of them that are missing.
install_packages() {
    local name
    missing=
    if ! command -v dpkg-query >/dev/null; then
        say "no Debian: going on with the packages that are there"
        return 0
    fi
    for name; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" \
                2>/dev/null)" != installed ]; then
            missing="$missing $name"
        fi
    done
    [ -n "$missing" ] || return 0
    say "installing$missing"
    as_root apt-get update
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends $missing
}

# build_in FOLDER CONFIGURE-WORDS...
build_in() {
    local folder="$1"
    shift
    [ -x ./configure ] || ./autogen.sh || return 1
    if [ ! -f "$folder/Makefile" ]; then
        mkdir -p "$folder"
        (cd "$folder" && "$top/configure" "$@") || return 1
    fi
    make -C "$folder" -j "$jobs"
}

serve() {
    local base config port
    base="${ZKD_DATA:-${XDG_DATA_HOME:-${HOME:?neither HOME nor ZKD_DATA is \
set}/.local/share}/zkd}"
    case "$base" in
    /*) ;;
    *) base="$PWD/$base" ;;
    esac
    config="$base/zoo.cfg"
    mkdir -p "$base/data"
    if [ ! -f "$config" ]; then
        DATA_DIR="$base/data" awk '
            /^dataDir=/ {
                dir = ENVIRON["DATA_DIR"]
                gsub(/\\/, "\\\\", dir)
                print "dataDir=" dir
                next
            }
            { print }' conf/zoo_sample.cfg >"$config.tmp"
        mv "$config.tmp" "$config"
    fi
    port="$(sed -n 's/^clientPort=//p' "$config" | tail -n 1)"
    cat <<EOF
Configuration: $config
Data:          $base/data
Connect with:  $top/bin/zkCli.sh -server 127.0.0.1:$port
or:            python3 -c "from kazoo.client import KazooClient
c = KazooClient('127.0.0.1:$port'); c.start(); print(c.get_children('/'))"
EOF
    export LOG4C_RCPATH="${LOG4C_RCPATH:-$top/conf}"
    exec build/src/zkd "$config"
}

# seconds_left: prints how much time check still has.
seconds_left() {
    local left=$((check_seconds - SECONDS))
    echo $((left > 0 ? left : 0))
}

# limited WORDS...: runs a command for at most the time that is left.
limited() {
    local left
    left="$(seconds_left)"
    if [ "$left" -eq 0 ]; then
        say "no time left for: $*"
        return 1
    fi
    timeout --kill-after=10 "$left" "$@"
}

# A part that went wrong without a test to blame: a build, a time-out.
fail_part() {
    say "FAILED: $1"
    failed=$((failed + 1))
}

# add_results FILE: adds the counts of an automake test-suite log.  Expected
# failures are none of ours; an unexpected pass and an error are failures.
add_results() {
    local word count words='PASS|SKIP|XFAIL|FAIL|XPASS|ERROR'
    while read -r word count; do
        case "$word" in
        PASS) passed=$((passed + count)) ;;
        SKIP) skipped=$((skipped + count)) ;;
        *) failed=$((failed + count)) ;;
        esac
    done <<EOF
$(sed -nE "s/^# ($words): *([0-9]+)\$/\1 \2/p" "$1")
EOF
}

# begin_build NAME CONFIGURE-WORDS...: builds in build/NAME, with the tests
# where they are to be run, in the background and behind everything else;
# leaves build/NAME.built.
begin_build() {
    local name="$1"
    shift
    rm -f "build/$name.built"
    (
        renice -n 10 -p "$BASHPID" >/dev/null 2>&1 || true
        build_in "build/$name" "$@" \
            && { [ "$name" = fuzz ] \
                || make -C "build/$name" -j "$jobs" check TESTS=; } \
            && : >"build/$name.built"
    ) >"build/$name.log" 2>&1 </dev/null &
    builder=$!
}

# end_build NAME: waits for what begin_build began; counts a failure.
end_build() {
    say "$1: build ($(seconds_left) s left)"
    wait "$builder" || true
    [ -f "build/$1.built" ] && return 0
    tail -n 30 "build/$1.log" >&2
    fail_part "$1 does not build; see build/$1.log"
    return 1
}

# show_failures NAME: the end of what each test of build/NAME that failed
# said; the build may be gone when somebody looks for the reason.
show_failures() {
    local word test log
    while read -r word test; do
        case "$word" in
        FAIL: | ERROR:) ;;
        *) continue ;;
        esac
        log="build/$1/${test%.*}.log"
        [ -f "$log" ] || log="build/$1/$test.log"
        say "$1: $test failed; the end of $log:"
        tail -n 40 "$log" >&2 || true
    done <"build/$1.check.log"
}

# check_tests NAME: runs the tests of build/NAME.
check_tests() {
    local name="$1" folder="build/$1" before
    say "$name: tests ($(seconds_left) s left)"
    rm -f "$folder/test-suite.log"
    before=$failed
    limited "${wrapper[@]}" make -C "$folder" -j "$test_jobs" check \
        >"build/$name.check.log" 2>&1 || before="$before ended badly"
    grep -E '^(FAIL|ERROR|XPASS|SKIP): ' "build/$name.check.log" >&2 || true
    show_failures "$name"
    if [ ! -f "$folder/test-suite.log" ]; then
        tail -n 30 "build/$name.check.log" >&2
        fail_part "$name: no results; see build/$name.check.log"
        return 0
    fi
    add_results "$folder/test-suite.log"
    # make fails after the tests without one of them failing: count that.
    if [ "$before" = "$failed ended badly" ]; then
        fail_part "$name: make check failed; see build/$name.check.log"
    fi
}

# fuzz TARGET: one libFuzzer target for a while, beginning with its corpus;
# leaves build/NAME.passed if it found nothing.
fuzz() {
    local name="${1##*/}" corpus
    rm -f "build/$name.passed"
    corpus="build/corpus/$name"
    mkdir -p "$corpus"
    set -- "$1" "$corpus"
    if [ -d "test/fuzz/corpus/${name#fuzz_}" ]; then
        set -- "$@" "test/fuzz/corpus/${name#fuzz_}"
    fi
    local target="$1"
    shift
    limited "$target" -max_total_time="$fuzz_seconds" -timeout=10 \
        -rss_limit_mb=1024 -artifact_prefix="build/corpus/$name-" \
        "$@" >"build/$name.log" 2>&1 && : >"build/$name.passed"
}

# All of them, as many at once as there are compilers.
check_fuzzers() {
    local folder=build/fuzz target name pids=() names=()
    say "fuzz: run ($(seconds_left) s left)"
    for target in "$folder"/test/fuzz/fuzz_*; do
        if [ ! -f "$target" ] || [ ! -x "$target" ]; then
            continue
        fi
        if [ "${#pids[@]}" -ge "$jobs" ]; then
            wait "${pids[${#pids[@]} - jobs]}" || true
        fi
        fuzz "$target" &
        pids+=("$!")
        names+=("${target##*/}")
    done
    wait
    for name in "${names[@]}"; do
        if [ -f "build/$name.passed" ]; then
            passed=$((passed + 1))
        else
            tail -n 30 "build/$name.log" >&2
            fail_part "$name; see build/$name.log"
        fi
    done
    [ "${#pids[@]}" -gt 0 ] || fail_part "no fuzzer was built"
}

# While one build's tests run, and wait, the next build is made.
check() {
    local total built builder wrapper=()
    # The sanitizers' reports name lines best, and the compiler is done
    # soonest, at -O1.
    local sanitizer=(--enable-developer CFLAGS='-g -O1')
    passed=0 failed=0 skipped=0
    mkdir -p build
    begin_build developer --enable-developer
    end_build developer && built=yes || built=
    begin_build asan "${sanitizer[@]}" --with-sanitizer=address,undefined
    [ -z "$built" ] || SIM_SECONDS="${SIM_SECONDS:-120}" check_tests developer
    end_build asan && built=yes || built=
    begin_build tsan "${sanitizer[@]}" --with-sanitizer=thread
    [ -z "$built" ] || check_tests asan
    end_build tsan && built=yes || built=
    begin_build fuzz CC=clang --enable-fuzzers
    # gcc 12's thread sanitizer cannot place its memory where the kernel
    # spreads addresses widely.
    if setarch -R true 2>/dev/null; then
        wrapper=(setarch -R)
    fi
    [ -z "$built" ] || check_tests tsan
    wrapper=()
    if end_build fuzz; then
        check_fuzzers
    fi
    total="$passed passed, $failed failed"
    [ "$skipped" -eq 0 ] || total="$total, $skipped skipped"
    echo "$total"
    [ "$failed" -eq 0 ]
}

top="$(cd "$(dirname "$0")" && pwd)"
cd "$top"
case "${1:-}" in
-h | --help)
    usage
    exit 0
    ;;
'' | server | check) ;;
*)
    usage >&2
    exit 2
    ;;
esac

# shellcheck disable=SC2086 # lists of words
case "${1:-}" in
check)
    install_packages $build_packages $test_packages >&2
    check
    ;;
server)
    install_packages $build_packages >&2
    build_in build >&2
    serve
    ;;
*)
    install_packages $build_packages
    build_in build
    echo "built: $top/build/src/zkd"
    ;;
esac
