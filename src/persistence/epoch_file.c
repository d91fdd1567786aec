/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/epoch_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/zk_io.h"

/* Longer than any number; what follows the first line does not matter. */
#define EPOCH_FILE_MAX 4096

/* The number that the NUL-terminated first line is, whole.  Java parses it
 * with Long.parseLong: an optional sign and digits, no blanks. */
static bool
epoch_parse(const char *line, int64_t *out)
{
    const char *digits = line + (*line == '-' || *line == '+');
    char *end;

    if (*digits < '0' || *digits > '9') {
        return false;
    }
    errno = 0;
    *out = strtoll(line, &end, 10);
    return errno == 0 && *end == '\0';
}

int
epoch_file_read(const char *dir, const char *name, int64_t *epoch,
                struct zk_errmsg *em)
{
    struct zk_buf b = { 0 };
    char *path = zk_xasprintf("%s/%s", dir, name);
    char *line;
    int rv;

    rv = zk_read_file(path, EPOCH_FILE_MAX, &b, em);
    if (rv == ZK_OK) {
        zk_buf_append(&b, "", 1);
        line = (char *) b.data;
        line[strcspn(line, "\r\n")] = '\0';
        if (!epoch_parse(line, epoch)) {
            rv = zk_fail(em, ZK_ECORRUPT,
                         "%s: the first line is not a number: '%.40s'", path,
                         line);
        }
    } else if (rv == ZK_ETOOBIG) {
        rv = zk_fail(em, ZK_ECORRUPT, "%s: too long for an epoch", path);
    }
    zk_buf_fini(&b);
    free(path);
    return rv;
}

int
epoch_file_write(const char *dir, const char *name, int64_t epoch,
                 struct zk_errmsg *em)
{
    char *path = zk_xasprintf("%s/%s", dir, name);
    char text[24];
    int len;
    int rv;

    /* No newline, as Java writes it. */
    len = snprintf(text, sizeof text, "%" PRId64, epoch);
    rv = zk_atomic_file_replace(path, text, (size_t) len, em);
    free(path);
    return rv;
}
