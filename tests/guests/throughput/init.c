/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init.c - process 1 of a guest that measures its disk and its network, for a host that compares
 * monitors: the same guest runs on each.
 *
 * It prints "INIT" and then answers commands, one line each:
 *
 *   read MIB       MIB MiB from the beginning of /dev/vda, 1 MiB at a time
 *   write MIB      the same to the disk, until it is flushed
 *   random COUNT   COUNT blocks of 4 KiB anywhere on the disk, one after the other
 *   address IP     give eth0 this address, 192.168.*.*
 *   send IP MIB    MIB MiB over TCP to port 5001, until the other side has all and hangs up
 *   receive IP     what comes from port 5002, until the other side hangs up
 *   poweroff
 *
 * with "DONE NS", the time that it took by the guest's clock, or "ERROR COMMAND: REASON". Disk
 * transfers are O_DIRECT: what is measured is the device, not the guest's page cache.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MIB          (1u << 20)
#define BLOCK        4096u
#define SEND_PORT    5001
#define RECEIVE_PORT 5002

static _Alignas(BLOCK) char buffer[MIB];

/* Commands return false with errno set. */

static bool transfer(unsigned long mib, bool write_it)
{
	int fd = open("/dev/vda", (write_it ? O_WRONLY : O_RDONLY) | O_DIRECT);
	bool ok = fd >= 0;

	while (ok && mib--)
		ok = (write_it ? write(fd, buffer, MIB) : read(fd, buffer, MIB)) == MIB;
	ok = ok && !fdatasync(fd);
	close(fd);
	return ok;
}

static bool disk_read(const char *argument)
{
	return transfer(strtoul(argument, NULL, 10), false);
}

static bool disk_write(const char *argument)
{
	return transfer(strtoul(argument, NULL, 10), true);
}

/* The same blocks each time: a linear congruential generator, its upper bits. */
static bool disk_random(const char *argument)
{
	unsigned long count = strtoul(argument, NULL, 10);
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT);
	off_t blocks = lseek(fd, 0, SEEK_END) / BLOCK;
	unsigned state = 1;
	bool ok = blocks > 0;

	while (ok && count--) {
		state = state * 1664525 + 1013904223;
		ok = pread(fd, buffer, BLOCK, (off_t)(state >> 8) % blocks * BLOCK) == BLOCK;
	}
	close(fd);
	return ok;
}

static struct sockaddr_in address_of(const char *ip, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	address.sin_addr.s_addr = inet_addr(ip);
	return address;
}

/* The kernel adds the netmask of the address's class: for 192.168.*.* 24 bits. */
static bool set_address(const char *argument)
{
	struct ifreq request = {.ifr_name = "eth0"};
	struct sockaddr_in address = address_of(argument, 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok;

	memcpy(&request.ifr_addr, &address, sizeof(address));
	ok = !ioctl(fd, SIOCSIFADDR, &request);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	ok = ok && !ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return ok;
}

static int connect_to(const char *ip, int port)
{
	struct sockaddr_in address = address_of(ip, port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static bool net_send(const char *argument)
{
	unsigned long mib = 0;
	char ip[16] = "";
	size_t left;
	ssize_t n = 0;
	int fd;

	sscanf(argument, "%15s %lu", ip, &mib);
	fd = connect_to(ip, SEND_PORT);
	for (left = mib * MIB; left && n >= 0; left -= n > 0 ? n : 0)
		n = write(fd, buffer, left < MIB ? left : MIB);
	if (!left)
		n = shutdown(fd, SHUT_WR) ? -1 : read(fd, buffer, 1);
	close(fd);
	return n == 0;
}

static bool net_receive(const char *argument)
{
	int fd = connect_to(argument, RECEIVE_PORT);
	ssize_t n;

	do
		n = read(fd, buffer, MIB);
	while (n > 0);
	close(fd);
	return n == 0;
}

static bool power_off(const char *argument)
{
	(void)argument;
	return !reboot(RB_POWER_OFF);
}

static const struct {
	const char *name;
	bool (*run)(const char *argument);
} commands[] = {
	{"read", disk_read},      {"write", disk_write}, {"random", disk_random},
	{"address", set_address}, {"send", net_send},    {"receive", net_receive},
	{"poweroff", power_off},
};

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void answer(char *line)
{
	const char *name = strsep(&line, " ");

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		long long start = now_ns();

		if (strcmp(name, commands[i].name))
			continue;
		errno = 0;
		if (commands[i].run(line ? line : ""))
			printf("DONE %lld\n", now_ns() - start);
		else
			printf("ERROR %s: %s\n", name, strerror(errno));
		return;
	}
	printf("ERROR %s: no such command\n", name);
}

/* Lines come and go as they are: no echo. */
static void prepare_console(void)
{
	struct termios termios;

	tcgetattr(0, &termios);
	cfmakeraw(&termios);
	tcsetattr(0, TCSANOW, &termios);
	setlinebuf(stdout);
}

int main(void)
{
	char line[128];

	prepare_console();
	printf("INIT\n");
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		answer(line);
	}
	power_off("");
}
