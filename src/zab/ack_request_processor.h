/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ack_request_processor.h: behind the leader's log (Java:
 * AckRequestProcessor): what is durable here is this server's own ack.  No
 * thread of its own.
 */
#ifndef ZAB_ACK_REQUEST_PROCESSOR_H
#define ZAB_ACK_REQUEST_PROCESSOR_H

#include "server/request_processor.h"

struct leader;

/* 'l' is borrowed. */
struct request_processor *ack_request_processor_create(struct leader *l);

#endif
