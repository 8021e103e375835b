/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf.c - a static ELF executable (System V ABI; ELF for the Arm 64-bit Architecture).
 *
 * Each PT_LOAD goes to its physical address.  The entry point is a virtual address; it is
 * moved to where its segment was put.  libelf reads the tables; what is in them is checked
 * here, all of it before anything is written.
 */
#include "boot/kernel_loader.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

#define ELF_SEGMENTS_MOST 64u

struct segments {
	GElf_Phdr load[ELF_SEGMENTS_MOST];
	size_t count;
};

static bool elf_probe(const struct bytes *bytes)
{
	return bytes->size >= SELFMAG && !memcmp(bytes->data, ELFMAG, SELFMAG);
}

static int refuse(const char *path, const char *why)
{
	return fail(EXIT_DATA, ENOEXEC, "kernel %s: ELF file %s", path, why);
}

static int check_header(const char *path, Elf *elf, GElf_Ehdr *header)
{
	if (gelf_getclass(elf) != ELFCLASS64 || !gelf_getehdr(elf, header))
		return refuse(path, "is not 64-bit, or its header is cut off or damaged");
	if (header->e_ident[EI_DATA] != ELFDATA2LSB || header->e_machine != EM_AARCH64)
		return refuse(path, "is not for little-endian AArch64");
	if (header->e_type != ET_EXEC)
		return refuse(path,
			      "is not an executable at fixed addresses; link it with -no-pie");
	return 0;
}

static int check_segment(const struct guest_memory *memory, const char *path,
			 const struct bytes *bytes, const GElf_Phdr *segment)
{
	if (segment->p_filesz > segment->p_memsz)
		return refuse(path, "has a segment with more bytes in the file than in memory");
	if (segment->p_offset > bytes->size || segment->p_filesz > bytes->size - segment->p_offset)
		return refuse(path, "is cut off: a segment lies beyond its end");
	return kernel_check_fits(memory, path, segment->p_paddr, segment->p_memsz);
}

static bool overlap(const GElf_Phdr *a, const GElf_Phdr *b)
{
	return a->p_paddr < b->p_paddr + b->p_memsz && b->p_paddr < a->p_paddr + a->p_memsz;
}

/* Append one checked PT_LOAD. */
static int add_segment(const char *path, struct segments *segments, const GElf_Phdr *segment)
{
	for (size_t i = 0; i < segments->count; i++)
		if (overlap(segment, &segments->load[i]))
			return refuse(path, "has segments that overlap in memory");
	segments->load[segments->count++] = *segment;
	return 0;
}

static int read_segment(const struct guest_memory *memory, const char *path,
			const struct bytes *bytes, const GElf_Phdr *segment,
			struct segments *segments)
{
	int r;

	if (segment->p_type == PT_INTERP || segment->p_type == PT_DYNAMIC)
		return refuse(path, "is dynamically linked; link it with -static");
	if (segment->p_type != PT_LOAD || !segment->p_memsz)
		return 0;
	r = check_segment(memory, path, bytes, segment);
	return r ? r : add_segment(path, segments, segment);
}

static int read_segments(const struct guest_memory *memory, const char *path,
			 const struct bytes *bytes, Elf *elf, struct segments *segments)
{
	size_t count;
	int r = 0;

	segments->count = 0;
	if (elf_getphdrnum(elf, &count))
		return refuse(path, "has damaged program headers");
	if (count > ELF_SEGMENTS_MOST)
		return refuse(path, "has more than 64 program headers");
	for (size_t i = 0; !r && i < count; i++) {
		GElf_Phdr segment;

		/* The index is far below INT_MAX; a NULL is a table beyond the file's end. */
		if (!gelf_getphdr(elf, (int)i, &segment))
			return refuse(path, "has program headers that are cut off");
		r = read_segment(memory, path, bytes, &segment, segments);
	}
	return r;
}

/* The gpa of the entry point, which must be in the bytes that come from the file. */
static int find_entry(const char *path, uint64_t entry, const struct segments *segments,
		      uint64_t *gpa)
{
	for (size_t i = 0; i < segments->count; i++) {
		const GElf_Phdr *segment = &segments->load[i];

		*gpa = segment->p_paddr + (entry - segment->p_vaddr);
		if (entry - segment->p_vaddr < segment->p_filesz)
			return 0;
	}
	return refuse(path, "has its entry point outside every segment");
}

static int load_segments(struct guest_memory *memory, const struct bytes *bytes,
			 const struct segments *segments, uint64_t *end)
{
	*end = 0;
	for (size_t i = 0; i < segments->count; i++) {
		const GElf_Phdr *segment = &segments->load[i];
		int r = guest_write(memory, segment->p_paddr, bytes->data + segment->p_offset,
				    segment->p_filesz);

		if (r)
			return r;
		if (segment->p_paddr + segment->p_memsz > *end)
			*end = segment->p_paddr + segment->p_memsz;
	}
	return 0;
}

static int load_elf(struct guest_memory *memory, const char *path, const struct bytes *bytes,
		    Elf *elf, struct kernel *kernel)
{
	struct segments segments;
	GElf_Ehdr header = {0};
	int r = check_header(path, elf, &header);

	if (!r)
		r = read_segments(memory, path, bytes, elf, &segments);
	if (!r)
		r = find_entry(path, header.e_entry, &segments, &kernel->entry);
	if (!r)
		r = load_segments(memory, bytes, &segments, &kernel->end);
	return r;
}

static int elf_load(struct guest_memory *memory, const char *path, const struct bytes *bytes,
		    struct kernel *kernel)
{
	Elf *elf;
	int r;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)bytes->data, bytes->size);
	if (!elf)
		return refuse(path, "cannot be read: its header is cut off or damaged");
	r = load_elf(memory, path, bytes, elf, kernel);
	elf_end(elf);
	return r;
}

const struct kernel_loader kernel_elf_loader = {"ELF", elf_probe, elf_load};
