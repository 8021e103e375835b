/* SPDX-License-Identifier: Apache-2.0 */
/* test_server_files.c - raw pages in bulk go from the pack to the socket without being copied. */
#include "remote_rig.h"

#include <signal.h>
#include <sys/random.h>

#define HOLE       512u /* a page of zeros, so the pages around it are no run */
#define ALL_RANGES 64u  /* of a GET */

static struct rig rig;
static uint8_t payload[PAYLOAD_MAX];

/* Bytes that no compressor makes fewer of. */
static void fill_at_random(struct fake_machine *machine)
{
	size_t size = (size_t)FAKE_PAGES * PAGE_SIZE;

	for (size_t done = 0; done < size; done += 256)
		ck_assert_int_eq(getrandom(machine->memory + done, 256, 0), 256);
	memset(fake_page(machine, HOLE), 0, PAGE_SIZE);
}

static void init(void)
{
	signal(SIGPIPE, SIG_IGN);
	rig_init_filled(&rig, fill_at_random);
}

/* A client that has opened the snapshot as its handle 1. */
static int open_web(void)
{
	const struct open_request open = {.ref = "web"};
	struct writer writer = writer_over(payload, sizeof(payload));
	struct header header;
	int fd = raw_connect(rig.port);

	raw_hello(fd);
	open_request_write(&writer, &open);
	raw_ask(fd, MESSAGE_OPEN, 0, payload, &writer);
	ck_assert(raw_receive_message(fd, &header, payload));
	ck_assert_int_eq(header.type, MESSAGE_OPEN_OK);
	return fd;
}

static int start(void)
{
	init();
	return open_web();
}

static void stop(int fd)
{
	close(fd);
	rig_finish(&rig);
}

static void get_bulk(int fd, const struct page_range *ranges, uint32_t count)
{
	struct writer writer = writer_over(payload, sizeof(payload));

	get_request_write(&writer, PAGE_BULK, ranges, count);
	raw_ask(fd, MESSAGE_GET, 1, payload, &writer);
}

/* The next DATA begins with this page, which and all others in it are right; how many it has. */
static uint32_t expect_data(int fd, uint64_t first)
{
	struct page_data data;
	struct header header;

	ck_assert(raw_receive_message(fd, &header, payload));
	ck_assert_int_eq(header.type, MESSAGE_DATA);
	ck_ok(page_data_read(payload, header.length, &data));
	ck_assert_uint_eq(data.ranges[0].first, first);
	ck_assert_mem_eq(data.frame.bytes, fake_page(&rig.fixture.machine, first),
			 (size_t)data.page_count * PAGE_SIZE);
	return data.page_count;
}

static void expect_range(int fd, const struct page_range *range)
{
	for (uint32_t done = 0; done < range->count;)
		done += expect_data(fd, range->first + done);
}

START_TEST(pages_of_every_alignment_are_right)
{
	int fd = start();

	for (uint32_t first = 0; first < 20; first++)
		for (uint32_t count = 14; count < 70; count += 7) {
			const struct page_range range = {first, count};

			get_bulk(fd, &range, 1);
			expect_range(fd, &range);
		}
	stop(fd);
}
END_TEST

/* Where pages do not stand in a row they are read as ever. */
START_TEST(a_run_with_a_hole_is_right)
{
	const struct page_range around = {HOLE - 30, 100};
	int fd = start();

	get_bulk(fd, &around, 1);
	expect_range(fd, &around);
	stop(fd);
}
END_TEST

/* More than fits into the buffers of both sockets, so the server has to go on where it was. */
START_TEST(a_client_that_reads_late_gets_everything)
{
	struct page_range ranges[ALL_RANGES];
	int fd = start();

	for (uint32_t i = 0; i < ALL_RANGES; i++)
		ranges[i] = (struct page_range){i % 8, 500};
	get_bulk(fd, ranges, ALL_RANGES);
	for (uint32_t i = 0; i < ALL_RANGES; i++)
		expect_range(fd, &ranges[i]);
	stop(fd);
}
END_TEST

START_TEST(a_client_that_leaves_halfway_harms_nobody)
{
	const struct page_range all = {0, 500};
	struct repository *repository;
	int fd;

	init();
	for (int i = 0; i < 20; i++) {
		fd = open_web();
		get_bulk(fd, &all, 1);
		expect_data(fd, 0);
		close(fd);
	}
	repository = rig_repository(&rig);
	check_pages(repository, &rig.snapshot, rig.fixture.machine.memory);
	repository_close(repository);
	rig_finish(&rig);
}
END_TEST

/* The header has promised bytes that there are not: nothing else may come in their place. */
START_TEST(a_pack_that_is_cut_ends_the_connection)
{
	const struct page_range range = {100, 64};
	char path[256];
	int fd = start();

	object_path(&rig.fixture, "packs", &rig.snapshot.manifest.packs[0].digest, path);
	ck_assert_int_eq(truncate(path, 4096 + 110 * PAGE_SIZE), 0);
	get_bulk(fd, &range, 1);
	while (recv(fd, payload, sizeof(payload), 0) > 0)
		;
	ck_closed(fd);
	stop(fd);
}
END_TEST

SUITE_MAIN("server_files", pages_of_every_alignment_are_right, a_run_with_a_hole_is_right,
	   a_client_that_reads_late_gets_everything, a_client_that_leaves_halfway_harms_nobody,
	   a_pack_that_is_cut_ends_the_connection)
