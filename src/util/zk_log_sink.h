/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_log_sink.h: log4c, behind zk_log.
 *
 * log4c's thread-safety is not relied on: zk_log opens the sink before
 * threads start, and then the log thread alone calls it.
 *
 * Registered with log4c, for use in log4crc:
 *   layout "zkd"          the line as zk_log made it, and a newline;
 *   appender type "zkd_console"   standard output;
 *   appender type "zkd_rolling"   <log_dir>/<log_file>, moved to .1, .2 ...
 *                         .10 when it reaches 10 MB, as Apache's ROLLINGFILE.
 * Appenders of these types named CONSOLE and ROLLINGFILE exist in any case,
 * so that ZOO_LOG4J_PROP can name them.
 */
#ifndef UTIL_ZK_LOG_SINK_H
#define UTIL_ZK_LOG_SINK_H

#include "util/zk_log.h"

/* No line is longer, its final NUL included. */
#define ZK_LOG_LINE_MAX 4096

/* Reads log4crc or falls back to INFO on stdout, applies opts->root_logger,
 * and sets zk_log_thresholds.  Once in a process. */
void zk_log_sink_open(const struct zk_log_options *opts);
/* One whole line without a newline, whatever the category's priority is:
 * zk_log has decided that. */
void zk_log_sink_emit(enum zk_log_category cat, enum zk_log_level level,
                      const char *line);
/* Makes sure that what was emitted has left the process. */
void zk_log_sink_flush(void);
/* Flushes and closes the rolling file. */
void zk_log_sink_close(void);

#endif
