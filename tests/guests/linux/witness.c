/* SPDX-License-Identifier: Apache-2.0 */
/*
 * witness: the program inside a Linux guest that can tell whether a thaw was right.
 *
 * It draws a random nonce, fills anonymous memory with data derived from the nonce alone, prints
 * "READY nonce=HEX" on the console and then answers commands, one line each, with exactly one
 * line. What it reports can therefore only come from the guest's own RAM, never from a disk.
 *
 *   nonce                    NONCE HEX
 *   digest                   DIGEST HEX ok|bad: over all the data; each word is checked as well
 *   touch N                  TOUCH N: new data in N randomly chosen pages
 *   uptime                   UPTIME SECONDS.MS (CLOCK_MONOTONIC)
 *   time                     TIME SECONDS.MS (CLOCK_REALTIME)
 *   rtc                      RTC YYYY-MM-DDTHH:MM:SS from /dev/rtc0
 *   tick                     TICK US: how long a sleep of 10 ms took
 *   irq                      IRQ N: interrupts of all CPUs so far
 *   forks                    FORKS N: interrupts of the VM generation id so far
 *   cpus                     CPUS N
 *   rng                      RNG HEX: 16 bytes of /dev/hwrng
 *   random                   RANDOM HEX: 16 bytes of getrandom(2)
 *   reseed                   RESEED ok: the kernel draws a new seed for getrandom(2)
 *   disk write|read|verify   DISK HEX ok|bad: the last 64 KiB of /dev/vda, O_DIRECT
 *   load on|off              LOAD N ok|bad: a thread per CPU that dirties and checks memory; N
 *                            threads started, or rounds done when they were stopped
 *   cid                      CID N: of vsock
 *   listen PORT              LISTEN PORT: echo what arrives there over vsock
 *   connect PORT             CONNECT PORT: to the host over vsock
 *   say TEXT                 SAY TEXT: what came back over that connection
 *   poweroff, reboot, crash  BYE
 *
 * Anything that fails is answered with "ERROR COMMAND: REASON".
 * The amount of data in MiB is the first argument, 32 without one.
 */
#include "vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PAGE_WORDS 512 /* a page here is 4 KiB whatever the kernel's page size */
#define DISK_BYTES 65536
#define DISK_WORDS (DISK_BYTES / sizeof(uint64_t))
#define LOAD_WORDS 32768
#define LOAD_MAX   64

static uint64_t nonce;
static uint64_t *data;
static uint64_t *generation; /* of each page of data; counts how often it was rewritten */
static size_t pages;

static uint64_t disk_generation;

static struct {
	pthread_t threads[LOAD_MAX];
	size_t count;
	atomic_bool running;
	atomic_bool bad;
	atomic_ulong rounds;
} load;

/* The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom generators). */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static uint64_t expected(uint64_t key, uint64_t index)
{
	return mix(nonce ^ mix(key) ^ index);
}

static void fill(uint64_t *words, size_t count, uint64_t key, uint64_t first)
{
	for (size_t i = 0; i < count; i++)
		words[i] = expected(key, first + i);
}

static bool check(const uint64_t *words, size_t count, uint64_t key, uint64_t first)
{
	for (size_t i = 0; i < count; i++) {
		if (words[i] != expected(key, first + i))
			return false;
	}
	return true;
}

static uint64_t digest(uint64_t hash, const uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = mix(hash ^ words[i]);
	return hash;
}

static const char *verdict(bool ok)
{
	return ok ? "ok" : "bad";
}

static void fail(const char *command)
{
	printf("ERROR %s: %s\n", command, strerror(errno));
}

static void say_nonce(const char *argument)
{
	(void)argument;
	printf("NONCE %016" PRIx64 "\n", nonce);
}

static void say_digest(const char *argument)
{
	uint64_t hash = 0;
	bool ok = true;

	(void)argument;
	for (size_t page = 0; page < pages; page++) {
		const uint64_t *words = data + page * PAGE_WORDS;

		hash = digest(hash, words, PAGE_WORDS);
		ok &= check(words, PAGE_WORDS, generation[page], page * PAGE_WORDS);
	}
	printf("DIGEST %016" PRIx64 " %s\n", hash, verdict(ok));
}

static void touch(const char *argument)
{
	unsigned long count = strtoul(argument, NULL, 10);

	for (unsigned long i = 0; i < count; i++) {
		uint64_t random;

		if (getrandom(&random, sizeof(random), 0) < 0)
			return fail("touch");
		size_t page = random % pages;
		fill(data + page * PAGE_WORDS, PAGE_WORDS, ++generation[page], page * PAGE_WORDS);
	}
	printf("TOUCH %lu\n", count);
}

static void say_clock(const char *name, clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	printf("%s %lld.%03ld\n", name, (long long)now.tv_sec, now.tv_nsec / 1000000);
}

static void say_uptime(const char *argument)
{
	(void)argument;
	say_clock("UPTIME", CLOCK_MONOTONIC);
}

static void say_time(const char *argument)
{
	(void)argument;
	say_clock("TIME", CLOCK_REALTIME);
}

static void say_rtc(const char *argument)
{
	struct rtc_time t;
	int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);

	(void)argument;
	if (fd < 0 || ioctl(fd, RTC_RD_TIME, &t) < 0)
		fail("rtc");
	else
		printf("RTC %04d-%02d-%02dT%02d:%02d:%02d\n", t.tm_year + 1900, t.tm_mon + 1,
		       t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
	close(fd);
}

static void tick(const char *argument)
{
	struct timespec start, end, pause = {.tv_nsec = 10000000};

	(void)argument;
	clock_gettime(CLOCK_MONOTONIC, &start);
	nanosleep(&pause, NULL);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("TICK %lld\n",
	       (end.tv_sec - start.tv_sec) * 1000000LL + (end.tv_nsec - start.tv_nsec) / 1000);
}

/* The first number of the line "intr" in /proc/stat is the sum over /proc/interrupts. */
static void say_interrupts(const char *argument)
{
	unsigned long long total;
	char line[256];
	FILE *file = fopen("/proc/stat", "re");

	(void)argument;
	if (!file)
		return fail("irq");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "intr %llu", &total) == 1) {
			printf("IRQ %llu\n", total);
			break;
		}
	}
	fclose(file);
}

/* A line of /proc/interrupts has a number, a count for each CPU, and names. */
static unsigned long count_on_line(const char *line)
{
	unsigned long total = 0, count;
	int length;

	line = strchr(line, ':') + 1;
	while (sscanf(line, "%lu%n", &count, &length) == 1) {
		total += count;
		line += length;
	}
	return total;
}

static void say_forks(const char *argument)
{
	unsigned long total = 0;
	char line[1024];
	FILE *file = fopen("/proc/interrupts", "re");

	(void)argument;
	if (!file)
		return fail("forks");
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, "vmgenid"))
			total += count_on_line(line);
	}
	fclose(file);
	printf("FORKS %lu\n", total);
}

static void say_cpus(const char *argument)
{
	(void)argument;
	printf("CPUS %ld\n", sysconf(_SC_NPROCESSORS_ONLN));
}

static void say_random(const char *argument)
{
	uint64_t random[2];
	int fd = open("/dev/hwrng", O_RDONLY | O_CLOEXEC);

	(void)argument;
	if (fd < 0 || read(fd, random, sizeof(random)) != sizeof(random))
		fail("rng");
	else
		printf("RNG %016" PRIx64 "%016" PRIx64 "\n", random[0], random[1]);
	close(fd);
}

static void say_drawn(const char *argument)
{
	uint64_t random[2];

	(void)argument;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return fail("random");
	printf("RANDOM %016" PRIx64 "%016" PRIx64 "\n", random[0], random[1]);
}

static void reseed(const char *argument)
{
	int fd = open("/dev/random", O_RDONLY | O_CLOEXEC);

	(void)argument;
	if (fd < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		fail("reseed");
	else
		puts("RESEED ok");
	close(fd);
}

static int disk_transfer(int fd, uint64_t *words, bool writing)
{
	off_t offset = lseek(fd, -DISK_BYTES, SEEK_END);

	if (offset < 0)
		return -1;
	if (!writing)
		return pread(fd, words, DISK_BYTES, offset) == DISK_BYTES ? 0 : -1;
	return pwrite(fd, words, DISK_BYTES, offset) == DISK_BYTES ? fsync(fd) : -1;
}

static void disk(const char *argument)
{
	static _Alignas(4096) uint64_t words[DISK_WORDS];
	bool writing = strcmp(argument, "write") == 0;
	int fd = open("/dev/vda", O_DIRECT | O_CLOEXEC | (writing ? O_RDWR : O_RDONLY));

	if (writing)
		fill(words, DISK_WORDS, ++disk_generation, 0);
	if (fd < 0 || disk_transfer(fd, words, writing) < 0)
		fail("disk");
	else
		printf("DISK %016" PRIx64 " %s\n", digest(0, words, DISK_WORDS),
		       verdict(check(words, DISK_WORDS, disk_generation, 0)));
	close(fd);
}

static void *load_thread(void *argument)
{
	static _Thread_local uint64_t words[LOAD_WORDS];
	uint64_t key = (uintptr_t)argument;

	while (load.running) {
		fill(words, LOAD_WORDS, ++key, 0);
		if (!check(words, LOAD_WORDS, key, 0))
			load.bad = true;
		load.rounds++;
	}
	return NULL;
}

static void load_start(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	load.running = true;
	load.bad = false;
	load.rounds = 0;
	for (load.count = 0; load.count < LOAD_MAX && (long)load.count < cpus; load.count++) {
		if (pthread_create(&load.threads[load.count], NULL, load_thread,
				   (void *)load.count))
			break;
	}
	printf("LOAD %zu ok\n", load.count);
}

static void load_stop(void)
{
	load.running = false;
	while (load.count > 0)
		pthread_join(load.threads[--load.count], NULL);
	printf("LOAD %lu %s\n", load.rounds, verdict(!load.bad));
}

static void set_load(const char *argument)
{
	if (strcmp(argument, "on") != 0)
		load_stop();
	else if (load.count == 0)
		load_start();
	else
		printf("LOAD %zu ok\n", load.count);
}

static void say_cid(const char *argument)
{
	unsigned cid;

	(void)argument;
	if (vsock_cid(&cid))
		return fail("cid");
	printf("CID %u\n", cid);
}

static void listen_on(const char *argument)
{
	if (vsock_listen((unsigned)strtoul(argument, NULL, 10)))
		return fail("listen");
	printf("LISTEN %s\n", argument);
}

static void connect_to(const char *argument)
{
	if (vsock_connect((unsigned)strtoul(argument, NULL, 10)))
		return fail("connect");
	printf("CONNECT %s\n", argument);
}

static void say(const char *argument)
{
	char reply[256]; /* a line of the console's is shorter */

	if (vsock_say(argument, reply))
		return fail("say");
	printf("SAY %s\n", reply);
}

static void leave(int how)
{
	puts("BYE");
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(how);
}

static void power_off(const char *argument)
{
	(void)argument;
	leave(RB_POWER_OFF);
}

static void restart(const char *argument)
{
	(void)argument;
	leave(RB_AUTOBOOT);
}

/* The kernel panics when its process 1 ends. */
static void crash(const char *argument)
{
	(void)argument;
	puts("BYE");
	tcdrain(STDOUT_FILENO);
	_exit(EXIT_FAILURE);
}

static const struct {
	const char *name;
	void (*run)(const char *argument);
} commands[] = {
	{"nonce", say_nonce},   {"digest", say_digest},  {"touch", touch},
	{"uptime", say_uptime}, {"time", say_time},      {"rtc", say_rtc},
	{"tick", tick},         {"irq", say_interrupts}, {"cpus", say_cpus},
	{"rng", say_random},    {"random", say_drawn},   {"reseed", reseed},
	{"disk", disk},         {"load", set_load},      {"cid", say_cid},
	{"listen", listen_on},  {"connect", connect_to}, {"say", say},
	{"forks", say_forks},   {"poweroff", power_off}, {"reboot", restart},
	{"crash", crash},
};

static void answer(char *line)
{
	const char *name = strtok(line, " ");
	const char *argument = strtok(NULL, " ");

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argument ? argument : "");
	}
	printf("ERROR %s: unknown command\n", name);
}

/* Lines end with CR, LF or both; the console neither echoes nor turns LF into CR LF. */
static void serve_console(void)
{
	char line[256];
	size_t length = 0;
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1) {
		if (c != '\r' && c != '\n') {
			if (length < sizeof(line) - 1)
				line[length++] = c;
			continue;
		}
		line[length] = '\0';
		if (strspn(line, " ") < length)
			answer(line);
		length = 0;
	}
}

static void prepare_console(void)
{
	struct termios term;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (tcgetattr(STDIN_FILENO, &term) < 0)
		return;
	cfmakeraw(&term);
	tcsetattr(STDIN_FILENO, TCSANOW, &term);
}

static void *reserve(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		fail("witness");
		exit(EXIT_FAILURE);
	}
	return memory;
}

int main(int argc, char **argv)
{
	size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 32;

	prepare_console();
	if (getrandom(&nonce, sizeof(nonce), 0) != sizeof(nonce)) {
		fail("witness");
		return EXIT_FAILURE;
	}
	pages = mib * (1048576 / (PAGE_WORDS * sizeof(uint64_t)));
	data = reserve(pages * PAGE_WORDS * sizeof(uint64_t));
	generation = reserve(pages * sizeof(*generation));
	for (size_t page = 0; page < pages; page++)
		fill(data + page * PAGE_WORDS, PAGE_WORDS, 0, page * PAGE_WORDS);
	printf("READY nonce=%016" PRIx64 "\n", nonce);
	serve_console();
	return EXIT_SUCCESS;
}
