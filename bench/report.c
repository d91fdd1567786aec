/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

#include <config.h>

#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static double
quantile_us(const struct histogram *h, unsigned permille_tenths)
{
    return (double) histogram_quantile(h, permille_tenths) / 1e3;
}

static void
json_latency(const char *name, const struct histogram *h)
{
    printf("\"%s\":{\"count\":%" PRIu64 ",\"mean_us\":%.2f,\"p50_us\":%.2f,"
           "\"p90_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,"
           "\"max_us\":%.2f}", name, h->count, histogram_mean(h) / 1e3,
           quantile_us(h, 5000), quantile_us(h, 9000), quantile_us(h, 9900),
           quantile_us(h, 9990), (double) h->max / 1e3);
}

static void
json_load(const struct report *r, const struct histogram *all)
{
    const struct options *o = r->o;
    const struct load_result *l = &r->load;

    printf("{\"mode\":\"%s\",\"connections\":%u,\"outstanding\":%u,"
           "\"threads\":%u,\"size\":%zu,\"keys\":%" PRIu64 ",\"spin\":%s,",
           mode_name(o->mode), o->connections, o->outstanding, o->threads,
           o->data_size, o->keys, o->spin ? "true" : "false");
    printf("\"operations\":%" PRIu64 ",\"seconds\":%.6f,"
           "\"per_second\":%.1f,\"longest_gap_us\":%.1f,"
           "\"client_cpu_s\":%.3f,", all->count, l->seconds,
           (double) all->count / l->seconds, l->longest_gap_s * 1e6,
           l->client_cpu_seconds);
    if (o->pid) {
        printf("\"server_cpu_s\":%.3f,\"server_rss_kb\":%" PRIu64 ","
               "\"server_hwm_kb\":%" PRIu64 ",", r->server_cpu_seconds,
               r->memory.rss_kb, r->memory.hwm_kb);
    }
    json_latency("latency", all);
    if (o->mode == MODE_MIXED) {
        putchar(',');
        json_latency("read", &l->kind[0]);
        putchar(',');
        json_latency("write", &l->kind[1]);
    }
    puts("}");
}

static void
print_latency(const char *name, const struct histogram *h)
{
    printf("%-8s p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f  "
           "mean %.1f us  (%" PRIu64 ")\n", name, quantile_us(h, 5000),
           quantile_us(h, 9000), quantile_us(h, 9900), quantile_us(h, 9990),
           (double) h->max / 1e3, histogram_mean(h) / 1e3, h->count);
}

static void
print_load(const struct report *r, const struct histogram *all)
{
    const struct options *o = r->o;
    const struct load_result *l = &r->load;
    double per_op = all->count == 0 ? 0 : 1e6 / (double) all->count;

    printf("%s, %u connections x %u outstanding, %zu bytes, %u thread%s%s\n",
           mode_name(o->mode), o->connections, o->outstanding, o->data_size,
           o->threads, o->threads == 1 ? "" : "s", o->spin ? ", spinning"
           : "");
    printf("%.0f replies/s  (%" PRIu64 " in %.3f s, longest gap %.1f us)\n",
           (double) all->count / l->seconds, all->count, l->seconds,
           l->longest_gap_s * 1e6);
    if (o->mode == MODE_MIXED) {
        print_latency("read", &l->kind[0]);
        print_latency("write", &l->kind[1]);
    }
    print_latency("latency", all);
    printf("zkbench  %.2f s of processor time, %.3f us per reply\n",
           l->client_cpu_seconds, l->client_cpu_seconds * per_op);
    if (o->pid) {
        printf("server   %.2f s of processor time, %.3f us per reply\n",
               r->server_cpu_seconds, r->server_cpu_seconds * per_op);
        report_memory(o, &r->memory);
    }
}

void
report_load(const struct report *r)
{
    static struct histogram all;

    histogram_merge(&all, &r->load.kind[0]);
    histogram_merge(&all, &r->load.kind[1]);
    if (r->o->json) {
        json_load(r, &all);
    } else {
        print_load(r, &all);
    }
}

void
report_memory(const struct options *o, const struct process_memory *m)
{
    if (o->json) {
        printf("{\"pid\":%ld,\"rss_kb\":%" PRIu64 ",\"hwm_kb\":%" PRIu64
               "}\n", (long) o->pid, m->rss_kb, m->hwm_kb);
    } else {
        printf("memory   %.1f MiB resident, %.1f MiB at most\n",
               (double) m->rss_kb / 1024, (double) m->hwm_kb / 1024);
    }
}

void
report_first_answer(const struct options *o, uint64_t start_ns, uint64_t at_ns,
                    uint64_t attempts)
{
    if (o->json) {
        printf("{\"answered_at_ns\":%" PRIu64 ",\"waited_ms\":%.3f,"
               "\"failed_attempts\":%" PRIu64 "}\n", at_ns,
               (double) (at_ns - start_ns) / 1e6, attempts);
    } else {
        printf("answered after %.3f ms, %" PRIu64 " attempts failed before; "
               "at %" PRIu64 " ns of CLOCK_MONOTONIC\n",
               (double) (at_ns - start_ns) / 1e6, attempts, at_ns);
    }
}
