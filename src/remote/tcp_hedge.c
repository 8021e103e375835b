/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_hedge.c - a race between two servers for one answer. */
#include "remote/tcp_hedge.h"

#include <errno.h>
#include <sys/param.h>

#define TYPICAL_LEAST_NS (100 * NS_PER_US) /* so that its steps do not vanish */

uint64_t hedge_after_ns(const struct remote_options *options, uint64_t typical_ns)
{
	uint64_t most = options->fault_deadline_ns / 4, after = 4 * typical_ns;

	if (options->hedge_ns != HEDGE_AUTO)
		return MIN(options->hedge_ns, most);
	return MIN(after > HEDGE_LEAST_NS ? after : HEDGE_LEAST_NS, most);
}

void hedge_learn(uint64_t *typical_ns, uint64_t took_ns)
{
	if (took_ns > *typical_ns)
		*typical_ns += *typical_ns / 10;
	else if (*typical_ns > TYPICAL_LEAST_NS)
		*typical_ns -= *typical_ns / 190;
}

/* Connect second to another server and ask it; -EALREADY when first has answered meanwhile. */
static int ask_another(struct tcp_pages *first, struct tcp_pages *second,
		       const struct page_range *asked)
{
	int r;

	do {
		r = tcp_pages_open_rival(second, &first->connection);
		if (!r)
			r = tcp_pages_ask(second, asked);
	} while (r && r != -EALREADY && r != -ECANCELED && r != -EAGAIN &&
		 clock_now_ns() < first->connection.until_ns);
	return r;
}

static int both_silent(struct tcp_pages *first, struct tcp_pages *second)
{
	int r = fail(EXIT_UNAVAILABLE, ETIMEDOUT, "%s and %s: no answer in time",
		     first->connection.server->url, second->connection.server->url);

	connection_abandon(&first->connection);
	connection_abandon(&second->connection);
	return r;
}

/* The connection that lost has an answer coming that nobody waits for. */
static int settle(struct tcp_pages *first, struct tcp_pages *second, int winner)
{
	if (winner == 0) {
		connection_close(&second->connection);
		return 0;
	}
	session_overtaken(first->connection.session, first->connection.server,
			  second->connection.server, second->connection.opened_ns);
	connection_close(&first->connection);
	return connection_settle(&second->connection) ? -error_last()->errnum : 1;
}

/* Second cannot be asked now: wait for first, but not for longer than others may take to be well
 * again. */
static int wait_for_first(struct tcp_pages *first, int why)
{
	if (why == -EAGAIN)
		first->connection.hedge_ns = clock_now_ns() + BACKOFF_FIRST_NS;
	return 0;
}

int tcp_hedge_race(struct tcp_pages *first, struct tcp_pages *second,
		   const struct page_range *asked)
{
	int r = ask_another(first, second, asked);

	second->connection.rival = NULL;
	if (!r) {
		atomic_fetch_add(&first->connection.session->hedges, 1);
		r = socket_race(&first->connection, &second->connection);
	} else if (r != -ECANCELED) {
		return wait_for_first(first, r);
	}
	if (r >= 0)
		return settle(first, second, r);
	if (r == -ETIMEDOUT)
		return both_silent(first, second);
	connection_close(&first->connection);
	connection_close(&second->connection);
	return session_cancelled();
}
