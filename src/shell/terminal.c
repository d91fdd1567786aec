/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h>

#include "shell/terminal.h"

#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <wchar.h>

#include "shell/complete.h"
#include "shell/format.h"
#include "shell/line_history.h"

#define TERMINAL_MAGIC 0x5a6b5474u
/* For completion nobody waits longer. */
#define TERMINAL_COMPLETE_MS 1000

struct terminal {
    unsigned magic;             /* TERMINAL_MAGIC */
    struct shell *sh;
    struct shell_screen screen;
    EditLine *el;
    struct line_history *history;
    char *prompt;               /* What the screen shows. */
    int signal_fd;
    sigset_t old_mask;
    bool dumb;                  /* The cursor cannot be moved. */
    bool editing;               /* Inside el_gets. */
    bool interrupted;           /* By Ctrl-C. */
    bool ended;                 /* SIGTERM, SIGHUP, the end of input. */
    mbstate_t mbs;
};

static const int term_signals[] = {
    SIGINT, SIGWINCH, SIGTSTP, SIGTERM, SIGHUP,
};

static struct terminal *
term_of(EditLine *el)
{
    void *t = NULL;

    el_get(el, EL_CLIENTDATA, &t);
    ZK_CHECK((struct terminal *) t, TERMINAL_MAGIC);
    return t;
}

static char *
term_prompt(EditLine *el)
{
    struct terminal *t = term_of(el);

    free(t->prompt);
    t->prompt = shell_prompt(t->sh);
    return t->prompt;
}

/* ---- the screen --------------------------------------------------------- */

static size_t
term_columns(const struct terminal *t)
{
    int columns = 0;

    if (el_get(t->el, EL_GETTC, "co", &columns, NULL) != 0 || columns < 1) {
        columns = 80;
    }
    return (size_t) columns;
}

/* How many rows the cursor stands below the first one of the prompt. */
static size_t
term_cursor_row(const struct terminal *t)
{
    const LineInfoW *li = el_wline(t->el);
    size_t columns = term_columns(t), row = 0;
    size_t at = t->prompt == NULL ? 0 : mbstowcs(NULL, t->prompt, 0);

    if (at == (size_t) -1) {
        at = strlen(t->prompt);
    }
    for (const wchar_t *p = li->buffer; p < li->cursor; p++) {
        int w = wcwidth(*p);

        if (*p == L'\n') {
            row += at / columns + 1;
            at = 0;
        } else {
            at += w < 0 ? 2 : (size_t) w;   /* A control character: ^X. */
        }
    }
    return row + at / columns;
}

/* Takes the line that is being typed off the screen. */
static void
term_clear(void *arg)
{
    struct terminal *t = arg;
    size_t row;

    if (!t->editing) {
        return;
    }
    if (t->dumb) {
        putchar('\n');
        return;
    }
    row = term_cursor_row(t);
    if (row > 0) {
        printf("\033[%zuA", row);
    }
    fputs("\r\033[J", stdout);
}

/* Draws prompt and line again where the cursor stands now. */
static void
term_restore(void *arg)
{
    struct terminal *t = arg;

    if (!t->editing) {
        return;
    }
    fflush(stdout);
    if (t->dumb) {
        fputs(term_prompt(t->el), stdout);
        fflush(stdout);
    } else {
        el_set(t->el, EL_REFRESH);
    }
}

/* ---- signals ------------------------------------------------------------ */

/* Ctrl-Z: gives the terminal back, stops, goes on. */
static void
term_stop_self(struct terminal *t)
{
    sigset_t stop;

    term_clear(t);
    fflush(stdout);
    if (t->editing) {
        el_set(t->el, EL_PREP_TERM, 0);
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &stop, NULL);  /* Stops here. */
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    if (t->editing) {
        el_set(t->el, EL_PREP_TERM, 1);
    }
    term_restore(t);
}

/* Takes up what the signal descriptor has. */
static void
term_take_signals(struct terminal *t)
{
    struct signalfd_siginfo info;

    while (read(t->signal_fd, &info, sizeof info) == sizeof info) {
        switch (info.ssi_signo) {
        case SIGINT:
            t->interrupted = true;
            break;
        case SIGTSTP:
            term_stop_self(t);
            break;
        case SIGWINCH:
            /* The terminal has broken the line anew already. */
            el_resize(t->el);
            term_clear(t);
            term_restore(t);
            break;
        default:
            t->ended = true;
        }
    }
}

/* link_env.interrupted. */
static bool
term_interrupted(void *arg)
{
    struct terminal *t = arg;

    term_take_signals(t);
    return t->interrupted || t->ended;
}

static int
term_block_signals(struct terminal *t, struct zk_errmsg *em)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < ZK_ARRAY_SIZE(term_signals); i++) {
        sigaddset(&set, term_signals[i]);
    }
    pthread_sigmask(SIG_BLOCK, &set, &t->old_mask);
    t->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return t->signal_fd < 0 ? zk_fail_errno(em, "signalfd") : ZK_OK;
}

/* ---- keys --------------------------------------------------------------- */

/* One character from the bytes that are there: 1, or 0 for too few, or -1 for
 * the end. */
static int
term_read_char(struct terminal *t, wchar_t *out)
{
    char byte;
    ssize_t n = read(STDIN_FILENO, &byte, 1);
    size_t len;

    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return 0;
    }
    if (n <= 0) {
        t->ended = true;
        return -1;
    }
    len = mbrtowc(out, &byte, 1, &t->mbs);
    if (len == (size_t) -2) {
        return 0;
    }
    if (len == (size_t) -1) {
        memset(&t->mbs, 0, sizeof t->mbs);
        *out = L'?';            /* A byte that is no text. */
    } else if (len == 0) {
        *out = L'\0';
    }
    return 1;
}

/* libedit asks for the next key.  -1 ends the line. */
static int
term_next_key(EditLine *el, wchar_t *out)
{
    struct terminal *t = term_of(el);

    for (;;) {
        struct pollfd p[3] = {
            { .fd = STDIN_FILENO, .events = POLLIN },
            { .fd = t->signal_fd, .events = POLLIN },
            { .fd = shell_link_fd(t->sh->link), .events = POLLIN },
        };
        int got = 0;

        if (poll(p, 3, -1) < 0) {
            continue;
        }
        if (p[1].revents != 0) {
            term_take_signals(t);
        }
        if (p[2].revents != 0) {
            shell_link_tell(t->sh->link);
        }
        if (t->interrupted || t->ended) {
            return -1;
        }
        if (p[0].revents != 0) {
            got = term_read_char(t, out);
        }
        if (got != 0) {
            return got;
        }
    }
}

/* ---- completion --------------------------------------------------------- */

/* Puts 'text' in the place of the word in front of the cursor. */
static void
term_replace_word(EditLine *el, const struct completion *c, char *text)
{
    const LineInfo *li = el_line(el);
    size_t bytes = (size_t) (li->cursor - li->buffer) - c->start;
    char *old = zk_xstrndup(li->buffer + c->start, bytes);
    size_t chars = mbstowcs(NULL, old, 0);

    el_deletestr(el, (int) (chars == (size_t) -1 ? bytes : chars));
    el_insertstr(el, text);
    free(old);
    free(text);
}

/* Shows all candidates above the line. */
static unsigned char
term_show_candidates(struct terminal *t, const struct completion *c)
{
    struct zk_buf list = { 0 }, safe = { 0 };

    complete_columns(c, term_columns(t), &list);
    format_safe(zk_slice(list.data, (int32_t) list.len), &safe);
    term_clear(t);
    fwrite(safe.data, 1, safe.len, stdout);
    term_restore(t);
    zk_buf_fini(&list);
    zk_buf_fini(&safe);
    return CC_NORM;
}

/* What stands behind a path that is complete: '/' where there is more to go
 * on with, and only when the user asks once more. */
static const char *
term_path_end(struct terminal *t, const struct completion *c)
{
    struct zk_op op = zk_op_exists(c->words.v[0], false);
    struct link_answer a;
    bool more;

    more = shell_link_try(t->sh->link, &op, TERMINAL_COMPLETE_MS, &a) == KE_OK
           && a.stat.num_children > 0;
    link_answer_fini(&a);
    if (!more) {
        return " ";
    }
    return strcmp(c->words.v[0], c->token) == 0 ? "/" : "";
}

static unsigned char
term_complete_one(struct terminal *t, const struct completion *c)
{
    const char *word = c->words.v[0];
    const char *end = c->kind == COMPLETE_PATH ? term_path_end(t, c) : " ";
    bool whole = *end == ' ';
    char *quoted = complete_quote(c, word, strlen(word), whole);

    term_replace_word(t->el, c, zk_xasprintf("%s%s", quoted, end));
    free(quoted);
    return CC_REFRESH;
}

static unsigned char
term_complete_with(struct terminal *t, struct completion *c)
{
    size_t common;

    if (c->kind == COMPLETE_PATH) {
        struct zk_op op = zk_op_get_children(c->dir, false);
        struct link_answer a;

        if (!shell_link_alive(t->sh->link)
            || shell_link_try(t->sh->link, &op, TERMINAL_COMPLETE_MS, &a)
               != KE_OK) {
            return CC_ERROR;
        }
        complete_children(c, &a.names);
        link_answer_fini(&a);
    }
    if (c->words.n == 0) {
        return CC_ERROR;
    }
    if (c->words.n == 1) {
        return term_complete_one(t, c);
    }
    common = complete_common(&c->words);
    if (common == strlen(c->token)) {
        return term_show_candidates(t, c);
    }
    term_replace_word(t->el, c, complete_quote(c, c->words.v[0], common,
                                               false));
    return CC_REFRESH;
}

/* The key for completion. */
static unsigned char
term_complete(EditLine *el, int key)
{
    struct terminal *t = term_of(el);
    const LineInfo *li = el_line(el);
    struct completion c;
    unsigned char rv;
    char *line = zk_xstrndup(li->buffer, (size_t) (li->cursor - li->buffer));

    (void) key;
    complete_line(line, strlen(line), &c);
    rv = term_complete_with(t, &c);
    t->interrupted = false;     /* Ctrl-C ended the waiting, no more. */
    complete_fini(&c);
    free(line);
    return rv;
}

/* ---- history ------------------------------------------------------------ */

static struct line_history *
term_load_history(void)
{
    const char *file = getenv("ZKCLI_HISTORY");
    const char *home = getenv("HOME");
    struct line_history *h;
    char *name = NULL;

    if (file != NULL) {
        name = *file == '\0' ? NULL : zk_xstrdup(file);
    } else if (home != NULL && *home != '\0') {
        name = zk_xasprintf("%s/.zkcli_history", home);
    }
    h = line_history_create(name);
    free(name);
    return h;
}

/* ---- life --------------------------------------------------------------- */

static void
term_set_up(struct terminal *t)
{
    const char *name = getenv("TERM");

    t->dumb = name == NULL || *name == '\0' || strcmp(name, "dumb") == 0;
    t->el = el_init("zkcli", stdin, stdout, stderr);
    el_set(t->el, EL_CLIENTDATA, t);
    el_set(t->el, EL_SIGNAL, 0);
    el_set(t->el, EL_PROMPT, term_prompt);
    el_set(t->el, EL_EDITOR, "emacs");
    el_set(t->el, EL_HIST, history, line_history_lines(t->history));
    el_set(t->el, EL_GETCFN, term_next_key);
    /* el_set would copy the texts, and never free them. */
    el_wset(t->el, EL_ADDFN, L"zk-complete", L"Completes a word",
            term_complete);
    el_set(t->el, EL_BIND, "^I", "zk-complete", NULL);
    el_set(t->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    /* Home, End, Delete and words, as most terminals send them. */
    el_set(t->el, EL_BIND, "\033[1~", "ed-move-to-beg", NULL);
    el_set(t->el, EL_BIND, "\033[4~", "ed-move-to-end", NULL);
    el_set(t->el, EL_BIND, "\033[3~", "ed-delete-next-char", NULL);
    el_set(t->el, EL_BIND, "\033[1;5C", "em-next-word", NULL);
    el_set(t->el, EL_BIND, "\033[1;5D", "ed-prev-word", NULL);
    el_source(t->el, NULL);     /* ~/.editrc */
}

struct terminal *
terminal_create(struct shell *sh, struct zk_errmsg *em)
{
    struct terminal *t = zk_xcalloc(1, sizeof *t);

    t->magic = TERMINAL_MAGIC;
    t->sh = sh;
    if (term_block_signals(t, em) != ZK_OK) {
        free(t);
        return NULL;
    }
    t->history = term_load_history();
    term_set_up(t);
    t->screen = (struct shell_screen) { t, term_clear, term_restore };
    sh->screen = &t->screen;
    shell_set_interrupt(sh, t->signal_fd, term_interrupted, t);
    return t;
}

char *
terminal_line(struct terminal *t)
{
    ZK_CHECK(t, TERMINAL_MAGIC);
    for (;;) {
        const char *got;
        int n = 0;

        t->interrupted = false;
        memset(&t->mbs, 0, sizeof t->mbs);
        /* What came while nobody looked stands above the prompt. */
        shell_link_tell(t->sh->link);
        fflush(stdout);
        t->editing = true;
        got = t->ended ? NULL : el_gets(t->el, &n);
        t->editing = false;
        if (got != NULL && n > 0) {
            char *line = zk_xstrndup(got, strcspn(got, "\r\n"));

            line_history_add(t->history, line);
            return line;
        }
        if (!t->interrupted) {
            putchar('\n');
            return NULL;
        }
        puts("^C");
    }
}

void
terminal_destroy(struct terminal *t)
{
    if (t == NULL) {
        return;
    }
    ZK_CHECK(t, TERMINAL_MAGIC);
    if (!line_history_save(t->history)) {
        output_say(&t->sh->out, "zkcli: the history could not be saved");
    }
    el_end(t->el);
    line_history_destroy(t->history);
    t->sh->screen = NULL;
    shell_set_interrupt(t->sh, -1, NULL, NULL);
    close(t->signal_fd);
    pthread_sigmask(SIG_SETMASK, &t->old_mask, NULL);
    free(t->prompt);
    t->magic = 0;
    free(t);
}
