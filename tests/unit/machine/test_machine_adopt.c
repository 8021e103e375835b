/* SPDX-License-Identifier: Apache-2.0 */
/* test_machine_adopt.c - the devices of a snapshot meet those of a configuration. */
#include "machine/machine_adopt.h"

#include "suite.h"

static struct machine_config config;
static struct state_writer *writer;
static unsigned devices;
static uint32_t read_only;

static void start(void)
{
	config_defaults(&config, CONFIG_RESTORE);
	writer = state_writer_create();
	devices = 0;
	read_only = 1;
}

static void set(const char *assignment)
{
	ck_ok(config_override(&config, assignment));
}

/* A device of the snapshot; name is NULL where its kind has none. */
static void device(const char *kind, const char *name)
{
	state_begin_numbered(writer, "device", devices++);
	state_put_text(writer, "kind", kind);
	if (name)
		state_put_text(writer, "name", name);
	if (!strcmp(kind, KIND_BLK))
		state_put_u32(writer, "read-only", read_only);
	if (!strcmp(kind, KIND_VSOCK))
		state_put_u32(writer, "guest-cid", 7);
	state_end(writer);
}

static int adopt(void)
{
	struct state_node root;
	struct bytes blob;
	int r;

	ck_ok(state_writer_finish(writer, &blob));
	ck_ok(state_tree_open(blob.data, blob.size, &root));
	r = machine_adopt(&config, &root);
	bytes_finish(&blob);
	return r;
}

START_TEST(the_snapshot_decides_what_there_is)
{
	start();
	device(KIND_SERIAL, NULL);
	device(KIND_RTC, NULL);
	device(KIND_VMGENID, NULL);
	ck_ok(adopt());
	ck_assert(!config.rng);
	start();
	device(KIND_RNG, NULL);
	ck_ok(adopt());
	ck_assert(config.rng);
	start();
	set("rng.enabled=no");
	device(KIND_RNG, NULL);
	ck_fails(adopt(), EXIT_CONFIG, "rng.enabled");
}
END_TEST

START_TEST(sections_are_found_by_name_and_put_in_order)
{
	start();
	set("disk.a.path=a.img");
	set("disk.b.path=b.img");
	set("net.lan.tap=tap0");
	set("net.wan.tap=tap1");
	device(KIND_BLK, "b");
	device(KIND_BLK, "a");
	device(KIND_NET, "wan");
	device(KIND_NET, "lan");
	ck_ok(adopt());
	ck_assert_str_eq(config.disk[0].path, "b.img");
	ck_assert_str_eq(config.disk[1].path, "a.img");
	ck_assert(config.disk[0].read_only && config.disk[1].read_only);
	ck_assert_str_eq(config.net[0].tap, "tap1");
	ck_assert_str_eq(config.net[1].tap, "tap0");
}
END_TEST

START_TEST(vsock_keeps_its_cid_unless_one_is_chosen)
{
	start();
	set("vsock.path=v.sock");
	device(KIND_VSOCK, NULL);
	ck_ok(adopt());
	ck_assert_uint_eq(config.vsock_cid, 7);
	start();
	set("vsock.path=v.sock");
	set("vsock.cid=9");
	device(KIND_VSOCK, NULL);
	ck_ok(adopt());
	ck_assert_uint_eq(config.vsock_cid, 9);
}
END_TEST

START_TEST(a_disk_that_is_written_cannot_become_read_only)
{
	start();
	set("disk.a.path=a.img");
	set("disk.a.read_only=yes");
	read_only = 0;
	device(KIND_BLK, "a");
	ck_fails(adopt(), EXIT_CONFIG, "disk.a.read_only");
}
END_TEST

START_TEST(what_this_host_does_not_place_is_refused)
{
	start();
	set("disk.a.path=a.img");
	device(KIND_BLK, "root");
	ck_fails(adopt(), EXIT_CONFIG, "--set disk.root.path=PATH");
	start();
	set("net.lan.tap=tap0");
	device(KIND_NET, "lan");
	device(KIND_NET, "lan");
	ck_fails(adopt(), EXIT_CONFIG, "--set net.lan.tap=TAP");
	start();
	device(KIND_VSOCK, NULL);
	ck_fails(adopt(), EXIT_CONFIG, "--set vsock.path=PATH");
}
END_TEST

START_TEST(what_the_snapshot_lacks_is_refused)
{
	start();
	set("disk.a.path=a.img");
	set("disk.b.path=b.img");
	device(KIND_BLK, "b");
	ck_fails(adopt(), EXIT_CONFIG, "disk.a: the frozen machine has no disk");
	start();
	set("net.lan.tap=tap0");
	ck_fails(adopt(), EXIT_CONFIG, "net.lan: the frozen machine has no network interface");
	start();
	set("vsock.path=v.sock");
	ck_fails(adopt(), EXIT_CONFIG, "vsock.path: the frozen machine has no vsock");
}
END_TEST

START_TEST(more_devices_than_a_machine_has_are_refused)
{
	start();
	for (unsigned i = 0; i <= CONFIG_NETS_MOST; i++)
		device(KIND_NET, "lan");
	ck_fails(adopt(), EXIT_CONFIG, "net.lan.tap");
}
END_TEST

START_TEST(damaged_devices_are_refused)
{
	start();
	device("teapot", NULL);
	ck_fails(adopt(), EXIT_DATA, "\"teapot\"");
	start();
	device(KIND_NET, NULL);
	ck_fails(adopt(), EXIT_DATA, "name");
	start();
	device(KIND_NET, "a name that is longer than a name can be");
	ck_fails(adopt(), EXIT_DATA, "name");
	start();
	state_begin_numbered(writer, "device", 0);
	state_end(writer);
	ck_fails(adopt(), EXIT_DATA, "kind");
}
END_TEST

SUITE_MAIN("machine/machine_adopt", the_snapshot_decides_what_there_is,
	   sections_are_found_by_name_and_put_in_order, vsock_keeps_its_cid_unless_one_is_chosen,
	   a_disk_that_is_written_cannot_become_read_only, what_this_host_does_not_place_is_refused,
	   what_the_snapshot_lacks_is_refused, more_devices_than_a_machine_has_are_refused,
	   damaged_devices_are_refused)
