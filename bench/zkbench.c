/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/*
 * zkbench: load on a ZooKeeper server over its client protocol, with every
 * reply checked.  This file turns the command line into phases of load (see
 * load.h): make the znodes, run, delete what was made, report.
 */

#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common.h"
#include "load.h"
#include "options.h"
#include "probe.h"
#include "report.h"

#define ZEROS "0000000000"      /* LOAD_DIGITS of them. */

/* Making and deleting znodes goes with at least this many requests in flight
 * over all connections, whatever -c and -p say. */
#define PREPARE_OUTSTANDING 256

struct run {
    const struct options *o;
    struct load *load;
    int *fds;
    char parent[768];           /* Of the znodes that are worked on. */
    char child[800];            /* Path with zeros for digits. */
    struct numbering numbering;
    struct report report;
    double server_cpu;
};

static void
on_start(void *arg)
{
    struct run *r = arg;

    if (r->o->pid) {
        r->server_cpu = process_cpu_get(r->o->pid);
    }
}

static void
on_end(void *arg)
{
    struct run *r = arg;

    if (r->o->pid) {
        r->report.server_cpu_seconds = process_cpu_get(r->o->pid)
            - r->server_cpu;
    }
}

/* Opens as many files as 'connections' need, if the system lets us. */
static void
raise_file_limit(unsigned connections)
{
    struct rlimit limit;
    rlim_t wanted = connections + 64;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The paths: --path itself for fill and --filled, else a parent that no other
 * run uses. */
static void
make_names(struct run *r)
{
    const struct options *o = r->o;
    bool filled = o->mode == MODE_FILL || o->filled != 0;
    uint64_t grouped = filled ? o->per_parent : 0;
    uint64_t id = (now_ns() ^ (uint64_t) getpid() << 40)
        * UINT64_C(0x9E3779B97F4A7C15);

    if (filled) {
        snprintf(r->parent, sizeof r->parent, "%s", o->path);
    } else {
        snprintf(r->parent, sizeof r->parent, "%s/run-%08" PRIx32, o->path,
                 (uint32_t) (id >> 32));
    }
    if (grouped) {
        snprintf(r->child, sizeof r->child, "%s/d" ZEROS "/n" ZEROS,
                 r->parent);
        r->numbering.group_at = strlen(r->parent) + 2;
        r->numbering.per_group = grouped;
    } else {
        snprintf(r->child, sizeof r->child, "%s/n" ZEROS, r->parent);
    }
    r->numbering.at = strlen(r->child) - LOAD_DIGITS;
}

/* Runs 'op' once on each of 'count' numbered znodes, as fast as it goes;
 * 'count' 0: on those which the last phase made. */
static void
for_each_znode(struct run *r, int32_t op, const char *path,
               struct numbering numbering, uint64_t count)
{
    const struct options *o = r->o;
    unsigned window = PREPARE_OUTSTANDING / o->connections;
    struct load_result *result = xcalloc(1, sizeof *result);
    struct wire_request request;
    struct load_phase phase = {
        .op = { op },
        .request = { &request },
        .percent0 = 100,
        .pick = LOAD_PICK_NEXT,
        .numbering = numbering,
        .window = window > o->outstanding ? window : o->outstanding,
        .quota = count,
        .resume = count == 0,
        .stall_s = o->stall_s,
    };

    wire_request_init(&request, op, path,
                      numbering.at == r->numbering.at ? o->data_size : 0);
    load_run(r->load, &phase, result, NULL, NULL, NULL);
    wire_request_fini(&request);
    free(result);
}

/* Creates what must be there before the measured phase. */
static void
prepare(struct run *r)
{
    const struct options *o = r->o;
    int fd;

    if (o->mode == MODE_PING || o->filled != 0) {
        return;
    }
    sessions_open(o->addresses, 1, 1, &fd);
    session_make_path(fd, r->parent);
    sessions_close(1, &fd);
    if (o->mode == MODE_FILL && r->numbering.group_at != 0) {
        struct numbering group = { .at = r->numbering.group_at };
        char path[sizeof r->child];

        snprintf(path, sizeof path, "%.*s",
                 (int) (r->numbering.group_at + LOAD_DIGITS), r->child);
        for_each_znode(r, OP_CREATE, path, group,
                       (o->operations + o->per_parent - 1) / o->per_parent);
    } else if (o->mode <= MODE_MIXED) {
        for_each_znode(r, OP_CREATE, r->child, r->numbering, o->keys);
    }
}

/* Each member of an ensemble shows what was made through the others. */
static void
catch_up(struct run *r)
{
    if (r->o->n_addresses < 2) {
        return;
    }
    for (unsigned i = 0; i < r->o->connections; i++) {
        /* The load has made them non-blocking, all but a lone one. */
        (void) channel_set_blocking(r->fds[i], true);
        session_call(r->fds[i], OP_SYNC, "/", 0, 0);
        if (r->o->connections > r->o->threads) {
            (void) channel_set_blocking(r->fds[i], false);
        }
    }
}

/* Deletes what the run created, except what is meant to stay. */
static void
clean_up(struct run *r)
{
    const struct options *o = r->o;
    int fd;

    if (o->keep || o->filled != 0 || o->mode == MODE_FILL
        || o->mode == MODE_PING) {
        return;
    }
    for_each_znode(r, OP_DELETE, r->child, r->numbering,
                   o->mode == MODE_CREATE ? 0 : o->keys);
    sessions_open(o->addresses, 1, 1, &fd);
    session_call(fd, OP_DELETE, r->parent, 0, 0);
    sessions_close(1, &fd);
}

static int32_t
mode_op(enum mode mode)
{
    switch (mode) {
    case MODE_WRITE:
        return OP_SET_DATA;
    case MODE_CREATE:
    case MODE_FILL:
        return OP_CREATE;
    case MODE_PING:
        return OP_PING;
    case MODE_READ:
    case MODE_MIXED:
    case MODE_FIRST_ANSWER:
    case MODE_RSS:
    case MODE_COUNT:
        break;
    }
    return OP_GET_DATA;
}

/* The phase that is measured. */
static void
measure(struct run *r)
{
    const struct options *o = r->o;
    int32_t op = mode_op(o->mode);
    struct wire_request request[2];
    struct load_phase phase = {
        .op = { op, OP_SET_DATA },
        .request = { &request[0], &request[1] },
        .percent0 = o->mode == MODE_MIXED ? o->read_percent : 100,
        .pick = op == OP_PING ? LOAD_PICK_NONE
            : op == OP_CREATE ? LOAD_PICK_NEXT : LOAD_PICK_RANDOM,
        .numbering = r->numbering,
        .keys = o->keys,
        .window = o->outstanding,
        .quota = o->operations,
        .check_data = o->check_data,
        .spin = o->spin,
        .stall_s = o->stall_s,
    };

    if (o->operations == 0) {
        phase.warm_ns = (uint64_t) (o->warm_s * 1e9);
        phase.duration_ns = (uint64_t) (o->duration_s * 1e9);
    }
    wire_request_init(&request[0], op, r->child, o->data_size);
    wire_request_init(&request[1], OP_SET_DATA, r->child, o->data_size);
    load_run(r->load, &phase, &r->report.load, on_start, on_end, r);
    wire_request_fini(&request[0]);
    wire_request_fini(&request[1]);
    if (o->pid) {
        process_memory_get(o->pid, &r->report.memory);
    }
}

static void
run_load(const struct options *o)
{
    struct run *r = xcalloc(1, sizeof *r);

    r->o = o;
    r->report.o = o;
    raise_file_limit(o->connections);
    make_names(r);
    r->fds = xcalloc(o->connections, sizeof *r->fds);
    if (o->use_tls) {
        channel_use_tls(&o->tls);
    }
    sessions_open(o->addresses, o->n_addresses, o->connections, r->fds);
    r->load = load_create(r->fds, o->connections, o->threads);
    prepare(r);
    catch_up(r);
    measure(r);
    clean_up(r);
    load_destroy(r->load);
    sessions_close(o->connections, r->fds);
    report_load(&r->report);
    free(r->fds);
    free(r);
}

int
main(int argc, char **argv)
{
    struct options o;
    struct process_memory memory;
    uint64_t start = now_ns();
    uint64_t attempts;
    uint64_t at;

    options_parse(&o, argc, argv);
    switch (o.mode) {
    case MODE_RSS:
        process_memory_get(o.pid, &memory);
        report_memory(&o, &memory);
        break;
    case MODE_FIRST_ANSWER:
        at = first_answer(&o.addresses[0], o.path, o.pause_us, o.timeout_s,
                          &attempts);
        report_first_answer(&o, start, at, attempts);
        break;
    case MODE_READ:
    case MODE_WRITE:
    case MODE_MIXED:
    case MODE_CREATE:
    case MODE_PING:
    case MODE_FILL:
    case MODE_COUNT:
        run_load(&o);
        break;
    }
    return EXIT_SUCCESS;
}
