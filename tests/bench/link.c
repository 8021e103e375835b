/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link.c - a network link between two namespaces: a rate, a delay, and a FIFO queue in front of
 * each direction, as a switch port has.  For kernels without netem; needs only TUN.
 *
 *	link NAMESPACE_A NAMESPACE_B MBIT_PER_S DELAY_US QUEUE_BYTES
 *
 * Makes the device "link" in both namespaces and carries packets until it is killed.  It says
 * "up" on stdout once the devices are there; the caller gives them addresses.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MOST  65536u
#define PACKETS_MOST 65536u /* in flight; a power of two */
#define NS_PER_S     1000000000ull

struct packet {
	uint64_t leaves_ns;  /* the queue: its last bit is on the wire */
	uint64_t arrives_ns; /* on the other side */
	uint32_t size;
	uint8_t *bytes;
};

/* One direction.  Packets head..tail are in flight, the first queued..tail still in the queue. */
struct direction {
	int from, to;
	struct packet packets[PACKETS_MOST];
	uint32_t head, queued, tail;
	uint64_t queue_bytes, free_ns; /* free_ns: when the wire is */
};

static uint64_t bits_per_s, delay_ns, queue_most;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "link: %s: %s\n", what, strerror(errno));
	exit(71);
}

static int make_device(const char *namespace)
{
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	char path[256];
	int ns, fd;

	snprintf(path, sizeof(path), "/var/run/netns/%s", namespace);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(path);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	strcpy(request.ifr_name, "link");
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("/dev/net/tun");
	return fd;
}

static struct packet *at(struct direction *way, uint32_t index)
{
	return &way->packets[index % PACKETS_MOST];
}

static void leave_queue(struct direction *way, uint64_t now)
{
	while (way->queued != way->tail && at(way, way->queued)->leaves_ns <= now)
		way->queue_bytes -= at(way, way->queued++)->size;
}

static void enqueue(struct direction *way, const uint8_t *bytes, uint32_t size, uint64_t now)
{
	struct packet *packet = at(way, way->tail);

	leave_queue(way, now);
	if (way->queue_bytes + size > queue_most || way->tail - way->head == PACKETS_MOST)
		return; /* dropped */
	way->free_ns =
		(way->free_ns > now ? way->free_ns : now) + size * 8ull * NS_PER_S / bits_per_s;
	packet->size = size;
	packet->leaves_ns = way->free_ns;
	packet->arrives_ns = way->free_ns + delay_ns;
	packet->bytes = malloc(size);
	if (!packet->bytes)
		die("malloc");
	memcpy(packet->bytes, bytes, size);
	way->queue_bytes += size;
	way->tail++;
}

static void take_in(struct direction *way)
{
	static uint8_t bytes[PACKET_MOST];
	ssize_t n;

	while ((n = read(way->from, bytes, sizeof(bytes))) > 0)
		enqueue(way, bytes, (uint32_t)n, now_ns());
}

static void deliver(struct direction *way, uint64_t now)
{
	leave_queue(way, now);
	while (way->head != way->queued && at(way, way->head)->arrives_ns <= now) {
		struct packet *packet = at(way, way->head++);

		/* A device that is not up yet takes nothing. */
		if (write(way->to, packet->bytes, packet->size) < 0 && errno != EIO)
			die("write");
		free(packet->bytes);
	}
}

/* When the next packet is to be delivered. */
static uint64_t next_ns(struct direction *way)
{
	return way->head == way->tail ? UINT64_MAX : at(way, way->head)->arrives_ns;
}

static void wait_for_work(struct direction ways[2])
{
	struct pollfd fds[] = {{.fd = ways[0].from, .events = POLLIN},
			       {.fd = ways[1].from, .events = POLLIN}};
	uint64_t a = next_ns(&ways[0]), b = next_ns(&ways[1]), next = a < b ? a : b;
	uint64_t now = now_ns(), ns = next > now ? next - now : 0;
	struct timespec wait = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	ppoll(fds, 2, next == UINT64_MAX ? NULL : &wait, NULL);
}

int main(int argc, char **argv)
{
	static struct direction ways[2];
	int a, b;

	if (argc != 6) {
		fprintf(stderr, "usage: link NAMESPACE_A NAMESPACE_B MBIT_PER_S DELAY_US "
				"QUEUE_BYTES\n");
		return 64;
	}
	bits_per_s = strtoull(argv[3], NULL, 10) * 1000000;
	delay_ns = strtoull(argv[4], NULL, 10) * 1000;
	queue_most = strtoull(argv[5], NULL, 10);
	a = make_device(argv[1]);
	b = make_device(argv[2]);
	prctl(PR_SET_TIMERSLACK, 1); /* wake up when asked to, not 50 us later */
	ways[0] = (struct direction){.from = a, .to = b};
	ways[1] = (struct direction){.from = b, .to = a};
	puts("up");
	fflush(stdout);
	for (;;) {
		wait_for_work(ways);
		for (int i = 0; i < 2; i++) {
			take_in(&ways[i]);
			deliver(&ways[i], now_ns());
		}
	}
}
