/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * tool_init.c: zktool init, the duty of zkServer-initialize.sh.  Makes the
 * data folders of one server: version-2 in dataDir and dataLogDir, myid, and
 * the mark "initialize", by which a server with an empty database may vote at
 * once even when zookeeper.db.autocreate is false.
 */
#include <config.h>

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/zk_properties.h"
#include "persistence/dir_lock.h"
#include "tools/tool.h"
#include "util/zk_io.h"

/* Folders that nftw keeps open. */
#define TI_OPEN_FOLDERS 16

static const char ti_usage[] =
    "Usage: zktool init --configfile FILE [--myid N] [--force]\n"
    "  --configfile FILE   the configuration that names the folders\n"
    "  --myid N            number of this server in its ensemble\n"
    "  --force             erase the data that the folders hold\n"
    "Options take their value as the next word or after \"=\".\n";

struct ti {
    const char *config;
    const char *myid;
    bool force;
    struct zk_properties props;
    const char *data_dir;
    const char *log_dir;        /* NULL: the same. */
    int locks[2];
};

/* ---- arguments --------------------------------------------------------- */

static int
ti_invalid(void)
{
    fputs(ti_usage, stderr);
    return TOOL_EXIT_FAILED;    /* As Apache's script. */
}

/* What the script says and ends with: on stdout, as Apache's. */
static int
ti_refuse(const char *fmt, ...) ZK_PRINTF(1, 2);

static int
ti_refuse(const char *fmt, ...)
{
    va_list ap;
    char *text;

    va_start(ap, fmt);
    text = zk_xvasprintf(fmt, ap);
    va_end(ap);
    puts(text);
    free(text);
    return TOOL_EXIT_FAILED;
}

static int
ti_parse(struct ti *ti, int argc, char **argv)
{
    static const struct option options[] = {
        { "configfile", required_argument, NULL, 'c' },
        { "myid", required_argument, NULL, 'm' },
        { "force", no_argument, NULL, 'f' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;

    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            ti->config = optarg;
            break;
        case 'm':
            ti->myid = optarg;
            break;
        case 'f':
            ti->force = true;
            break;
        case 'h':
            fputs(ti_usage, stdout);
            return TOOL_EXIT_OK;
        default:
            tool_refuse_option(argv);
            return ti_invalid();
        }
    }
    if (optind < argc || ti->config == NULL) {
        tool_fail("init takes --configfile and options, nothing else");
        return ti_invalid();
    }
    if (ti->myid != NULL
        && (*ti->myid == '\0'
            || ti->myid[strspn(ti->myid, "0123456789")] != '\0')) {
        return ti_refuse("myid must be a number: %s", ti->myid);
    }
    return -1;
}

static const char *
ti_setting(const struct ti *ti, const char *key)
{
    const struct zk_property *p = zk_properties_find(&ti->props, key);

    return p == NULL || *p->value == '\0' ? NULL : p->value;
}

static int
ti_read_config(struct ti *ti)
{
    struct zk_errmsg em;

    if (access(ti->config, F_OK) != 0) {
        return ti_refuse("Unable to find config file at %s", ti->config);
    }
    if (zk_properties_read(ti->config, &ti->props, &em) != ZK_OK) {
        return tool_fail("%s", em.text);
    }
    ti->data_dir = ti_setting(ti, "dataDir");
    ti->log_dir = ti_setting(ti, "dataLogDir");
    if (zk_properties_find(&ti->props, "dataLogDir") != NULL
        && ti->log_dir == NULL) {
        return ti_refuse("dataLogDir is empty in %s: a server refuses that",
                         ti->config);
    }
    if (ti->data_dir == NULL) {
        return ti_refuse("Unable to determine dataDir from %s", ti->config);
    }
    if (ti->log_dir != NULL && strcmp(ti->log_dir, ti->data_dir) == 0) {
        ti->log_dir = NULL;
    }
    return -1;
}

/* ---- looking before anything is changed -------------------------------- */

/* Whether it is a folder that is locked already: both settings may mean the
 * same one, by other words or by links. */
static bool
ti_is_locked(const struct ti *ti, const char *version)
{
    struct stat held, st;

    return ti->locks[0] >= 0 && fstat(ti->locks[0], &held) == 0
           && stat(version, &st) == 0 && held.st_dev == st.st_dev
           && held.st_ino == st.st_ino;
}

/* One folder; the exit code, or -1 when it may be made anew.  Takes its lock
 * into *lock. */
static int
ti_look(const struct ti *ti, const char *dir, const char *what, int *lock)
{
    char *version = zk_xasprintf("%s/version-2", dir);
    struct zk_errmsg em;
    int code = -1;

    if (access(version, F_OK) == 0 && !ti->force) {
        code = ti_refuse("ZooKeeper %s directory already exists at %s (or "
                         "use --force to force re-initialization)", what,
                         dir);
    } else if (access(version, F_OK) == 0 && !ti_is_locked(ti, version)
               && dir_lock(version, lock, &em) != ZK_OK) {
        code = tool_fail("%s; nothing was changed", em.text);
    }
    free(version);
    return code;
}

/* ---- making ------------------------------------------------------------ */

static int
ti_remove_one(const char *path, const struct stat *st, int flag,
              struct FTW *ftw)
{
    (void) st;
    (void) flag;
    return ftw->level == 0 ? 0 : remove(path);
}

/* Empties a folder; it stays itself, with its owner, since it may be a disk's,
 * or behind a link. */
static int
ti_empty(const char *version, struct zk_errmsg *em)
{
    char *real = realpath(version, NULL);
    int rv = ZK_OK;

    if (real == NULL && errno != ENOENT) {
        rv = zk_fail_errno(em, "%s", version);
    } else if (real != NULL
               && nftw(real, ti_remove_one, TI_OPEN_FOLDERS,
                       FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        rv = zk_fail_errno(em, "%s: remove what is in it", real);
    }
    free(real);
    return rv;
}

/* 'dir' with an empty version-2. */
static int
ti_make_empty(const char *dir, struct zk_errmsg *em)
{
    char *version = zk_xasprintf("%s/version-2", dir);
    char *mark = zk_xasprintf("%s/initialize", dir);
    int rv = ti_empty(version, em);

    if (rv == ZK_OK && unlink(mark) != 0 && errno != ENOENT
        && errno != ENOTDIR) {
        rv = zk_fail_errno(em, "%s: remove", mark);
    }
    if (rv == ZK_OK) {
        rv = zk_mkdirs(version, em);
    }
    free(version);
    free(mark);
    return rv;
}

static int
ti_write(const char *dir, const char *name, const char *text,
         struct zk_errmsg *em)
{
    char *path = zk_xasprintf("%s/%s", dir, name);
    int rv = zk_atomic_file_replace(path, text, strlen(text), em);

    free(path);
    return rv;
}

static int
ti_write_myid(const struct ti *ti, struct zk_errmsg *em)
{
    char *line;
    int rv;

    if (ti->myid == NULL) {
        printf("No myid provided, be sure to specify it in %s/myid if using "
               "non-standalone\n", ti->data_dir);
        return ZK_OK;
    }
    printf("Using myid of %s\n", ti->myid);
    line = zk_xasprintf("%s\n", ti->myid);
    rv = ti_write(ti->data_dir, "myid", line, em);
    free(line);
    return rv;
}

static int
ti_make(const struct ti *ti, struct zk_errmsg *em)
{
    int rv = ti_make_empty(ti->data_dir, em);

    if (rv == ZK_OK && ti->log_dir != NULL) {
        rv = ti_make_empty(ti->log_dir, em);
    }
    if (rv == ZK_OK) {
        rv = ti_write_myid(ti, em);
    }
    if (rv == ZK_OK) {
        /* The server looks for the mark beside its transaction logs. */
        rv = ti_write(ti->log_dir != NULL ? ti->log_dir : ti->data_dir,
                      "initialize", "", em);
    }
    return rv;
}

static int
ti_run(struct ti *ti)
{
    struct zk_errmsg em;
    int code = ti_read_config(ti);

    if (code < 0 && ti->force) {
        puts("Force enabled, data/txnlog directories will be "
             "re-initialized");
    }
    if (code < 0) {
        code = ti_look(ti, ti->data_dir, "data", &ti->locks[0]);
    }
    if (code < 0 && ti->log_dir != NULL) {
        code = ti_look(ti, ti->log_dir, "txnlog", &ti->locks[1]);
    }
    if (code < 0) {
        code = ti_make(ti, &em) == ZK_OK ? TOOL_EXIT_OK
                                         : tool_fail("%s", em.text);
    }
    return code;
}

int
tool_init_main(const struct tool *t, int argc, char **argv)
{
    struct ti ti = { .locks = { -1, -1 } };
    int code = ti_parse(&ti, argc, argv);

    (void) t;
    if (code < 0) {
        code = ti_run(&ti);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(ti.locks); i++) {
        if (ti.locks[i] >= 0) {
            close(ti.locks[i]);
        }
    }
    zk_properties_fini(&ti.props);
    return code;
}
