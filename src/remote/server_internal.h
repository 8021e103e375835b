/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_internal.h - shared by the files of the server.
 *
 *	server.c           listening, accepting, starting and stopping the workers
 *	server_worker.c    a thread: epoll, its peers, their time-outs
 *	server_peer.c      one connection: bytes in, messages, bytes out
 *	server_requests.c  what each request does
 *	server_reply.c     replies of many messages: pages and objects
 *	server_machines.c  whose connections they are; admission
 *	fair_queue.c       which machine's bulk traffic is next
 *	server_metrics.c   what is counted, and telling it
 *
 * A peer is the server's end of one connection.  It belongs to one worker at a time and is
 * touched by that worker's thread only.
 */
#ifndef REMOTE_SERVER_INTERNAL_H
#define REMOTE_SERVER_INTERNAL_H

#include "base/clock.h"
#include "remote/access.h"
#include "remote/channel.h"
#include "remote/fair_queue.h"
#include "remote/memory_budget.h"
#include "remote/protocol.h"
#include "remote/server.h"
#include "remote/server_machines.h"
#include "remote/server_metrics.h"
#include "remote/snapshot_cache.h"

#include <pthread.h>
#include <stdatomic.h>

#define PEER_NAME_SIZE     64 /* an address and a port */
#define PEER_SNAPSHOTS_MAX 8  /* open at once on one connection */
#define SCRATCH_SIZE       (HEADER_SIZE + PAYLOAD_MAX)

/* What OpenSSL holds for one connection, measured and rounded up. */
#define TLS_MEMORY (64u << 10)

/* The most that is kept of what a peer does not take: one small frame, promised at HELLO, or one
 * bulk frame, promised with the first GET of bulk. */
#define OUTPUT_LEAST (HEADER_SIZE + PAYLOAD_MAX_LEAST)
#define OUTPUT_MORE  (PAYLOAD_MAX - PAYLOAD_MAX_LEAST)

enum worker_kind { WORKER_STORAGE, WORKER_DEMAND, WORKER_BULK, WORKER_KINDS };

struct worker {
	struct server *server;
	enum worker_kind kind;
	unsigned index;  /* among those of its kind */
	unsigned source; /* of a cached snapshot's sources, its own; unless it is for storage */
	pthread_t thread;
	int epoll_fd;
	int wake_fd;      /* an eventfd: something is incoming */
	uint8_t *scratch; /* SCRATCH_SIZE bytes: the message being made */
	struct peer *peers;
	struct fair_queue queue; /* WORKER_BULK: peers that could send a frame */
	uint64_t next_sweep_ns;
	bool told; /* its peers: the server drains */
	struct worker_counters counters;

	pthread_mutex_t lock; /* of incoming */
	struct peer *incoming;
};

struct server {
	struct server_config config;
	char address[PEER_NAME_SIZE];
	int listen_fd;
	int signal_fd; /* an eventfd: server_stop() was called */
	int stop_fd;   /* an eventfd, readable for good once the workers are to end */
	_Atomic bool draining;
	uint64_t drain_until_ns; /* valid once draining */
	struct snapshot_cache *cache;
	struct server_machines *machines;
	struct memory_budget memory;
	struct worker *workers; /* config.threads of each kind, in the order of the kinds */
	unsigned started;       /* of them */
	_Atomic unsigned next_worker[WORKER_KINDS];
	_Atomic unsigned peers;
	_Atomic uint64_t log_second; /* peer_log(): which second, and how many lines in it */
	_Atomic unsigned log_lines;
};

enum peer_state {
	PEER_NEW,    /* must say HELLO */
	PEER_READY,  /* between requests, or in one */
	PEER_ENDING, /* has got its last message; its input is thrown away */
	PEER_GONE,   /* the connection is lost */
};

enum put_state { PUT_NONE, PUT_OPEN, PUT_FAILED };

enum reply_kind { REPLY_NONE, REPLY_PAGES, REPLY_OBJECT };

/* A reply of many messages, made one by one as the peer takes them. */
struct reply {
	enum reply_kind kind;
	uint64_t id;
	uint32_t handle;
	struct get_request get; /* PAGES: range next_range and on are still to be sent */
	uint32_t next_range;
	struct bytes object; /* OBJECT */
	uint64_t offset;
};

/* Bytes of a pack that are to be sent. */
struct file_part {
	int fd; /* of a source of the peer's snapshot */
	uint64_t offset;
	size_t size;
};

struct peer {
	struct worker *worker;
	struct peer *next, *previous;
	enum peer_state state;
	struct channel channel;
	char identity[IDENTITY_SIZE]; /* who TLS says it is; "" for nobody */
	uint32_t epoll_events;        /* registered; 0: not in epoll */
	uint64_t deadline_ns;         /* 0: none, it is idle */
	bool progress;                /* since the deadline was set */
	bool closed;                  /* by its client, between two requests */
	bool told;                    /* GOAWAY has been sent */
	bool takes_bulk;              /* memory for large frames has been promised */
	enum worker_kind wanted;      /* when it is to move */
	struct fair_item turn;        /* in the queue of its bulk worker */
	uint64_t sent_total;          /* bytes */
	uint64_t promised, lent; /* of the memory budget: for as long as it lives; for a LOAD */
	uint32_t payload_max;    /* that it takes */
	bool encodings;          /* it takes DATA in every encoding, not only raw */
	char name[PEER_NAME_SIZE];
	uint8_t machine_id[MACHINE_ID_SIZE]; /* its address, unless HELLO tells */
	struct served_machine *machine;      /* from its first OPEN on */

	uint8_t *input;
	size_t capacity, used, consumed;

	struct bytes output;   /* what the socket did not take yet */
	size_t sent;           /* of output */
	struct file_part file; /* and what follows it */

	struct cached_snapshot *snapshots[PEER_SNAPSHOTS_MAX];
	struct reply reply;
	enum service service; /* of the request being answered, */
	uint64_t began_ns;    /* and since when; 0: none is */
	enum put_state put_state;
	struct object_put *put;
	struct error put_error; /* why it FAILED */
};

/* server.c */
/* A worker of a kind for this peer. */
struct worker *server_pick_worker(struct server *server, const struct peer *peer,
				  enum worker_kind kind);
/* A warning about a peer; a flood of them is cut. */
void peer_log(const struct peer *peer, const char *what);

/* server_worker.c */
MUST_USE int worker_start(struct worker *worker);
void worker_join(struct worker *worker);
/* When all workers are joined, as each may hand a peer to any other until then. */
void worker_finish(struct worker *worker);
/* Hand over a peer that is in no worker; any thread. */
void worker_adopt(struct worker *worker, struct peer *peer);

/* server_peer.c */
enum peer_fate { PEER_STAYS, PEER_MOVES, PEER_LEAVES };

/* Takes over fd.  NULL without memory, and fd is closed. */
struct peer *peer_create(struct server *server, int fd, const char *name);
void peer_destroy(struct peer *peer);

/* Serve it until it would block or others should have a turn; sets epoll_events as wanted. */
enum peer_fate peer_run(struct peer *peer, bool stopping);
static inline bool peer_is_bulk(const struct peer *peer)
{
	return peer->reply.kind == REPLY_PAGES && peer->reply.get.priority == PAGE_BULK;
}
/* Has the socket not taken all of the last message yet? */
static inline bool peer_has_output(const struct peer *peer)
{
	return peer->output.data || peer->file.size;
}
/* Is it in the middle of sending something? */
static inline bool peer_is_sending(const struct peer *peer)
{
	return peer->reply.kind != REPLY_NONE || peer_has_output(peer);
}

/* Could it send a frame of bulk? */
static inline bool peer_waits_its_turn(const struct peer *peer)
{
	return peer_is_bulk(peer) && !peer_has_output(peer);
}

/* Where the payload of a message is to be written. */
struct writer peer_payload(struct peer *peer);
/* Send the message whose payload has been written. */
void peer_send(struct peer *peer, struct header header, const struct writer *payload);
/* The same for one whose payload goes on in a file; not in TLS. */
void peer_send_file(struct peer *peer, struct header header, const struct writer *payload,
		    const struct file_part *file);
/* Send error_last() as the answer to a request. */
void peer_send_error(struct peer *peer, uint64_t id);
/* Have memory promised to this peer, for as long as it lives.  exit 69. */
MUST_USE int peer_promise(struct peer *peer, uint64_t bytes);
/* Make room for the input of messages with this much payload. */
MUST_USE int peer_grow_input(struct peer *peer, uint32_t payload);

/* server_requests.c: -errno for an ERROR; with exit code 76 the peer is to be closed. */
MUST_USE int request_serve(struct peer *peer, const struct header *header, const uint8_t *payload);
/* Answer with a digest and nothing else. */
void peer_send_digest(struct peer *peer, enum message_type type, uint64_t id,
		      const struct digest *digest);

static inline struct repository *repository_of(const struct peer *peer)
{
	return peer->worker->server->config.repository;
}

static inline const struct access *access_of(const struct peer *peer)
{
	return &peer->worker->server->config.access;
}

/* server_put.c: the rows of request_serve()'s table that store something. */
int serve_put_begin(struct peer *peer, const struct header *request, const uint8_t *data);
int serve_put_hint(struct peer *peer, const struct header *request, const uint8_t *data);
int serve_put_data(struct peer *peer, const struct header *request, const uint8_t *data);
int serve_put_end(struct peer *peer, const struct header *request, const uint8_t *data);
int serve_publish(struct peer *peer, const struct header *request, const uint8_t *data);

/* server_reply.c: make and send the next message of peer->reply. */
void reply_send_next(struct peer *peer);

#endif
