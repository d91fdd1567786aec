/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_steps.h: the steps that an input of fuzz_intake is made of.
 *
 * A step is a byte: which connection (STEP_CONN) and what happens; some are
 * followed by more.
 */
#ifndef TEST_FUZZ_INTAKE_STEPS_H
#define TEST_FUZZ_INTAKE_STEPS_H

#define STEP_CONN 0x03          /* Four connections. */

enum step {
    STEP_FRAME = 0x00,          /* Its piece is a frame. */
    STEP_CONNECT = 0x04,        /* A ConnectRequest; a byte says which. */
    STEP_BATCH = 0x08,          /* What was read is handed over. */
    STEP_DRAIN = 0x0c,          /* And is waited for. */
    STEP_DROP = 0x10,           /* The connection is gone. */
    STEP_EXPIRE = 0x14,         /* Its session's time is up. */
    STEP_REAP = 0x18,           /* What the container manager may delete. */
};
#define STEP_KIND 0x1c

enum step_connect {
    CONNECT_NEW = 0,
    CONNECT_RENEW = 1,          /* The session that the server gave last. */
    CONNECT_RAW = 2,            /* Its piece is a ConnectRequest. */
};

#endif
