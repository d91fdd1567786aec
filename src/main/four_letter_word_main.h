/* SPDX-License-Identifier: Apache-2.0 */
/*
 * four_letter_word_main.h: `zkd --four-letter-word HOST:PORT WORD` (Java:
 * FourLetterWordMain).
 */
#ifndef MAIN_FOUR_LETTER_WORD_MAIN_H
#define MAIN_FOUR_LETTER_WORD_MAIN_H

#include "config/system_properties.h"

/* Sends 'word' and prints the answer on stdout, all within five seconds.
 * 'place' is host:port, an IPv6 host in brackets.  Returns the exit code; a
 * failure is told on stderr. */
int four_letter_word_main(const char *place, const char *word,
                          const struct system_properties *props);

#endif
