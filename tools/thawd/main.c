/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - thawd, the snapshot server: a directory store on TCP. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "config.h"
#include "maintenance.h"
#include "monitor.h"
#include "remote/channel.h"
#include "remote/server.h"
#include "snapshot/store.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
	"usage: thawd CONFIG.ini [--set SECTION.KEY=VALUE]... [--check-config | --print-config]\n"
	"       thawd gc CONFIG.ini [--grace TIME] [--dry-run]\n"
	"       thawd fsck CONFIG.ini [--json]\n"
	"       thawd --help | --version\n";

static const char help[] =
	"Serves the snapshots of a directory to thaw over TCP.\n\n"
	"  --set SECTION.KEY=VALUE  override a key of CONFIG.ini\n"
	"  --check-config           only check the configuration\n"
	"  --print-config           print it, with every key and its default\n\n"
	"Once it listens, it prints \"listening on HOST:PORT\" on stdout.  SIGTERM and SIGINT\n"
	"send its clients elsewhere and stop it when they have left, or after\n"
	"server.drain; a second one stops it at once.\n\n"
	"thawd gc removes what no ref, pin or lease leads to any more and is older than --grace\n"
	"(like 90s, 15m, 1h or 7d; 1h unless given); thawd fsck checks every byte of the store\n"
	"and exits with 65 if something is wrong.  Both may run while thawd serves the store.\n";

static const struct option options[] = {
	{"set", required_argument, NULL, 's'},
	{"check-config", no_argument, NULL, 'c'},
	{"print-config", no_argument, NULL, 'p'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{"grace", required_argument, NULL, 'g'},
	{"dry-run", no_argument, NULL, 'd'},
	{"json", no_argument, NULL, 'j'},
	{0},
};

struct arguments {
	const char *path;
	char **argv;
	int argc;
	int mode; /* 'c', 'p', 'h', 'v' or 0 */
	enum command { SERVE, GC, FSCK } command;
	const char *grace;
	bool dry_run, json;
};

static int misused(const char *why)
{
	return fail(EXIT_USAGE, EINVAL, "%s\n%s", why, usage);
}

static enum command find_command(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "gc"))
		return GC;
	return argc > 1 && !strcmp(argv[1], "fsck") ? FSCK : SERVE;
}

/* Non-zero: there is no such option, or not for this command. */
static int take_option(struct arguments *arguments, int option)
{
	enum command command = arguments->command;

	switch (option) {
	case 's':
		return 0;
	case 'g':
		arguments->grace = optarg;
		return command != GC;
	case 'd':
		arguments->dry_run = true;
		return command != GC;
	case 'j':
		arguments->json = true;
		return command != FSCK;
	default:
		arguments->mode = option;
		return option == '?';
	}
}

static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	int option;

	*arguments = (struct arguments){.command = find_command(argc, argv), .grace = "1h"};
	if (arguments->command != SERVE) {
		argc--;
		argv++;
	}
	arguments->argc = argc;
	arguments->argv = argv;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take_option(arguments, option))
			return misused("unknown option");
	if (arguments->mode == 'h' || arguments->mode == 'v')
		return 0;
	if (argc - optind != 1)
		return misused("exactly one configuration file is needed");
	arguments->path = argv[optind];
	return 0;
}

/* Go through the options again: --set comes on top of the file. */
static int apply_overrides(const struct arguments *arguments, struct thawd_config *config)
{
	int option, r = 0;

	optind = 1;
	while (!r &&
	       (option = getopt_long(arguments->argc, arguments->argv, "", options, NULL)) != -1)
		if (option == 's')
			r = ini_override(&thawd_schema, optarg, config);
	return r;
}

static int load_config(const struct arguments *arguments, struct thawd_config *config)
{
	int r;

	ini_defaults(&thawd_schema, config);
	r = ini_load(&thawd_schema, arguments->path, config);
	if (!r)
		r = apply_overrides(arguments, config);
	return r ? r : config_check(config);
}

static struct server *running;

static void on_stop_signal(int signal_number)
{
	(void)signal_number;
	server_stop(running);
}

static int handle_signals(struct server *server)
{
	struct sigaction stop = {.sa_handler = on_stop_signal};

	running = server;
	signal(SIGPIPE, SIG_IGN);
	if (sigaction(SIGTERM, &stop, NULL) || sigaction(SIGINT, &stop, NULL))
		return fail(EXIT_OS, errno, "sigaction: %s", strerror(errno));
	return 0;
}

/* Under a temporary name first, so that nobody reads half of it. */
static int write_port_file(const char *path, const char *address)
{
	char temp[INI_TEXT_MOST + sizeof(".new")];
	FILE *file;
	int r;

	if (!path[0])
		return 0;
	snprintf(temp, sizeof(temp), "%s.new", path);
	file = fopen(temp, "we");
	r = !file || fprintf(file, "%s\n", address) < 0;
	if (file && fclose(file))
		r = 1;
	if (!r && !rename(temp, path))
		return 0;
	return fail(EXIT_OS, errno, "server.port_file %s: %s", path, strerror(errno));
}

static int announce(const struct thawd_config *config, const struct server *server)
{
	int r = write_port_file(config->port_file, server_address(server));

	if (r)
		return r;
	printf("listening on %s\n", server_address(server));
	fflush(stdout);
	log_info("serving %s on %s%s%s", config->store, server_address(server),
		 config_has_tls(config) ? " in TLS 1.3" : "",
		 config->read_only ? ", read only" : "");
	return 0;
}

static int run_server(const struct thawd_config *config, struct server *server)
{
	int r = handle_signals(server);

	if (!r)
		r = announce(config, server);
	if (!r)
		r = server_run(server);
	if (!r)
		log_info("stopped");
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	return r;
}

static uint64_t half_of_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 2;
}

/* NULL when there is no [tls]. */
static int open_tls(const struct thawd_config *config, struct tls_context **tls)
{
	const struct tls_config credentials = {config->psk_file, config->cert, config->key,
					       config->ca};

	*tls = NULL;
	return config_has_tls(config) ? tls_context_create(&credentials, TLS_SERVER, tls) : 0;
}

static void collect_rules(const struct thawd_config *config, struct access_rule rules[ACCESS_MOST])
{
	for (unsigned i = 0; i < config->access_count; i++) {
		const struct thawd_access *access = &config->access[i];

		rules[i] = (struct access_rule){
			.identity = access->identity[0] ? access->identity : access->name,
			.open = access->open,
			.put = access->put,
		};
	}
}

static int serve_repository(const struct thawd_config *config, struct repository *repository,
			    struct tls_context *tls)
{
	struct access_rule rules[ACCESS_MOST];
	char host[HOST_SIZE], port[PORT_SIZE];
	const struct server_config server_config = {
		.host = host,
		.port = port,
		.repository = repository,
		.read_only = config->read_only,
		.insecure = config->insecure,
		.tls = tls,
		.access = {rules, config->access_count},
		.threads = config->threads,
		.max_connections = config->max_connections,
		.max_machines = config->max_machines,
		.memory_max = config->memory_max ? config->memory_max : half_of_memory(),
		.drain_ns = config->drain_ns,
		.lease_s = (uint32_t)(config->lease_ns / NS_PER_S),
		.timeout_ns = config->timeout_ns,
	};
	struct server *server = NULL;
	struct monitor *monitor = NULL;
	int r = config_split_address("server.listen", config->listen, host, port);

	collect_rules(config, rules);
	if (!r)
		r = server_create(&server_config, &server);
	if (!r && config->metrics_listen[0])
		r = monitor_start(config->metrics_listen, server, &monitor);
	if (!r)
		r = run_server(config, server);
	monitor_stop(monitor);
	server_destroy(server);
	return r;
}

static int serve(const struct thawd_config *config)
{
	struct repository *repository;
	struct tls_context *tls;
	int r = store_open(config->store, config->read_only ? STORE_READ : STORE_WRITE,
			   &repository);

	if (r)
		return r;
	file_raise_limit(); /* a connection is a descriptor */
	r = open_tls(config, &tls);
	if (!r)
		r = serve_repository(config, repository, tls);
	tls_context_destroy(tls);
	repository_close(repository);
	return r;
}

static int run(const struct arguments *arguments)
{
	struct thawd_config config;
	int r;

	if (arguments->mode == 'h') {
		printf("%s\n%s", usage, help);
		return 0;
	}
	if (arguments->mode == 'v') {
		puts("thawd " THAW_VERSION);
		return 0;
	}
	r = load_config(arguments, &config);
	if (r || arguments->mode == 'c')
		return r;
	if (arguments->mode == 'p')
		return ini_print(&thawd_schema, &config, stdout);
	if (arguments->command == GC)
		return collect_garbage(&config, arguments->grace, arguments->dry_run);
	return arguments->command == FSCK ? check_store(&config, arguments->json) : serve(&config);
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	int r;

	log_setup("thawd", getenv("THAW_DEBUG") ? LOG_DEBUG : LOG_INFO);
	r = parse_arguments(argc, argv, &arguments);
	if (!r)
		r = run(&arguments);
	if (!r)
		return 0;
	log_error("%s", error_last()->text);
	return error_last()->exit_code;
}
