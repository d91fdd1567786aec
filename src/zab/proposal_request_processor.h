/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proposal_request_processor.h: the leader's stage behind Prep (Java:
 * ProposalRequestProcessor): everything goes to the commit stage first, then
 * transactions go out as proposals and then to the own log.  A SYNC of a
 * learner takes its place here, behind the earlier requests of its link.
 *
 * No thread of its own; submitted to by one thread at a time, in order.
 */
#ifndef ZAB_PROPOSAL_REQUEST_PROCESSOR_H
#define ZAB_PROPOSAL_REQUEST_PROCESSOR_H

#include "server/request_processor.h"

struct leader;

/* All are borrowed.  Shutdown ends 'sync' (which acks what it flushes), then
 * 'commit'. */
struct request_processor *
proposal_request_processor_create(struct leader *l,
                                  struct request_processor *commit,
                                  struct request_processor *sync);

#endif
