/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zk_log.h: the server's log, in front of log4c.
 *
 * A line looks as Apache's does:
 *   2016-05-10 17:12:40,339 [myid:3] - INFO [thread:Component@line] - text
 * The calling thread formats the line and puts it into a bounded ring; one
 * thread alone hands lines to log4c, so a slow disk or a full pipe never
 * stalls a request (lines that do not fit are counted, and the count is
 * logged).  Before zk_log_start, and for tools, lines go to stderr directly.
 *
 * Categories come from include/zookeeper/tbl/log_categories.h and are
 * resolved once, before threads start.  A message names the file and line,
 * the address, the znode it speaks of; zxids are printed as 0x%lx.
 */
#ifndef UTIL_ZK_LOG_H
#define UTIL_ZK_LOG_H

#include <stdatomic.h>

#include "util/zk_obj.h"

enum zk_log_category {
#define LOG_CATEGORY(name, component, java) ZK_LOG_##name,
#include "zookeeper/tbl/log_categories.h"
#undef LOG_CATEGORY
    ZK_LOG_CATEGORIES
};

enum zk_log_level {
    ZK_LOG_TRACE,
    ZK_LOG_DEBUG,
    ZK_LOG_INFO,
    ZK_LOG_WARN,
    ZK_LOG_ERROR,
    ZK_LOG_OFF
};

extern _Atomic int zk_log_thresholds[ZK_LOG_CATEGORIES];

#define zk_log_enabled(cat, level)                                        \
    (atomic_load_explicit(&zk_log_thresholds[ZK_LOG_##cat],               \
                          memory_order_relaxed) <= (level))
#define zk_log_at(cat, level, ...)                                        \
    do {                                                                  \
        if (zk_log_enabled(cat, level)) {                                 \
            zk_log_line(ZK_LOG_##cat, level, __LINE__, __VA_ARGS__);      \
        }                                                                 \
    } while (0)
#define zk_trace(cat, ...) zk_log_at(cat, ZK_LOG_TRACE, __VA_ARGS__)
#define zk_debug(cat, ...) zk_log_at(cat, ZK_LOG_DEBUG, __VA_ARGS__)
#define zk_info(cat, ...) zk_log_at(cat, ZK_LOG_INFO, __VA_ARGS__)
#define zk_warn(cat, ...) zk_log_at(cat, ZK_LOG_WARN, __VA_ARGS__)
#define zk_error(cat, ...) zk_log_at(cat, ZK_LOG_ERROR, __VA_ARGS__)

/* What decides levels and places, taken from -D options and the
 * environment.  NULL members: defaults. */
struct zk_log_options {
    const char *log4crc_dir;    /* Folder with log4crc; NULL: search. */
    const char *root_logger;    /* "INFO,CONSOLE" (ZOO_LOG4J_PROP). */
    const char *log_dir;        /* ZOO_LOG_DIR */
    const char *log_file;       /* ZOO_LOG_FILE */
};

/* Reads log4crc, resolves all categories, starts the log thread.  Call once,
 * before other threads.  Never fails: what it cannot do it says on stderr
 * and goes on with stdout. */
void zk_log_start(const struct zk_log_options *opts);
/* Hands all lines to log4c, stops the thread; later lines go to stderr. */
void zk_log_stop(void);
/* "3" for [myid:3]; empty in a standalone server. */
void zk_log_set_myid(const char *myid);
/* All categories; for tests and tools. */
void zk_log_set_level(enum zk_log_level level);
/* Use the macros. */
void zk_log_line(enum zk_log_category cat, enum zk_log_level level, int line,
                 const char *fmt, ...) ZK_PRINTF(4, 5);
/* The panic's message, and what still waits in the ring, as far as it gets
 * out without waiting for long.  Only for zk_panic_at. */
void zk_log_panic(const char *text);
/* Lines dropped since the start because the ring was full. */
uint64_t zk_log_dropped(void);

#endif
