/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright The zkd authors */

/*
 * Requests as a load generator needs them: encoded once by the client's codec
 * and sent many times, with another xid and other digits in the path each
 * time; and how long the right answer is.
 */

#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H 1

#include "client/client_codec.h"

/* A whole request frame, made once and sent many times with a fresh xid. */
struct wire_request {
    uint8_t *bytes;             /* Owned. */
    size_t length;              /* Frame length word included. */
    size_t reply_length;        /* Of the reply body when err is 0. */
};

/* Builds the frame of 'op' (create, delete, exists, getData, setData, sync,
 * ping, closeSession) on 'path' ("" for the last two) with 'data_length'
 * bytes of wire_data() for create and setData.  The caller ends with
 * wire_request_fini(). */
void wire_request_init(struct wire_request *r, int32_t op, const char *path,
                       size_t data_length);
void wire_request_fini(struct wire_request *r);

/* Fills 'out' with 'length' bytes of the pattern that every znode made here
 * holds. */
void wire_data(uint8_t *out, size_t length);

#endif
