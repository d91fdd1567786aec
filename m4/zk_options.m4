# SPDX-License-Identifier: Apache-2.0

# --enable-developer: warnings are errors, lock ranks are checked, crash
# points are built in.
AC_DEFUN([ZK_ARG_DEVELOPER], [
AC_ARG_ENABLE([developer],
  [AS_HELP_STRING([--enable-developer],
     [warnings are errors; lock checks and crash points on])],
  [], [enable_developer=no])
])

# --with-sanitizer=address,undefined or thread
AC_DEFUN([ZK_ARG_SANITIZER], [
AC_ARG_WITH([sanitizer],
  [AS_HELP_STRING([--with-sanitizer=LIST],
     [build with these of gcc's or clang's sanitizers])],
  [], [with_sanitizer=no])
AS_IF([test "x$with_sanitizer" != xno], [
  ZK_SANITIZER_FLAGS="-fsanitize=$with_sanitizer -fno-omit-frame-pointer -g"
  AS_CASE([$with_sanitizer], [*undefined*],
    [ZK_SANITIZER_FLAGS="$ZK_SANITIZER_FLAGS -fno-sanitize-recover=undefined"])
  CFLAGS="$CFLAGS $ZK_SANITIZER_FLAGS"
  LDFLAGS="$LDFLAGS -fsanitize=$with_sanitizer"
])
AM_CONDITIONAL([SANITIZER], [test "x$with_sanitizer" != xno])
AC_SUBST([with_sanitizer])
])

AC_DEFUN([ZK_ARG_LOCK_CHECKS], [
AC_ARG_ENABLE([lock-checks],
  [AS_HELP_STRING([--enable-lock-checks],
     [panic when locks are taken out of the order of tbl/locks.h])],
  [], [enable_lock_checks=$enable_developer])
AS_IF([test "x$enable_lock_checks" = xyes],
  [AC_DEFINE([ZK_LOCK_CHECKS], [1], [assert the order of locks])])
])

AC_DEFUN([ZK_ARG_CRASH_POINTS], [
AC_ARG_ENABLE([crash-points],
  [AS_HELP_STRING([--enable-crash-points],
     [build in the places where tests make the server die])],
  [], [enable_crash_points=$enable_developer])
AS_IF([test "x$enable_crash_points" = xyes],
  [AC_DEFINE([ZK_CRASH_POINTS], [1], [crash points are built in])])
AM_CONDITIONAL([CRASH_POINTS], [test "x$enable_crash_points" = xyes])
])

# --enable-fuzzers: libFuzzer targets (clang only).
AC_DEFUN([ZK_ARG_FUZZERS], [
AC_ARG_ENABLE([fuzzers],
  [AS_HELP_STRING([--enable-fuzzers],
     [build the libFuzzer targets of test/fuzz (needs clang)])],
  [], [enable_fuzzers=no])
AS_IF([test "x$enable_fuzzers" = xyes], [
  CFLAGS="$CFLAGS -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -g"
  LDFLAGS="$LDFLAGS -fsanitize=address,undefined"
])
AM_CONDITIONAL([FUZZERS], [test "x$enable_fuzzers" = xyes])
])

# The server's allocator.  A sanitizer brings its own.
AC_DEFUN([ZK_ARG_JEMALLOC], [
AC_ARG_WITH([jemalloc],
  [AS_HELP_STRING([--without-jemalloc],
    [use the C library's allocator (slower where threads free what others allocated)])],
  [], [AS_IF([test "x$with_sanitizer$enable_fuzzers" = xnono],
             [with_jemalloc=yes], [with_jemalloc=no])])
AS_IF([test "x$with_jemalloc" != xno],
  [PKG_CHECK_MODULES([JEMALLOC], [jemalloc >= 5.0])
   AC_DEFINE([ZK_JEMALLOC], [1], [Define when the server uses jemalloc.])])
])
