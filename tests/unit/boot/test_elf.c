/* SPDX-License-Identifier: Apache-2.0 */
/* test_elf.c - ELF executables made here, whole and then damaged in every field. */
#include "boot/kernel.h"
#include "boot_test.h"

#include <elf.h>

#define CODE_GPA  (LAYOUT_RAM_BASE + 0x1000)
#define DATA_GPA  (LAYOUT_RAM_BASE + 0x100000)
#define CODE_SIZE 0x200u
#define DATA_SIZE 0x80u
#define BSS_SIZE  0x5000u
/* Virtual addresses differ, as in a kernel that turns its MMU on later. */
#define VIRTUAL(gpa) ((gpa) + 0xffff000000000000)

struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segment[2];
	uint8_t code[CODE_SIZE], data[DATA_SIZE];
};

static struct file file;

static Elf64_Phdr segment(size_t offset, uint64_t gpa, uint64_t size, uint64_t memory_size)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_offset = offset,
		.p_vaddr = VIRTUAL(gpa),
		.p_paddr = gpa,
		.p_filesz = size,
		.p_memsz = memory_size,
	};
}

static void setup(void)
{
	ram_setup();
	memset(&file, 0, sizeof(file));
	file.header = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_AARCH64,
		.e_version = EV_CURRENT,
		.e_entry = VIRTUAL(CODE_GPA) + 0x40,
		.e_phoff = offsetof(struct file, segment),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	file.segment[0] = segment(offsetof(struct file, code), CODE_GPA, CODE_SIZE, CODE_SIZE);
	file.segment[1] =
		segment(offsetof(struct file, data), DATA_GPA, DATA_SIZE, DATA_SIZE + BSS_SIZE);
	memset(file.code, 0xcc, sizeof(file.code));
	memset(file.data, 0xdd, sizeof(file.data));
}

static int load_part(size_t size, struct kernel *kernel)
{
	struct bytes bytes;
	int r;

	/* A block of exactly this size, so that a read past it is seen. */
	ck_assert_int_eq(bytes_copy(&bytes, &file, size), 0);
	r = kernel_load_bytes(&memory, "kernel.elf", &bytes, kernel);
	bytes_finish(&bytes);
	return r;
}

static void assert_refused(const char *words)
{
	struct kernel kernel;

	ck_assert_int_lt(load_part(sizeof(file), &kernel), 0);
	assert_error(EXIT_DATA, words);
	assert_ram_untouched();
}

START_TEST(segments_go_to_physical_addresses)
{
	struct kernel kernel;
	uint8_t code[CODE_SIZE], data[DATA_SIZE + BSS_SIZE];

	ck_assert_int_eq(load_part(sizeof(file), &kernel), 0);
	ck_assert_uint_eq(kernel.entry, CODE_GPA + 0x40);
	ck_assert_uint_eq(kernel.end, DATA_GPA + DATA_SIZE + BSS_SIZE);
	ck_assert_int_eq(guest_read(&memory, CODE_GPA, code, sizeof(code)), 0);
	ck_assert_mem_eq(code, file.code, sizeof(code));
	ck_assert_int_eq(guest_read(&memory, DATA_GPA, data, sizeof(data)), 0);
	ck_assert_mem_eq(data, file.data, DATA_SIZE);
	ck_assert_uint_eq(data[DATA_SIZE], 0);
}
END_TEST

START_TEST(other_program_headers_are_skipped)
{
	struct kernel kernel;

	file.segment[1].p_type = PT_NOTE;
	file.segment[1].p_filesz = UINT64_MAX;
	ck_assert_int_eq(load_part(sizeof(file), &kernel), 0);
	ck_assert_uint_eq(kernel.end, CODE_GPA + CODE_SIZE);
	file.segment[1] = segment(0, 0, 0, 0);
	ck_assert_int_eq(load_part(sizeof(file), &kernel), 0);
}
END_TEST

START_TEST(other_machines_are_refused)
{
	file.header.e_machine = EM_X86_64;
	assert_refused("is not for little-endian AArch64");
	file.header.e_machine = EM_AARCH64;
	file.header.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_refused("kernel kernel.elf: ELF file is not");
	file.header.e_ident[EI_DATA] = ELFDATA2LSB;
	file.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_refused("is not 64-bit");
	file.header.e_ident[EI_CLASS] = 7;
	assert_refused("damaged");
}
END_TEST

START_TEST(only_static_executables_are_taken)
{
	file.header.e_type = ET_DYN;
	assert_refused("link it with -no-pie");
	file.header.e_type = ET_REL;
	assert_refused("not an executable at fixed addresses");
	file.header.e_type = ET_EXEC;
	file.segment[1].p_type = PT_INTERP;
	assert_refused("link it with -static");
	file.segment[1].p_type = PT_DYNAMIC;
	assert_refused("link it with -static");
}
END_TEST

START_TEST(bounds_in_the_file_are_checked)
{
	file.segment[1].p_filesz = DATA_SIZE + 1;
	assert_refused("is cut off: a segment lies beyond its end");
	file.segment[1].p_filesz = DATA_SIZE;
	file.segment[1].p_offset = UINT64_MAX - 8;
	assert_refused("is cut off: a segment lies beyond its end");
	file.segment[1].p_offset = 0;
	file.segment[1].p_memsz = DATA_SIZE - 1;
	assert_refused("more bytes in the file than in memory");
	file.segment[1].p_filesz = UINT64_MAX;
	file.segment[1].p_memsz = UINT64_MAX;
	assert_refused("is cut off");
}
END_TEST

START_TEST(bounds_in_ram_are_checked)
{
	file.segment[1].p_paddr = LAYOUT_RAM_BASE - 1;
	assert_refused("is made for address 0x3fffffff, outside RAM");
	file.segment[1].p_paddr = LAYOUT_RAM_BASE + RAM_SIZE;
	assert_refused("outside RAM at 0x40000000");
	file.segment[1].p_paddr = VIRTUAL(DATA_GPA);
	assert_refused("link it to physical addresses");
	file.segment[1].p_paddr = LAYOUT_RAM_BASE + RAM_SIZE - DATA_SIZE;
	assert_refused("raise [machine] memory");
	file.segment[1].p_paddr = DATA_GPA;
	file.segment[1].p_memsz = UINT64_MAX;
	assert_refused("raise [machine] memory");
}
END_TEST

START_TEST(overlaps_are_refused)
{
	file.segment[1].p_paddr = CODE_GPA + CODE_SIZE - 1;
	assert_refused("overlap");
	file.segment[1].p_paddr = CODE_GPA - DATA_SIZE - BSS_SIZE + 1;
	assert_refused("outside RAM");
	file.segment[1].p_memsz = DATA_SIZE;
	file.segment[1].p_paddr = CODE_GPA - DATA_SIZE + 1;
	assert_refused("overlap");
	file.segment[1].p_paddr = CODE_GPA;
	assert_refused("overlap");
}
END_TEST

START_TEST(the_entry_must_be_in_the_file)
{
	file.header.e_entry = VIRTUAL(DATA_GPA) + DATA_SIZE; /* in bss */
	assert_refused("entry point outside every segment");
	file.header.e_entry = CODE_GPA; /* physical */
	assert_refused("entry point outside every segment");
	file.header.e_entry = 0;
	assert_refused("entry point outside every segment");
}
END_TEST

START_TEST(tables_are_bounded)
{
	file.header.e_phnum = 0;
	assert_refused("ELF file has");
	file.header.e_phnum = 65;
	assert_refused("ELF file has");
	file.header.e_phnum = UINT16_MAX;
	assert_refused("ELF file has");
	file.header.e_phnum = 2;
	file.header.e_phoff = sizeof(file) - 1;
	assert_refused("ELF file has");
	file.header.e_phoff = UINT64_MAX - 1;
	assert_refused("ELF file has");
	file.header.e_phoff = 0;
	assert_refused("ELF file has");
}
END_TEST

START_TEST(every_truncation_is_refused)
{
	struct kernel kernel;

	for (size_t size = 0; size < sizeof(file); size++) {
		ck_assert_int_lt(load_part(size, &kernel), 0);
		ck_assert_int_eq(error_last()->exit_code, EXIT_DATA);
	}
	assert_ram_untouched();
}
END_TEST

/* Whatever one wrong bit in the tables does, a loaded kernel lies in RAM. */
START_TEST(every_flipped_bit_is_survived)
{
	uint8_t *bytes = (uint8_t *)&file;

	for (size_t bit = 0; bit < offsetof(struct file, code) * 8; bit++) {
		struct kernel kernel;

		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (load_part(sizeof(file), &kernel) == 0) {
			ck_assert_uint_ge(kernel.entry, LAYOUT_RAM_BASE);
			ck_assert_uint_lt(kernel.entry, kernel.end);
			ck_assert_uint_le(kernel.end, LAYOUT_RAM_BASE + RAM_SIZE);
		} else {
			ck_assert_int_eq(error_last()->exit_code, EXIT_DATA);
		}
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

static Suite *elf_suite(void)
{
	Suite *suite = suite_create("elf");
	TCase *tests = tcase_create("elf");

	tcase_add_checked_fixture(tests, setup, ram_teardown);
	tcase_add_test(tests, segments_go_to_physical_addresses);
	tcase_add_test(tests, other_program_headers_are_skipped);
	tcase_add_test(tests, other_machines_are_refused);
	tcase_add_test(tests, only_static_executables_are_taken);
	tcase_add_test(tests, bounds_in_the_file_are_checked);
	tcase_add_test(tests, bounds_in_ram_are_checked);
	tcase_add_test(tests, overlaps_are_refused);
	tcase_add_test(tests, the_entry_must_be_in_the_file);
	tcase_add_test(tests, tables_are_bounded);
	tcase_add_test(tests, every_truncation_is_refused);
	tcase_add_test(tests, every_flipped_bit_is_survived);
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	return run_suite(elf_suite());
}
