/* SPDX-License-Identifier: Apache-2.0 */
/* scripted_rig.h - a page source of either kind on a scripted server. */
#ifndef TESTS_UNIT_REMOTE_SCRIPTED_RIG_H
#define TESTS_UNIT_REMOTE_SCRIPTED_RIG_H

#include "linear_index.h"
#include "scripted_server.h"

#define ALWAYS 1000000

static struct scripted_server server;
static struct remote_session *session;
static struct repository *repository;
static struct page_source *source;
static struct snapshot snapshot;
static struct snapshot_url url;

/* Long enough to be reached by no test that does not want it. */
static const struct remote_options patient = {
	.connect_timeout_ns = 20 * NS_PER_S,
	.fault_deadline_ns = 20 * NS_PER_S,
	.stall_timeout_ns = 60 * NS_PER_S,
};

static const struct remote_options hasty = {
	.connect_timeout_ns = 20 * NS_PER_S,
	.fault_deadline_ns = 50 * NS_PER_MS,
	.stall_timeout_ns = 400 * NS_PER_MS,
};

static void scripted_open(const struct remote_options *options, enum page_priority priority)
{
	log_setup("test", LOG_ERROR);
	scripted_start(&server);
	rig_location(&url, server.port);
	ck_ok(remote_session_create(options, &session));
	ck_ok(tcp_repository_open(session, &url, &repository));
	snapshot.id = scripted_digest();
	snapshot.index = linear_index();
	snapshot.index.page_count = SCRIPTED_PAGES;
	ck_ok(repository->ops->open_pages(repository, &snapshot, priority, &source));
}

static void finish(void)
{
	page_source_destroy(source);
	repository_close(repository);
	remote_session_destroy(session);
	scripted_stop(&server);
}

static struct remote_status status(void)
{
	struct remote_status now;

	remote_session_status(session, &now);
	return now;
}

#endif
