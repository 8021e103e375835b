/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a store in a temporary directory, and a small fake machine to freeze into it. */
#ifndef TESTS_UNIT_SNAPSHOT_FIXTURE_H
#define TESTS_UNIT_SNAPSHOT_FIXTURE_H

#include "base/file.h"
#include "memory/guest_memory.h"
#include "snapshot/snapshot_writer.h"
#include "snapshot/state_tree.h"
#include "snapshot/store.h"
#include "suite.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#define FAKE_BASE  0x40000000u
#define FAKE_PAGES 1100u /* three blocks of the index, the last one not full */

struct fake_machine {
	struct manifest identity;
	struct bytes state;
	uint8_t *memory;
	bool absent[FAKE_PAGES];
	struct frozen_machine frozen;
};

struct fixture {
	char directory[64], store_path[80];
	struct repository *repository;
	struct fake_machine machine;
};

static inline uint8_t *fake_page(struct fake_machine *machine, uint64_t page)
{
	return machine->memory + page * PAGE_SIZE;
}

/* Bytes that differ by page and seed, and are never all zero. */
static inline void fill_page(struct fake_machine *machine, uint64_t page, unsigned seed)
{
	uint8_t *data = fake_page(machine, page);

	for (unsigned i = 0; i < PAGE_SIZE; i++)
		data[i] = (uint8_t)(page * 31 + i * 7 + seed * 101 + (i >> 8));
	memcpy(data, &page, sizeof(page));
	memcpy(data + 8, &seed, sizeof(seed));
	data[12] = 1;
}

static inline int give_fake_page(void *context, uint64_t page, const uint8_t **data)
{
	struct fake_machine *machine = context;

	*data = fake_page(machine, page);
	return machine->absent[page] ? FROZEN_ABSENT : FROZEN_DATA;
}

static inline void sample_manifest(struct manifest *manifest)
{
	manifest_init(manifest);
	manifest->memory_base = FAKE_BASE;
	manifest->memory_size = (uint64_t)FAKE_PAGES * PAGE_SIZE;
	manifest->cpu.midr = 0x410fd0c0;
	ck_ok(cpu_identity_add(&manifest->cpu, 0x603000000013c020, 0x1100000011111112));
	ck_ok(cpu_identity_add(&manifest->cpu, 0x603000000013c038, 0xffffffffffffffff));
	manifest->counter_frequency_hz = 62500000;
	manifest->gic = GIC_V3;
	manifest->vcpus = 4;
	manifest->host_page_size = 4096;
	strcpy(manifest->created, "2026-01-31T23:59:59Z");
	strcpy(manifest->creator, "thaw test");
}

static inline void sample_state(struct bytes *state)
{
	struct state_writer *writer = state_writer_create();

	state_put_u32(writer, "version", 1);
	for (unsigned i = 0; i < 4; i++) {
		state_begin_numbered(writer, "vcpu", i);
		state_put_u64(writer, "pc", 0xffff800010000000 + i);
		state_put_bytes(writer, "fpsimd", "0123456789abcdef", 16);
		state_end(writer);
	}
	ck_ok(state_writer_finish(writer, state));
}

static inline void fake_machine_init(struct fake_machine *machine)
{
	memset(machine, 0, sizeof(*machine));
	sample_manifest(&machine->identity);
	sample_state(&machine->state);
	machine->memory = calloc(FAKE_PAGES, PAGE_SIZE);
	ck_assert_ptr_nonnull(machine->memory);
	machine->frozen = (struct frozen_machine){
		.identity = &machine->identity,
		.state = machine->state.data,
		.state_size = machine->state.size,
		.page = give_fake_page,
		.context = machine,
	};
}

static inline void fixture_init(struct fixture *fixture)
{
	strcpy(fixture->directory, "/tmp/thaw-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
	snprintf(fixture->store_path, sizeof(fixture->store_path), "%s/store", fixture->directory);
	ck_ok(store_open(fixture->store_path, STORE_WRITE, &fixture->repository));
	fake_machine_init(&fixture->machine);
}

static inline int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static inline void fixture_finish(struct fixture *fixture)
{
	repository_close(fixture->repository);
	manifest_finish(&fixture->machine.identity);
	bytes_finish(&fixture->machine.state);
	free(fixture->machine.memory);
	nftw(fixture->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Some data pages in each block, the rest zeros. */
static inline void fill_some_pages(struct fake_machine *machine)
{
	for (unsigned page = 0; page < FAKE_PAGES; page += page < 512 ? 1 + page % 5 : 97)
		fill_page(machine, page, 0);
	fill_page(machine, FAKE_PAGES - 1, 0);
}

static inline void freeze_and_load(struct fixture *fixture, const char *ref,
				   struct freeze_statistics *statistics, struct snapshot *snapshot)
{
	struct digest id;

	ck_ok(snapshot_write(fixture->repository, &fixture->machine.frozen, ref, &id, statistics));
	ck_ok(snapshot_load(fixture->repository, &id, snapshot));
}

/* Every page of the snapshot, through its verified source, is that of memory. */
static inline void check_pages(struct repository *repository, const struct snapshot *snapshot,
			       const uint8_t *memory)
{
	static const uint8_t zeros[PAGE_SIZE];
	static uint8_t buffer[64 * PAGE_SIZE];
	struct page_source *source;
	bool zero;

	ck_ok(snapshot_open_source(repository, snapshot, PAGE_DEMAND, &source));
	for (uint64_t page = 0; page < FAKE_PAGES;) {
		int got = page_source_fetch(source, page, 64, buffer, &zero);

		ck_assert_msg(got >= 1 && got <= 64, "page %u: %s", (unsigned)page,
			      error_last()->text);
		for (int i = 0; i < got; i++)
			ck_assert_mem_eq(zero ? zeros : buffer + (size_t)i * PAGE_SIZE,
					 memory + (page + (unsigned)i) * PAGE_SIZE, PAGE_SIZE);
		page += (unsigned)got;
	}
	page_source_destroy(source);
}

/* PATH of an object in the fixture's store. */
static inline void object_path(const struct fixture *fixture, const char *directory,
			       const struct digest *digest, char path[256])
{
	char hex[DIGEST_HEX_SIZE];

	digest_to_hex(digest, hex);
	snprintf(path, 256, "%s/%s/%s", fixture->store_path, directory, hex);
}

#endif
