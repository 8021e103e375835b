/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calls.c - preloaded into a program (LD_PRELOAD), counts what it asks of the C library: heap,
 * locks, and copies of a page or more.  At its end it writes one line of JSON to the file that
 * THAW_CALLS names.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGE 4096u

/* What malloc() and the others are beneath, in glibc. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void __libc_free(void *block);

static _Atomic uint64_t allocations, frees, locks, copies;

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}

EXPORT void free(void *block)
{
	frees += block != NULL;
	__libc_free(block);
}

EXPORT int pthread_mutex_lock(pthread_mutex_t *mutex)
{
	static int (*_Atomic next)(pthread_mutex_t *);

	if (!next)
		next = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
	locks++;
	return next(mutex);
}

static void copy(char *to, const char *from, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		to[i] = from[i];
		__asm__ volatile("" ::: "memory"); /* else it becomes a call of memcpy() */
	}
}

EXPORT void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	copies += size >= LARGE;
	copy(to, from, size);
	return to;
}

EXPORT void *memmove(void *to, const void *from, size_t size)
{
	copies += size >= LARGE;
	if ((uintptr_t)to <= (uintptr_t)from) {
		copy(to, from, size);
		return to;
	}
	while (size--) {
		((char *)to)[size] = ((const char *)from)[size];
		__asm__ volatile("" ::: "memory");
	}
	return to;
}

__attribute__((destructor)) static void report(void)
{
	const char *path = getenv("THAW_CALLS");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fprintf(file,
		"{\"allocations\": %llu, \"frees\": %llu, \"locks\": %llu, \"copies\": %llu}\n",
		(unsigned long long)allocations, (unsigned long long)frees,
		(unsigned long long)locks, (unsigned long long)copies);
	fclose(file);
}
