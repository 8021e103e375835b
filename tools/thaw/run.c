/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - `thaw run` and `thaw restore`: a machine for as long as this process lives. */
#include "base/log.h"
#include "commands.h"
#include "machine/control.h"
#include "machine/machine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static struct termios saved_terminal;
static bool terminal_is_raw;

/* Every key belongs to the guest, Ctrl-C included; `thaw stop` ends the machine. */
static void make_terminal_raw(void)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved_terminal))
		return;
	raw = saved_terminal;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* our own messages share the terminal */
	terminal_is_raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void restore_terminal(void)
{
	if (terminal_is_raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_terminal);
	terminal_is_raw = false;
}

static void stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/* Signals are blocked everywhere else, so they end the machine in order. */
static void *signal_main(void *machine)
{
	sigset_t set;
	int signal;

	stop_signals(&set);
	if (!sigwait(&set, &signal))
		machine_stop(machine, (enum exit_code)(128 + signal));
	return NULL;
}

/* Run a ready machine to its end. */
static int live(struct machine *machine, const struct machine_config *config,
		enum exit_code *exit_code)
{
	struct control *control = NULL;
	char path[PATH_MAX];
	pthread_t signals;
	int r = control_path(config->control[0] ? config->control : config->name, path);

	if (!r)
		r = control_create(path, machine, &control);
	if (!r && (r = -pthread_create(&signals, NULL, signal_main, machine)))
		r = fail(EXIT_OS, -r, "cannot start the signal thread: %s", strerror(-r));
	if (!r) {
		if (config->serial == CONFIG_SERIAL_STDIO)
			make_terminal_raw();
		r = machine_start(machine);
		if (!r)
			r = control_start(control);
		if (!r)
			r = machine_wait(machine, exit_code);
		restore_terminal();
		pthread_cancel(signals);
		pthread_join(signals, NULL);
	}
	control_destroy(control);
	return r;
}

static void block_signals(void)
{
	sigset_t set;

	stop_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int command_run(const struct arguments *arguments, enum exit_code *exit_code)
{
	struct machine_config config;
	struct machine *machine;
	bool done;
	int r = load_run_config(arguments, &config, &done);

	if (r || done)
		return r;
	block_signals();
	r = machine_boot(&config, &machine);
	if (r)
		return r;
	r = live(machine, &config, exit_code);
	machine_destroy(machine);
	return r;
}

int command_restore(const struct arguments *arguments, enum exit_code *exit_code)
{
	const char *url = arguments->words[0];
	const char *path = arguments->word_count > 1 ? arguments->words[1] : NULL;
	struct snapshot_url parsed;
	struct machine_config config;
	struct machine *machine;
	int r = snapshot_url_parse(url, &parsed);

	if (!r)
		r = load_config(arguments, path, parsed.ref[0] ? parsed.ref : NULL, CONFIG_RESTORE,
				&config);
	if (r)
		return r;
	block_signals();
	r = machine_thaw(&config, url, &machine);
	if (r)
		return r;
	r = live(machine, &config, exit_code);
	machine_destroy(machine);
	return r;
}
