/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/tool.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "persistence/dir_lock.h"

void
tool_refuse_option(char **argv)
{
    const char *word = argv[optind - 1];

    /* A single letter may stand in a word with others, which getopt has not
     * left yet; of a long one without its value it gives the number. */
    if (isgraph(optopt) && (optind < 2 || strncmp(word, "--", 2) != 0)) {
        tool_fail("-%c: no such option, or its value is missing", optopt);
    } else {
        tool_fail("%s: no such option, or its value is missing", word);
    }
}

int
tool_fail(const char *fmt, ...)
{
    struct zk_buf shown = { 0 };
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = zk_xvasprintf(fmt, ap);
    va_end(ap);
    if (isatty(STDERR_FILENO)) {
        tool_append_shown(&shown, text, strlen(text), "");
        fprintf(stderr, "zktool: %.*s\n", (int) shown.len,
                (const char *) shown.data);
    } else {
        fprintf(stderr, "zktool: %s\n", text);
    }
    zk_buf_fini(&shown);
    free(text);
    return TOOL_EXIT_FAILED;
}

bool
tool_parse_long(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    const char *p = text + (*text == '-' || *text == '+');
    int base = 10;
    uint64_t v;
    char *end;

    if (*p == '#' || (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))) {
        base = 16;
        p += *p == '#' ? 1 : 2;
    } else if (*p == '0' && p[1] != '\0') {
        base = 8;
        p++;
    }
    /* strtoull takes blanks and signs. */
    if (strchr("0123456789abcdefABCDEF", *p) == NULL || *p == '\0') {
        return false;
    }
    errno = 0;
    v = strtoull(p, &end, base);
    if (errno != 0 || *end != '\0'
        || v > (uint64_t) INT64_MAX + (negative ? 1 : 0)) {
        return false;
    }
    *out = (int64_t) (negative ? 0 - v : v);
    return true;
}

bool
tool_parse_id(const char *text, int64_t *out)
{
    const char *digits = text + 2;
    char *end;

    if (tool_parse_long(text, out)) {
        return true;
    }
    if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X')
        || strspn(digits, "0123456789abcdefABCDEF") != strlen(digits)) {
        return false;
    }
    errno = 0;
    *out = (int64_t) strtoull(digits, &end, 16);
    return errno == 0 && end != digits;
}

bool
tool_parse_int(const char *text, int32_t *out)
{
    const char *digits = text + (*text == '-' || *text == '+');
    char *end;
    long v;

    if (*digits < '0' || *digits > '9') {
        return false;
    }
    errno = 0;
    v = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0' || v > INT32_MAX || v < INT32_MIN) {
        return false;
    }
    *out = (int32_t) v;
    return true;
}

char *
tool_version_dir(const char *data_dir)
{
    char *real = realpath(data_dir, NULL);
    char *name = zk_xasprintf("%s/version-2", real != NULL ? real
                                                           : data_dir);

    free(real);
    return name;
}

int
tool_lock_dir(const char *dir, bool force, int *fd, struct zk_errmsg *em)
{
    struct zk_errmsg why;
    int rv = dir_lock(dir, fd, &why);

    if (rv == ZK_EEXIST && force) {
        return ZK_OK;
    }
    if (rv == ZK_EEXIST) {
        return zk_fail(em, rv, "%s; stop it, or say --force", why.text);
    }
    return rv == ZK_OK ? rv : zk_fail(em, rv, "%s", why.text);
}
