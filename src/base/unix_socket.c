/* SPDX-License-Identifier: Apache-2.0 */
/* unix_socket.c - stream sockets at paths. */
#include "base/unix_socket.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16 /* who wants to connect and is not accepted yet */

_Static_assert(UNIX_PATH_SIZE == sizeof(((struct sockaddr_un *)NULL)->sun_path), "unix(7)");

static int open_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int set_path(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

int unix_connect(const char *path)
{
	struct sockaddr_un address;
	int fd, r = set_path(&address, path);

	if (r)
		return r;
	fd = open_socket();
	if (fd < 0 || !connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return fd;
	r = -errno;
	close(fd);
	return r;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    chmod(address->sun_path, S_IRUSR | S_IWUSR) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

static bool is_socket(const char *path)
{
	struct stat stat;

	return !lstat(path, &stat) && S_ISSOCK(stat.st_mode);
}

/* Who answers there is alive; who does not has left its socket behind.  (A plain file refuses
 * connections too.) */
static int make_place(const char *what, const char *path, const char *cure)
{
	int peer = unix_connect(path);

	if (peer >= 0)
		close(peer);
	if (peer >= 0 || peer == -EAGAIN)
		return fail(EXIT_CONFIG, EADDRINUSE, "%s %s: another machine answers there; %s",
			    what, path, cure);
	if (peer == -ECONNREFUSED && is_socket(path))
		unlink(path);
	return 0;
}

int unix_listen(const char *what, const char *path, const char *cure, int *out)
{
	struct sockaddr_un address;
	int fd, r;

	if (set_path(&address, path))
		return fail(EXIT_CONFIG, ENAMETOOLONG, "%s %s: longer than %zu bytes", what, path,
			    sizeof(address.sun_path) - 1);
	r = make_place(what, path, cure);
	if (r)
		return r;
	fd = open_socket();
	r = fd < 0 ? fd : bind_and_listen(fd, &address);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return fail(r == -EACCES ? EXIT_PERMISSION : EXIT_OS, -r, "%s %s: %s", what, path,
			    strerror(-r));
	}
	*out = fd;
	return 0;
}
