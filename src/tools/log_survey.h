/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_survey.h: what one file of the transaction log holds, where it ends,
 * and what is wrong with it.
 */
#ifndef TOOLS_LOG_SURVEY_H
#define TOOLS_LOG_SURVEY_H

#include "util/zk_buf.h"
#include "util/zk_error.h"

struct log_file;
struct progress;

enum log_survey_end {
    LOG_SURVEY_WHOLE,           /* The end of the file, or padding. */
    LOG_SURVEY_TORN,            /* A record that a crash cut. */
    LOG_SURVEY_DAMAGED,         /* What no crash explains. */
    LOG_SURVEY_UNREADABLE,      /* Not a log, or the system refused. */
};

struct log_survey {
    int64_t txns;               /* Whole ones before the end. */
    int64_t first, last;        /* zxids; -1 when there are none. */
    int64_t end_offset;
    enum log_survey_end end;
    struct zk_errmsg why;       /* Unless whole: offset and reason. */
    int64_t hole_after;         /* The first zxid that the next record of
                                 * its epoch does not follow, or -1... */
    int64_t hole_to;            /* ...and that record's. */
    int64_t behind;             /* Whole records found behind the end, as
                                 * far as was looked: a lower bound. */
};

/* Reads the whole file.  'bar' (may be NULL) is told bytes on top of
 * 'done'. */
void log_survey_file(const char *path, int32_t max_record,
                     struct progress *bar, int64_t done,
                     struct log_survey *out);

/* Appends what it says about the file: a line, one more for damage, one for
 * a hole. */
void log_survey_print(struct zk_buf *out, const char *name,
                      const struct log_survey *s);
/* At least how many whole records there are from 'from' on, behind damage or
 * zeros: 0 when only zeros are. */
int64_t log_survey_behind(const struct log_file *f, int64_t from,
                          int32_t max_record);
/* The same of a file whose header cannot be read. */
int64_t log_survey_headless(const char *path, int32_t max_record);

#endif
