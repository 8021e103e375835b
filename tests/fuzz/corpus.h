/* SPDX-License-Identifier: Apache-2.0 */
/* corpus.h - shared by the files of make_corpus, which ends when anything fails. */
#ifndef TESTS_FUZZ_CORPUS_H
#define TESTS_FUZZ_CORPUS_H

#include <stddef.h>

/* Write an input for fuzz_TARGET. */
void save_as(const char *target, const char *name, const void *data, size_t size);

/* client_corpus.c */
void make_client_sessions(void);

#endif
