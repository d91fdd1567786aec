#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# jutec refuses what is no schema, says where, and writes nothing then.
jutec=$top_builddir/src/jute/jutec/jutec
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
    echo "FAIL: $*"
    failed=1
}

# refuse LINE WORDS SCHEMA: it fails, naming the line and the reason.
refuse() {
    printf '%b' "$3" >"$dir/bad.jute"
    if "$jutec" -o "$dir/out" "$dir/bad.jute" 2>"$dir/err"; then
        fail "taken: $3"
    fi
    grep -q "bad.jute:$1: .*$2" "$dir/err" || {
        fail "$3: expected line $1, '$2'; got:"
        cat "$dir/err"
    }
    if test -e "$dir/out.c" || test -e "$dir/out.h"; then
        fail "written: $3"
        rm -f "$dir/out.c" "$dir/out.h"
    fi
}

refuse 1 "no record" ""
refuse 2 "no type or record" "record A {\n strange x; }"
refuse 1 "no type or record 'A'" "record A { A a; }"
refuse 1 "no type or record 'B'" "record A { B b; } record B { int a; }"
refuse 1 "'<' expected" "record A { vector int a; }"
refuse 1 "'>' expected" "record A { vector<int a; }"
refuse 1 "';' expected" "record A { int a }"
refuse 1 "name of a type" "record A { }"
refuse 1 "'record' expected" "class A { int a; }"
refuse 3 "second record" "record A { int a; }\n\nrecord A { int a; }"
refuse 1 "second field" "record A { int a; long a; }"
refuse 1 "is a word of C" "record A { int default; }"
refuse 1 "hex is for" "record A { hex ustring a; }"
refuse 1 "a capital first" "record a { int a; }"
refuse 2 "without an end" "record A { int a; }\n/* and so on"
refuse 1 "unexpected character" "record A { int a, b; }"

"$jutec" -o "$dir/out" "$dir/none.jute" 2>/dev/null && fail "no such file"
"$jutec" "$dir/bad.jute" 2>/dev/null && fail "no -o"

printf 'record WhoAmI { int parentCVersion; vector<vector<long>> x2Y; }' \
    >"$dir/good.jute"
"$jutec" -o "$dir/out" "$dir/good.jute" || fail "a good schema"
for text in 'struct jute_who_am_i {' 'int32_t parent_c_version;' \
    'struct jute_vec_vec_long x2_y;' 'struct jute_vec_long \*v;'; do
    grep -q "$text" "$dir/out.h" || fail "no $text"
done
exit $failed
