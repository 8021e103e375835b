/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot_url.c - taking URLs apart. */
#include "snapshot/snapshot_url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SNAPSHOT_FORMS                \
	"dir:PATH/NAME[@sha256:HEX] " \
	"or tcp://HOST:PORT[,HOST:PORT]/NAME[@sha256:HEX], or tls:// for TLS"
#define REPOSITORY_FORMS "dir:PATH or tcp://HOST:PORT[,HOST:PORT], or tls:// for TLS"

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

/* "tcp://", "tls://" or "dir:"; *rest is what follows. */
static bool parse_scheme(const char *text, enum url_scheme *scheme, const char **rest)
{
	if (!strncmp(text, "dir:", 4)) {
		*scheme = URL_DIR;
		*rest = text + 4;
		return true;
	}
	*scheme = strncmp(text, "tls://", 6) ? URL_TCP : URL_TLS;
	*rest = text + 6;
	return *scheme == URL_TLS || !strncmp(text, "tcp://", 6);
}

static bool parse_port(const char *port)
{
	size_t digits = strspn(port, "0123456789");
	long number = strtol(port, NULL, 10);

	return digits && !port[digits] && digits <= 5 && number >= 1 && number <= 65535;
}

static bool parse_server(struct span text, struct server_name *server)
{
	const char *colon = memrchr(text.at, ':', text.size), *end = text.at + text.size;
	struct span host;
	bool bracket = text.size && text.at[0] == '[';

	if (!colon ||
	    !copy_span((struct span){colon + 1, (size_t)(end - colon) - 1}, server->port,
		       sizeof(server->port)) ||
	    !parse_port(server->port))
		return false;
	host = (struct span){text.at, (size_t)(colon - text.at)};
	if (bracket) {
		if (host.size < 3 || colon[-1] != ']')
			return false;
		host = (struct span){host.at + 1, host.size - 2};
	}
	return copy_span(host, server->host, sizeof(server->host)) &&
	       !strpbrk(server->host, bracket ? "[]/@ " : "[]/@: ");
}

static bool list_has(const struct server_list *list, const struct server_name *server)
{
	for (unsigned i = 0; i < list->count; i++)
		if (!strcmp(list->names[i].host, server->host) &&
		    !strcmp(list->names[i].port, server->port))
			return true;
	return false;
}

/* Why a list is none, or NULL. */
static const char *append_servers(struct server_list *list, const char *text)
{
	for (;;) {
		struct server_name server;
		size_t size = strcspn(text, ",");
		const char *next = text + size;

		while (size && text[size - 1] == ' ')
			size--;
		if (!parse_server((struct span){text, size}, &server))
			return "no HOST:PORT (an IPv6 address stands in brackets)";
		if (!list_has(list, &server)) {
			if (list->count == SERVERS_MOST)
				return "more than 16 servers";
			list->names[list->count++] = server;
		}
		if (!*next)
			return NULL;
		text = next + 1 + strspn(next + 1, " ");
	}
}

int server_list_append(struct server_list *list, const char *text, const char *what,
		       enum exit_code exit_code)
{
	const char *why = append_servers(list, text);

	if (!why)
		return 0;
	return fail(exit_code, EINVAL, "%s: \"%.200s\": %s; expected HOST:PORT, HOST:PORT", what,
		    text, why);
}

static const char *parse_location(struct snapshot_url *url, struct span location)
{
	if (!copy_span(location, url->location, sizeof(url->location)))
		return url->scheme == URL_DIR ? "the path is missing or too long"
					      : "the host is missing or too long";
	return url->scheme == URL_DIR ? NULL : append_servers(&url->servers, url->location);
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
