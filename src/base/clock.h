/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - monotonic time in nanoseconds. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S  1000000000ULL

/* CLOCK_MONOTONIC. */
uint64_t clock_now_ns(void);

/* Seconds since 1970 (CLOCK_REALTIME), in nanoseconds. */
uint64_t clock_wall_ns(void);

/* Milliseconds until deadline_ns for poll(2), rounded up; 0 when it has passed. */
int clock_ms_until(uint64_t deadline_ns);

#endif
