/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_replica_storm.c - R2: while threads fetch as vCPUs would, server processes are killed,
 * stopped, reset and corrupted, one at a time and at random instants.  Every page is right, none
 * is late, and no fetch fails.
 *
 * An instant is a random number of fetches after the one before, so nothing here depends on time.
 */
#include "remote_rig.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define THREADS     4
#define BLOWS       40
#define DEADLINE_NS (10 * NS_PER_S) /* a sanitized server on a busy machine is slow, not dead */

static struct fixture fixture;
static struct snapshot snapshot;
static struct remote_session *session;
static struct repository *repository;

/* A server in a process of its own.  Its keeper, a process without threads, starts and ends it,
 * because a fork of this process with its threads would not be sound. */
struct replica_process {
	char store[100], port[6];
	pid_t keeper;
	int commands, answers; /* ends of pipes: a letter to do it, and a byte when it is done */
};
static struct replica_process processes[3];

static _Atomic bool over;
static _Atomic uint64_t fetches;

/* ---- server processes ---- */

static void serve_store(const struct replica_process *process, int port_pipe)
{
	struct server_config config = {
		.host = "127.0.0.1",
		.port = process->port,
		.threads = 2,
		.max_connections = 200,
		.max_machines = 10,
		.timeout_ns = 10 * NS_PER_S,
	};
	struct server *server;
	const char *address;

	config.memory_max = 1ULL << 30;
	if (store_open(process->store, STORE_READ, &config.repository) ||
	    server_create(&config, &server))
		_exit(1);
	address = strchr(server_address(server), ':') + 1;
	if (write(port_pipe, address, strlen(address)) < 1 || server_run(server))
		_exit(1);
	_exit(0);
}

static pid_t start(struct replica_process *process)
{
	int ends[2];
	ssize_t n;
	pid_t pid;

	if (pipe(ends))
		_exit(1);
	pid = fork();
	if (!pid)
		serve_store(process, ends[1]);
	close(ends[1]);
	n = read(ends[0], process->port, sizeof(process->port) - 1);
	if (pid < 0 || n < 1)
		_exit(1);
	process->port[n] = 0;
	close(ends[0]);
	return pid;
}

/* 'k'ill and wait for its end, 'r'un again, 's'top, 'c'ontinue; the end when there is no more. */
static void keep(struct replica_process *process, int commands, int answers)
{
	pid_t pid = start(process);
	char command;

	if (write(answers, process->port, sizeof(process->port)) < 1)
		_exit(1);
	while (read(commands, &command, 1) == 1) {
		if (command == 'r')
			pid = start(process);
		else
			kill(pid, command == 'k' ? SIGKILL : command == 's' ? SIGSTOP : SIGCONT);
		if (command == 'k')
			waitpid(pid, NULL, 0);
		if (write(answers, &command, 1) != 1)
			break;
	}
	kill(pid, SIGKILL);
	_exit(0);
}

static void start_keeper(struct replica_process *process)
{
	int commands[2], answers[2];

	ck_assert_int_eq(pipe2(commands, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(answers, O_CLOEXEC), 0);
	process->keeper = fork();
	ck_assert_int_ge(process->keeper, 0);
	if (!process->keeper) {
		close(commands[1]);
		for (struct replica_process *other = processes; other < process; other++)
			close(other->commands);
		keep(process, commands[0], answers[1]);
	}
	close(commands[0]);
	close(answers[1]);
	process->commands = commands[1];
	process->answers = answers[0];
	ck_assert_int_eq(read(process->answers, process->port, sizeof(process->port)),
			 sizeof(process->port));
}

static void command(struct replica_process *process, char letter)
{
	ck_assert_int_eq(write(process->commands, &letter, 1), 1);
	ck_assert_int_eq(read(process->answers, &letter, 1), 1);
}

static void end_keeper(struct replica_process *process)
{
	close(process->commands);
	close(process->answers);
	ck_assert_int_eq(waitpid(process->keeper, NULL, 0), process->keeper);
}

/* ---- a copy of the store whose pages are wrong ---- */

static int spoil(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	uint8_t byte;
	int fd;

	(void)ftw;
	if (kind != FTW_F || !strstr(path, "/packs/"))
		return 0;
	chmod(path, 0600);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	/* Every page, but neither the header nor the table, which are checked at OPEN. */
	for (off_t at = PAGE_SIZE + 100; at < st->st_size - PAGE_SIZE; at += 512) {
		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		byte ^= 0x10;
		ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
	return 0;
}

static void copy_and_spoil(const char *store, const char *copy)
{
	char command[300];

	snprintf(command, sizeof(command), "cp -r %s %s", store, copy);
	ck_assert_int_eq(system(command), 0);
	nftw(copy, spoil, 16, FTW_PHYS);
}

/* ---- the machine ---- */

static void check_one(struct page_source *source, uint64_t page)
{
	static const uint8_t zeros[PAGE_SIZE];
	uint8_t buffer[PAGE_SIZE];
	bool zero;
	int got = page_source_fetch(source, page, 1, buffer, &zero);

	ck_assert_msg(got == 1, "page %u: %s", (unsigned)page, error_last()->text);
	ck_assert_mem_eq(zero ? zeros : buffer, fake_page(&fixture.machine, page), PAGE_SIZE);
}

static void *run_vcpu(void *context)
{
	unsigned random = (unsigned)(uintptr_t)context;
	struct page_source *source;

	ck_ok(snapshot_open_source(repository, &snapshot, PAGE_DEMAND, &source));
	while (!over) {
		check_one(source, (uint64_t)rand_r(&random) % FAKE_PAGES);
		fetches++;
	}
	page_source_destroy(source);
	return NULL;
}

static void await_fetches(uint64_t count)
{
	uint64_t until = fetches + count;

	while (fetches < until)
		usleep(200);
}

static void init(void)
{
	const struct remote_options options = {DEADLINE_NS, DEADLINE_NS, 60 * NS_PER_S, HEDGE_AUTO,
					       NULL};
	struct freeze_statistics statistics;
	struct snapshot_url url;
	char text[100];

	log_setup("test", LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	fixture_init(&fixture);
	fill_some_pages(&fixture.machine);
	fixture.machine.frozen.compression = COMPRESSION_NONE;
	freeze_and_load(&fixture, "web", &statistics, &snapshot);
	for (int i = 0; i < 3; i++) {
		snprintf(processes[i].store, sizeof(processes[i].store), "%s", fixture.store_path);
		strcpy(processes[i].port, "0");
	}
	snprintf(processes[2].store, sizeof(processes[2].store), "%s/spoilt", fixture.directory);
	copy_and_spoil(fixture.store_path, processes[2].store);
	for (int i = 0; i < 3; i++)
		start_keeper(&processes[i]);
	snprintf(text, sizeof(text), "tcp://127.0.0.1:%s,127.0.0.1:%s,127.0.0.1:%s",
		 processes[0].port, processes[1].port, processes[2].port);
	ck_ok(repository_url_parse(text, &url));
	ck_ok(remote_session_create(&options, &session));
	ck_ok(tcp_repository_open(session, &url, &repository));
}

static void finish(void)
{
	repository_close(repository);
	remote_session_destroy(session);
	for (int i = 0; i < 3; i++)
		end_keeper(&processes[i]);
	snapshot_finish(&snapshot);
	fixture_finish(&fixture);
}

/* One of the two good servers suffers, and is well again before the next does. */
static void strike(unsigned *random)
{
	struct replica_process *victim = &processes[rand_r(random) % 2];
	unsigned after = 1 + (unsigned)rand_r(random) % 200;

	bool kills = rand_r(random) % 2; /* which resets every connection */

	command(victim, kills ? 'k' : 's');
	await_fetches(after);
	command(victim, kills ? 'r' : 'c');
	await_fetches(after);
}

START_TEST(the_guest_survives_the_loss_of_any_server_but_one)
{
	struct remote_server_status servers[SERVERS_MOST];
	unsigned random = 20260131;
	struct remote_status status;
	pthread_t threads[THREADS];

	init();
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_vcpu, (void *)(i + 1)), 0);
	for (int i = 0; i < BLOWS; i++)
		strike(&random);
	over = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	remote_session_status(session, &status);
	ck_assert_uint_eq(status.late_fetches, 0);
	ck_assert_uint_eq(status.stalled_since_ns, 0);
	ck_assert_uint_gt(status.reconnects + status.hedges_won, 0);
	ck_assert_uint_eq(remote_session_servers(session, servers), 3);
	ck_assert_str_eq(servers[2].state, "quarantined");
	ck_assert_str_ne(servers[0].state, "quarantined");
	ck_assert_str_ne(servers[1].state, "quarantined");
	finish();
}
END_TEST

SUITE_MAIN("replica_storm", the_guest_survives_the_loss_of_any_server_but_one)
