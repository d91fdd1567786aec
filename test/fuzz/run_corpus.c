/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */
/*
 * run_corpus: the main of a fuzz target where there is no libFuzzer.  Runs
 * the target over the files and folders given, or over
 * $top_srcdir/test/fuzz/corpus/<its name without "fuzz_">.  A file that fails
 * ends the process; its name is then the last line on stderr.
 */
#include <config.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/fuzz/fuzz.h"
#include "util/zk_io.h"

/* No input is larger. */
#define RC_MAX_INPUT (1 << 20)
/* One input that takes longer is a failure. */
#define RC_MAX_SECONDS 60

static char current[1024];      /* The file that is being run. */

static void
rc_note_current(void)
{
    (void) !write(STDERR_FILENO, "while running ", 14);
    (void) !write(STDERR_FILENO, current, strlen(current));
    (void) !write(STDERR_FILENO, "\n", 1);
}

static void
rc_on_signal(int sig)
{
    rc_note_current();
    signal(sig, SIG_DFL);
    raise(sig);
}

static bool
rc_run_file(const char *path)
{
    struct zk_buf bytes = { 0 };
    struct zk_errmsg em;
    uint8_t *copy;

    snprintf(current, sizeof current, "%s", path);
    if (zk_read_file(path, RC_MAX_INPUT, &bytes, &em) != ZK_OK) {
        fprintf(stderr, "%s\n", em.text);
        return false;
    }
    /* Memory that ends where the input ends, as libFuzzer has it. */
    copy = fuzz_copy(zk_slice(bytes.data, (int32_t) bytes.len));
    alarm(RC_MAX_SECONDS);
    (void) LLVMFuzzerTestOneInput(copy, bytes.len);
    alarm(0);
    free(copy);
    zk_buf_fini(&bytes);
    return true;
}

/* The number of files run, or -1. */
static long
rc_run_folder(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    long ran = 0;

    if (n < 0) {
        perror(path);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        if (names[i]->d_name[0] != '.' && ran >= 0) {
            char *file = zk_xasprintf("%s/%s", path, names[i]->d_name);

            ran = rc_run_file(file) ? ran + 1 : -1;
            free(file);
        }
        free(names[i]);
    }
    free(names);
    return ran;
}

static long
rc_run(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        perror(path);
        return -1;
    }
    if (S_ISDIR(st.st_mode)) {
        return rc_run_folder(path);
    }
    return rc_run_file(path) ? 1 : -1;
}

/* The corpus that belongs to the program of this name. */
static char *
rc_own_corpus(const char *program)
{
    const char *top = getenv("top_srcdir");
    const char *slash = strrchr(program, '/');
    const char *name = slash != NULL ? slash + 1 : program;

    if (strncmp(name, "fuzz_", 5) == 0) {
        name += 5;
    }
    return zk_xasprintf("%s/test/fuzz/corpus/%s", top != NULL ? top : ".",
                        name);
}

int
main(int argc, char **argv)
{
    long total = 0;

    signal(SIGABRT, rc_on_signal);
    signal(SIGSEGV, rc_on_signal);
    signal(SIGALRM, rc_on_signal);
    for (int i = 1; i < argc || i == 1; i++) {
        char *path = argc > 1 ? zk_xstrdup(argv[i])
                              : rc_own_corpus(argv[0]);
        long ran = rc_run(path);

        if (ran <= 0) {
            fprintf(stderr, "%s: no input could be run\n", path);
            free(path);
            return 1;
        }
        total += ran;
        free(path);
    }
    printf("%ld inputs\n", total);
    return 0;
}
