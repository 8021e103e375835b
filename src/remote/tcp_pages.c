/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_pages.c - a snapshot open on a connection, and trying again. */
#include "remote/tcp_pages.h"
#include "base/log.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/param.h>

#define BULK_DEADLINE_NS (10 * NS_PER_S) /* for one frame of bulk; nobody waits for it */

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

static int open_once(struct tcp_pages *pages)
{
	int r = connection_open(&pages->connection);

	return r ? r : open_snapshot(pages);
}

int tcp_pages_ensure_open(struct tcp_pages *pages)
{
	int r;

	if (connection_is_open(&pages->connection))
		return 0;
	r = open_once(pages);
	if (r)
		connection_abandon(&pages->connection);
	return r;
}

int tcp_pages_open_rival(struct tcp_pages *pages, const struct client_connection *rival)
{
	int r = connection_open_rival(&pages->connection, rival);

	if (!r)
		r = open_snapshot(pages);
	if (r)
		connection_abandon(&pages->connection);
	return r;
}

static int open_first(struct tcp_pages *pages)
{
	struct client_connection *connection = &pages->connection;
	struct trouble trouble;
	bool troubled = false;
	int r;

	trouble_begin(&trouble, pages, NO_PAGE);
	while ((r = open_once(pages))) {
		bool answered = connection_is_open(connection);

		connection_abandon(connection);
		if (answered && !session_has_unfailed(connection->session))
			return r;
		r = trouble_retry(&trouble, pages, r);
		if (r)
			return r;
		troubled = true;
	}
	if (troubled)
		trouble_over(pages);
	return 0;
}

int tcp_pages_prepare(struct tcp_pages *pages, struct repository *repository,
		      const struct snapshot *snapshot, enum page_priority priority)
{
	struct tcp_repository *tcp = tcp_of(repository);
	bool demand = priority == PAGE_DEMAND;

	pages->snapshot = snapshot->id;
	pages->page_count = snapshot->index.page_count;
	pages->priority = priority;
	pages->deadline_ns = demand ? tcp->session->options.fault_deadline_ns : BULK_DEADLINE_NS;
	return connection_init(&pages->connection, tcp->session,
			       demand ? PAYLOAD_MAX_LEAST : PAYLOAD_MAX);
}

int tcp_pages_init(struct tcp_pages *pages, struct repository *repository,
		   const struct snapshot *snapshot, enum page_priority priority)
{
	int r = tcp_pages_prepare(pages, repository, snapshot, priority);

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

#define GET_ONE_SIZE (HEADER_SIZE + 8u + 12u)

int tcp_pages_ask(struct tcp_pages *pages, const struct page_range *range)
{
	uint8_t message[GET_ONE_SIZE];
	struct writer writer = writer_over(message, sizeof(message));
	const struct header header = {
		.type = MESSAGE_GET,
		.length = GET_ONE_SIZE - HEADER_SIZE,
		.handle = pages->handle,
		.id = ++pages->connection.last_id,
	};

	header_write(&writer, &header);
	get_request_write(&writer, pages->priority, range, 1);
	return connection_send(&pages->connection, message, sizeof(message));
}

static unsigned long long to_ms(uint64_t ns)
{
	return ns / NS_PER_MS;
}

static void note_stall(struct tcp_pages *pages)
{
	struct remote_session *session = pages->connection.session;
	uint64_t none = 0;

	if (session_has_unfailed(session))
		return;
	if (!atomic_compare_exchange_strong(&session->stalled_since_ns, &none, clock_now_ns()))
		return;
	log_warning("%s; trying again for up to %llu ms", error_last()->text,
		    to_ms(session->options.stall_timeout_ns));
	if (session->watcher.stalled)
		session->watcher.stalled(session->watcher.context, error_last()->text);
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

static int give_up(const struct trouble *trouble, const struct error *last)
{
	char page[32] = "";

	if (trouble->page != NO_PAGE)
		(void)snprintf(page, sizeof(page), "page %" PRIu64 ": ", trouble->page);
	return fail(EXIT_UNAVAILABLE, ENODEV, "%sno answer for %llu ms: %s", page,
		    to_ms(clock_now_ns() - trouble->began_ns), last->text);
}

/* Is it worth trying again?  0, or the error to end the fetch with. */
static int judge(const struct trouble *trouble, struct tcp_pages *pages, int r)
{
	struct remote_session *session = pages->connection.session;
	struct error last = *error_last();

	if (r == -ECANCELED)
		return r;
	if (r == -EBADMSG) /* the server says that its own copy is damaged */
		session_distrust(session, pages->connection.server);
	connection_abandon(&pages->connection);
	if (!session_has_any(session))
		return error_adopt(&last);
	if (r == -EPROTO)
		log_warning("%s", last.text);
	return clock_now_ns() < trouble->give_up_ns ? 0 : give_up(trouble, &last);
}

/* An attempt ends when it would be late for the first time, so that this is noticed. */
static uint64_t attempt_until(const struct trouble *trouble, const struct tcp_pages *pages)
{
	uint64_t now = clock_now_ns();
	uint64_t until = now < trouble->late_ns ? trouble->late_ns : now + pages->deadline_ns;

	return MIN(until, trouble->give_up_ns);
}

void trouble_begin(struct trouble *trouble, struct tcp_pages *pages, uint64_t page)
{
	uint64_t now = clock_now_ns();

	*trouble = (struct trouble){
		.page = page,
		.began_ns = now,
		.late_ns = now + pages->deadline_ns,
		.give_up_ns = now + pages->connection.session->options.stall_timeout_ns,
		.late = pages->priority == PAGE_BULK || page == NO_PAGE,
	};
	pages->connection.until_ns = MIN(trouble->late_ns, trouble->give_up_ns);
}

int trouble_retry(struct trouble *trouble, struct tcp_pages *pages, int failure)
{
	int r = judge(trouble, pages, failure);

	if (r)
		return r;
	note_stall(pages);
	note_late(trouble, pages);
	pages->connection.until_ns = attempt_until(trouble, pages);
	return 0;
}

void trouble_over(struct tcp_pages *pages)
{
	struct remote_session *session = pages->connection.session;
	uint64_t since = atomic_exchange(&session->stalled_since_ns, 0);
	uint64_t stalled = clock_now_ns() - since;

	atomic_fetch_add(&session->reconnects, 1);
	if (!since)
		return;
	atomic_fetch_add(&session->stalled_ns, stalled);
	log_info("%s: answers again after %llu ms", pages->connection.server->url, to_ms(stalled));
	if (session->watcher.recovered)
		session->watcher.recovered(session->watcher.context, stalled);
}

int tcp_open_pages(struct repository *repository, const struct snapshot *snapshot,
		   enum page_priority priority, struct page_source **source)
{
	return priority == PAGE_DEMAND ? tcp_source_open(repository, snapshot, source)
				       : tcp_stream_open(repository, snapshot, source);
}
