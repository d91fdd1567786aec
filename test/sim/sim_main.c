/* SPDX-License-Identifier: Apache-2.0 */
/* sim_main.c: runs seeds; see usage. */
#include <config.h>

#include "sim.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/zk_log.h"
#include "util/zk_time.h"

#define MAIN_FIRST_SEED 1

struct main_args {
    uint64_t first;
    uint64_t count;             /* 0: until the time is over */
    int64_t seconds;            /* 0: no limit */
    struct sim_options o;
};

static void
main_usage(FILE *out)
{
    fprintf(out,
"Usage: sim_main [OPTION]...\n"
"Runs ensembles of the server's cores on virtual time.  Ends at the first\n"
"seed that breaks an invariant (exit code 1), or when all have kept them.\n"
"  --seed N       the first seed (1); alone: only this one\n"
"  --seeds N      so many of them\n"
"  --time S       no new seed after so many seconds\n"
"  --steps N      no more than so many steps of a seed\n"
"  --verbose      what happens, step by step\n"
"  --servers N    so many voters; by default the seed chooses 3 or 5\n"
"  --observers N  so many observers\n"
"  --bug NAME     puts back a mistake, and ends (exit code 0) once it is\n"
"                 found; 'list' names them\n"
"  --outcomes     looks only at what clients and other servers see\n");
}

static int64_t
main_number(const char *text)
{
    char *end;
    int64_t v;

    errno = 0;
    v = strtoll(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0' || v < 0) {
        fprintf(stderr, "sim_main: '%s' is no number\n", text);
        exit(2);
    }
    return v;
}

static void
main_set_bug(struct main_args *a, const char *name)
{
    if (strcmp(name, "list") == 0) {
        sim_bugs_list(stdout);
        exit(0);
    }
    a->o.bug = sim_bug_of(name);
    if (a->o.bug == SIM_BUGS) {
        fprintf(stderr, "sim_main: there is no bug '%s'\n", name);
        exit(2);
    }
}

static void
main_parse(struct main_args *a, int argc, char **argv)
{
    static const struct option options[] = {
        { "seed", required_argument, NULL, 's' },
        { "seeds", required_argument, NULL, 'n' },
        { "time", required_argument, NULL, 't' },
        { "steps", required_argument, NULL, 'm' },
        { "verbose", no_argument, NULL, 'v' },
        { "servers", required_argument, NULL, 'S' },
        { "observers", required_argument, NULL, 'O' },
        { "bug", required_argument, NULL, 'b' },
        { "outcomes", no_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    bool one = false;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            a->first = (uint64_t) main_number(optarg);
            one = true;
            break;
        case 'n':
            a->count = (uint64_t) main_number(optarg);
            break;
        case 't':
            a->seconds = main_number(optarg);
            break;
        case 'm':
            a->o.max_steps = main_number(optarg);
            break;
        case 'v':
            a->o.verbose = true;
            break;
        case 'S':
            a->o.voters = (size_t) main_number(optarg);
            break;
        case 'O':
            a->o.observers = (int) main_number(optarg);
            break;
        case 'b':
            main_set_bug(a, optarg);
            break;
        case 'o':
            a->o.outcomes_only = true;
            break;
        case 'h':
            main_usage(stdout);
            exit(0);
        default:
            main_usage(stderr);
            exit(2);
        }
    }
    if (optind != argc || a->o.voters > 5 || a->o.observers > 2) {
        main_usage(stderr);
        exit(2);
    }
    if (a->count == 0 && a->seconds == 0) {
        a->count = one ? 1 : 1000;
    }
}

struct main_total {
    uint64_t first, seeds, steps, leaders, left_out;
    int64_t slowest_us, began_us;
    uint64_t slowest_seed;
};

static void
main_count(struct main_total *t, const struct sim_world *w)
{
    t->seeds++;
    t->steps += w->clock.steps;
    t->leaders += w->leaders;
    t->left_out += w->left_out;
    if (w->slowest_quiet_us > t->slowest_us) {
        t->slowest_us = w->slowest_quiet_us;
        t->slowest_seed = w->seed;
    }
}

static void
main_report(const struct main_total *t)
{
    double s = (double) (zk_time_mono_us() - t->began_us) / 1e6;

    printf("%" PRIu64 " seeds from %" PRIu64 " on in %.1f s (%.0f/s), ",
           t->seeds, t->first, s, (double) t->seeds / (s > 0 ? s : 1));
    printf("%" PRIu64 " steps, %" PRIu64 " leaders; ", t->steps, t->leaders);
    printf("slowest rest %.1f s (seed %" PRIu64 "); ",
           (double) t->slowest_us / 1e6, t->slowest_seed);
    printf("%" PRIu64 " servers left out\n", t->left_out);
}

/* What a panic of a core says. */
static void
main_dump(FILE *out, void *arg)
{
    const struct sim_world *w = arg;

    fprintf(out, "seed %" PRIu64 ", bug %s, at %ld ms, step %" PRIu64 "\n",
            w->seed, sim_bug_name(w->o->bug), (long) sim_ms(sim_now(w)),
            w->clock.steps);
}

static void
main_print_failure(const struct sim_world *w)
{
    printf("seed %" PRIu64 ", at %ld ms, step %" PRIu64 ": not so: %s\n"
           "    %s\n", w->seed, (long) sim_ms(sim_now(w)), w->clock.steps,
           w->invariant, w->failure);
}

int
main(int argc, char **argv)
{
    struct main_args a = {
        .first = MAIN_FIRST_SEED, .o = { .observers = -1 },
    };
    static struct sim_world w;
    struct main_total total = { .began_us = zk_time_mono_us() };
    bool broken = false;

    main_parse(&a, argc, argv);
    total.first = a.first;
    zk_log_set_level(a.o.verbose ? ZK_LOG_WARN : ZK_LOG_OFF);
    w.o = &a.o;
    zk_dump_hook_add("simulator", main_dump, &w);
    for (uint64_t i = 0; !broken && (a.count == 0 || i < a.count)
                         && (a.seconds == 0
                             || zk_time_mono_us() - total.began_us
                                    < a.seconds * 1000000); i++) {
        broken = !sim_run(&w, a.first + i, &a.o);
        main_count(&total, &w);
    }
    if (broken) {
        main_print_failure(&w);
    }
    main_report(&total);
    if (a.o.bug != SIM_BUG_NONE) {
        printf("bug %s: %s after %" PRIu64 " seeds\n",
               sim_bug_name(a.o.bug), broken ? "found" : "NOT FOUND",
               total.seeds);
    }
    sim_world_fini(&w);
    return broken == (a.o.bug != SIM_BUG_NONE) ? 0 : 1;
}
