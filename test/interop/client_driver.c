/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_driver [-r] [-t MS] [-s ID:PASSWORD] CONNECT_STRING: a zk_client by
 * words, for tests in Python (test_zk_client.py).
 *
 * Each line of standard input is an operation and its arguments, separated by
 * single blanks; "-" is null (no data), "" cannot be said.  Each is answered
 * by one line "= ERROR [NAME=VALUE]...", each event is a line "! TYPE STATE
 * PATH".  With "&" before it an operation is not waited for: its answer is
 * "& ERROR ..." and comes in the order of the events.
 */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/zk_client.h"
#include "util/zk_log.h"

#define WORDS_MAX 64

static struct zk_client *client;

struct words {
    char *v[WORDS_MAX];
    size_t n;
};

/* The word at 'i', or what is meant where there is none. */
static const char *
word(const struct words *w, size_t i, const char *otherwise)
{
    return i < w->n ? w->v[i] : otherwise;
}

static const char *
word_or_null(const struct words *w, size_t i)
{
    const char *text = word(w, i, "-");

    return strcmp(text, "-") == 0 ? NULL : text;
}

static int32_t
number(const struct words *w, size_t i, int32_t otherwise)
{
    return i < w->n ? (int32_t) strtol(w->v[i], NULL, 10) : otherwise;
}

static bool
flag(const struct words *w, size_t i)
{
    return i < w->n && strchr("wl", w->v[i][0]) != NULL;
}

/* ---- what is told ------------------------------------------------------- */

static void
print_slice(const char *name, struct zk_slice s)
{
    if (!zk_slice_is_null(s)) {
        printf(" %s=%.*s", name, (int) s.len, s.p);
    }
}

static void
print_names(const char *name, const struct jute_vec_slice *names)
{
    printf(" %s=", name);
    for (int32_t i = 0; i < names->n; i++) {
        printf("%s%.*s", i > 0 ? "," : "", (int) names->v[i].len,
               names->v[i].p);
    }
}

static void
print_acl(struct zk_slice acl)
{
    struct acl_iter it;
    struct acl_entry e;

    acl_iter_init(&it, acl);
    while (acl_iter_next(&it, &e)) {
        printf(" acl=%d:%.*s:%.*s", e.perms, (int) e.scheme.len, e.scheme.p,
               (int) e.id.len, e.id.p);
    }
}

static void
print_results(const struct zk_result *r)
{
    int32_t at = -1;
    int32_t err = zk_result_multi_err(r, &at);

    printf(" n=%d multi=%s at=%d", r->n_results, keeper_error_message(err),
           at);
    for (int32_t i = 0; i < r->n_results; i++) {
        print_slice("path", r->results[i].path);
        print_slice("data", r->results[i].data);
        if (r->results[i].type == OP_GET_CHILDREN) {
            print_names("names", &r->results[i].children);
        }
    }
}

static void
print_result(char mark, const struct zk_result *r)
{
    const char *text = keeper_error_message(r->err);

    printf("%c ", mark);
    while (*text != '\0') {     /* One word. */
        (void) putchar(*text == ' ' ? '-' : *text);
        text++;
    }
    printf(" zxid=%" PRIx64, (uint64_t) r->zxid);
    if (r->err == KE_OK) {
        print_slice("path", r->path);
        print_slice("data", r->data);
        if (r->has_stat) {
            printf(" version=%d owner=%" PRIx64 " children=%d",
                   r->stat.version, (uint64_t) r->stat.ephemeral_owner,
                   r->stat.num_children);
        }
        if (r->op == OP_GET_CHILDREN2 || r->op == OP_GET_EPHEMERALS) {
            print_names("names", &r->names);
        }
        if (r->op == OP_GET_ALL_CHILDREN_NUMBER) {
            printf(" number=%d", r->number);
        }
        for (int32_t i = 0; i < r->who.n; i++) {
            printf(" who=%.*s:%.*s", (int) r->who.v[i].auth_scheme.len,
                   r->who.v[i].auth_scheme.p, (int) r->who.v[i].user.len,
                   r->who.v[i].user.p);
        }
        print_acl(r->acl);
        if (r->op == OP_MULTI || r->op == OP_MULTI_READ) {
            print_results(r);
        }
    }
    putchar('\n');
}

static void
on_event(void *arg, const struct zk_event *ev)
{
    (void) arg;
    flockfile(stdout);
    printf("! %s %s", zk_event_type_name(ev->type),
           zk_keeper_state_name(ev->state));
    if (!zk_slice_is_null(ev->path)) {
        printf(" %.*s", (int) ev->path.len, ev->path.p);
    }
    putchar('\n');
    fflush(stdout);
    funlockfile(stdout);
}

static void
on_answer(void *arg, const struct zk_result *r)
{
    (void) arg;
    flockfile(stdout);
    print_result('&', r);
    fflush(stdout);
    funlockfile(stdout);
}

/* ---- what is asked ------------------------------------------------------ */

static struct zk_slice
data_at(const struct words *w, size_t i)
{
    return zk_slice_str(word_or_null(w, i));
}

static struct zk_op
set_acl_op(const struct words *w, struct zk_buf *acl)
{
    size_t at = acl_encode_begin(acl);

    acl_encode_add(acl, at, number(w, 4, 31), zk_slice_str(word(w, 2, "")),
                   zk_slice_str(word(w, 3, "")));
    return zk_op_set_acl(word(w, 1, "/"),
                         zk_slice(acl->data, (int32_t) acl->len), -1);
}

/* The operation that the words ask for; op 0: none. */
static struct zk_op
op_of(const struct words *w, struct zk_buf *acl)
{
    const char *verb = word(w, 0, "");
    const char *path = word(w, 1, "/");

    if (strcmp(verb, "create") == 0) {
        return zk_op_create(path, data_at(w, 2), ZK_SLICE_NULL,
                            number(w, 3, 0), number(w, 4, 0));
    } else if (strcmp(verb, "create2") == 0) {
        return zk_op_create2(path, data_at(w, 2), ZK_SLICE_NULL,
                             number(w, 3, 0), number(w, 4, 0));
    } else if (strcmp(verb, "delete") == 0) {
        return zk_op_delete(path, number(w, 2, -1));
    } else if (strcmp(verb, "exists") == 0) {
        return zk_op_exists(path, flag(w, 2));
    } else if (strcmp(verb, "get") == 0) {
        return zk_op_get_data(path, flag(w, 2));
    } else if (strcmp(verb, "set") == 0) {
        return zk_op_set_data(path, data_at(w, 2), number(w, 3, -1));
    } else if (strcmp(verb, "ls") == 0) {
        return zk_op_get_children(path, flag(w, 2));
    } else if (strcmp(verb, "getacl") == 0) {
        return zk_op_get_acl(path);
    } else if (strcmp(verb, "setacl") == 0) {
        return set_acl_op(w, acl);
    } else if (strcmp(verb, "sync") == 0) {
        return zk_op_sync(path);
    } else if (strcmp(verb, "check") == 0) {
        return zk_op_check(path, number(w, 2, -1));
    } else if (strcmp(verb, "auth") == 0) {
        return zk_op_auth(path, data_at(w, 2));
    } else if (strcmp(verb, "addwatch") == 0) {
        return zk_op_add_watch(path, (enum zk_watch_mode) number(w, 2, 0));
    } else if (strcmp(verb, "checkwatches") == 0) {
        return zk_op_check_watches(path,
                                   (enum zk_watcher_type) number(w, 2, 3));
    } else if (strcmp(verb, "removewatches") == 0) {
        return zk_op_remove_watches(path,
                                    (enum zk_watcher_type) number(w, 2, 3),
                                    flag(w, 3));
    } else if (strcmp(verb, "ephemerals") == 0) {
        return zk_op_get_ephemerals(path);
    } else if (strcmp(verb, "count") == 0) {
        return zk_op_get_all_children_number(path);
    } else if (strcmp(verb, "whoami") == 0) {
        return zk_op_who_am_i();
    } else if (strcmp(verb, "config") == 0) {
        return zk_op_get_config(flag(w, 1));
    } else if (strcmp(verb, "reconfig") == 0) {
        return zk_op_reconfig(word_or_null(w, 1), word_or_null(w, 2),
                              word_or_null(w, 3), number(w, 4, -1));
    }
    return (struct zk_op) { .op = 0 };
}

static void
perform(const struct zk_op *op, bool wait)
{
    struct zk_result r;

    if (!wait) {
        zk_client_submit(client, op, on_answer, NULL);
        return;
    }
    (void) zk_client_call(client, op, &r);
    flockfile(stdout);
    print_result('=', &r);
    fflush(stdout);
    funlockfile(stdout);
    zk_result_fini(&r);
}

/* multi ... ; ... ; ..., also multiread. */
static void
perform_multi(struct words *w, bool wait)
{
    struct zk_op ops[WORDS_MAX];
    struct zk_buf acl = { 0 };
    struct words one = { .n = 0 };
    struct zk_op multi;
    size_t n = 0;

    for (size_t i = 1; i <= w->n; i++) {
        if (i < w->n && strcmp(w->v[i], ";") != 0) {
            one.v[one.n++] = w->v[i];
        } else if (one.n > 0) {
            ops[n++] = op_of(&one, &acl);
            one.n = 0;
        }
    }
    multi = strcmp(w->v[0], "multi") == 0 ? zk_op_multi(ops, n)
                                          : zk_op_multi_read(ops, n);
    perform(&multi, wait);
    zk_buf_fini(&acl);
}

/* About the client itself: state, close MS, wait MS, abandon, servers. */
static bool
manage(const struct words *w)
{
    const char *verb = word(w, 0, "");
    uint8_t password[ZK_CLIENT_PASSWORD_LEN];
    char server[100], hex[2 * ZK_CLIENT_PASSWORD_LEN + 1];
    struct zk_errmsg em = { "" };

    if (strcmp(verb, "state") == 0) {
        zk_client_server(client, server, sizeof server);
        zk_client_password(client, password);
        for (size_t i = 0; i < sizeof password; i++) {
            snprintf(hex + 2 * i, 3, "%02x", password[i]);
        }
        printf("= ok state=%s session=%" PRIx64 ":%s server=%s "
               "timeout=%d\n", zk_client_state_name(zk_client_state(client)),
               (uint64_t) zk_client_session_id(client), hex, server,
               zk_client_session_timeout(client));
    } else if (strcmp(verb, "wait") == 0) {
        printf("= %s\n", zk_client_wait_connected(client, number(w, 1, 0))
                             ? "ok" : "no");
    } else if (strcmp(verb, "close") == 0) {
        printf("= %s\n", keeper_error_message(
                             zk_client_close(client, number(w, 1, 0))));
    } else if (strcmp(verb, "abandon") == 0) {
        zk_client_abandon(client);
        printf("= ok\n");
    } else if (strcmp(verb, "servers") == 0) {
        printf("= %s\n", zk_error_name(zk_client_update_servers(
                             client, word(w, 1, ""), &em)));
    } else {
        return false;
    }
    fflush(stdout);
    return true;
}

static void
take_line(char *line)
{
    struct words w = { .n = 0 };
    struct zk_buf acl = { 0 };
    bool wait = *line != '&';
    struct zk_op op;

    line += wait ? 0 : 1;
    line[strcspn(line, "\n")] = '\0';
    while (line != NULL && w.n < WORDS_MAX) {
        char *next = strchr(line, ' ');

        if (next != NULL) {
            *next++ = '\0';
        }
        w.v[w.n++] = line;
        line = next;
    }
    if (manage(&w)) {
        return;
    }
    if (strcmp(w.v[0], "multi") == 0 || strcmp(w.v[0], "multiread") == 0) {
        perform_multi(&w, wait);
        return;
    }
    op = op_of(&w, &acl);
    if (op.op == 0) {
        fprintf(stderr, "client_driver: what is '%s'?\n", w.v[0]);
        exit(2);
    }
    perform(&op, wait);
    zk_buf_fini(&acl);
}

/* "ID:PASSWORD", as state prints it. */
static void
read_session(struct zk_client_config *cfg, const char *text)
{
    const char *hex = strchr(text, ':');

    cfg->session_id = (int64_t) strtoull(text, NULL, 16);
    for (size_t i = 0; hex != NULL && i < ZK_CLIENT_PASSWORD_LEN; i++) {
        unsigned byte = 0;

        (void) !sscanf(hex + 1 + 2 * i, "%2x", &byte);
        cfg->password[i] = (uint8_t) byte;
    }
}

int
main(int argc, char **argv)
{
    struct zk_client_config cfg = { .session_timeout_ms = 10000,
                                    .on_event = on_event };
    struct zk_errmsg em;
    char *line = NULL;
    size_t size = 0;
    int c;

    while ((c = getopt(argc, argv, "rt:s:")) != -1) {
        switch (c) {
        case 'r':
            cfg.read_only = true;
            break;
        case 't':
            cfg.session_timeout_ms = (int32_t) strtol(optarg, NULL, 10);
            break;
        case 's':
            read_session(&cfg, optarg);
            break;
        default:
            return 2;
        }
    }
    cfg.connect_string = argv[optind];
    if (zk_client_create(&cfg, &client, &em) != ZK_OK) {
        fprintf(stderr, "client_driver: %s\n", em.text);
        return 2;
    }
    while (getline(&line, &size, stdin) > 0) {
        take_line(line);
    }
    zk_client_destroy(client);
    free(line);
    return 0;
}
