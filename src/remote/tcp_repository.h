/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_repository.h - shared by the files of the TCP repository. */
#ifndef REMOTE_TCP_REPOSITORY_H
#define REMOTE_TCP_REPOSITORY_H

#include "remote/client_connection.h"
#include "snapshot/repository.h"

struct tcp_repository {
	struct repository repository;
	struct remote_session *session;
	char url[PATH_MAX + 8];
	struct client_connection connection; /* of all operations but pages and puts */
};

static inline struct tcp_repository *tcp_of(struct repository *repository)
{
	return (struct tcp_repository *)repository; /* its first member */
}

/* Connect within connect_timeout, to another server if one does not answer; then the caller has
 * stall_timeout for its first request. */
MUST_USE int tcp_connect(struct client_connection *connection);

/* After a failure: is it the server's, and is there another to try? */
bool tcp_may_go_elsewhere(struct client_connection *connection, int failure);

/* Give the next request of a connection stall_timeout. */
void tcp_start_clock(struct client_connection *connection);

/* tcp_pages.c */
int tcp_open_pages(struct repository *repository, const struct snapshot *snapshot,
		   enum page_priority priority, struct page_source **source);

/* tcp_put.c */
int tcp_put_begin(struct repository *repository, enum object_kind kind, struct object_put **put);
int tcp_put_hint(struct repository *repository, const struct digest *id, const char *name,
		 struct object_put **put);
int tcp_put_write(struct object_put *put, const void *data, size_t size);
int tcp_put_finish(struct object_put *put, struct digest *digest);
void tcp_put_abort(struct object_put *put);

#endif
