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
for check in layers magic locks calls docs; do
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

test "$failures" -eq 0
