/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "admin/four_letter_words.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "admin/server_gauges.h"
#include "admin/words.h"
#include "server/server_role.h"
#include "util/zk_lock.h"
#include "util/zk_log.h"
#include "util/zk_time.h"

/* Client requests, server packets, sessions and warnings (ZooTrace). */
#define DEFAULT_TRACE_MASK 306

enum word_idle {
    IDLE_ALWAYS,
    IDLE_MESSAGE,
    IDLE_BARE,
    IDLE_NULLTEXT,
};

struct word {
    const char *name;
    enum word_idle idle;
    void (*answer)(const struct word_call *call, struct zk_buf *out);
};

/* The last one has no letters; NULL: nothing is answered. */
static const struct word words[] = {
#define FOUR_LETTER_WORD(word, idle, what) \
    { #word, IDLE_##idle, word_##word },
#include "zookeeper/tbl/four_letter_words.h"
#undef FOUR_LETTER_WORD
    { "telnet close", IDLE_ALWAYS, NULL },
};

#define N_WORDS ZK_ARRAY_SIZE(words)

struct four_letter_words {
    unsigned magic;
#define FOUR_LETTER_WORDS_MAGIC 0x346c7721

    /* Set at create, never changed. */
    const struct server_config *config;
    struct four_letter_hook hook;
    bool allowed[N_WORDS];
    struct server_gauges *gauges;
    bool has_ensemble;
    struct ensemble_words ensemble;

    bool gauges_registered;             /* Of who calls serve. */
    _Atomic int64_t trace_mask;

    struct zk_mutex lock;               /* ZK_LOCK_leaf */
    struct zk_cond idle;                /* users fell to 0 */
    struct zookeeper_server *zks ZK_GUARDED;
    struct server_cnxn_factory *factory ZK_GUARDED;
    int64_t since_ms ZK_GUARDED;
    unsigned users ZK_GUARDED;          /* Calls that hold the two. */
};

/* ---- which words ------------------------------------------------------- */

static uint32_t
flw_code(const char *name)
{
    const unsigned char *p = (const unsigned char *) name;

    if (strlen(name) != 4) {
        return FOUR_LETTER_TELNET_CLOSE;
    }
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | (uint32_t) p[3];
}

/* The word's number, or N_WORDS. */
static size_t
flw_find(uint32_t code)
{
    size_t i = 0;

    while (i < N_WORDS && flw_code(words[i].name) != code) {
        i++;
    }
    return i;
}

static void
flw_allow(struct four_letter_words *w, const char *name, size_t len)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (len == strlen(words[i].name)
            && memcmp(words[i].name, name, len) == 0) {
            w->allowed[i] = true;
        }
    }
}

/* "ruok, stat": names between commas, what is blank around them ignored;
 * "*" is all of them. */
static void
flw_allow_listed(struct four_letter_words *w, const char *list)
{
    while (*list != '\0') {
        size_t len = strcspn(list, ",");
        const char *name = list;
        const char *end = list + len;

        while (name < end && (unsigned char) *name <= ' ') {
            name++;
        }
        while (name < end && (unsigned char) end[-1] <= ' ') {
            end--;
        }
        if (end - name == 1 && *name == '*') {
            memset(w->allowed, true, sizeof w->allowed);
        }
        flw_allow(w, name, (size_t) (end - name));
        list += len + (list[len] == ',');
    }
}

static void
flw_log_allowed(const struct four_letter_words *w)
{
    struct zk_buf b = { 0 };

    for (size_t i = 0; i < N_WORDS; i++) {
        if (w->allowed[i]) {
            zk_buf_printf(&b, "%s%s", b.len > 0 ? ", " : "", words[i].name);
        }
    }
    zk_info(fourlw, "The list of enabled four letter word commands is : "
            "[[%.*s]]", (int) b.len, (const char *) b.data);
    zk_buf_fini(&b);
}

bool
four_letter_words_allowed(const struct four_letter_words *w,
                          const char *word)
{
    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    for (size_t i = 0; i < N_WORDS; i++) {
        if (strcmp(words[i].name, word) == 0) {
            return w->allowed[i];
        }
    }
    return false;
}

/* ---- answering --------------------------------------------------------- */

static bool
flw_known(void *self, uint32_t word)
{
    struct four_letter_words *w = self;

    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    return flw_find(word) < N_WORDS;
}

static void
flw_answer_idle(const struct word *word, const struct word_call *call,
                struct zk_buf *out)
{
    switch (word->idle) {
    case IDLE_ALWAYS:
        word->answer(call, out);
        break;
    case IDLE_MESSAGE:
        zk_buf_printf(out, "%s\n", WORDS_NOT_SERVING);
        break;
    case IDLE_BARE:
        zk_buf_printf(out, "%s", WORDS_NOT_SERVING);
        break;
    case IDLE_NULLTEXT:
        zk_buf_printf(out, "null");
        break;
    }
}

static void
flw_answer(void *self, uint32_t code, uint64_t arg, bool secure,
           struct zk_buf *out)
{
    struct four_letter_words *w = self;
    const size_t i = flw_find(code);
    struct word_call call;

    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    if (i == N_WORDS) {
        return;
    }
    if (!w->allowed[i]) {
        zk_buf_printf(out, "%s is not executed because it is not in the "
                      "whitelist.\n", words[i].name);
        return;
    }
    if (words[i].answer == NULL) {
        return;
    }
    if (words_enter(w, &call)) {
        call.arg = arg;
        call.secure = secure;
        words[i].answer(&call, out);
        words_leave(&call);
    } else {
        call.arg = arg;
        flw_answer_idle(&words[i], &call, out);
    }
}

/* ---- life -------------------------------------------------------------- */

struct four_letter_words *
four_letter_words_create(const struct server_config *config)
{
    struct four_letter_words *w = zk_xcalloc(1, sizeof *w);

    w->magic = FOUR_LETTER_WORDS_MAGIC;
    w->config = config;
    w->hook.self = w;
    w->hook.known = flw_known;
    w->hook.answer = flw_answer;
    if (config->cnxn.whitelist_4lw != NULL) {
        flw_allow_listed(w, config->cnxn.whitelist_4lw);
    }
    if (config->quorum.read_only_mode) {
        flw_allow(w, "isro", 4);
    }
    flw_allow(w, "srvr", 4);    /* zkServer.sh status asks for it. */
    flw_log_allowed(w);
    atomic_store(&w->trace_mask, DEFAULT_TRACE_MASK);
    zk_mutex_init(&w->lock, ZK_LOCK_leaf);
    zk_cond_init(&w->idle);
    w->gauges = server_gauges_create(w);
    return w;
}

void
four_letter_words_destroy(struct four_letter_words *w)
{
    if (w == NULL) {
        return;
    }
    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    zk_lock(&w->lock);
    zk_assert(w->zks == NULL && w->users == 0);
    zk_unlock(&w->lock);
    server_gauges_destroy(w->gauges);
    zk_cond_fini(&w->idle);
    zk_mutex_fini(&w->lock);
    w->magic = 0;
    free(w);
}

const struct four_letter_hook *
four_letter_words_hook(const struct four_letter_words *w)
{
    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    return &w->hook;
}

void
four_letter_words_set_ensemble(struct four_letter_words *w,
                               const struct ensemble_words *e)
{
    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    w->has_ensemble = true;
    w->ensemble = *e;
}

void
four_letter_words_serve(struct four_letter_words *w,
                        struct zookeeper_server *zks,
                        struct server_cnxn_factory *factory)
{
    const struct server_role *role;

    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    zk_assert((zks == NULL) == (factory == NULL));
    zk_lock(&w->lock);
    w->zks = zks;
    w->factory = factory;
    w->since_ms = zk_time_mono_ms();
    while (w->users > 0) {
        zk_cond_wait(&w->idle, &w->lock);
    }
    zk_unlock(&w->lock);
    if (w->gauges_registered) {
        server_gauges_unregister(w->gauges);
    }
    w->gauges_registered = zks != NULL;
    if (w->gauges_registered) {
        role = zookeeper_server_role(zks);
        server_gauges_register(w->gauges, role != NULL && !role->read_only);
    }
}

/* ---- for the words ----------------------------------------------------- */

bool
words_enter(struct four_letter_words *w, struct word_call *call)
{
    bool runs;

    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    memset(call, 0, sizeof *call);
    call->words = w;
    call->config = w->config;
    call->ensemble = w->has_ensemble ? &w->ensemble : NULL;
    zk_lock(&w->lock);
    runs = w->zks != NULL
           && zookeeper_server_state_running(zookeeper_server_state(w->zks));
    if (runs) {
        call->zks = w->zks;
        call->factory = w->factory;
        call->since_ms = w->since_ms;
        w->users++;
    }
    zk_unlock(&w->lock);
    return runs;
}

void
words_leave(struct word_call *call)
{
    struct four_letter_words *w = call->words;

    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    zk_lock(&w->lock);
    zk_assert(w->users > 0);
    if (--w->users == 0) {
        zk_cond_broadcast(&w->idle);
    }
    zk_unlock(&w->lock);
    call->zks = NULL;
    call->factory = NULL;
}

bool
words_still_serving(const struct word_call *call)
{
    struct four_letter_words *w = call->words;
    bool same;

    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    zk_lock(&w->lock);
    same = w->zks == call->zks
           && zookeeper_server_state_running(
               zookeeper_server_state(call->zks));
    zk_unlock(&w->lock);
    return same;
}

int64_t
words_trace_mask(const struct four_letter_words *w)
{
    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    return atomic_load(&w->trace_mask);
}

void
words_set_trace_mask(struct four_letter_words *w, int64_t mask)
{
    ZK_CHECK(w, FOUR_LETTER_WORDS_MAGIC);
    atomic_store(&w->trace_mask, mask);
}

/* ---- words without a file of their own --------------------------------- */

void
word_ruok(const struct word_call *call, struct zk_buf *out)
{
    (void) call;
    zk_buf_printf(out, "imok");
}

void
word_isro(const struct word_call *call, struct zk_buf *out)
{
    const char *mode = zookeeper_server_mode(call->zks);

    zk_buf_printf(out, "%s", strcmp(mode, "read-only") == 0 ? "ro" : "rw");
}

void
word_gtmk(const struct word_call *call, struct zk_buf *out)
{
    zk_buf_printf(out, "%lld", (long long) words_trace_mask(call->words));
}

void
word_stmk(const struct word_call *call, struct zk_buf *out)
{
    words_set_trace_mask(call->words, (int64_t) call->arg);
    word_gtmk(call, out);
}
