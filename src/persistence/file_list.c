/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "persistence/file_list.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Java reads the number as a signed long in base 16, so at most 16 digits
 * of which the first is below 8. */
#define FILE_LIST_MAX_DIGITS 16

/* The digits at 'p' as a zxid and where they end; -1 when there are none or
 * too many. */
static int64_t
fl_parse_hex(const char *p, const char **end)
{
    uint64_t v = 0;
    int digits = 0;

    while (isxdigit((unsigned char) *p)) {
        int c = tolower((unsigned char) *p);

        v = v << 4 | (uint64_t) (c <= '9' ? c - '0' : c - 'a' + 10);
        if (++digits > FILE_LIST_MAX_DIGITS) {
            return -1;
        }
        p++;
    }
    *end = p;
    return digits == 0 || v > INT64_MAX ? -1 : (int64_t) v;
}

int64_t
zk_file_name_zxid(const char *name, const char *prefix)
{
    size_t n = strlen(prefix);
    const char *end;
    int64_t zxid;

    if (strncmp(name, prefix, n) != 0 || name[n] != '.') {
        return -1;
    }
    zxid = fl_parse_hex(name + n + 1, &end);
    if (zxid < 0) {
        return -1;
    }
    if (*end == '\0') {
        return zxid;
    }
    if (strcmp(prefix, "snapshot") == 0
        && (strcmp(end, ".gz") == 0 || strcmp(end, ".snappy") == 0)) {
        return zxid;
    }
    return -1;
}

static int
fl_compare(const void *a, const void *b)
{
    const struct zk_file *x = a;
    const struct zk_file *y = b;

    if (x->zxid != y->zxid) {
        return x->zxid < y->zxid ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

/* Adds one file; one that vanished since (a purge) is left out. */
static int
fl_add(struct zk_file_list *l, const char *dir, const char *name,
       int64_t zxid, struct zk_errmsg *em)
{
    struct zk_file *f;
    struct stat st;
    char *path = zk_xasprintf("%s/%s", dir, name);
    int rv;

    if (stat(path, &st) != 0) {
        rv = errno == ENOENT ? ZK_OK : zk_fail_errno(em, "%s: stat", path);
        free(path);
        return rv;
    }
    if (!S_ISREG(st.st_mode)) {
        free(path);
        return ZK_OK;
    }
    l->v = zk_xrealloc(l->v, (l->n + 1) * sizeof *l->v);
    f = &l->v[l->n++];
    f->path = path;
    f->name = path + strlen(dir) + 1;
    f->zxid = zxid;
    f->size = (int64_t) st.st_size;
    f->mtime_ms = (int64_t) st.st_mtim.tv_sec * 1000
                  + st.st_mtim.tv_nsec / 1000000;
    return ZK_OK;
}

int
zk_file_list_read(const char *dir, const char *prefix,
                  struct zk_file_list *out, struct zk_errmsg *em)
{
    struct dirent *ent;
    int rv = ZK_OK;
    DIR *d;

    out->v = NULL;
    out->n = 0;
    d = opendir(dir);
    if (d == NULL) {
        return zk_fail_errno(em, "%s: open", dir);
    }
    while (rv == ZK_OK) {
        int64_t zxid;

        errno = 0;
        ent = readdir(d);
        if (ent == NULL) {
            if (errno != 0) {
                rv = zk_fail_errno(em, "%s: read", dir);
            }
            break;
        }
        zxid = zk_file_name_zxid(ent->d_name, prefix);
        if (zxid >= 0) {
            rv = fl_add(out, dir, ent->d_name, zxid, em);
        }
    }
    closedir(d);
    if (rv != ZK_OK) {
        zk_file_list_fini(out);
        return rv;
    }
    if (out->n > 1) {
        qsort(out->v, out->n, sizeof *out->v, fl_compare);
    }
    return ZK_OK;
}

void
zk_file_list_fini(struct zk_file_list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->v[i].path);
    }
    free(l->v);
    l->v = NULL;
    l->n = 0;
}

size_t
zk_file_list_first_log(const struct zk_file_list *logs, int64_t zxid)
{
    size_t at = 0;

    for (size_t i = 0; i < logs->n && logs->v[i].zxid <= zxid; i++) {
        at = i;
    }
    return at;
}
