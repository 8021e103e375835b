/* SPDX-License-Identifier: Apache-2.0 */
/* client_session.c - cancellation, counters and servers for all connections of one machine. */
#include "remote/client_session.h"
#include "base/file.h"
#include "base/log.h"
#include "remote/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

int remote_session_create(const struct remote_options *options, struct remote_session **session)
{
	struct remote_session *s = calloc(1, sizeof(*s));

	if (!s) {
		tls_context_destroy(options->tls);
		return fail(EXIT_OS, ENOMEM, "remote session: out of memory");
	}
	s->options = *options;
	s->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->cancel_fd < 0 || getrandom(s->machine, sizeof(s->machine), 0) < 0) {
		int r = fail(EXIT_OS, errno, "remote session: %s", strerror(errno));

		file_close(&s->cancel_fd);
		tls_context_destroy(s->options.tls);
		free(s);
		return r;
	}
	pthread_mutex_init(&s->lock, NULL);
	*session = s;
	return 0;
}

void remote_session_destroy(struct remote_session *session)
{
	if (!session)
		return;
	for (unsigned i = 0; i < session->replicas.count; i++)
		freeaddrinfo(session->replicas.all[i].addresses);
	tls_context_destroy(session->options.tls);
	close(session->cancel_fd);
	pthread_mutex_destroy(&session->lock);
	free(session);
}

void remote_session_cancel(struct remote_session *session)
{
	int saved = errno;

	eventfd_write(session->cancel_fd, 1);
	errno = saved; /* it may be called from a signal handler */
}

void remote_session_watch(struct remote_session *session, const struct remote_watcher *watcher)
{
	session->watcher = *watcher;
}

int session_cancelled(void)
{
	return fail(EXIT_UNAVAILABLE, ECANCELED, "cancelled: the machine is stopping");
}

int session_sleep(struct remote_session *session, uint64_t until_ns)
{
	struct pollfd cancel = {.fd = session->cancel_fd, .events = POLLIN};

	for (;;) {
		int r = poll(&cancel, 1, clock_ms_until(until_ns));

		if (r > 0)
			return session_cancelled();
		if (clock_now_ns() >= until_ns)
			return 0;
	}
}

void session_add_counters(struct remote_session *session, struct remote_counters *counters)
{
	*counters = (struct remote_counters){0};
	pthread_mutex_lock(&session->lock);
	counters->next = session->live;
	if (counters->next)
		counters->next->previous = counters;
	session->live = counters;
	pthread_mutex_unlock(&session->lock);
}

void session_remove_counters(struct remote_session *session, struct remote_counters *counters)
{
	pthread_mutex_lock(&session->lock);
	if (counters->previous)
		counters->previous->next = counters->next;
	else
		session->live = counters->next;
	if (counters->next)
		counters->next->previous = counters->previous;
	session->past_requests += counters->requests;
	session->past_bytes += counters->bytes_received;
	for (unsigned i = 0; i < SERVERS_MOST; i++)
		session->past_fetches[i] += counters->fetches[i];
	pthread_mutex_unlock(&session->lock);
}

void remote_session_status(struct remote_session *session, struct remote_status *status)
{
	*status = (struct remote_status){
		.stalled_since_ns = session->stalled_since_ns,
		.stalled_ns = session->stalled_ns,
		.reconnects = session->reconnects,
		.late_fetches = session->late_fetches,
		.hedges = session->hedges,
	};
	pthread_mutex_lock(&session->lock);
	for (unsigned i = 0; i < session->replicas.count; i++)
		status->hedges_won += session->replicas.all[i].hedges_won;
	status->requests = session->past_requests;
	status->bytes_received = session->past_bytes;
	for (struct remote_counters *c = session->live; c; c = c->next) {
		status->requests += c->requests;
		status->bytes_received += c->bytes_received;
	}
	pthread_mutex_unlock(&session->lock);
}

/* ---- the servers ---- */

static bool knows(const struct replicas *replicas, const struct server_name *name)
{
	for (unsigned i = 0; i < replicas->count; i++)
		if (!strcmp(replicas->all[i].name.host, name->host) &&
		    !strcmp(replicas->all[i].name.port, name->port))
			return true;
	return false;
}

static int locate(const struct server_name *name, bool tls, struct replica *replica)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	int r;

	*replica = (struct replica){.name = *name};
	snprintf(replica->url, sizeof(replica->url),
		 strchr(name->host, ':') ? "%s://[%s]:%s" : "%s://%s:%s", tls ? "tls" : "tcp",
		 name->host, name->port);
	r = getaddrinfo(name->host, name->port, &hints, &replica->addresses);
	if (!r)
		return 0;
	return fail(EXIT_UNAVAILABLE, EHOSTUNREACH, "%s: cannot find host \"%s\": %s", replica->url,
		    name->host, gai_strerror(r));
}

/* Both have been configured by hand; to follow one against the other would be a downgrade. */
static int check_scheme(const struct remote_session *session, const struct snapshot_url *url)
{
	if (url->scheme == URL_TLS && !session->options.tls)
		return fail(EXIT_CONFIG, EINVAL,
			    "tls://%s: needs [tls] in the configuration: psk_file, or cert, key "
			    "and ca",
			    url->location);
	if (url->scheme == URL_TCP && session->options.tls)
		return fail(EXIT_CONFIG, EINVAL,
			    "tcp://%s: the configuration has [tls]; write tls://, or leave it out",
			    url->location);
	return 0;
}

int session_add_servers(struct remote_session *session, const struct snapshot_url *url)
{
	const struct server_list *list = &url->servers;
	struct replicas *replicas = &session->replicas;
	unsigned found = 0;
	int r = check_scheme(session, url);

	if (r)
		return r;
	pthread_mutex_lock(&session->lock);
	for (unsigned i = 0; i < list->count && replicas->count < SERVERS_MOST; i++) {
		bool known = knows(replicas, &list->names[i]);

		if (!known && locate(&list->names[i], url->scheme == URL_TLS,
				     &replicas->all[replicas->count])) {
			log_warning("%s", error_last()->text);
			continue;
		}
		replicas->count += !known;
		found++;
	}
	pthread_mutex_unlock(&session->lock);
	return found ? 0 : -error_last()->errnum;
}

int session_choose(struct remote_session *session, unsigned turn, const struct replica *avoid,
		   struct replica **server, uint64_t *retry_ns)
{
	struct replicas *replicas = &session->replicas;
	struct replica *best;
	int r = 0;

	pthread_mutex_lock(&session->lock);
	best = replicas_choose(replicas, turn, avoid);
	if (best) {
		*server = best;
		*retry_ns = best->state == REPLICA_SUSPECT ? best->retry_ns : 0;
	} else {
		r = error_adopt(&replicas->all[turn % replicas->count].reason);
	}
	pthread_mutex_unlock(&session->lock);
	return r;
}

bool session_has_any(struct remote_session *session)
{
	bool has;

	pthread_mutex_lock(&session->lock);
	has = replicas_have_any(&session->replicas);
	pthread_mutex_unlock(&session->lock);
	return has;
}

bool session_has_unfailed(struct remote_session *session)
{
	bool has;

	pthread_mutex_lock(&session->lock);
	has = replicas_have_unfailed(&session->replicas);
	pthread_mutex_unlock(&session->lock);
	return has;
}

void session_works(struct remote_session *session, struct replica *server, uint64_t opened_ns)
{
	pthread_mutex_lock(&session->lock);
	replica_works(server, opened_ns);
	pthread_mutex_unlock(&session->lock);
}

void session_overtaken(struct remote_session *session, struct replica *loser,
		       struct replica *winner, uint64_t winner_opened_ns)
{
	pthread_mutex_lock(&session->lock);
	replica_works(winner, winner_opened_ns);
	winner->hedges_won++;
	replica_overtaken(loser);
	pthread_mutex_unlock(&session->lock);
}

void session_fails(struct remote_session *session, struct replica *server, uint64_t began_ns)
{
	bool news, others;

	pthread_mutex_lock(&session->lock);
	news = replica_fails(server, began_ns, clock_now_ns()) && server->failures == 1;
	others = replicas_have_unfailed(&session->replicas);
	pthread_mutex_unlock(&session->lock);
	if (news && others)
		log_warning("%s; going on with another server", error_last()->text);
}

/* With the lock held. */
static void distrust(struct replica *server)
{
	if (replica_distrust(server))
		log_warning("%s: not used any more: %s", server->url, error_last()->text);
}

void session_violates(struct remote_session *session, struct replica *server, uint64_t opened_ns)
{
	pthread_mutex_lock(&session->lock);
	if (replica_violates(server, opened_ns, clock_now_ns()))
		distrust(server);
	pthread_mutex_unlock(&session->lock);
}

void session_distrust(struct remote_session *session, struct replica *server)
{
	pthread_mutex_lock(&session->lock);
	distrust(server);
	pthread_mutex_unlock(&session->lock);
}

void session_leaves(struct remote_session *session, struct replica *server)
{
	pthread_mutex_lock(&session->lock);
	if (replica_leaves(server, clock_now_ns()))
		log_info("%s is about to stop", server->url);
	pthread_mutex_unlock(&session->lock);
}

void session_measured(struct remote_session *session, struct replica *server, uint64_t latency_ns)
{
	pthread_mutex_lock(&session->lock);
	replica_measured(server, latency_ns);
	pthread_mutex_unlock(&session->lock);
}

int session_reason(struct remote_session *session, const struct replica *server)
{
	int r;

	pthread_mutex_lock(&session->lock);
	r = error_adopt(&server->reason);
	pthread_mutex_unlock(&session->lock);
	return r;
}

/* With the lock held. */
static uint64_t fetches_from(const struct remote_session *session, unsigned server)
{
	uint64_t fetches = session->past_fetches[server];

	for (struct remote_counters *c = session->live; c; c = c->next)
		fetches += c->fetches[server];
	return fetches;
}

unsigned remote_session_servers(struct remote_session *session,
				struct remote_server_status servers[SERVERS_MOST])
{
	static const char *const states[] = {"healthy", "suspect", "quarantined"};
	struct replicas *replicas = &session->replicas;

	pthread_mutex_lock(&session->lock);
	for (unsigned i = 0; i < replicas->count; i++)
		servers[i] = (struct remote_server_status){
			.url = replicas->all[i].url,
			.state = states[replicas->all[i].state],
			.failures = replicas->all[i].failures,
			.latency_ns = replicas->all[i].latency_ns,
			.fetches = fetches_from(session, i),
			.hedges_won = replicas->all[i].hedges_won,
		};
	pthread_mutex_unlock(&session->lock);
	return replicas->count;
}
