/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "config/environment.h"

#include <limits.h>
#include <netdb.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util/zk_log.h"

#define ENV_NA "<NA>"
#define ENV_MB (1024u * 1024)

#ifndef ZK_BUILD_TIME
#error "the build says when it was: ZK_BUILD_TIME"
#endif

struct env_visit {
    void (*each)(void *arg, const char *key, const char *value);
    void *arg;
    const struct system_properties *props;
};

/* A property of that name goes before what the system says. */
static void
env_put(const struct env_visit *v, const char *key, const char *value)
{
    const char *given = v->props == NULL
                        ? NULL
                        : system_properties_get(v->props, key);

    v->each(v->arg, key, given != NULL ? given
                         : value != NULL ? value : ENV_NA);
}

/* The name that the resolver has for this host, as Java's
 * getCanonicalHostName. */
static void
env_put_host(const struct env_visit *v)
{
    struct addrinfo hints = { .ai_flags = AI_CANONNAME,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char name[HOST_NAME_MAX + 1];

    if (gethostname(name, sizeof name) != 0) {
        v->each(v->arg, "host.name", ENV_NA);
        return;
    }
    name[sizeof name - 1] = '\0';
    if (getaddrinfo(name, NULL, &hints, &found) != 0) {
        v->each(v->arg, "host.name", name);
        return;
    }
    v->each(v->arg, "host.name",
            found->ai_canonname != NULL ? found->ai_canonname : name);
    freeaddrinfo(found);
}

/* Java's name of the machine type. */
static const char *
env_arch(const char *machine)
{
    if (strcmp(machine, "x86_64") == 0) {
        return "amd64";
    }
    return strcmp(machine, "i686") == 0 ? "i386" : machine;
}

static void
env_put_system(const struct env_visit *v)
{
    struct utsname uts;
    bool known = uname(&uts) == 0;

    env_put(v, "os.name", known ? uts.sysname : NULL);
    env_put(v, "os.arch", known ? env_arch(uts.machine) : NULL);
    env_put(v, "os.version", known ? uts.release : NULL);
}

static void
env_put_user(const struct env_visit *v)
{
    char buf[4096], cwd[PATH_MAX];
    struct passwd pw, *found = NULL;

    if (getpwuid_r(getuid(), &pw, buf, sizeof buf, &found) != 0) {
        found = NULL;
    }
    env_put(v, "user.name", found != NULL ? found->pw_name : NULL);
    env_put(v, "user.home", found != NULL ? found->pw_dir : NULL);
    env_put(v, "user.dir", getcwd(cwd, sizeof cwd));
}

static void
env_put_memory(const struct env_visit *v)
{
    struct sysinfo info;
    char text[32];

    if (sysinfo(&info) != 0) {
        memset(&info, 0, sizeof info);
    }
    snprintf(text, sizeof text, "%lluMB",
             (unsigned long long) info.freeram * info.mem_unit / ENV_MB);
    v->each(v->arg, "os.memory.free", text);
    snprintf(text, sizeof text, "%lluMB",
             (unsigned long long) info.totalram * info.mem_unit / ENV_MB);
    v->each(v->arg, "os.memory.max", text);
    v->each(v->arg, "os.memory.total", text);
}

const char *
environment_version(void)
{
    return ZOOKEEPER_VERSION ", built on " ZK_BUILD_TIME;
}

const char *
environment_build_time(void)
{
    return ZK_BUILD_TIME;
}

void
environment_each(const struct system_properties *props,
                 void (*each)(void *arg, const char *key,
                              const char *value), void *arg)
{
    static const char *const java[] = {
        "java.version", "java.vendor", "java.home", "java.class.path",
        "java.library.path", "java.io.tmpdir", "java.compiler",
    };
    struct env_visit v = { each, arg, props };

    each(arg, "zookeeper.version", environment_version());
    env_put_host(&v);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(java); i++) {
        env_put(&v, java[i], NULL);
    }
    env_put_system(&v);
    env_put_user(&v);
    env_put_memory(&v);
}

static void
env_log_one(void *arg, const char *key, const char *value)
{
    (void) arg;
    zk_info(environment, "Server environment:%s=%s", key, value);
}

void
environment_log(const struct system_properties *props)
{
    environment_each(props, env_log_one, NULL);
}
