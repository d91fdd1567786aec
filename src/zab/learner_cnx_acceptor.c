/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "zab/learner_cnx_acceptor.h"

#include <stdlib.h>

#include "util/zk_log.h"
#include "util/zk_thread.h"

struct learner_cnx_acceptor {
    unsigned magic;
#define LEARNER_CNX_ACCEPTOR_MAGIC 0x4c636e41
    struct net_listener *listener;
    void (*connected)(void *arg, int fd);
    void *arg;
    struct zk_thread thread;
};

static void
lca_run(void *arg)
{
    struct learner_cnx_acceptor *a = arg;
    struct zk_errmsg em;

    for (;;) {
        int fd = -1;
        int rv = net_listener_accept(a->listener, &fd, &em);

        if (rv == ZK_ESTOPPED) {
            return;
        }
        if (rv == ZK_OK) {
            a->connected(a->arg, fd);
        } else {
            /* net_listener_accept has paused already. */
            zk_warn(leader, "a learner could not be accepted: %s", em.text);
        }
    }
}

struct learner_cnx_acceptor *
learner_cnx_acceptor_start(struct net_listener *listener,
                           void (*connected)(void *arg, int fd), void *arg)
{
    struct learner_cnx_acceptor *a = zk_xcalloc(1, sizeof *a);

    a->magic = LEARNER_CNX_ACCEPTOR_MAGIC;
    a->listener = listener;
    a->connected = connected;
    a->arg = arg;
    zk_thread_start(&a->thread, lca_run, a, "LearnerCnxAcceptor:%d",
                    net_listener_port(listener));
    return a;
}

void
learner_cnx_acceptor_stop(struct learner_cnx_acceptor *a)
{
    if (a == NULL) {
        return;
    }
    ZK_CHECK(a, LEARNER_CNX_ACCEPTOR_MAGIC);
    net_listener_shutdown(a->listener);
    zk_thread_join(&a->thread);
    a->magic = 0;
    free(a);
}
