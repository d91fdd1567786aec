/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
#include <config.h>

#include "tools/check_files.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/epoch_file.h"
#include "persistence/file_list.h"
#include "persistence/file_remover.h"
#include "persistence/file_snap.h"
#include "persistence/file_txn_snap_log.h"
#include "tools/log_survey.h"
#include "tools/progress.h"
#include "tree/digest_calculator.h"
#include "util/zk_io.h"

/* myid is one line. */
#define CF_MAX_MYID 4096

static int64_t
cf_total(const struct zk_file_list *l)
{
    int64_t sum = 0;

    for (size_t i = 0; i < l->n; i++) {
        sum += l->v[i].size;
    }
    return sum;
}

/* ---- small files ------------------------------------------------------- */

static void
cf_epoch(struct check_files *cf, const char *dir, const char *name)
{
    struct zk_errmsg em;
    int64_t epoch;
    int rv = epoch_file_read(dir, name, &epoch, &em);

    if (rv == ZK_OK) {
        zk_buf_printf(&cf->out->buf, "  %s %" PRId64 "\n", name, epoch);
    } else if (rv != ZK_ENOTFOUND) {
        zk_buf_printf(&cf->out->buf, "  %s\n", em.text);
        cf->problems++;
    }
}

/* In the folder above. */
static void
cf_myid(struct check_files *cf, const char *dir)
{
    char *path = zk_xasprintf("%s/../myid", dir);
    struct zk_buf b = { 0 };
    struct zk_errmsg em;
    int rv = zk_read_file(path, CF_MAX_MYID, &b, &em);

    if (rv == ZK_OK) {
        zk_buf_append(&b, "", 1);
        b.data[strcspn((const char *) b.data, "\r\n")] = '\0';
        zk_buf_printf(&cf->out->buf, "  myid %.20s\n",
                      (const char *) b.data);
    } else if (rv != ZK_ENOTFOUND) {
        zk_buf_printf(&cf->out->buf, "  %s\n", em.text);
        cf->problems++;
    }
    zk_buf_fini(&b);
    free(path);
}

void
check_files_fini(struct check_files *cf)
{
    free(cf->whole);
    cf->whole = NULL;
    cf->n_whole = 0;
}

int
check_files_epochs(struct check_files *cf, const char *dir,
                   struct zk_errmsg *em)
{
    (void) em;
    cf_myid(cf, dir);
    cf_epoch(cf, dir, "acceptedEpoch");
    cf_epoch(cf, dir, "currentEpoch");
    return ZK_OK;
}

int
check_files_left_overs(struct check_files *cf, const char *dir,
                       struct zk_errmsg *em)
{
    struct dirent *ent;
    DIR *d = opendir(dir);

    if (d == NULL) {
        return zk_fail_errno(em, "%s: open", dir);
    }
    while ((ent = readdir(d)) != NULL) {
        if (strncmp(ent->d_name, FILE_REMOVER_PREFIX,
                    sizeof FILE_REMOVER_PREFIX - 1) == 0) {
            zk_buf_printf(&cf->out->buf, "  %s: what is left of a file that "
                          "was removed, a start and a purge remove it\n",
                          ent->d_name);
        } else if (file_txn_snap_log_is_left_over(ent->d_name)) {
            zk_buf_printf(&cf->out->buf, "  %s: left over from a crash, a "
                          "start removes it\n", ent->d_name);
        }
    }
    closedir(d);
    return ZK_OK;
}

/* ---- snapshots --------------------------------------------------------- */

struct cf_snapshot {
    uint64_t digest;            /* Of the nodes. */
    int64_t sessions;
    struct progress *bar;
    int64_t done;               /* Bytes of the files before. */
};

static void
cf_session(void *self, int64_t id, int32_t timeout_ms)
{
    struct cf_snapshot *s = self;

    (void) id;
    (void) timeout_ms;
    s->sessions++;
}

static int
cf_node(void *self, const struct snap_node *node, struct zk_errmsg *em)
{
    struct cf_snapshot *s = self;

    (void) em;
    if (!digest_excludes(node->path)) {
        s->digest += digest_node(digest_prefix_crc(node->path, node->data),
                                 &node->stat);
    }
    return ZK_OK;
}

static void
cf_progress(void *self, int64_t bytes)
{
    struct cf_snapshot *s = self;

    progress_update(s->bar, s->done + bytes);
}

/* A snapshot of one instant has the digest of its own nodes; one of Java's
 * that of some moment near it. */
static void
cf_digest(struct check_files *cf, const struct file_snap_info *info,
          uint64_t digest)
{
    if (!info->has_digest) {
        return;
    }
    if ((uint64_t) info->digest == digest) {
        tool_append(&cf->out->buf, ", its digest is right");
    } else if (info->one_instant) {
        zk_buf_printf(&cf->out->buf, ", its digest is 0x%" PRIx64
                      ", that of its znodes 0x%" PRIx64,
                      (uint64_t) info->digest, digest);
        cf->problems++;
    } else {
        tool_append(&cf->out->buf, ", its digest is of another moment, as "
                    "Java's can be");
    }
}

static void
cf_snapshot(struct check_files *cf, const struct zk_file *f,
            struct cf_snapshot *s)
{
    const struct snap_visitor visitor = {
        .self = s, .session = cf_session, .node = cf_node,
        .progress = cf_progress,
    };
    struct file_snap_info info;
    struct zk_errmsg em;
    int rv;

    s->digest = 0;
    s->sessions = 0;
    if (!file_snap_looks_valid(f->path)) {
        rv = zk_fail(&em, ZK_ECORRUPT, "%s: cut short, or no snapshot",
                     f->path);
    } else {
        rv = file_snap_scan(f->path, cf->max_record, &visitor, &info, &em);
    }
    if (rv == ZK_OK) {
        cf->whole = zk_xrealloc(cf->whole,
                                (cf->n_whole + 1) * sizeof *cf->whole);
        cf->whole[cf->n_whole++] = f->zxid;
        /* The root counts twice, as in srvr and in what Java prints. */
        zk_buf_printf(&cf->out->buf, "  %s: %" PRId64 " znodes, %" PRId64
                      " sessions", f->name, info.nodes + 1, s->sessions);
        cf_digest(cf, &info, s->digest);
        tool_append(&cf->out->buf, "\n");
    } else {
        zk_buf_printf(&cf->out->buf, "  %s: not whole\n    %s\n", f->name,
                      em.text);
        cf->problems++;
    }
    s->done += f->size;
}

int
check_files_snapshots(struct check_files *cf, const char *dir,
                      struct zk_errmsg *em)
{
    struct progress bar;
    struct cf_snapshot s = { .bar = &bar };
    struct zk_file_list l;
    int rv;

    rv = zk_file_list_read(dir, "snapshot", &l, em);
    if (rv != ZK_OK) {
        return rv;
    }
    progress_start(&bar, "snapshots", cf_total(&l));
    for (size_t i = 0; i < l.n; i++) {
        cf_snapshot(cf, &l.v[i], &s);
    }
    progress_end(&bar);
    zk_file_list_fini(&l);
    return ZK_OK;
}

/* ---- logs -------------------------------------------------------------- */

static bool
cf_has_snapshot(const struct check_files *cf, int64_t zxid)
{
    for (size_t i = 0; i < cf->n_whole; i++) {
        if (cf->whole[i] == zxid) {
            return true;
        }
    }
    return false;
}

/* Between this file and the ones before, which end with 'last'. */
static void
cf_between(struct check_files *cf, const struct log_survey *s, int64_t last)
{
    if (s->txns == 0 || last < 0) {
        return;
    }
    if (s->first <= last) {
        zk_buf_printf(&cf->out->buf, "    from zxid 0x%" PRIx64 " on it "
                      "takes the place of what stood before\n",
                      (uint64_t) s->first);
    } else if (s->first > last + 1 && cf_has_snapshot(cf, s->first - 1)) {
        zk_buf_printf(&cf->out->buf, "    zxid 0x%" PRIx64 " follows 0x%"
                      PRIx64 ": snapshot.%" PRIx64 " stands for those "
                      "between\n", (uint64_t) s->first, (uint64_t) last,
                      (uint64_t) s->first - 1);
    } else if (s->first > last + 1 && s->first >> 32 == last >> 32) {
        zk_buf_printf(&cf->out->buf, "    zxid 0x%" PRIx64 " follows 0x%"
                      PRIx64 ": the transactions between are missing\n",
                      (uint64_t) s->first, (uint64_t) last);
        cf->problems++;
    }
}

static void
cf_log(struct check_files *cf, const struct zk_file *f, struct progress *bar,
       int64_t done, int64_t *last)
{
    struct log_survey s;
    char *name = zk_xasprintf("  %s", f->name);

    log_survey_file(f->path, cf->max_record, bar, done, &s);
    log_survey_print(&cf->out->buf, name, &s);
    cf_between(cf, &s, *last);
    if (s.end == LOG_SURVEY_DAMAGED || s.end == LOG_SURVEY_UNREADABLE
        || s.hole_after >= 0) {
        cf->problems++;
    }
    if (s.txns > 0) {
        *last = s.last;
    }
    free(name);
}

int
check_files_logs(struct check_files *cf, const char *dir,
                 struct zk_errmsg *em)
{
    struct zk_file_list l;
    struct progress bar;
    int64_t last = -1;
    int64_t done = 0;
    int rv;

    rv = zk_file_list_read(dir, "log", &l, em);
    if (rv != ZK_OK) {
        return rv;
    }
    progress_start(&bar, "logs", cf_total(&l));
    for (size_t i = 0; i < l.n; i++) {
        cf_log(cf, &l.v[i], &bar, done, &last);
        done += l.v[i].size;
    }
    progress_end(&bar);
    zk_file_list_fini(&l);
    return ZK_OK;
}
