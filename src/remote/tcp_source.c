/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_source.c - the pages of a snapshot from a server, for one thread.
 *
 * tcp_fetch() is the path of every remote fault: one send, one recv, checks, one copy.  When
 * that fails, fetch_again() keeps trying:
 *
 *	fetch begins      fault_deadline               stall_timeout
 *	|  attempt | attempt  | logged and counted  |  attempt ...  | -ENODEV
 */
#include "base/log.h"
#include "remote/tcp_repository.h"
#include "snapshot/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BULK_DEADLINE_NS (10 * NS_PER_S) /* for one frame of the fill; nobody waits for it */
#define BACKOFF_FIRST_NS (50 * NS_PER_MS)
#define BACKOFF_MOST_NS  NS_PER_S
#define VIOLATIONS_MOST  3 /* in one fetch, before the server is given up */
#define GET_ONE_SIZE     (HEADER_SIZE + 8u + 12u)

struct tcp_source {
	struct page_source source;
	struct client_connection connection;
	struct digest snapshot;
	uint64_t page_count;
	uint64_t deadline_ns; /* for one attempt */
	enum page_priority priority;
	uint32_t frame_pages; /* most pages per fetch: what one frame holds */
	uint32_t handle;
};

/* One fetch that the server has not answered at once. */
struct trouble {
	uint64_t page;
	uint64_t began_ns, late_ns, give_up_ns;
	uint64_t backoff_ns;
	unsigned violations;
	bool late; /* and noted; a bulk fetch is never late, as nobody waits for it */
};

static int open_snapshot(struct tcp_source *tcp)
{
	struct open_request request = {.digest = tcp->snapshot};
	struct open_reply reply;
	uint8_t payload[DIGEST_SIZE];
	struct writer writer = writer_over(payload, sizeof(payload));
	struct client_connection *connection = &tcp->connection;
	struct frame frame;
	int r;

	open_request_write(&writer, &request);
	r = connection_call(connection, MESSAGE_OPEN, payload, sizeof(payload), MESSAGE_OPEN_OK,
			    &frame);
	if (!r)
		r = open_reply_read(frame.payload, frame.header.length, &reply);
	if (r)
		return r;
	if (!digest_equal(&reply.digest, &tcp->snapshot) || reply.page_count != tcp->page_count)
		return connection_violated(connection, "it opened another snapshot");
	tcp->handle = frame.header.handle;
	return 0;
}

static int ensure_open(struct tcp_source *tcp)
{
	int r;

	if (connection_is_open(&tcp->connection))
		return 0;
	r = connection_open(&tcp->connection);
	if (!r)
		r = open_snapshot(tcp);
	if (r)
		connection_close(&tcp->connection);
	return r;
}

static int send_get(struct tcp_source *tcp, const struct page_range *range)
{
	uint8_t message[GET_ONE_SIZE];
	struct writer writer = writer_over(message, sizeof(message));
	const struct header header = {
		.type = MESSAGE_GET,
		.length = GET_ONE_SIZE - HEADER_SIZE,
		.handle = tcp->handle,
		.id = ++tcp->connection.last_id,
	};

	header_write(&writer, &header);
	get_request_write(&writer, tcp->priority, range, 1);
	return connection_send(&tcp->connection, message, sizeof(message));
}

/* Take the pages of one DATA, if they are among those that are still missing. */
static int take_pages(struct tcp_source *tcp, const struct frame *frame,
		      const struct page_range *asked, uint64_t *missing, uint8_t *buffer)
{
	struct page_data data;
	uint64_t at, pages;

	if (frame->header.handle != tcp->handle)
		return connection_violated(&tcp->connection, "pages of another snapshot");
	if (page_data_read(frame->payload, frame->header.length, &data))
		return connection_violated(&tcp->connection, "malformed DATA");
	at = data.range.first - asked->first; /* below: huge if it begins before */
	if (at >= asked->count || data.range.count > asked->count - at)
		return connection_violated(&tcp->connection, "pages that were not asked for");
	pages = (UINT64_MAX >> (64 - data.range.count)) << at;
	if ((*missing & pages) != pages)
		return connection_violated(&tcp->connection, "the same page twice");
	*missing &= ~pages;
	if (!*missing != !!(frame->header.flags & FLAG_LAST))
		return connection_violated(&tcp->connection,
					   "an answer that ends too early or late");
	if (page_data_unpack(&data, buffer + at * PAGE_SIZE))
		return connection_violated(&tcp->connection, "pages that cannot be unpacked");
	return 0;
}

static int receive_pages(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer)
{
	uint64_t missing = UINT64_MAX >> (64 - asked->count);
	int r = 0;

	while (!r && missing) {
		struct frame frame;

		r = connection_receive(&tcp->connection, MESSAGE_DATA, tcp->connection.last_id,
				       &frame);
		if (!r)
			r = take_pages(tcp, &frame, asked, &missing, buffer);
	}
	return r ? r : connection_expect_silence(&tcp->connection);
}

static int attempt(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer)
{
	int r = ensure_open(tcp);

	if (!r)
		r = send_get(tcp, asked);
	if (!r)
		r = receive_pages(tcp, asked, buffer);
	return r;
}

static unsigned long long to_ms(uint64_t ns)
{
	return ns / NS_PER_MS;
}

static void note_stall(struct tcp_source *tcp)
{
	struct remote_session *session = tcp->connection.session;
	uint64_t none = 0;

	if (atomic_compare_exchange_strong(&session->stalled_since_ns, &none, clock_now_ns()))
		log_warning("%s; trying again for up to %llu ms", error_last()->text,
			    to_ms(session->options.stall_timeout_ns));
}

static void note_recovery(struct tcp_source *tcp)
{
	struct remote_session *session = tcp->connection.session;
	uint64_t since = atomic_exchange(&session->stalled_since_ns, 0);

	if (since)
		log_info("%s: answers again after %llu ms", tcp->connection.location->url,
			 to_ms(clock_now_ns() - since));
}

/* R1: no fault waits past fault_deadline without a logged event and a metric. */
static void note_late(struct tcp_source *tcp, struct trouble *trouble)
{
	uint64_t now = clock_now_ns();

	if (trouble->late || now < trouble->late_ns)
		return;
	trouble->late = true;
	atomic_fetch_add(&tcp->connection.session->late_fetches, 1);
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

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Wait before the next attempt: the first comes at once, the others after a jittered back-off,
 * so that the vCPUs of many machines do not all come back in the same instant. */
static int back_off(struct tcp_source *tcp, struct trouble *trouble)
{
	uint64_t now = clock_now_ns(), wait = trouble->backoff_ns;
	uint64_t until = now + wait / 2 + (wait ? now % (wait / 2) : 0);

	trouble->backoff_ns = wait ? least(2 * wait, BACKOFF_MOST_NS) : BACKOFF_FIRST_NS;
	if (!trouble->late)
		until = least(until, trouble->late_ns);
	return session_sleep(tcp->connection.session, least(until, trouble->give_up_ns));
}

/* An attempt ends when it would be late for the first time, so that this is noticed. */
static uint64_t attempt_until(const struct tcp_source *tcp, const struct trouble *trouble)
{
	uint64_t now = clock_now_ns();
	uint64_t until = now < trouble->late_ns ? trouble->late_ns : now + tcp->deadline_ns;

	return least(until, trouble->give_up_ns);
}

static int fetch_again(struct tcp_source *tcp, const struct page_range *asked, uint8_t *buffer,
		       struct trouble *trouble, int failure)
{
	struct remote_session *session = tcp->connection.session;

	for (;;) {
		int r = judge(trouble, failure);

		connection_close(&tcp->connection);
		if (r)
			return r;
		note_stall(tcp);
		note_late(tcp, trouble);
		r = back_off(tcp, trouble);
		if (r)
			return r;
		note_late(tcp, trouble);
		tcp->connection.until_ns = attempt_until(tcp, trouble);
		failure = attempt(tcp, asked, buffer);
		if (failure)
			continue;
		atomic_fetch_add(&session->reconnects, 1);
		note_recovery(tcp);
		return 0;
	}
}

static int tcp_fetch(struct page_source *source, uint64_t first, uint32_t count, uint8_t *buffer,
		     bool *zero)
{
	struct tcp_source *tcp = (struct tcp_source *)source;
	const struct page_range asked = {
		.first = first,
		.count = count < tcp->frame_pages ? count : tcp->frame_pages,
	};
	uint64_t now = clock_now_ns();
	struct trouble trouble = {
		.page = first,
		.began_ns = now,
		.late_ns = now + tcp->deadline_ns,
		.give_up_ns = now + tcp->connection.session->options.stall_timeout_ns,
		.late = tcp->priority == PAGE_BULK,
	};
	int r;

	*zero = false;
	tcp->connection.until_ns = least(trouble.late_ns, trouble.give_up_ns);
	r = attempt(tcp, &asked, buffer);
	if (r)
		r = fetch_again(tcp, &asked, buffer, &trouble, r);
	return r ? r : (int)asked.count;
}

static void tcp_destroy(struct page_source *source)
{
	struct tcp_source *tcp = (struct tcp_source *)source;

	connection_finish(&tcp->connection);
	free(tcp);
}

static const struct page_source_ops tcp_source_ops = {
	.name = "snapshot server",
	.fetch = tcp_fetch,
	.destroy = tcp_destroy,
};

static int open_first(struct tcp_source *tcp)
{
	struct client_connection *connection = &tcp->connection;

	/* Opening may take the server longer than shaking hands: it loads the page index. */
	int r = tcp_connect(connection);

	if (!r)
		r = open_snapshot(tcp);
	return r;
}

int tcp_open_pages(struct repository *repository, const struct snapshot *snapshot,
		   enum page_priority priority, struct page_source **source)
{
	struct tcp_repository *repo = tcp_of(repository);
	bool demand = priority == PAGE_DEMAND;
	struct tcp_source *tcp = calloc(1, sizeof(*tcp));
	int r;

	if (!tcp)
		return fail(EXIT_OS, ENOMEM, "%s: out of memory", repository->url);
	tcp->source.ops = &tcp_source_ops;
	tcp->snapshot = snapshot->id;
	tcp->page_count = snapshot->index.page_count;
	tcp->priority = priority;
	tcp->frame_pages = demand ? DEMAND_FRAME_PAGES : BULK_FRAME_PAGES;
	tcp->deadline_ns = demand ? repo->session->options.fault_deadline_ns : BULK_DEADLINE_NS;
	r = connection_init(&tcp->connection, repo->session, &repo->location,
			    demand ? PAYLOAD_MAX_LEAST : PAYLOAD_MAX);
	if (r) {
		free(tcp);
		return r;
	}
	r = open_first(tcp);
	if (r)
		tcp_destroy(&tcp->source);
	else
		*source = &tcp->source;
	return r;
}
