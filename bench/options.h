/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/* The command line of zkbench. */

#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H 1

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel.h"
#include "session.h"

#define ADDRESSES_MAX 16

enum mode {
    MODE_READ,
    MODE_WRITE,
    MODE_MIXED,
    MODE_CREATE,
    MODE_PING,
    MODE_FILL,
    MODE_FIRST_ANSWER,
    MODE_RSS,
    MODE_COUNT
};

struct options {
    enum mode mode;
    struct address addresses[ADDRESSES_MAX];
    unsigned n_addresses;       /* Sessions are spread over them. */
    unsigned connections;
    unsigned outstanding;
    unsigned threads;
    size_t data_size;
    uint64_t keys;
    unsigned read_percent;
    double duration_s;
    uint64_t operations;        /* 0: run for duration_s. */
    double warm_s;
    const char *path;
    uint64_t per_parent;        /* 0: all under one parent. */
    uint64_t filled;            /* 0: keys of its own. */
    unsigned stall_s;
    unsigned timeout_s;
    unsigned pause_us;
    pid_t pid;                  /* 0: none. */
    bool keep;
    bool check_data;
    bool spin;
    bool json;
    bool use_tls;
    struct channel_tls tls;
};

/* Name of a mode as on the command line. */
const char *mode_name(enum mode mode);

/* Fills 'o' from the command line.  Ends the process after --help, with 0,
 * and after a mistake, with EXIT_USAGE. */
void options_parse(struct options *o, int argc, char **argv);

#endif
