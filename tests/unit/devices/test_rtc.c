/* SPDX-License-Identifier: Apache-2.0 */
/* test_rtc.c - PL031: every register, and the true time after a thaw. */
#include "devices/rtc.h"
#include "devices_test.h"

enum {
	DR = 0x00,
	MR = 0x04,
	LR = 0x08,
	CR = 0x0c,
	IMSC = 0x10,
	RIS = 0x14,
	MIS = 0x18,
	ICR = 0x1c
};

static uint64_t now_s = 1700000000;

static uint64_t test_wall_ns(void)
{
	return now_s * 1000000000ull + 999999999;
}

static struct device *make(struct surroundings *s)
{
	const struct rtc_config config = {.wall_ns = test_wall_ns};
	struct device *device;

	ck_ok(rtc_create(s ? &s->host : NULL, &config, &device));
	return device;
}

START_TEST(the_clock_tells_the_hosts_time)
{
	struct device *rtc = make(NULL);

	ck_assert_uint_eq(reg32(rtc, DR), 1700000000);
	now_s += 10;
	ck_assert_uint_eq(reg32(rtc, DR), 1700000010);
	set32(rtc, DR, 5); /* read-only */
	ck_assert_uint_eq(reg32(rtc, DR), 1700000010);
	ck_assert_uint_eq(reg32(rtc, CR), 1);
	set32(rtc, CR, 0); /* cannot be stopped */
	ck_assert_uint_eq(reg32(rtc, CR), 1);
	device_destroy(rtc);
}
END_TEST

START_TEST(the_guest_may_set_another_time)
{
	struct device *rtc = make(NULL);

	set32(rtc, LR, 100);
	ck_assert_uint_eq(reg32(rtc, DR), 100);
	ck_assert_uint_eq(reg32(rtc, LR), 100);
	now_s += 5;
	ck_assert_uint_eq(reg32(rtc, DR), 105);
	set32(rtc, LR, UINT32_MAX);
	now_s += 2;
	ck_assert_uint_eq(reg32(rtc, DR), 1);
	device_destroy(rtc);
}
END_TEST

START_TEST(a_match_shows_until_it_is_cleared)
{
	struct device *rtc = make(NULL);

	ck_assert_uint_eq(reg32(rtc, RIS), 0);
	set32(rtc, MR, (uint32_t)now_s + 3);
	now_s += 2;
	ck_assert_uint_eq(reg32(rtc, RIS), 0);
	now_s += 2;
	ck_assert_uint_eq(reg32(rtc, RIS), 1);
	ck_assert_uint_eq(reg32(rtc, MIS), 0);
	set32(rtc, IMSC, UINT32_MAX);
	ck_assert_uint_eq(reg32(rtc, IMSC), 1);
	ck_assert_uint_eq(reg32(rtc, MIS), 1);
	set32(rtc, ICR, 1);
	ck_assert_uint_eq(reg32(rtc, RIS), 0);
	now_s += 100;
	ck_assert_uint_eq(reg32(rtc, RIS), 0);
	ck_assert_uint_eq(reg32(rtc, MR), 1700000003);
	set32(rtc, MR, (uint32_t)now_s);
	ck_assert_uint_eq(reg32(rtc, MIS), 1);
	device_destroy(rtc);
}
END_TEST

START_TEST(loading_the_matched_second_matches)
{
	struct device *rtc = make(NULL);

	set32(rtc, MR, 7);
	set32(rtc, LR, 7);
	ck_assert_uint_eq(reg32(rtc, RIS), 1);
	device_destroy(rtc);
}
END_TEST

START_TEST(it_is_a_primecell)
{
	const uint32_t id[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
	struct device *rtc = make(NULL);

	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(reg32(rtc, 0xfe0 + 4 * i), id[i]);
	device_destroy(rtc);
}
END_TEST

START_TEST(odd_accesses_have_no_effect)
{
	struct device *rtc = make(NULL);

	for (uint64_t offset = 0; offset < 0x1000; offset++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			if (size == 4 && offset % 4 == 0 && (offset < 0x20 || offset >= 0xfe0))
				continue;
			rtc->ops->write(rtc, offset, size, UINT64_MAX);
			ck_assert_uint_eq(rtc->ops->read(rtc, offset, size), 0);
		}
	}
	ck_assert_uint_eq(reg32(rtc, DR), now_s);
	ck_assert_uint_eq(reg32(rtc, LR) + reg32(rtc, MR) + reg32(rtc, IMSC), 0);
	device_destroy(rtc);
}
END_TEST

START_TEST(a_thawed_clock_tells_the_true_time)
{
	struct surroundings s;
	struct device *rtc, *thawed;
	struct bytes state;

	surroundings_init(&s);
	rtc = make(&s);
	thawed = make(&s);
	set32(rtc, LR, (uint32_t)now_s + 3600);
	set32(rtc, MR, (uint32_t)now_s + 3600 + 50);
	set32(rtc, IMSC, 1);
	state = device_state(rtc);
	now_s += 1000;
	ck_ok(device_restore(thawed, &state));
	thawed->ops->resume(thawed);
	same_state(thawed, &state);
	ck_assert_uint_eq(reg32(thawed, DR), now_s + 3600);
	ck_assert_uint_eq(reg32(thawed, MIS), 1);
	state_is_checked(&s, &state, make);
	bytes_finish(&state);
	device_destroy(rtc);
	device_destroy(thawed);
	surroundings_finish(&s);
}
END_TEST

SUITE_MAIN("devices/rtc", the_clock_tells_the_hosts_time, the_guest_may_set_another_time,
	   a_match_shows_until_it_is_cleared, loading_the_matched_second_matches, it_is_a_primecell,
	   odd_accesses_have_no_effect, a_thawed_clock_tells_the_true_time)
