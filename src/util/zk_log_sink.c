/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "util/zk_log_sink.h"

#include <errno.h>
#include <log4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZKLS_ROLL_BYTES (10L * 1024 * 1024)
#define ZKLS_BACKUPS 10
#define ZKLS_APPENDERS_MAX 4

static const char *const zkls_java_names[ZK_LOG_CATEGORIES] = {
#define LOG_CATEGORY(name, component, java) java,
#include "zookeeper/tbl/log_categories.h"
#undef LOG_CATEGORY
};

static const int zkls_priorities[] = {
    [ZK_LOG_TRACE] = LOG4C_PRIORITY_TRACE,
    [ZK_LOG_DEBUG] = LOG4C_PRIORITY_DEBUG,
    [ZK_LOG_INFO] = LOG4C_PRIORITY_INFO,
    [ZK_LOG_WARN] = LOG4C_PRIORITY_WARN,
    [ZK_LOG_ERROR] = LOG4C_PRIORITY_ERROR,
    [ZK_LOG_OFF] = LOG4C_PRIORITY_FATAL,
};

static log4c_category_t *zkls_categories[ZK_LOG_CATEGORIES];

/* The one rolling file of the process. */
static struct {
    char *path;
    FILE *f;                    /* NULL until the first line. */
    long size;
    bool failed;                /* Said so on stderr. */
} zkls_roll;

/* Where the root goes when ZOO_LOG4J_PROP names more than one place. */
static log4c_appender_t *zkls_tee[ZKLS_APPENDERS_MAX];
static size_t zkls_tee_n;

/* The line is complete already; log4c only wants it ended. */
static const char *
zkls_format(const log4c_layout_t *layout, const log4c_logging_event_t *event)
{
    static char text[ZK_LOG_LINE_MAX + 1];

    (void) layout;
    snprintf(text, sizeof text, "%.*s\n", ZK_LOG_LINE_MAX - 1,
             event->evt_msg);
    return text;
}

static int
zkls_console_append(log4c_appender_t *app, const log4c_logging_event_t *event)
{
    (void) app;
    return fputs(event->evt_rendered_msg, stdout) < 0 ? -1 : 0;
}

static int
zkls_open_nothing(log4c_appender_t *app)
{
    (void) app;
    return 0;
}

/* Opens the file to append to it, as a restarted server does.  Not log4c's
 * open: when that fails, log4c drops the line. */
static int
zkls_roll_open(void)
{
    if (zkls_roll.f != NULL) {
        return 0;
    }
    zkls_roll.f = fopen(zkls_roll.path, "ae");
    if (zkls_roll.f == NULL) {
        if (!zkls_roll.failed) {
            fprintf(stderr, "log file %s: %s; its lines go to stdout\n",
                    zkls_roll.path, strerror(errno));
        }
        zkls_roll.failed = true;
        return -1;
    }
    zkls_roll.failed = false;
    fseek(zkls_roll.f, 0, SEEK_END);
    zkls_roll.size = ftell(zkls_roll.f);
    return 0;
}

static int
zkls_roll_close(log4c_appender_t *app)
{
    int rv = 0;

    (void) app;
    if (zkls_roll.f != NULL) {
        rv = fclose(zkls_roll.f);
        zkls_roll.f = NULL;
    }
    return rv;
}

/* file.9 becomes file.10, and so on, and file becomes file.1. */
static void
zkls_roll_over(void)
{
    char *from;
    char *to;

    zkls_roll_close(NULL);
    for (int i = ZKLS_BACKUPS; i > 0; i--) {
        from = i > 1 ? zk_xasprintf("%s.%d", zkls_roll.path, i - 1)
                     : zk_xstrdup(zkls_roll.path);
        to = zk_xasprintf("%s.%d", zkls_roll.path, i);
        /* Most of them are not there yet. */
        if (rename(from, to) != 0 && errno != ENOENT && !zkls_roll.failed) {
            fprintf(stderr, "log file %s: cannot be renamed to %s: %s\n",
                    from, to, strerror(errno));
        }
        free(from);
        free(to);
    }
}

static int
zkls_roll_append(log4c_appender_t *app, const log4c_logging_event_t *event)
{
    size_t len = strlen(event->evt_rendered_msg);

    if (zkls_roll_open() != 0) {
        return zkls_console_append(app, event);
    }
    if (zkls_roll.size >= ZKLS_ROLL_BYTES) {
        zkls_roll_over();
        if (zkls_roll_open() != 0) {
            return zkls_console_append(app, event);
        }
    }
    zkls_roll.size += (long) len;
    return fwrite(event->evt_rendered_msg, 1, len, zkls_roll.f) == len ? 0
                                                                       : -1;
}

static int
zkls_tee_append(log4c_appender_t *app, const log4c_logging_event_t *event)
{
    log4c_logging_event_t copy = *event;
    int rv = 0;

    (void) app;
    for (size_t i = 0; i < zkls_tee_n; i++) {
        if (log4c_appender_append(zkls_tee[i], &copy) < 0) {
            rv = -1;
        }
    }
    return rv;
}

static const log4c_layout_type_t zkls_layout_type = { "zkd", zkls_format };
static const log4c_appender_type_t zkls_console_type = {
    "zkd_console", zkls_open_nothing, zkls_console_append, zkls_open_nothing
};
static const log4c_appender_type_t zkls_roll_type = {
    "zkd_rolling", zkls_open_nothing, zkls_roll_append, zkls_roll_close
};
static const log4c_appender_type_t zkls_tee_type = {
    "zkd_tee", zkls_open_nothing, zkls_tee_append, zkls_open_nothing
};

static log4c_appender_t *
zkls_make_appender(const char *name, const log4c_appender_type_t *type)
{
    log4c_appender_t *app = log4c_appender_get(name);

    log4c_appender_set_type(app, type);
    log4c_appender_set_layout(app, log4c_layout_get("zkd"));
    return app;
}

static void
zkls_register(const struct zk_log_options *opts)
{
    const char *dir = opts->log_dir != NULL ? opts->log_dir : ".";
    const char *file = opts->log_file != NULL ? opts->log_file
                                              : "zookeeper.log";

    zkls_roll.path = zk_xasprintf("%s/%s", dir, file);
    log4c_layout_type_set(&zkls_layout_type);
    log4c_layout_set_type(log4c_layout_get("zkd"), &zkls_layout_type);
    log4c_appender_type_set(&zkls_console_type);
    log4c_appender_type_set(&zkls_roll_type);
    log4c_appender_type_set(&zkls_tee_type);
    zkls_make_appender("CONSOLE", &zkls_console_type);
    zkls_make_appender("ROLLINGFILE", &zkls_roll_type);
    zkls_make_appender("TEE", &zkls_tee_type);
}

/* True if there is a readable log4crc in 'dir'. */
static bool
zkls_has_rc(const char *dir)
{
    char *path;
    bool yes;

    if (dir == NULL || dir[0] == '\0') {
        return false;
    }
    path = zk_xasprintf("%s/log4crc", dir);
    yes = access(path, R_OK) == 0;
    free(path);
    return yes;
}

/* The first of the places where a log4crc may be, or NULL. */
static const char *
zkls_find_rc(const struct zk_log_options *opts)
{
    const char *const dirs[] = { opts->log4crc_dir, getenv("ZKD_LOG4CRC"),
                                 getenv("LOG4C_RCPATH"), PKGSYSCONFDIR };

    if (dirs[0] != NULL && !zkls_has_rc(dirs[0])) {
        fprintf(stderr, "%s/log4crc: not readable; looking elsewhere\n",
                dirs[0]);
    }
    for (size_t i = 0; i < ZK_ARRAY_SIZE(dirs); i++) {
        if (zkls_has_rc(dirs[i])) {
            return dirs[i];
        }
    }
    return NULL;
}

static void
zkls_root_default(void)
{
    log4c_category_t *root = log4c_category_get("root");

    log4c_category_set_priority(root, LOG4C_PRIORITY_INFO);
    log4c_category_set_appender(root, log4c_appender_get("CONSOLE"));
}

static void
zkls_load_rc(const struct zk_log_options *opts)
{
    const char *dir = zkls_find_rc(opts);

    zkls_root_default();
    if (dir == NULL) {
        return;
    }
    /* log4c_init also looks into the home and working folders, but takes
     * only the first file it finds, and this one comes first. */
    if (setenv("LOG4C_RCPATH", dir, 1) != 0 || log4c_init() != 0) {
        fprintf(stderr, "%s/log4crc: log4c refuses it; logging goes to "
                "stdout at INFO\n", dir);
        zkls_root_default();
    }
    log4c_rc->config.reread = 0;
}

static bool
zkls_parse_priority(const char *s, int *priority)
{
    static const struct {
        const char *name;
        int priority;
    } names[] = {
        { "ALL", LOG4C_PRIORITY_TRACE },   { "TRACE", LOG4C_PRIORITY_TRACE },
        { "DEBUG", LOG4C_PRIORITY_DEBUG }, { "INFO", LOG4C_PRIORITY_INFO },
        { "WARN", LOG4C_PRIORITY_WARN },   { "ERROR", LOG4C_PRIORITY_ERROR },
        { "FATAL", LOG4C_PRIORITY_FATAL }, { "OFF", LOG4C_PRIORITY_FATAL },
    };

    for (size_t i = 0; i < ZK_ARRAY_SIZE(names); i++) {
        if (strcasecmp(s, names[i].name) == 0) {
            *priority = names[i].priority;
            return true;
        }
    }
    return false;
}

static void
zkls_add_root_appender(const char *name)
{
    if (strcmp(name, "CONSOLE") != 0 && strcmp(name, "ROLLINGFILE") != 0) {
        fprintf(stderr, "ZOO_LOG4J_PROP: no appender %s here; there are "
                "CONSOLE and ROLLINGFILE\n", name);
    } else if (zkls_tee_n < ZKLS_APPENDERS_MAX) {
        zkls_tee[zkls_tee_n++] = log4c_appender_get(name);
    }
}

/* "LEVEL,APPENDER,..." wins over what log4crc says of the root, as Java's
 * zookeeper.root.logger does. */
static void
zkls_set_root(const char *prop)
{
    log4c_category_t *root = log4c_category_get("root");
    char *copy = zk_xstrdup(prop);
    char *save = NULL;
    char *part;
    int priority;

    part = strtok_r(copy, ", ", &save);
    if (part != NULL && zkls_parse_priority(part, &priority)) {
        log4c_category_set_priority(root, priority);
    } else {
        fprintf(stderr, "ZOO_LOG4J_PROP: '%s' does not begin with a "
                "level\n", prop);
    }
    while (part != NULL && (part = strtok_r(NULL, ", ", &save)) != NULL) {
        zkls_add_root_appender(part);
    }
    if (zkls_tee_n == 1) {
        log4c_category_set_appender(root, zkls_tee[0]);
    } else if (zkls_tee_n > 1) {
        log4c_category_set_appender(root, log4c_appender_get("TEE"));
    }
    free(copy);
}

static enum zk_log_level
zkls_level_of_priority(int priority)
{
    if (priority >= LOG4C_PRIORITY_NOTSET) {
        return ZK_LOG_INFO;
    }
    for (int level = ZK_LOG_TRACE; level < ZK_LOG_OFF; level++) {
        if (priority >= zkls_priorities[level]) {
            return (enum zk_log_level) level;
        }
    }
    return ZK_LOG_OFF;
}

void
zk_log_sink_open(const struct zk_log_options *opts)
{
    int priority;

    zkls_register(opts);
    zkls_load_rc(opts);
    if (opts->root_logger != NULL && opts->root_logger[0] != '\0') {
        zkls_set_root(opts->root_logger);
    }
    for (size_t i = 0; i < ZK_LOG_CATEGORIES; i++) {
        zkls_categories[i] = log4c_category_get(zkls_java_names[i]);
        priority = log4c_category_get_chainedpriority(zkls_categories[i]);
        atomic_store(&zk_log_thresholds[i],
                     (int) zkls_level_of_priority(priority));
    }
}

static void
zkls_vlog(const log4c_category_t *cat, int priority, const char *fmt, ...)
    ZK_PRINTF(3, 4);

static void
zkls_vlog(const log4c_category_t *cat, int priority, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log4c_category_vlog(cat, priority, fmt, ap);
    va_end(ap);
}

void
zk_log_sink_emit(enum zk_log_category cat, enum zk_log_level level,
                 const char *line)
{
    zkls_vlog(zkls_categories[cat], zkls_priorities[level], "%s", line);
}

void
zk_log_sink_flush(void)
{
    fflush(stdout);
    if (zkls_roll.f != NULL) {
        fflush(zkls_roll.f);
    }
}

void
zk_log_sink_close(void)
{
    zk_log_sink_flush();
    zkls_roll_close(NULL);
}
