/* SPDX-License-Identifier: Apache-2.0 */
/* test_mac_address.c - which texts are addresses, and addresses made from names. */
#include "devices/virtio/mac_address.h"

#include "suite.h"

START_TEST(an_address_of_one_interface_is_taken)
{
	static const struct mac_address expected = {{0x52, 0x54, 0x00, 0xab, 0xCD, 0x01}};
	struct mac_address mac;

	ck_assert(mac_address_parse("52:54:00:ab:CD:01", &mac));
	ck_assert_mem_eq(&mac, &expected, sizeof(mac));
}
END_TEST

START_TEST(everything_else_is_refused)
{
	static const char *const bad[] = {
		"",
		"5",
		"52:54:00:12:34",
		"52:54:00:12:34:5",
		"52:54:00:12:34:56:",
		"52:54:00:12:34:56:78",
		"52-54-00-12-34-56",
		"525400123456",
		" 2:54:00:12:34:56",
		"+2:54:00:12:34:56",
		"0x:54:00:12:34:56",
		"52:54:00:12:34:5g",
		"00:00:00:00:00:00", /* nobody's */
		"53:54:00:12:34:56", /* a group's */
		"ff:ff:ff:ff:ff:ff",
	};
	struct mac_address mac;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!mac_address_parse(bad[i], &mac), "%s", bad[i]);
}
END_TEST

START_TEST(names_make_an_address)
{
	struct mac_address a, again, other;

	mac_address_of("web", "lan", &a);
	mac_address_of("web", "lan", &again);
	ck_assert_mem_eq(&a, &again, sizeof(a));
	mac_address_of("web", "wan", &other);
	ck_assert_mem_ne(&a, &other, sizeof(a));
	mac_address_of("db", "lan", &other);
	ck_assert_mem_ne(&a, &other, sizeof(a));
	ck_assert_uint_eq(a.bytes[0] & 3, 2); /* locally administered, of one interface */
}
END_TEST

SUITE_MAIN("devices/mac_address", an_address_of_one_interface_is_taken, everything_else_is_refused,
	   names_make_an_address)
