/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_steps.h: the inputs of fuzz_client, which make_corpus writes: a byte
 * of options, then steps, each a byte with an argument in its upper half.
 */
#ifndef TEST_FUZZ_CLIENT_STEPS_H
#define TEST_FUZZ_CLIENT_STEPS_H

/* Options. */
enum {
    CLIENT_OPT_CHROOT = 1,
    CLIENT_OPT_READ_ONLY = 2,
    CLIENT_OPT_RESUME = 4,
};

/* Steps. */
enum {
    CLIENT_STEP_ASK,            /* The op is the byte that follows. */
    CLIENT_STEP_BYTES,          /* A piece comes from the server. */
    CLIENT_STEP_DO,             /* What the core wants to be done. */
    CLIENT_STEP_LOSE,           /* The link breaks. */
    CLIENT_STEP_LATER,          /* Time goes by: seconds in the argument. */
    CLIENT_STEP_CLOSE,
    CLIENT_STEP_SERVERS,        /* Other ones, from a piece. */
    CLIENT_STEPS,
};

#endif
