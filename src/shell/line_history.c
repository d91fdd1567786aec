/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/line_history.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shell/command.h"
#include "util/zk_time.h"

#define LINE_HISTORY_MAGIC 0x5a6b4c48u
/* How often, in ms, a lock that somebody has is tried. */
#define LINE_HISTORY_TRY_MS 10

struct line_history {
    unsigned magic;             /* LINE_HISTORY_MAGIC */
    History *lines;
    char *file;                 /* NULL: none, or not ours to write. */
    struct word_list fresh;     /* Added since the last save. */
};

static History *
lh_new_lines(void)
{
    History *lines = history_init();
    HistEvent ev;

    if (lines == NULL) {
        zk_panic("no memory for a history");
    }
    history(lines, &ev, H_SETSIZE, LINE_HISTORY_MAX);
    history(lines, &ev, H_SETUNIQUE, 1);
    return lines;
}

static void
lh_end_lines(History *lines)
{
    HistEvent ev;

    history(lines, &ev, H_CLEAR);
    history_end(lines);
}

/* Reads the file that stands at 'path'.  False: it holds no history. */
static bool
lh_load(History *lines, const char *path)
{
    struct stat st;
    HistEvent ev;

    if (stat(path, &st) != 0) {
        return errno == ENOENT;
    }
    /* libedit refuses an empty file; to open a pipe would wait. */
    return S_ISREG(st.st_mode)
           && (st.st_size == 0 || history(lines, &ev, H_LOAD, path) >= 0);
}

struct line_history *
line_history_create(const char *file)
{
    struct line_history *h = zk_xcalloc(1, sizeof *h);

    h->magic = LINE_HISTORY_MAGIC;
    h->lines = lh_new_lines();
    if (file != NULL && lh_load(h->lines, file)) {
        h->file = zk_xstrdup(file);
    }
    return h;
}

void
line_history_destroy(struct line_history *h)
{
    if (h == NULL) {
        return;
    }
    ZK_CHECK(h, LINE_HISTORY_MAGIC);
    lh_end_lines(h->lines);
    words_fini(&h->fresh);
    free(h->file);
    h->magic = 0;
    free(h);
}

History *
line_history_lines(struct line_history *h)
{
    ZK_CHECK(h, LINE_HISTORY_MAGIC);
    return h->lines;
}

void
line_history_add(struct line_history *h, const char *line)
{
    HistEvent ev;

    ZK_CHECK(h, LINE_HISTORY_MAGIC);
    if (line[strspn(line, WORDS_BLANKS)] == '\0' || command_is_secret(line)) {
        return;
    }
    history(h->lines, &ev, H_ENTER, line);
    words_add(&h->fresh, line, strlen(line));
}

/* ---- saving ------------------------------------------------------------- */

static bool
lh_lock(int fd)
{
    int64_t deadline_ms = zk_time_mono_ms() + LINE_HISTORY_LOCK_MS;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if ((errno != EWOULDBLOCK && errno != EINTR)
            || zk_time_mono_ms() >= deadline_ms) {
            return false;
        }
        (void) poll(NULL, 0, LINE_HISTORY_TRY_MS);
    }
    return true;
}

/* Does the name still stand for the file that is open, which is regular? */
static bool
lh_is_still(int fd, const char *path)
{
    struct stat open_one, named;

    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0
           && S_ISREG(open_one.st_mode) && open_one.st_dev == named.st_dev
           && open_one.st_ino == named.st_ino;
}

/* Opens the file, which is made if it is not there, and locks it; '*path' is
 * then where it really is.  -1: it cannot be had. */
static int
lh_open(const char *file, char **path)
{
    int64_t deadline_ms = zk_time_mono_ms() + LINE_HISTORY_LOCK_MS;

    do {
        int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY
                            | O_NONBLOCK, 0600);

        if (fd < 0) {
            return -1;
        }
        *path = realpath(file, NULL);
        if (*path != NULL && lh_lock(fd) && lh_is_still(fd, *path)) {
            return fd;
        }
        /* Another shell has put a new one in its place meanwhile. */
        free(*path);
        *path = NULL;
        close(fd);
    } while (zk_time_mono_ms() < deadline_ms);
    return -1;
}

/* Writes the lines to a file of its own beside 'path', as much the user's as
 * 'fd' is, and puts it there. */
static bool
lh_replace(History *lines, const char *path, int fd)
{
    char *tmp = zk_xasprintf("%s.XXXXXX", path);
    int out = mkostemp(tmp, O_CLOEXEC);
    FILE *f = out < 0 ? NULL : fdopen(out, "w");
    struct stat st;
    HistEvent ev;
    bool ok;

    if (f == NULL) {
        if (out >= 0) {
            close(out);
            (void) unlink(tmp);
        }
        free(tmp);
        return false;
    }
    ok = fstat(fd, &st) == 0
         && (st.st_uid == geteuid() || fchown(out, st.st_uid, st.st_gid) == 0)
         && history(lines, &ev, H_SAVE_FP, f) >= 0;
    ok = fclose(f) == 0 && ok;
    ok = ok && rename(tmp, path) == 0;
    if (!ok) {
        (void) unlink(tmp);
    }
    free(tmp);
    return ok;
}

bool
line_history_save(struct line_history *h)
{
    char *path = NULL;
    History *all;
    HistEvent ev;
    bool ok;
    int fd;

    ZK_CHECK(h, LINE_HISTORY_MAGIC);
    if (h->file == NULL || h->fresh.n == 0) {
        return true;
    }
    fd = lh_open(h->file, &path);
    if (fd < 0) {
        return false;
    }
    all = lh_new_lines();
    ok = lh_load(all, path);    /* It may be another one by now. */
    for (size_t i = 0; i < h->fresh.n; i++) {
        history(all, &ev, H_ENTER, h->fresh.v[i]);
    }
    ok = ok && lh_replace(all, path, fd);
    lh_end_lines(all);
    free(path);
    close(fd);                  /* And the lock with it. */
    if (ok) {
        words_fini(&h->fresh);
    }
    return ok;
}
