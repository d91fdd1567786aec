#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each check passes on a small sound tree and fails, naming file and line,
# on each of the faults it is there for.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 99
tree=$(mktemp -d "${TMPDIR:-/tmp}/zkd-checks-XXXXXX") || exit 99
trap 'rm -rf "$tree"' EXIT
LATER=later
export LATER
failures=0

# A fresh sound tree: two folders, one above the other.
sound() {
    rm -rf "$tree/t"
    mkdir -p "$tree/t/src/util" "$tree/t/src/upper" \
        "$tree/t/include/zookeeper/tbl" "$tree/t/test/unit"
    cd "$tree/t" || exit 99
    printf '# comment\n0 util\n1 upper\n1 beside\n' >src/LAYERS
    cat >include/zookeeper/tbl/locks.h <<'X'
LOCK(10, later, "for later")
LOCK(20, first, "one")
LOCK(30, second, "two")
X
    cat >src/util/low.h <<'X'
/* low.h: an essay. */

#include <stdint.h>

#define LOW_MAGIC 0x1234
#define TWICE(x) \
    ((x) * 2)

struct low {
    unsigned magic;
    int (*call)(int x);
};

/* What it does. */
int low_make(struct low *l);
int low_drop(struct low *l,
             int how);

static inline int
low_inline(int x)
{
    return x;
}
X
    cat >src/util/low.c <<'X'
#include "util/low.h"
/* Never sprintf(buf, ...) here. */
void f(void) { nanosleep(0, 0); puts("strcpy(a, b)"); }
X
    cat >src/upper/high.c <<'X'
#include "upper/high.h"
#include "util/low.h"
    zk_mutex_init(&a, ZK_LOCK_first);
    zk_rwlock_init(&b,
                   ZK_LOCK_second);
    snprintf(a, 1, "x"); localtime_r(a, b); x->sleep(3);
X
    printf '#define HIGH_MAGIC 0x5678\n' >src/upper/high.h
    printf 'int x;\n' >test/unit/test_x.c
    sound_manual
}

# Manual pages, and what they are about.
sound_manual() {
    mkdir -p doc bin src/config src/shell src/tools
    printf '0 config\n0 shell\n0 tools\n' >>src/LAYERS
    cat >src/config/server_config_props.c <<'X'
/* system_properties_get(p, "in.a.comment") asks for nothing. */
    { "zookeeper.some.number", "bare.number", 1 },
    x = system_properties_long(p, name, 3, &out,
                               "a text") || property_bool(
        p, "zookeeper.behind.a.dot");
    y = system_properties_bool(p,
                               "bare.switch", false);
    zk_fail(em, "zookeeper.authProvider.");
X
    cat >src/config/zoo_cfg_keys.c <<'X'
    { "dataDir", KEY_PATH },
    if (strncmp(key, "server.", 7) == 0) {
X
    cat >src/config/tls_config.c <<'X'
    tc_take_store(&r, "keyStore", x);
    snprintf(suffix, 9, "%s.type", which);
    tc_get_bool(&r, "crl", false);
X
    cat >doc/zoo.cfg.5 <<'X'
.Sh SERVER
.It Cm dataDir Ns = Ns Ar path
.It Cm server.N Ns = Ns Ar h
.It Cm some.number , \
bare.number Ns = Ns Ar n
.It Cm bare.switch Ns = Ns Ar bool Pq Fl D
.It Cm behind.a.dot , authProvider.N
.Sh KEYS AND TRUST
.It Cm keyStore.type , crl
X
    cat >src/shell/command.c <<'X'
static const struct option_spec get_options[] = {
    { "s", false, "stats" },
};
    { "get", "[-s] path",
      OPTIONS(get_options), 1 },
    { "quit", "", NO_OPTIONS },
X
    cat >src/shell/start.c <<'X'
    { "server", START_SERVER }, { "o", START_OUTPUT },
    if (strcmp(name, "r") == 0) {
    start_take_number(s, "zookeeper.request.timeout", &x);
X
    cat >doc/zkcli.1 <<'X'
.Sh DESCRIPTION
.It Fl server Ar host Ns Oo : Ns Ar port Oc
.It Fl o Cm json | text
.It Fl r
.Sh COMMANDS
.It Ic get Oo Fl s Oc Ar path
.It Ic quit
.Sh PROPERTIES
.It Cm zookeeper.request.timeout
X
    cat >src/tools/zktool.c <<'X'
    { "log", tool_log_main, "logs" },
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
X
    cat >src/tools/tool_log.c <<'X'
    { "json", no_argument, NULL, 1 },
    c = getopt_long(argc, argv, "d:", options, NULL);
X
    cat >doc/zktool.8 <<'X'
.Sh DESCRIPTION
.It Fl h , -help
.Ss log
.It Fl -json , Fl d Ar what
X
    printf '%s\n' 'case "${1:-}" in' 'start)' '*)' 'esac' >bin/zkServer.sh
    printf '.Sh DESCRIPTION\n.It Cm start\n' >doc/zkServer.sh.8
    : >doc/zkd.8
}

# passes CHECK: on the tree as it is.
passes() {
    if ! out=$("$here/$1" "$tree/t" 2>&1); then
        echo "FAIL: $1 refuses a sound tree: $out"
        failures=$((failures + 1))
    fi
}

# fails CHECK TEXT: it fails and its output has TEXT.
fails() {
    if out=$("$here/$1" "$tree/t" 2>&1); then
        echo "FAIL: $1 does not see: $2"
        failures=$((failures + 1))
    elif ! printf '%s\n' "$out" | grep -qF -- "$2"; then
        echo "FAIL: $1 says not '$2' but: $out"
        failures=$((failures + 1))
    fi
    sound
}

sound
for check in layers magic locks calls docs properties options; do
    passes check-$check
done

echo '#include "upper/high.h"' >>src/util/low.c
fails check-layers 'src/util/low.c:4: util (rank 0) must not include upper'
mkdir src/beside
echo '#include "upper/high.h"' >src/beside/b.c
fails check-layers 'src/beside/b.c:1: beside (rank 1) must not include upper'
mkdir src/stray
echo 'int x;' >src/stray/s.c
fails check-layers 'src/stray/s.c:1: folder stray is not in src/LAYERS'
echo '#include "nowhere/x.h"' >>src/upper/high.c
fails check-layers 'folder nowhere is not in src/LAYERS'
echo '#include "low.h"' >>src/upper/high.c
fails check-layers '"low.h" should be "folder/name.h"'
echo '#include "../util/low.h"' >>src/upper/high.c
fails check-layers 'by way of ..'
echo '#include "util/low.h"' >include/zookeeper/public.h
fails check-layers 'include/zookeeper/public.h:1: a public header'

echo '#define OTHER_MAGIC 0x00001234' >>src/upper/high.h
fails check-magic \
    'src/util/low.h:5: LOW_MAGIC has the value of OTHER_MAGIC (src/upper/high.h:2)'
rm src/upper/high.h
sed -i '/MAGIC/d' src/util/low.h
fails check-magic 'no *_MAGIC'

echo 'LOCK(40, third, "three")' >>include/zookeeper/tbl/locks.h
fails check-locks 'locks.h:4: no lock of class third is initialised'
echo 'LOCK(30, second_too, "x")' >>include/zookeeper/tbl/locks.h
fails check-locks 'locks.h:4: rank 30 does not rise'
echo 'zk_mutex_init(&m, ZK_LOCK_unheard);' >>src/upper/high.c
fails check-locks 'src/upper/high.c:7: no lock class unheard'
echo 'zk_mutex_init(&m, ZK_LOCK_later);' >>src/upper/high.c
fails check-locks 'src/upper/high.c:7: lock class later is in use'

for call in 'strtok(a, b)' 'sprintf(a, b)' 'vsprintf (a, b)' \
    'strcpy(a, b)' 'strcat(a, b)' 'localtime(a)' 'gmtime(a)' 'sleep(1)' \
    'usleep(1)' 'nanosleep(a, b)' 'pthread_mutex_lock(a)' \
    'pthread_create(a)'; do
    echo "int x = $call; /* y */" >>src/upper/high.c
    fails check-calls \
        "src/upper/high.c:7: ${call%%[ (]*} is not to be called here"
done
echo '#include <assert.h>' >>src/util/low.c
fails check-calls 'src/util/low.c:4: assert.h'
echo 'sleep(1);' >>test/unit/test_x.c
fails check-calls 'test/unit/test_x.c:2: sleep'

printf '\nint bare(void);\n' >>src/util/low.h
fails check-docs 'src/util/low.h:25: bare has no comment'
printf '\nstruct low *\nlong_one(int a,\n  int b);\n' >>src/util/low.h
fails check-docs 'src/util/low.h:25: long_one has no comment'
printf '/* About this. */\nint a(void);\n\nint b(void);\n' >>src/util/low.h
fails check-docs 'src/util/low.h:27: b has no comment'

keys=src/config/zoo_cfg_keys.c
echo '    { "newKey", KEY_INT },' >>$keys
fails check-properties "$keys:3: newKey has no entry in doc/zoo.cfg.5"
printf 'x = system_properties_long(p,\n"new.one", 3);\n' >>$keys
fails check-properties "$keys:4: new.one has no entry in doc/zoo.cfg.5"
printf '#define P \\\n    "zookeeper.new.one"\n' >>src/upper/high.c
fails check-properties \
    'src/upper/high.c:8: new.one has no entry in doc/zoo.cfg.5'
echo 'tc_dup(&r, "ocsp");' >>src/config/tls_config.c
fails check-properties 'ssl.ocsp has no entry in doc/zoo.cfg.5'
echo '    snprintf(suffix, 9, "%s.password", w);' >>src/config/tls_config.c
fails check-properties 'ssl.keyStore.password has no entry'
echo '.It Cm keyStore.file' >>doc/zoo.cfg.5
fails check-properties 'doc/zoo.cfg.5:10: nothing reads keyStore.file'
sed -i 's/bare.switch/no.switch/' doc/zoo.cfg.5
fails check-properties 'doc/zoo.cfg.5:6: nothing reads no.switch'
echo 'f(s, "zookeeper.of.a.client");' >>src/shell/start.c
fails check-properties \
    'src/shell/start.c:4: zookeeper.of.a.client is not in doc/zkcli.1'
echo '.It Cm zookeeper.of.nobody' >>doc/zkcli.1
fails check-properties 'doc/zkcli.1:10: nothing reads zookeeper.of.nobody'
rm -r src/config src/shell
for page in doc/*; do
    : >"$page"
done
fails check-properties 'no properties found'

sed -i 's/{ "s", false/{ "w", false/' src/shell/command.c
fails check-options 'src/shell/command.c:5: zkcli takes get -w, and'
sed -i 's/Fl s/Fl s | x/' doc/zkcli.1
fails check-options 'doc/zkcli.1:6: zkcli does not take get -x'
echo '    { "stat", "path",' >>src/shell/command.c
fails check-options 'src/shell/command.c:7: zkcli takes stat, and'
sed -i 's/Ic quit/Ic quit , exit/' doc/zkcli.1
fails check-options 'doc/zkcli.1:7: zkcli does not take exit'
sed -i 's/"r"/"x"/' src/shell/start.c
fails check-options 'src/shell/start.c:2: zkcli takes -x, and'
sed -i 's/Fl -json/Fl -xml/' doc/zktool.8
fails check-options 'src/tools/tool_log.c:1: zktool takes log -json, and'
sed -i 's/"d:"/"d:v"/' src/tools/tool_log.c
fails check-options 'src/tools/tool_log.c:2: zktool takes log -v, and'
echo '.Ss mend' >>doc/zktool.8
fails check-options 'doc/zktool.8:5: zktool does not take mend'
sed -i 's/^start)/stop)/' bin/zkServer.sh
fails check-options 'doc/zkServer.sh.8:2: zkServer.sh does not take start'
rm -r src/tools/zktool.c src/tools/tool_log.c doc/zktool.8
: >doc/zktool.8
: >src/tools/zktool.c
: >src/tools/tool_log.c
fails check-options 'no options found'

test "$failures" -eq 0
