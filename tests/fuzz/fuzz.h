/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz.h - a fuzz target is one function over hostile bytes.  With clang and -DTHAW_FUZZ=ON it
 * is linked with libFuzzer; otherwise with replay.c, which feeds it files.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
