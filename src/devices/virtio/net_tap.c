/* SPDX-License-Identifier: Apache-2.0 */
/* net_tap.c - attaching to a tap device. */
#include "devices/virtio/net_tap.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#define TUN_DEVICE "/dev/net/tun"

static int open_driver(const char *name, int *fd)
{
	*fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0)
		return 0;
	if (errno == EACCES || errno == EPERM)
		return fail(EXIT_PERMISSION, errno,
			    "tap %s: " TUN_DEVICE " may not be opened; let this user read and "
			    "write it",
			    name);
	return fail(EXIT_OS, errno,
		    "tap %s: " TUN_DEVICE ": %s; load the driver with \"modprobe tun\"", name,
		    strerror(errno));
}

static int refused(const char *name, int errnum)
{
	switch (errnum) {
	case EPERM:
		return fail(EXIT_PERMISSION, errnum,
			    "tap %s: is not this user's and may not be made; make it with "
			    "\"ip tuntap add %s mode tap user NAME\"",
			    name, name);
	case EBUSY:
		return fail(EXIT_UNAVAILABLE, errnum,
			    "tap %s: in use by another machine; each needs its own", name);
	case EINVAL:
		return fail(EXIT_CONFIG, errnum,
			    "tap %s: is no tap device, or one with several queues", name);
	default:
		return fail(EXIT_OS, errnum, "tap %s: %s", name, strerror(errnum));
	}
}

/* The kernel would take "tap%d" for a pattern. */
static bool name_allowed(const char *name)
{
	return name[0] && strlen(name) < IFNAMSIZ && !strpbrk(name, "%/: ");
}

static int attach(const char *name, int fd)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &request) ||
	    ioctl(fd, TUNSETVNETHDRSZ, &(int){NET_TAP_HEADER_SIZE}))
		return refused(name, errno);
	net_tap_set_offloads(fd, false, false, false);
	return 0;
}

int net_tap_open(const char *name, int *fd)
{
	int r;

	*fd = -1;
	if (!name_allowed(name))
		return fail(EXIT_CONFIG, EINVAL,
			    "tap \"%s\": no name of an interface: 1 to %d bytes without \"%%\", "
			    "\"/\", \":\" and blanks",
			    name, IFNAMSIZ - 1);
	r = open_driver(name, fd);
	if (!r)
		r = attach(name, *fd);
	if (r)
		file_close(fd);
	return r;
}

/* Every tap knows these; what is not a tap (in tests) has nothing to offload. */
void net_tap_set_offloads(int fd, bool csum, bool tso4, bool tso6)
{
	unsigned long flags = csum ? TUN_F_CSUM : 0;

	if (csum && tso4)
		flags |= TUN_F_TSO4;
	if (csum && tso6)
		flags |= TUN_F_TSO6;
	(void)ioctl(fd, TUNSETOFFLOAD, flags);
}
