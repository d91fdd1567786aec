/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "main/java_launcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/zk_obj.h"

#define JL_SCRIPT "java-launcher"
/* As a shell has it: no such program. */
#define JL_EXIT_NOT_FOUND 127

/* Tries the script in 'dir' (its first 'len' bytes). */
static void
jl_exec(const char *dir, size_t len, char **argv)
{
    char *path = zk_xasprintf("%.*s/%s", (int) len, dir, JL_SCRIPT);

    execv(path, argv);
    free(path);
}

bool
java_launcher_run(char **argv, int *code)
{
    const char *slash = argv[0] != NULL ? strrchr(argv[0], '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : argv[0];

    if (name == NULL || strcmp(name, "java") != 0) {
        return false;
    }
    if (slash != NULL) {
        size_t len = (size_t) (slash - argv[0]);

        jl_exec(argv[0], len, argv);
        if (len >= 4 && memcmp(slash - 4, "/bin", 4) == 0) {
            jl_exec(argv[0], len - 4, argv);    /* JAVA_HOME's bin/java. */
        }
    }
    jl_exec(PKGLIBEXECDIR, strlen(PKGLIBEXECDIR), argv);
    fprintf(stderr, "java (zkd): cannot run %s/%s: %s\n", PKGLIBEXECDIR,
            JL_SCRIPT, strerror(errno));
    *code = JL_EXIT_NOT_FOUND;
    return true;
}
