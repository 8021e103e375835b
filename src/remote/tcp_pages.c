/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_pages.c - a snapshot open on a connection, and trying again. */
#include "remote/tcp_pages.h"
#include "base/log.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <inttypes.h>

#define BULK_DEADLINE_NS (10 * NS_PER_S) /* for one frame of bulk; nobody waits for it */
#define BACKOFF_FIRST_NS (50 * NS_PER_MS)
#define BACKOFF_MOST_NS  NS_PER_S
#define VIOLATIONS_MOST  3 /* in one fetch, before the server is given up */

static int open_snapshot(struct tcp_pages *pages)
{
	struct open_request request = {.digest = pages->snapshot};
	struct open_reply reply;
	uint8_t payload[DIGEST_SIZE];
	struct writer writer = writer_over(payload, sizeof(payload));
	struct client_connection *connection = &pages->connection;
	struct frame frame;
	int r;

	open_request_write(&writer, &request);
	r = connection_call(connection, MESSAGE_OPEN, payload, sizeof(payload), MESSAGE_OPEN_OK,
			    &frame);
	if (!r)
		r = open_reply_read(frame.payload, frame.header.length, &reply);
	if (r)
		return r;
	if (!digest_equal(&reply.digest, &pages->snapshot) || reply.page_count != pages->page_count)
		return connection_violated(connection, "it opened another snapshot");
	pages->handle = frame.header.handle;
	return 0;
}

int tcp_pages_ensure_open(struct tcp_pages *pages)
{
	int r;

	if (connection_is_open(&pages->connection))
		return 0;
	r = connection_open(&pages->connection);
	if (!r)
		r = open_snapshot(pages);
	if (r)
		connection_close(&pages->connection);
	return r;
}

static int open_first(struct tcp_pages *pages)
{
	/* Opening may take the server longer than shaking hands: it loads the page index. */
	int r = tcp_connect(&pages->connection);

	return r ? r : open_snapshot(pages);
}

int tcp_pages_init(struct tcp_pages *pages, struct repository *repository,
		   const struct snapshot *snapshot, enum page_priority priority)
{
	struct tcp_repository *tcp = tcp_of(repository);
	bool demand = priority == PAGE_DEMAND;
	int r;

	pages->snapshot = snapshot->id;
	pages->page_count = snapshot->index.page_count;
	pages->priority = priority;
	pages->deadline_ns = demand ? tcp->session->options.fault_deadline_ns : BULK_DEADLINE_NS;
	r = connection_init(&pages->connection, tcp->session, &tcp->location,
			    demand ? PAYLOAD_MAX_LEAST : PAYLOAD_MAX);
	if (r)
		return r;
	r = open_first(pages);
	if (r)
		connection_finish(&pages->connection);
	return r;
}

void tcp_pages_finish(struct tcp_pages *pages)
{
	connection_finish(&pages->connection);
}

static unsigned long long to_ms(uint64_t ns)
{
	return ns / NS_PER_MS;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void note_stall(struct tcp_pages *pages)
{
	struct remote_session *session = pages->connection.session;
	uint64_t none = 0;

	if (atomic_compare_exchange_strong(&session->stalled_since_ns, &none, clock_now_ns()))
		log_warning("%s; trying again for up to %llu ms", error_last()->text,
			    to_ms(session->options.stall_timeout_ns));
}

/* R1: no fault waits past fault_deadline without a logged event and a metric. */
static void note_late(struct trouble *trouble, struct tcp_pages *pages)
{
	uint64_t now = clock_now_ns();

	if (trouble->late || now < trouble->late_ns)
		return;
	trouble->late = true;
	atomic_fetch_add(&pages->connection.session->late_fetches, 1);
	log_warning("page %" PRIu64 " has been awaited for %llu ms: %s", trouble->page,
		    to_ms(now - trouble->began_ns), error_last()->text);
}

/* Is it worth trying again?  0, or the error to end the fetch with. */
static int judge(struct trouble *trouble, int r)
{
	struct error last = *error_last();

	if (r == -ECANCELED || r == -EBADMSG)
		return r;
	if (r == -EPROTO && ++trouble->violations == VIOLATIONS_MOST)
		return r;
	if (r == -EPROTO)
		log_warning("%s", last.text);
	if (clock_now_ns() < trouble->give_up_ns)
		return 0;
	return fail(EXIT_UNAVAILABLE, ENODEV, "page %" PRIu64 ": no answer for %llu ms: %s",
		    trouble->page, to_ms(clock_now_ns() - trouble->began_ns), last.text);
}

/* Wait before the next attempt: the first comes at once, the others after a jittered back-off,
 * so that the vCPUs of many machines do not all come back in the same instant. */
static int back_off(struct trouble *trouble, struct remote_session *session)
{
	uint64_t now = clock_now_ns(), wait = trouble->backoff_ns;
	uint64_t until = now + wait / 2 + (wait ? now % (wait / 2) : 0);

	trouble->backoff_ns = wait ? least(2 * wait, BACKOFF_MOST_NS) : BACKOFF_FIRST_NS;
	if (!trouble->late)
		until = least(until, trouble->late_ns);
	return session_sleep(session, least(until, trouble->give_up_ns));
}

/* An attempt ends when it would be late for the first time, so that this is noticed. */
static uint64_t attempt_until(const struct trouble *trouble, const struct tcp_pages *pages)
{
	uint64_t now = clock_now_ns();
	uint64_t until = now < trouble->late_ns ? trouble->late_ns : now + pages->deadline_ns;

	return least(until, trouble->give_up_ns);
}

void trouble_begin(struct trouble *trouble, struct tcp_pages *pages, uint64_t page)
{
	uint64_t now = clock_now_ns();

	*trouble = (struct trouble){
		.page = page,
		.began_ns = now,
		.late_ns = now + pages->deadline_ns,
		.give_up_ns = now + pages->connection.session->options.stall_timeout_ns,
		.late = pages->priority == PAGE_BULK,
	};
	pages->connection.until_ns = least(trouble->late_ns, trouble->give_up_ns);
}

int trouble_retry(struct trouble *trouble, struct tcp_pages *pages, int failure)
{
	int r = judge(trouble, failure);

	connection_close(&pages->connection);
	if (r)
		return r;
	note_stall(pages);
	note_late(trouble, pages);
	r = back_off(trouble, pages->connection.session);
	if (r)
		return r;
	note_late(trouble, pages);
	pages->connection.until_ns = attempt_until(trouble, pages);
	return 0;
}

void trouble_over(struct tcp_pages *pages)
{
	struct remote_session *session = pages->connection.session;
	uint64_t since = atomic_exchange(&session->stalled_since_ns, 0);

	atomic_fetch_add(&session->reconnects, 1);
	if (since)
		log_info("%s: answers again after %llu ms", pages->connection.location->url,
			 to_ms(clock_now_ns() - since));
}
