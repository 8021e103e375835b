/* SPDX-License-Identifier: Apache-2.0 */
/* test_config.c - the machine's own schema, its checks, and the files in configs/. */
#include "machine/config.h"

#include "base/clock.h"
#include "memory/pager.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct machine_config config;

static void start(void)
{
	config_defaults(&config, CONFIG_RUN);
	ck_assert_int_eq(config_override(&config, "kernel.image=Image"), 0);
}

static void set(const char *assignment)
{
	ck_assert_msg(config_override(&config, assignment) == 0, "%s", error_last()->text);
}

static void assert_refused(enum config_purpose purpose, const char *words)
{
	ck_assert_int_lt(config_check(&config, purpose), 0);
	ck_assert_int_eq(error_last()->exit_code, EXIT_CONFIG);
	ck_assert_msg(strstr(error_last()->text, words), "\"%s\" is not in \"%s\"", words,
		      error_last()->text);
}

START_TEST(defaults_suit_a_small_machine)
{
	config_defaults(&config, CONFIG_RUN);
	ck_assert_uint_eq(config.vcpus, 1);
	ck_assert_uint_eq(config.memory, 512ull << 20);
	ck_assert_int_eq(config.gic, CONFIG_GIC_AUTO);
	ck_assert_int_eq(config.fault_mode, CONFIG_FAULT_AUTO);
	ck_assert_int_eq(config.serial, CONFIG_SERIAL_STDIO);
	ck_assert_int_eq(config.restore_mode, CONFIG_RESTORE_LAZY);
	ck_assert_int_eq(config.prefetch, CONFIG_PREFETCH_ALL);
	ck_assert_uint_eq(config.fault_around_log2, 0);
	ck_assert_str_eq(config.working_set, "default");
	ck_assert_str_eq(config.record, "");
	ck_assert(!config.restore_paused);
	ck_assert_int_eq(config.clock, CONFIG_CLOCK_FREEZE);
	ck_assert(config.rng);
	ck_assert_uint_eq(config.fault_deadline_ns, 2 * NS_PER_S);
	ck_assert_uint_eq(config.stall_timeout_ns, 30 * NS_PER_S);
	ck_assert_int_eq(config_check(&config, CONFIG_RESTORE), 0);
}
END_TEST

START_TEST(a_restore_leaves_to_the_snapshot_what_nobody_gives)
{
	config_defaults(&config, CONFIG_RESTORE);
	ck_assert_uint_eq(config.vcpus, 0);
	ck_assert_uint_eq(config.memory, 0);
	ck_assert_int_eq(config.gic, CONFIG_GIC_AUTO);
	set("machine.vcpus=3");
	ck_assert_uint_eq(config.vcpus, 3);
	ck_assert_int_eq(config_check(&config, CONFIG_RESTORE), 0);
}
END_TEST

START_TEST(faults_bring_a_power_of_two_of_pages)
{
	start();
	set("restore.fault_around=16");
	ck_assert_uint_eq(1u << config.fault_around_log2, FAULT_AROUND_MOST);
	ck_assert_int_lt(config_override(&config, "restore.fault_around=3"), 0);
	ck_assert_int_eq(error_last()->exit_code, EXIT_CONFIG);
}
END_TEST

START_TEST(servers_are_checked)
{
	start();
	set("remote.servers=10.0.0.6:7070, [::1]:7070");
	ck_assert_int_eq(config_check(&config, CONFIG_RESTORE), 0);
	set("remote.servers=10.0.0.6");
	assert_refused(CONFIG_RESTORE, "remote.servers: \"10.0.0.6\": no HOST:PORT");
}
END_TEST

START_TEST(names_stand_for_the_right_choice)
{
	start();
	ck_assert_uint_eq(config.hedge_ns, 1); /* HEDGE_AUTO */
	set("remote.hedge=off");
	ck_assert_uint_eq(config.hedge_ns, 0); /* HEDGE_OFF */
	set("remote.hedge=auto");
	ck_assert_uint_eq(config.hedge_ns, 1);
	set("remote.hedge=20ms");
	ck_assert_uint_eq(config.hedge_ns, 20 * NS_PER_MS);
	ck_assert_int_lt(config_override(&config, "remote.hedge=0ms"), 0);
	ck_assert_msg(strstr(error_last()->text, "must be off, auto, 1ms to 60s"), "%s",
		      error_last()->text);
	set("machine.fault_mode=exit");
	ck_assert_int_eq(config.fault_mode, CONFIG_FAULT_EXIT);
	set("machine.fault_mode=trace");
	ck_assert_int_eq(config.fault_mode, CONFIG_FAULT_TRACE);
	set("machine.fault_mode=poison");
	ck_assert_int_eq(config.fault_mode, CONFIG_FAULT_POISON);
	set("machine.fault_mode=uffd");
	ck_assert_int_eq(config.fault_mode, CONFIG_FAULT_UFFD);
	set("machine.gic=v2");
	ck_assert_int_eq(config.gic, CONFIG_GIC_V2);
	set("machine.gic=v3");
	ck_assert_int_eq(config.gic, CONFIG_GIC_V3);
	set("serial.output=none");
	ck_assert_int_eq(config.serial, CONFIG_SERIAL_NONE);
	set("serial.output=file");
	ck_assert_int_eq(config.serial, CONFIG_SERIAL_FILE);
	set("restore.mode=eager");
	ck_assert_int_eq(config.restore_mode, CONFIG_RESTORE_EAGER);
}
END_TEST

START_TEST(sizes_have_limits)
{
	start();
	set("machine.memory=16M");
	set("machine.memory=1022G");
	ck_assert_int_lt(config_override(&config, "machine.memory=14M"), 0);
	ck_assert_int_lt(config_override(&config, "machine.memory=1023G"), 0);
	ck_assert_int_lt(config_override(&config, "machine.memory=17M"), 0);
	set("machine.vcpus=16");
	ck_assert_int_lt(config_override(&config, "machine.vcpus=17"), 0);
	ck_assert_int_lt(config_override(&config, "machine.vcpus=0"), 0);
}
END_TEST

START_TEST(a_balloon_is_smaller_than_the_machine)
{
	start();
	ck_assert(!config.balloon);
	set("balloon.target=1M");
	assert_refused(CONFIG_RUN, "balloon.target: is used only with");
	set("balloon.enabled=yes");
	set("balloon.target=511M");
	ck_assert_int_eq(config_check(&config, CONFIG_RESTORE), 0);
	set("balloon.target=512M");
	assert_refused(CONFIG_RUN, "balloon.target: must be less than machine.memory");
	ck_assert_int_lt(config_override(&config, "balloon.target=4K"), 0);
}
END_TEST

START_TEST(a_vsock_has_a_cid_of_a_guest)
{
	start();
	ck_assert_str_eq(config.vsock_path, "");
	set("vsock.path=v.sock");
	ck_assert_int_eq(config_check(&config, CONFIG_RESTORE), 0);
	set("vsock.cid=3");
	ck_assert_int_eq(config_check(&config, CONFIG_RESTORE), 0);
	set("vsock.cid=2");
	assert_refused(CONFIG_RESTORE, "vsock.cid: 2 is reserved");
	ck_assert_int_lt(config_override(&config, "vsock.cid=4294967295"), 0);
}
END_TEST

START_TEST(a_run_needs_a_kernel)
{
	config_defaults(&config, CONFIG_RUN);
	assert_refused(CONFIG_RUN, "kernel.image: is missing");
	set("kernel.image=Image");
	ck_assert_int_eq(config_check(&config, CONFIG_RUN), 0);
}
END_TEST

START_TEST(the_name_makes_a_socket)
{
	start();
	set("machine.name=a/b");
	assert_refused(CONFIG_RUN, "machine.name");
	set("machine.name=");
	assert_refused(CONFIG_RESTORE, "machine.name");
	set("machine.name=..");
	assert_refused(CONFIG_RESTORE, "machine.name");
}
END_TEST

START_TEST(disks_need_paths_of_their_own)
{
	start();
	set("disk.a.read_only=no");
	assert_refused(CONFIG_RUN, "disk.a.path: is missing");
	set("disk.a.path=x.img");
	ck_assert_int_eq(config_check(&config, CONFIG_RUN), 0);
	set("disk.b.path=x.img");
	set("disk.b.read_only=yes");
	assert_refused(CONFIG_RUN, "disk.b.path: is the same as disk.a.path");
	set("disk.a.read_only=yes");
	ck_assert_int_eq(config_check(&config, CONFIG_RUN), 0);
}
END_TEST

START_TEST(interfaces_need_taps_of_their_own)
{
	start();
	set("net.lan.mac=52:54:00:12:34:56");
	assert_refused(CONFIG_RUN, "net.lan.tap: is missing");
	set("net.lan.tap=tap0");
	ck_assert_int_eq(config_check(&config, CONFIG_RUN), 0);
	set("net.lan.mac=53:54:00:12:34:56");
	assert_refused(CONFIG_RESTORE, "net.lan.mac: \"53:54:00:12:34:56\" is no address");
	set("net.lan.mac=");
	set("net.wan.tap=tap0");
	assert_refused(CONFIG_RUN, "net.wan.tap: is the same as net.lan.tap");
	set("net.wan.tap=tap1");
	ck_assert_int_eq(config_check(&config, CONFIG_RUN), 0);
}
END_TEST

START_TEST(vhost_knows_neither_limits_nor_the_dirty_log)
{
	start();
	set("net.lan.tap=tap0");
	set("net.lan.vhost=yes");
	ck_assert_int_eq(config_check(&config, CONFIG_RUN), 0);
	set("net.lan.receive_frames_per_second=1");
	assert_refused(CONFIG_RUN, "net.lan.vhost: keeps to no limits");
	set("net.lan.receive_frames_per_second=0");
	set("net.lan.transmit_bytes_per_second=1M");
	assert_refused(CONFIG_RESTORE, "net.lan.vhost: keeps to no limits");
	set("net.lan.transmit_bytes_per_second=0");
	set("snapshot.dirty_log=yes");
	assert_refused(CONFIG_RESTORE, "net.lan.vhost: writes past snapshot.dirty_log");
}
END_TEST

START_TEST(keys_must_agree)
{
	start();
	set("serial.output=file");
	assert_refused(CONFIG_RUN, "serial.file: is missing");
	set("serial.file=out");
	ck_assert_int_eq(config_check(&config, CONFIG_RUN), 0);
	set("serial.output=stdio");
	assert_refused(CONFIG_RUN, "serial.file: is used only with");
	set("serial.file=");
	set("machine.gic=v2");
	set("machine.vcpus=9");
	assert_refused(CONFIG_RUN, "machine.vcpus");
	set("machine.vcpus=8");
	set("remote.stall_timeout=1s");
	assert_refused(CONFIG_RUN, "remote.stall_timeout");
}
END_TEST

START_TEST(printed_config_reads_back)
{
	static struct machine_config again;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	start();
	set("disk.root.path=/srv/root.img");
	set("machine.memory=1026M");
	ck_assert_int_eq(config_print(&config, out), 0);
	fclose(out);
	config_defaults(&again, CONFIG_RUN);
	ck_assert_msg(ini_load_text(&config_schema, "printed", text, size, &again) == 0, "%s",
		      error_last()->text);
	ck_assert_mem_eq(&again, &config, sizeof(config));
	free(text);
}
END_TEST

static const struct {
	const char *file;
	enum config_purpose purpose;
} files[] = {
	{"minimal.ini", CONFIG_RUN},
	{"disk.ini", CONFIG_RUN},
	{"network.ini", CONFIG_RUN},
	{"restore.ini", CONFIG_RESTORE},
};

START_TEST(shipped_files_are_right)
{
	char path[500];

	(void)snprintf(path, sizeof(path), TEST_SOURCE_DIR "/configs/%s", files[_i].file);
	config_defaults(&config, CONFIG_RUN);
	ck_assert_msg(config_load(&config, path) == 0, "%s", error_last()->text);
	ck_assert_msg(config_check(&config, files[_i].purpose) == 0, "%s", error_last()->text);
}
END_TEST

static Suite *config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("config");

	tcase_add_test(tests, defaults_suit_a_small_machine);
	tcase_add_test(tests, names_stand_for_the_right_choice);
	tcase_add_test(tests, a_vsock_has_a_cid_of_a_guest);
	tcase_add_test(tests, a_restore_leaves_to_the_snapshot_what_nobody_gives);
	tcase_add_test(tests, faults_bring_a_power_of_two_of_pages);
	tcase_add_test(tests, a_balloon_is_smaller_than_the_machine);
	tcase_add_test(tests, servers_are_checked);
	tcase_add_test(tests, sizes_have_limits);
	tcase_add_test(tests, a_run_needs_a_kernel);
	tcase_add_test(tests, the_name_makes_a_socket);
	tcase_add_test(tests, disks_need_paths_of_their_own);
	tcase_add_test(tests, interfaces_need_taps_of_their_own);
	tcase_add_test(tests, vhost_knows_neither_limits_nor_the_dirty_log);
	tcase_add_test(tests, keys_must_agree);
	tcase_add_test(tests, printed_config_reads_back);
	tcase_add_loop_test(tests, shipped_files_are_right, 0,
			    (int)(sizeof(files) / sizeof(files[0])));
	suite_add_tcase(suite, tests);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(config_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
