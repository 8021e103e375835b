/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_url.c - taking URLs apart. */
#include "snapshot/snapshot_url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_FORMS   "dir:PATH/NAME[@sha256:HEX] or tcp://HOST:PORT/NAME[@sha256:HEX]"
#define REPOSITORY_FORMS "dir:PATH or tcp://HOST:PORT"

struct span {
	const char *at;
	size_t size;
};

static int refuse(const char *text, const char *why, const char *forms)
{
	return fail(EXIT_USAGE, EINVAL, "URL \"%.200s\": %s; expected %s", text, why, forms);
}

/* Copy a span as a string; false if it is empty or does not fit. */
static bool copy_span(struct span from, char *to, size_t size)
{
	if (!from.size || from.size >= size)
		return false;
	memcpy(to, from.at, from.size);
	to[from.size] = 0;
	return true;
}

/* "tcp://" or "dir:"; *rest is what follows. */
static bool parse_scheme(const char *text, enum url_scheme *scheme, const char **rest)
{
	if (!strncmp(text, "dir:", 4)) {
		*scheme = URL_DIR;
		*rest = text + 4;
		return true;
	}
	*scheme = URL_TCP;
	*rest = text + 6;
	return !strncmp(text, "tcp://", 6);
}

static bool parse_port(const char *port)
{
	size_t digits = strspn(port, "0123456789");
	long number = strtol(port, NULL, 10);

	return digits && !port[digits] && digits <= 5 && number >= 1 && number <= 65535;
}

static bool parse_host_port(struct snapshot_url *url)
{
	const char *colon = strrchr(url->location, ':');
	struct span host;
	bool bracket = url->location[0] == '[';

	if (!colon || strlen(colon + 1) >= sizeof(url->port) || !parse_port(colon + 1))
		return false;
	snprintf(url->port, sizeof(url->port), "%s", colon + 1);
	host = (struct span){url->location, (size_t)(colon - url->location)};
	if (bracket) {
		if (host.size < 3 || colon[-1] != ']')
			return false;
		host = (struct span){host.at + 1, host.size - 2};
	}
	return copy_span(host, url->host, sizeof(url->host)) &&
	       !strpbrk(url->host, bracket ? "[]/@ " : "[]/@: ");
}

static const char *parse_location(struct snapshot_url *url, struct span location)
{
	if (!copy_span(location, url->location, sizeof(url->location)))
		return url->scheme == URL_DIR ? "the path is missing or too long"
					      : "the host is missing or too long";
	if (url->scheme == URL_TCP && !parse_host_port(url))
		return "no HOST:PORT (an IPv6 address stands in brackets)";
	return NULL;
}

/* NAME, NAME@sha256:HEX or sha256:HEX. */
static const char *parse_name(struct snapshot_url *url, const char *name)
{
	const char *digest = strstr(name, "sha256:");
	struct span ref = {name, strlen(name)};

	if (digest) {
		if (!digest_from_hex(digest + 7, &url->digest))
			return "the digest is not 64 hex digits";
		if (digest != name && digest[-1] != '@')
			return "the digest does not follow an @";
		url->has_digest = true;
		ref.size = digest == name ? 0 : (size_t)(digest - name) - 1;
		if (digest == name)
			return NULL;
	}
	if (!copy_span(ref, url->ref, sizeof(url->ref)) || ref_name_check(url->ref))
		return "the NAME is missing or not made of letters, digits and . _ -";
	return NULL;
}

int snapshot_url_parse(const char *text, struct snapshot_url *url)
{
	const char *rest, *slash, *why;

	memset(url, 0, sizeof(*url));
	if (!parse_scheme(text, &url->scheme, &rest))
		return refuse(text, "unknown scheme", SNAPSHOT_FORMS);
	slash = strrchr(rest, '/');
	if (!slash)
		return refuse(text, "no /NAME", SNAPSHOT_FORMS);
	/* "dir:/NAME" is in the root directory. */
	why = parse_location(url, slash == rest && url->scheme == URL_DIR
					  ? (struct span){rest, 1}
					  : (struct span){rest, (size_t)(slash - rest)});
	if (!why)
		why = parse_name(url, slash + 1);
	return why ? refuse(text, why, SNAPSHOT_FORMS) : 0;
}

int repository_url_parse(const char *text, struct snapshot_url *url)
{
	const char *rest, *why;
	size_t size;

	memset(url, 0, sizeof(*url));
	if (!parse_scheme(text, &url->scheme, &rest))
		return refuse(text, "unknown scheme", REPOSITORY_FORMS);
	size = strlen(rest);
	while (size > 1 && rest[size - 1] == '/')
		size--;
	why = parse_location(url, (struct span){rest, size});
	return why ? refuse(text, why, REPOSITORY_FORMS) : 0;
}
