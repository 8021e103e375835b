/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ping.c - `thaw-bench ping`: what the kernel alone takes for a demand fetch.
 *
 * Two processes on a TCP connection over loopback; one sends as many bytes as a GET has and the
 * other answers with as many as a DATA of one page.  Each side makes two system calls per round,
 * and there is nothing else: no client and no server can be faster.
 */
#include "base/clock.h"
#include "base/file.h"
#include "options.h"
#include "remote/protocol.h"
#include "report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUESTION_SIZE (HEADER_SIZE + 8u + 12u)
#define ANSWER_SIZE   (HEADER_SIZE + DATA_PREFIX_SIZE(1) + PAGE_SIZE)

static const struct ini_key ping_options[] = {OPTION_SECONDS, {0}};

static int failed(const char *what)
{
	return fail(EXIT_OS, errno, "%s: %s", what, strerror(errno));
}

static bool receive(int fd, void *data, size_t size)
{
	return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

static bool send_all(int fd, const void *data, size_t size)
{
	return send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static void answer(int listener)
{
	static uint8_t question[QUESTION_SIZE], page[ANSWER_SIZE];
	const int on = 1;
	int fd = accept(listener, NULL, NULL);

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	while (receive(fd, question, sizeof(question)) && send_all(fd, page, sizeof(page)))
		;
	_exit(0);
}

static int ask(int fd, uint64_t until_ns, struct samples *samples)
{
	static uint8_t question[QUESTION_SIZE], page[ANSWER_SIZE];
	uint64_t start = clock_now_ns();

	while (start < until_ns) {
		uint64_t end;

		if (!send_all(fd, question, sizeof(question)) || !receive(fd, page, sizeof(page)))
			return failed("loopback");
		end = clock_now_ns();
		samples_add(samples, end - start);
		start = end;
	}
	return 0;
}

static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)address, size) || listen(fd, 1) ||
	    getsockname(fd, (struct sockaddr *)address, &size))
		file_close(&fd);
	return fd;
}

static int ping(const struct sockaddr_in *address, uint64_t ns, struct samples *samples)
{
	const int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		r = failed("loopback");
	else
		r = ask(fd, clock_now_ns() + ns, samples);
	file_close(&fd);
	return r;
}

static int run(const struct options *options, json_t *report)
{
	struct samples samples = {0};
	struct sockaddr_in address;
	int listener = listen_on_loopback(&address), r;
	pid_t child;

	if (listener < 0)
		return failed("loopback");
	child = fork();
	if (!child)
		answer(listener);
	r = child < 0 ? failed("fork") : ping(&address, options->seconds * NS_PER_S, &samples);
	file_close(&listener);
	if (child > 0)
		waitpid(child, NULL, 0);
	if (!r)
		report_latency(report, "round_us", &samples);
	samples_finish(&samples);
	return r;
}

const struct command command_ping = {
	.name = "ping",
	.words = "",
	.options = ping_options,
	.run = run,
	.help = "the barest exchange of a page over loopback",
};
