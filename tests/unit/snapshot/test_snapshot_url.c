/* SPDX-License-Identifier: Apache-2.0 */
/* test_snapshot_url.c - the URLs people type, and those they mistype. */
#include "snapshot/snapshot_url.h"
#include "suite.h"

#include <stdio.h>

#define HEX "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static struct snapshot_url url;

static void dir_url(const char *text, const char *path, const char *ref, bool has_digest)
{
	ck_ok(snapshot_url_parse(text, &url));
	ck_assert_int_eq(url.scheme, URL_DIR);
	ck_assert_str_eq(url.location, path);
	ck_assert_str_eq(url.ref, ref);
	ck_assert_int_eq(url.has_digest, has_digest);
}

static void tcp_url(const char *text, const char *location, const char *host, const char *port,
		    const char *ref)
{
	ck_ok(snapshot_url_parse(text, &url));
	ck_assert_int_eq(url.scheme, URL_TCP);
	ck_assert_str_eq(url.location, location);
	ck_assert_str_eq(url.servers.names[0].host, host);
	ck_assert_str_eq(url.servers.names[0].port, port);
	ck_assert_str_eq(url.ref, ref);
}

static void refused(const char *text, const char *message)
{
	ck_fails(snapshot_url_parse(text, &url), EXIT_USAGE, message);
	ck_assert_ptr_nonnull(strstr(error_last()->text, "expected dir:PATH/NAME"));
}

START_TEST(directories)
{
	dir_url("dir:/srv/store/web", "/srv/store", "web", false);
	dir_url("dir:store/web-1.2_x", "store", "web-1.2_x", false);
	dir_url("dir:./a/b/c", "./a/b", "c", false);
	dir_url("dir:/web", "/", "web", false);
	dir_url("dir:/a@b/web@sha256:" HEX, "/a@b", "web", true);
	dir_url("dir:/a/sha256:" HEX, "/a", "", true);
	ck_assert_uint_eq(url.digest.bytes[0], 0xba);
}
END_TEST

START_TEST(servers)
{
	tcp_url("tcp://host:7070/web", "host:7070", "host", "7070", "web");
	tcp_url("tcp://10.0.0.1:1/web@sha256:" HEX, "10.0.0.1:1", "10.0.0.1", "1", "web");
	ck_assert(url.has_digest);
	tcp_url("tcp://[::1]:65535/web", "[::1]:65535", "::1", "65535", "web");
	tcp_url("tcp://[fe80::1%eth0]:7070/sha256:" HEX, "[fe80::1%eth0]:7070", "fe80::1%eth0",
		"7070", "");
}
END_TEST

static void server_is(unsigned index, const char *host, const char *port)
{
	ck_assert_uint_lt(index, url.servers.count);
	ck_assert_str_eq(url.servers.names[index].host, host);
	ck_assert_str_eq(url.servers.names[index].port, port);
}

START_TEST(replicas)
{
	tcp_url("tcp://a:1,b:2,[::1]:3/web", "a:1,b:2,[::1]:3", "a", "1", "web");
	ck_assert_uint_eq(url.servers.count, 3);
	server_is(1, "b", "2");
	server_is(2, "::1", "3");
	tcp_url("tcp://a:1,a:1,a:2/web", "a:1,a:1,a:2", "a", "1", "web");
	ck_assert_uint_eq(url.servers.count, 2);
	ck_ok(server_list_append(&url.servers, "a:2, c:4 ,d:5", "remote.servers", EXIT_CONFIG));
	ck_assert_uint_eq(url.servers.count, 4);
	server_is(2, "c", "4");
	server_is(3, "d", "5");
	ck_ok(repository_url_parse("tcp://a:1,b:2", &url));
	ck_assert_uint_eq(url.servers.count, 2);
}
END_TEST

START_TEST(malformed_replicas)
{
	static const char *const lists[] = {",",     "a:1,",    ",a:1",       "a:1,,b:2", "a:1,b",
					    "a,b:1", "a:1;b:2", "a:1 b:2",    "a:1,[::1", "a:1,b:0",
					    "",      " a:1",    "a:1,[::1]2", "a:1,]:2",  "a:1, "};
	char text[64];

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		snprintf(text, sizeof(text), "tcp://%s/web", lists[i]);
		refused(text, lists[i][0] ? "no HOST:PORT" : "the host is missing");
		ck_fails(server_list_append(&url.servers, lists[i], "remote.servers", EXIT_CONFIG),
			 EXIT_CONFIG, "expected HOST:PORT, HOST:PORT");
	}
	refused("tcp://a:1,a:2,a:3,a:4,a:5,a:6,a:7,a:8,a:9,b:1,b:2,b:3,b:4,b:5,b:6,b:7,b:8/web",
		"more than 16 servers");
}
END_TEST

START_TEST(schemes_are_required)
{
	refused("", "unknown scheme");
	refused("web", "unknown scheme");
	refused("/srv/store/web", "unknown scheme");
	refused("http://h:1/web", "unknown scheme");
	refused("tcp:h:1/web", "unknown scheme");
	refused("DIR:/a/b", "unknown scheme");
}
END_TEST

START_TEST(locations_are_required)
{
	refused("dir:", "no /NAME");
	refused("dir:web", "no /NAME");
	refused("tcp://h:1", "no /NAME");
	refused("tcp:///web", "the host is missing");
	refused("tcp://host/web", "no HOST:PORT");
	refused("tcp://host:/web", "no HOST:PORT");
	refused("tcp://:7070/web", "no HOST:PORT");
	refused("tcp://host:0/web", "no HOST:PORT");
	refused("tcp://host:65536/web", "no HOST:PORT");
	refused("tcp://host:+80/web", "no HOST:PORT");
	refused("tcp://host:80x/web", "no HOST:PORT");
	refused("tcp://host:000080/web", "no HOST:PORT");
	refused("tcp://::1:7070/web", "no HOST:PORT");
	refused("tcp://[::1:7070/web", "no HOST:PORT");
	refused("tcp://[]:7070/web", "no HOST:PORT");
	refused("tcp://[::1]7070/web", "no HOST:PORT");
	refused("tcp://a/b:7070/web", "no HOST:PORT");
	refused("tcp://user@host:7070/web", "no HOST:PORT");
}
END_TEST

START_TEST(names_are_checked)
{
	refused("dir:/srv/store/", "NAME is missing");
	refused("dir:/srv/store/..", "NAME");
	refused("dir:/srv/store/.hidden", "NAME");
	refused("dir:/srv/store/we b", "NAME");
	refused("dir:/srv/store/web\n", "NAME");
	refused("tcp://h:1/", "NAME is missing");
	refused("dir:/s/@sha256:" HEX, "NAME is missing");
}
END_TEST

START_TEST(digests_are_checked)
{
	refused("dir:/s/web@sha256:", "digest is not 64 hex digits");
	refused("dir:/s/web@sha256:" HEX "0", "digest is not 64 hex digits");
	refused("dir:/s/websha256:" HEX, "does not follow an @");
	refused("dir:/s/web@md5:" HEX, "NAME");
	refused("dir:/s/sha256:12", "digest is not 64 hex digits");
}
END_TEST

START_TEST(long_parts_are_refused_not_cut)
{
	static char text[PATH_MAX + 100];

	snprintf(text, sizeof(text), "dir:/s/%0*d", REF_NAME_MAX - 1, 1);
	ck_ok(snapshot_url_parse(text, &url));
	snprintf(text, sizeof(text), "dir:/s/%0*d", REF_NAME_MAX, 1);
	refused(text, "NAME");
	snprintf(text, sizeof(text), "dir:/%0*d/web", PATH_MAX - 2, 1);
	ck_ok(snapshot_url_parse(text, &url));
	snprintf(text, sizeof(text), "dir:/%0*d/web", PATH_MAX - 1, 1);
	refused(text, "path is missing or too long");
	snprintf(text, sizeof(text), "tcp://%0300d:1/web", 1);
	refused(text, "no HOST:PORT");
}
END_TEST

START_TEST(repositories)
{
	ck_ok(repository_url_parse("dir:/srv/store/", &url));
	ck_assert_str_eq(url.location, "/srv/store");
	ck_ok(repository_url_parse("dir:store", &url));
	ck_assert_str_eq(url.location, "store");
	ck_ok(repository_url_parse("dir:/", &url));
	ck_assert_str_eq(url.location, "/");
	ck_ok(repository_url_parse("tcp://[::1]:7070/", &url));
	ck_assert_str_eq(url.servers.names[0].host, "::1");
	ck_fails(repository_url_parse("tcp://host:7070/web", &url), EXIT_USAGE,
		 "expected dir:PATH or tcp://HOST:PORT");
	ck_fails(repository_url_parse("dir:", &url), EXIT_USAGE, "path is missing");
	ck_fails(repository_url_parse("store", &url), EXIT_USAGE, "unknown scheme");
}
END_TEST

SUITE_MAIN("snapshot/snapshot_url", directories, servers, replicas, malformed_replicas,
	   schemes_are_required, locations_are_required, names_are_checked, digests_are_checked,
	   long_parts_are_refused_not_cut, repositories)
