/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_pages.h - what the page sources over TCP share: a connection with the snapshot open on
 * it, and trying again when it fails.
 *
 *	tcp_source.c    demand: one fetch, one answer
 *	tcp_stream.c    bulk: many requests on the way at once
 *
 * A fetch that fails is tried again on a new connection, to another server if one is better:
 *
 *	fetch begins      fault_deadline               stall_timeout
 *	|  attempt | attempt  | logged and counted  |  attempt ...  | -ENODEV
 */
#ifndef REMOTE_TCP_PAGES_H
#define REMOTE_TCP_PAGES_H

#include "remote/tcp_repository.h"

struct tcp_pages {
	struct client_connection connection;
	struct digest snapshot;
	uint64_t page_count;
	uint64_t deadline_ns; /* for one attempt */
	enum page_priority priority;
	uint32_t handle; /* of the snapshot, while the connection is open */
};

/* Not connected yet. */
MUST_USE int tcp_pages_prepare(struct tcp_pages *pages, struct repository *repository,
			       const struct snapshot *snapshot, enum page_priority priority);
/*
 * And connect, and open the snapshot, for up to stall_timeout, as for a fetch: other vCPUs may be
 * running already.  What a server answers is final, unless there is another that has not failed.
 */
MUST_USE int tcp_pages_init(struct tcp_pages *pages, struct repository *repository,
			    const struct snapshot *snapshot, enum page_priority priority);
void tcp_pages_finish(struct tcp_pages *pages);

/* Connect and open the snapshot, to another server than rival (connection_open_rival). */
MUST_USE int tcp_pages_open_rival(struct tcp_pages *pages, const struct client_connection *rival);

/* Connect and open the snapshot again, if the connection was lost. */
MUST_USE int tcp_pages_ensure_open(struct tcp_pages *pages);

/* Send a GET of one range. */
MUST_USE int tcp_pages_ask(struct tcp_pages *pages, const struct page_range *range);

/* One fetch, in case the server does not answer at once. */
#define NO_PAGE UINT64_MAX
struct trouble {
	uint64_t page; /* for messages; NO_PAGE: the snapshot is being opened, nobody waits yet */
	uint64_t began_ns, late_ns, give_up_ns;
	bool late; /* and noted; what nobody waits for is never late */
};

/* A fetch begins: its first attempt may last until connection.until_ns. */
void trouble_begin(struct trouble *trouble, struct tcp_pages *pages, uint64_t page);

/* An attempt has failed: 0 when another may begin, on a new connection, or the error to end
 * with. */
MUST_USE int trouble_retry(struct trouble *trouble, struct tcp_pages *pages, int failure);

/* A later attempt has succeeded. */
void trouble_over(struct tcp_pages *pages);

/* tcp_source.c and tcp_stream.c: what tcp_open_pages() gives for each priority. */
MUST_USE int tcp_source_open(struct repository *repository, const struct snapshot *snapshot,
			     struct page_source **source);
MUST_USE int tcp_stream_open(struct repository *repository, const struct snapshot *snapshot,
			     struct page_source **source);

#endif
