/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * tool_log.c: zktool log (Java: TxnLogToolkit, LogFormatter).
 */
#include <config.h>

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/log_mend.h"
#include "tools/log_survey.h"
#include "tools/progress.h"
#include "tools/tool.h"
#include "tools/txn_filter.h"
#include "tools/txn_print.h"

/* Java: zookeeper.preAllocSize. */
#define TL_PREALLOC_KB 65536
/* Records between two reports of how far the work is. */
#define TL_PROGRESS 1024

static const char tl_usage[] =
    "Usage: zktool log [-d] [--json] [FILTER]... FILE...\n"
    "       zktool log --verify FILE...\n"
    "       zktool log -r [-v] [-y] [--replace] [--force] FILE\n"
    "       zktool log -c -z ZXID [--force] FILE\n"
    "  -d, --dump         print the transactions (default)\n"
    "  --json             ...one JSON object a line\n"
    "  --from ZXID        from this one on\n"
    "  --to ZXID          up to this one\n"
    "  --session ID       of one session\n"
    "  --path PATH        that touch PATH or what is below it\n"
    "  --verify           print what is in each file, and what is wrong "
    "with it\n"
    "  -r, --recover      write FILE.fixed, with wrong checksums mended\n"
    "  -v, --verbose      print all transactions meanwhile\n"
    "  -y, --yes          mend all without asking\n"
    "  --replace          put the mended file in place, keep FILE.bak\n"
    "  -c, --chop         write FILE.chopped<zxid>, without what follows\n"
    "  -z, --zxid ZXID    ...this transaction\n"
    "  --force            also while a server uses the folder\n";

enum tl_mode { TL_DUMP, TL_VERIFY, TL_MEND, TL_CHOP };

struct tl {
    const struct tool *tool;
    enum tl_mode mode;
    bool has_mode, two_modes;   /* One was asked for; another, too. */
    bool has_zxid, selects;     /* What to chop at; what to print. */
    bool json, verbose, yes, replace, force;
    int64_t zxid;               /* To chop at. */
    struct txn_filter filter;

    struct tool_out out;
    struct log_file f;
    struct log_copy copy;       /* The mended file. */
    int64_t txns;               /* Read so far. */
    int64_t fixed;
    int64_t wrong;              /* Checksums, not mended. */
    bool given_up;              /* What was mended is not to be kept. */
    int code;
};

/* ---- arguments --------------------------------------------------------- */

enum { TL_JSON = 256, TL_FROM, TL_TO, TL_SESSION, TL_PATH, TL_VERIFY_OPTION,
       TL_REPLACE, TL_FORCE };

static const struct option tl_long_options[] = {
    { "dump", no_argument, NULL, 'd' },
    { "recover", no_argument, NULL, 'r' },
    { "verbose", no_argument, NULL, 'v' },
    { "yes", no_argument, NULL, 'y' },
    { "chop", no_argument, NULL, 'c' },
    { "zxid", required_argument, NULL, 'z' },
    { "help", no_argument, NULL, 'h' },
    { "json", no_argument, NULL, TL_JSON },
    { "from", required_argument, NULL, TL_FROM },
    { "to", required_argument, NULL, TL_TO },
    { "session", required_argument, NULL, TL_SESSION },
    { "path", required_argument, NULL, TL_PATH },
    { "verify", no_argument, NULL, TL_VERIFY_OPTION },
    { "replace", no_argument, NULL, TL_REPLACE },
    { "force", no_argument, NULL, TL_FORCE },
    { NULL, 0, NULL, 0 },
};

static int
tl_invalid(const char *why)
{
    fprintf(stderr, "%s\n\n", why);
    fputs(tl_usage, stderr);
    return TOOL_EXIT_FAILED;    /* As Java's. */
}

/* One of the modes; false when 'c' is none. */
static bool
tl_mode(struct tl *tl, int c)
{
    enum tl_mode mode = TL_DUMP;

    switch (c) {
    case 'd':
        break;
    case 'r':
        mode = TL_MEND;
        break;
    case 'c':
        mode = TL_CHOP;
        break;
    case TL_VERIFY_OPTION:
        mode = TL_VERIFY;
        break;
    default:
        return false;
    }
    tl->two_modes = tl->two_modes || (tl->has_mode && tl->mode != mode);
    tl->has_mode = true;
    tl->mode = mode;
    return true;
}

/* A flag; false when 'c' is none. */
static bool
tl_flag(struct tl *tl, int c)
{
    bool *const flags[] = {
        ['v'] = &tl->verbose, ['y'] = &tl->yes,
        [TL_JSON] = &tl->json, [TL_REPLACE] = &tl->replace,
        [TL_FORCE] = &tl->force,
    };

    if (tl_mode(tl, c)) {
        return true;
    }
    if (c < 0 || (size_t) c >= ZK_ARRAY_SIZE(flags) || flags[c] == NULL) {
        return false;
    }
    *flags[c] = true;
    return true;
}

/* An option with a number. */
static bool
tl_number(struct tl *tl, int c)
{
    switch (c) {
    case 'z':
        tl->has_zxid = true;
        return tool_parse_long(optarg, &tl->zxid);
    case TL_FROM:
        return tool_parse_long(optarg, &tl->filter.from);
    case TL_TO:
        return tool_parse_long(optarg, &tl->filter.to);
    case TL_SESSION:
        tl->filter.has_session = true;
        return tool_parse_id(optarg, &tl->filter.session);
    default:
        return false;
    }
}

/* Whether the options go together; the exit code, or -1 to go on. */
static int
tl_check(const struct tl *tl, int files)
{
    if (tl->two_modes) {
        return tl_invalid("-d, --verify, -r and -c exclude each other");
    }
    if (tl->has_zxid != (tl->mode == TL_CHOP)) {
        return tl_invalid("-c and -z go together");
    }
    if ((tl->json || tl->selects) && tl->mode != TL_DUMP) {
        return tl_invalid("--json, --from, --to, --session and --path go "
                          "with -d");
    }
    if (tl->replace && tl->mode != TL_MEND) {
        return tl_invalid("--replace goes with -r");
    }
    if (files == 0) {
        return tl_invalid("No file given");
    }
    if ((tl->mode == TL_MEND || tl->mode == TL_CHOP) && files > 1) {
        return tl_invalid("Only one file at a time");
    }
    return -1;
}

/* The exit code, or -1 to go on. */
static int
tl_parse(struct tl *tl, int argc, char **argv)
{
    int c;

    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, "drvycz:h", tl_long_options, NULL))
           != -1) {
        if (c == 'h') {
            fputs(tl_usage, stdout);
            return TOOL_EXIT_OK;
        }
        tl->selects = tl->selects || (c >= TL_FROM && c <= TL_PATH);
        if (c == TL_PATH) {
            tl->filter.path = zk_slice_str(optarg);
        } else if (c == '?') {
            return tl_invalid("Unrecognized option, or one without its "
                              "value");
        } else if (!tl_flag(tl, c) && !tl_number(tl, c)) {
            fprintf(stderr, "%s: not a number\n", optarg);
            return tl_invalid("zxids and sessions are decimal, or 0x and "
                              "hexadecimal");
        }
    }
    return tl_check(tl, argc - optind);
}

/* ---- records ----------------------------------------------------------- */

static void
tl_line(struct tl *tl, const char *prefix, const struct txn_view *txn)
{
    tool_append(&tl->out.buf, prefix);
    txn_print_text(&tl->out.buf, txn);
    tool_out_poll(&tl->out);
}

static void
tl_show(struct tl *tl, const struct log_record *r, const struct txn_view *txn)
{
    const struct txn_place place = { r->at, r->crc == r->adler };

    if (!txn_filter_wants(&tl->filter, txn)) {
        return;
    }
    if (tl->json) {
        txn_print_json(&tl->out.buf, txn, &place);
        tool_out_poll(&tl->out);
        return;
    }
    if (!place.crc_ok) {
        tl_line(tl, "CRC ERROR - ", txn);
    }
    tl_line(tl, "", txn);
}

/* A word from stdin; false at its end. */
static bool
tl_answer(char *first)
{
    int c;

    do {
        c = getchar();
    } while (c != EOF && isspace(c));
    *first = (char) toupper(c);
    if (c == EOF) {
        return false;
    }
    while (c != EOF && !isspace(c)) {
        c = getchar();
    }
    return true;
}

/* 'Y', 'N', or 'A' and EOF for the end of it all. */
static int
tl_ask(struct tl *tl)
{
    char c;

    for (;;) {
        tool_append(&tl->out.buf,
                    "Would you like to fix it (Yes/No/Abort) ? ");
        tool_out_flush(&tl->out);
        if (!tl_answer(&c)) {
            return EOF;
        }
        if (c == 'Y' || c == 'N' || c == 'A') {
            return c;
        }
    }
}

/* What checksum the copy of a record gets; false when it all ends here. */
static bool
tl_mend_crc(struct tl *tl, const struct log_record *r,
            const struct txn_view *txn, uint64_t *crc)
{
    int answer = 'Y';

    *crc = r->crc;
    if (r->crc == r->adler) {
        return true;
    }
    if (tl->yes) {
        tl_line(tl, "CRC FIXED - ", txn);
    } else {
        tl_line(tl, "CRC ERROR - ", txn);
        answer = tl_ask(tl);
    }
    if (answer == 'Y') {
        *crc = r->adler;
        tl->fixed++;
    }
    if (answer == 'A') {
        fputs("Recovery aborted.\n", stderr);
        tl->code = TOOL_EXIT_FAILED;
    } else if (answer == EOF) {
        tl->code = tool_fail("no answer, recovery aborted");
    }
    tl->given_up = answer == 'A' || answer == EOF;
    return answer == 'Y' || answer == 'N';
}

/* Says on stderr what is wrong, and what is left: 'what' names the file and
 * the place. */
static void
tl_damaged(struct tl *tl, off_t behind, const char *what)
{
    int64_t more = log_survey_behind(&tl->f, behind, tl->tool->max_record);

    tool_out_flush(&tl->out);
    tl->code = tool_fail("%s; %" PRId64 " whole transactions stand before "
                         "it, %s%" PRId64 " behind it", what, tl->txns,
                         more > 0 ? "at least " : "", more);
}

/* The same of a record. */
static void
tl_damage(struct tl *tl, off_t at, off_t behind, const char *why)
{
    char *what = zk_xasprintf("%s: damaged at offset %lld: %s", tl->f.path,
                              (long long) at, why);

    tl_damaged(tl, behind, what);
    free(what);
}

/* The same of a record that is framed as it should be: what is behind it is
 * read next. */
static void
tl_no_txn(struct tl *tl, off_t at, const char *why)
{
    tool_out_flush(&tl->out);
    tl->code = tool_fail("%s: damaged at offset %lld: not a transaction: %s; "
                         "those around it are read", tl->f.path,
                         (long long) at, why);
}

/* One record; false when the rest cannot be read. */
static bool
tl_record(struct tl *tl, const struct log_record *r, struct zk_errmsg *em)
{
    struct txn_view txn;
    uint64_t crc = r->crc;
    bool decoded;

    decoded = txn_view_decode(&txn, r->txn.p, (size_t) r->txn.len,
                              tl->tool->max_record, em) == ZK_OK;
    if (!decoded) {
        tl_no_txn(tl, r->at, em->text);
    } else if (tl->mode == TL_MEND) {
        if (!tl_mend_crc(tl, r, &txn, &crc)) {
            return false;
        }
        if (tl->verbose) {
            tl_line(tl, "", &txn);
        }
    } else {
        tl->wrong += r->crc != r->adler;
        tl_show(tl, r, &txn);
    }
    if (r->end != LOG_RECORD_END) {
        tool_out_flush(&tl->out);
        fputs("Last transaction was partial.\n", stderr);
        tl_damage(tl, r->at, r->at + 1,
                  r->end < 0 ? "the file ends inside this record"
                             : "no end byte");
        return false;
    }
    if (tl->mode == TL_MEND
        && log_copy_add(&tl->copy, r, crc, em) != ZK_OK) {
        tl->code = tool_fail("%s", em->text);
        tl->given_up = true;
        return false;
    }
    return true;
}

/* Whether what looks like the end of the log is one to a server, too: behind
 * a head of zeros, or a length that is wrong, there may be what it had
 * promised. */
static void
tl_judge_end(struct tl *tl)
{
    struct zk_slice none;
    struct zk_errmsg why = { "" };
    off_t at = tl->f.at;
    int rv = log_file_next(&tl->f, tl->tool->max_record, &none, &why);

    tl->f.at = at;
    if (rv == ZK_ENOTFOUND) {
        zk_fail(&why, rv, "%s: damaged at offset %lld: zeros in front of "
                "whole transactions", tl->f.path, (long long) at);
    } else if (rv == ZK_OK) {
        zk_fail(&why, ZK_ESTOPPED, "%s: grows at offset %lld while it is "
                "read", tl->f.path, (long long) at);
    }
    if (rv == ZK_OK && tl->mode != TL_MEND) {
        return;                 /* A server at work. */
    }
    if ((rv != ZK_ENOTFOUND && rv != ZK_ETORN)
        || log_survey_behind(&tl->f, at + 1, tl->tool->max_record) > 0) {
        tl_damaged(tl, at + 1, why.text);
    } else if (rv == ZK_ETORN) {
        fprintf(stderr, "zktool: %s, as a crash leaves it\n", why.text);
    }
}

/* Behind the last record; 'rv' says why it is the last. */
static bool
tl_end(struct tl *tl, int rv, const char *why)
{
    if (rv != ZK_ENOTFOUND && rv != ZK_ETORN) {
        if (rv == ZK_ECORRUPT) {
            tl_damage(tl, tl->f.at, tl->f.at + 1, "no record has that "
                      "length");
        } else {
            tl->code = tool_fail("%s", why);
        }
        return false;
    }
    if (!tl->json) {
        zk_buf_printf(&tl->out.buf, "EOF reached after %" PRId64 " txns.\n",
                      tl->txns);
    }
    tool_out_flush(&tl->out);
    tl_judge_end(tl);
    return true;
}

static bool
tl_records(struct tl *tl)
{
    struct progress bar;
    struct log_record r;
    struct zk_errmsg em = { "" };
    struct stat st;
    bool ok = true;
    int rv = ZK_OK;

    progress_start(&bar, "reading",
                   !tl->out.terminal && fstat(tl->f.fd, &st) == 0
                   ? (int64_t) st.st_size : 0);
    while (ok && !tl->out.broken
           && (rv = log_file_look(&tl->f, tl->tool->max_record, &r, &em))
                  == ZK_OK) {
        ok = tl_record(tl, &r, &em);
        if (ok) {
            log_file_pass(&tl->f, &r);
            if (++tl->txns % TL_PROGRESS == 0) {
                progress_update(&bar, (int64_t) tl->f.at);
            }
        }
    }
    progress_end(&bar);
    return ok && !tl->out.broken && tl_end(tl, rv, em.text);
}

/* ---- files ------------------------------------------------------------- */

static void
tl_header(struct tl *tl)
{
    if (!tl->json) {
        zk_buf_printf(&tl->out.buf, "ZooKeeper Transactional Log File with "
                      "dbid %" PRId64 " txnlog format version %d\n",
                      tl->f.dbid, LOG_FILE_VERSION);
    }
}

/* A file that does not begin as a log does: another one, unless there are
 * transactions in it. */
static void
tl_no_head(struct tl *tl, const char *path)
{
    int64_t more = log_survey_headless(path, tl->tool->max_record);

    if (more > 0) {
        (void) tool_fail("%s: at least %" PRId64 " whole transactions stand "
                         "behind that", path, more);
    }
    tl->code = TOOL_EXIT_INVALID;   /* As Java's. */
}

static bool
tl_open(struct tl *tl, const char *path)
{
    struct zk_errmsg em;
    int rv;

    if (access(path, R_OK) != 0) {
        fprintf(stderr, "File doesn't exist or not readable: %s\n", path);
        tl->code = TOOL_EXIT_FAILED;
        return false;
    }
    rv = log_file_open(&tl->f, path, &em);
    if (rv != ZK_OK) {
        tl->code = tool_fail("%s", em.text);
        if (rv == ZK_ECORRUPT) {
            tl_no_head(tl, path);
        }
    }
    return rv == ZK_OK;
}

static void
tl_dump(struct tl *tl, const char *path)
{
    if (!tl_open(tl, path)) {
        return;
    }
    tl->txns = 0;
    tl->wrong = 0;
    tl_header(tl);
    (void) tl_records(tl);
    if (tl->wrong > 0) {
        tool_out_flush(&tl->out);
        fprintf(stderr, "zktool: %s: records with a wrong checksum: %" PRId64
                " (--recover mends that)\n", path, tl->wrong);
    }
    log_file_close(&tl->f);
}

static void
tl_verify(struct tl *tl, const char *path)
{
    struct log_survey s;
    struct progress bar;
    struct stat st;

    progress_start(&bar, "reading",
                   stat(path, &st) == 0 ? (int64_t) st.st_size : 0);
    log_survey_file(path, tl->tool->max_record, &bar, 0, &s);
    progress_end(&bar);
    log_survey_print(&tl->out.buf, path, &s);
    tool_out_poll(&tl->out);
    if (s.end != LOG_SURVEY_WHOLE && s.end != LOG_SURVEY_TORN) {
        tl->code = TOOL_EXIT_FAILED;
    }
}

/* Mends into 'fixed', which is open. */
static void
tl_mend_into(struct tl *tl, const char *path, const char *fixed)
{
    struct zk_errmsg em;

    tl_header(tl);
    (void) tl_records(tl);
    if (tl->given_up || tl->out.broken) {
        return;
    }
    if (log_copy_finish(&tl->copy, &em) != ZK_OK) {
        tl->code = tool_fail("%s", em.text);
        return;
    }
    if (tl->code != TOOL_EXIT_OK) {
        tool_out_flush(&tl->out);
        (void) tool_fail("%s holds the %" PRId64 " transactions that could "
                         "be read, %" PRId64 " of them mended; %s is as it "
                         "was", fixed, tl->txns, tl->fixed, path);
        return;
    }
    zk_buf_printf(&tl->out.buf, "Recovery file %s has been written with %"
                  PRId64 " fixed CRC error(s)\n", fixed, tl->fixed);
    if (tl->replace) {
        if (log_replace(path, fixed, &em) != ZK_OK) {
            tl->code = tool_fail("%s", em.text);
        } else {
            zk_buf_printf(&tl->out.buf, "%s has been replaced by it and kept "
                          "as %s.bak\n", path, path);
        }
    }
}

static void
tl_mend(struct tl *tl, const char *path)
{
    char *fixed = zk_xasprintf("%s.fixed", path);
    struct zk_errmsg em;
    int64_t kb;
    int rv;

    rv = system_properties_long(tl->tool->props, "zookeeper.preAllocSize",
                                TL_PREALLOC_KB, &kb, &em);
    if (rv == ZK_OK && (kb < 0 || kb > INT64_MAX / 2048)) {
        rv = zk_fail(&em, ZK_ECONFIG, "zookeeper.preAllocSize=%" PRId64
                     ": out of range", kb);
    }
    if (rv != ZK_OK) {
        tl->code = tool_fail("%s", em.text);
    } else if (tl_open(tl, path)) {
        rv = log_copy_open(&tl->copy, fixed, &tl->f,
                           tl->replace ? LOG_COPY_SUCCESSOR : LOG_COPY_NEW,
                           kb * 1024, &em);
        if (rv == ZK_EEXIST) {
            fprintf(stderr, "Recovery file %s already exists or not "
                    "writable\n", fixed);
            tl->code = TOOL_EXIT_FAILED;
        } else if (rv != ZK_OK) {
            tl->code = tool_fail("%s", em.text);
        } else {
            tl_mend_into(tl, path, fixed);
        }
        log_copy_fini(&tl->copy);
        log_file_close(&tl->f);
    }
    free(fixed);
}

/* Modes that write beside the file: not under a server's hands. */
static void
tl_write(struct tl *tl, const char *name)
{
    /* A link to the log stays one: what is replaced is the log. */
    char *real = tl->replace ? realpath(name, NULL) : NULL;
    const char *path = real != NULL ? real : name;
    char *copy = zk_xstrdup(path);
    struct zk_errmsg em;
    int fd = -1;
    int rv = tool_lock_dir(dirname(copy), tl->force, &fd, &em);

    /* A folder that is not there has no file either, which is said next. */
    if (rv == ZK_EEXIST) {
        tl->code = tool_fail("%s", em.text);
    } else if (tl->mode == TL_MEND) {
        tl_mend(tl, path);
    } else if (access(path, R_OK) != 0) {
        fprintf(stderr, "File doesn't exist or not readable: %s\n", path);
        tl->code = TOOL_EXIT_FAILED;
    } else {
        tl->code = log_chop(path, tl->zxid, tl->tool->max_record, &tl->out);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(copy);
    free(real);
}

int
tool_log_main(const struct tool *t, int argc, char **argv)
{
    struct tl tl = { .tool = t, .filter = TXN_FILTER_ALL };
    int code = tl_parse(&tl, argc, argv);

    if (code >= 0) {
        return code;
    }
    tool_out_init(&tl.out);
    for (int i = optind; i < argc; i++) {
        if (tl.mode == TL_DUMP) {
            tl_dump(&tl, argv[i]);
        } else if (tl.mode == TL_VERIFY) {
            tl_verify(&tl, argv[i]);
        } else {
            tl_write(&tl, argv[i]);
        }
    }
    return tool_out_fini(&tl.out) == TOOL_EXIT_OK ? tl.code
                                                  : TOOL_EXIT_FAILED;
}
