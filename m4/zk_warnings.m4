# SPDX-License-Identifier: Apache-2.0

# ZK_WARNINGS: those of the flags below that the compiler knows, in
# ZK_WARN_CFLAGS.
AC_DEFUN([ZK_WARNINGS], [
ZK_WARN_CFLAGS=
for zk_flag in -Wall -Wextra -Wshadow -Wstrict-prototypes \
    -Wmissing-prototypes -Wold-style-definition -Wconversion \
    -Wwrite-strings -Wcast-qual -Wformat=2 -Wvla -Wundef \
    -Wno-sign-conversion -Wthread-safety; do
  AC_MSG_CHECKING([whether $CC takes $zk_flag])
  zk_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -Werror $zk_flag"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes]); ZK_WARN_CFLAGS="$ZK_WARN_CFLAGS $zk_flag"],
    [AC_MSG_RESULT([no])])
  CFLAGS=$zk_save_CFLAGS
done
AS_IF([test "x$enable_developer" = xyes],
  [ZK_WARN_CFLAGS="$ZK_WARN_CFLAGS -Werror"])
AC_SUBST([ZK_WARN_CFLAGS])
])
