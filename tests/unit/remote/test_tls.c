/* SPDX-License-Identifier: Apache-2.0 */
/* test_tls.c - clients and servers that do not fit: each refusal has its exit code and words. */
#include "remote_rig.h"
#include "tls_files.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

static struct rig rig;

/* A server with these credentials, or a plain one. */
static void init(struct tls_context *server)
{
	signal(SIGPIPE, SIG_IGN);
	rig_init(&rig);
	rig_stop_server(&rig);
	rig.config.tls = server;
	rig_start_server(&rig);
}

/* A session of a client with these credentials, or a plain one; not connected yet. */
static void use_client(struct tls_context *client)
{
	struct remote_options options = REMOTE_OPTIONS_DEFAULT;
	char text[64];

	options.tls = client;
	remote_session_destroy(rig.session);
	ck_ok(remote_session_create(&options, &rig.session));
	snprintf(text, sizeof(text), "%s://127.0.0.1:%s", client ? "tls" : "tcp", rig.port);
	ck_ok(repository_url_parse(text, &rig.url));
}

static void finish(void)
{
	struct tls_context *server = rig.config.tls;

	rig_finish(&rig);
	tls_context_destroy(server);
	tls_remove_files();
}

static void check_refused(enum exit_code code, const char *words)
{
	struct repository *none;

	ck_fails(tcp_repository_open(rig.session, &rig.url, &none), code, words);
}

/* Every page of the snapshot comes, on a demand and on a bulk connection. */
static void check_snapshot(void)
{
	struct repository *repository = rig_repository(&rig);
	struct snapshot snapshot;
	uint64_t pages;
	struct digest id;

	ck_ok(repository->ops->resolve(repository, "web", &id));
	ck_ok(snapshot_load(repository, &id, &snapshot));
	ck_ok(snapshot_verify(repository, &snapshot, &pages));
	ck_assert_uint_gt(pages, 0);
	snapshot_finish(&snapshot);
	repository_close(repository);
}

START_TEST(shared_key)
{
	tls_make_files();
	init(tls_psk(TLS_SERVER, "keys"));
	use_client(tls_psk(TLS_CLIENT, "alice"));
	check_snapshot();
	finish();
}
END_TEST

START_TEST(certificates)
{
	tls_make_files();
	init(tls_certificate(TLS_SERVER, "server", "ca"));
	use_client(tls_certificate(TLS_CLIENT, "alice", "ca"));
	check_snapshot();
	finish();
}
END_TEST

START_TEST(freeze_in_tls)
{
	struct freeze_statistics statistics;
	struct repository *repository;
	struct digest id;

	tls_make_files();
	init(tls_psk(TLS_SERVER, "keys"));
	use_client(tls_psk(TLS_CLIENT, "alice"));
	repository = rig_repository(&rig);
	ck_ok(snapshot_write(repository, &rig.fixture.machine.frozen, "again", &id, &statistics));
	repository_close(repository);
	finish();
}
END_TEST

START_TEST(wrong_keys)
{
	tls_make_files();
	init(tls_psk(TLS_SERVER, "keys"));
	use_client(tls_psk(TLS_CLIENT, "wrong"));
	check_refused(EXIT_PERMISSION, "do not accept each other");
	use_client(tls_psk(TLS_CLIENT, "unknown"));
	check_refused(EXIT_PERMISSION, "do not accept each other");
	use_client(tls_certificate(TLS_CLIENT, "alice", "ca"));
	check_refused(EXIT_PERMISSION, "do not accept each other");
	finish();
}
END_TEST

START_TEST(wrong_clients)
{
	tls_make_files();
	init(tls_certificate(TLS_SERVER, "server", "ca"));
	use_client(tls_certificate(TLS_CLIENT, "mallory", "ca"));
	check_refused(EXIT_PERMISSION, "do not accept each other");
	use_client(tls_certificate(TLS_CLIENT, "late", "ca"));
	check_refused(EXIT_PERMISSION, "do not accept each other");
	use_client(tls_psk(TLS_CLIENT, "alice"));
	check_refused(EXIT_PERMISSION, "certificate is not accepted");
	finish();
}
END_TEST

static void check_server(const char *name, const char *words)
{
	tls_make_files();
	init(tls_certificate(TLS_SERVER, name, "ca"));
	use_client(tls_certificate(TLS_CLIENT, "alice", "ca"));
	check_refused(EXIT_PERMISSION, words);
	finish();
}

START_TEST(wrong_servers)
{
	check_server("mallory", "certificate is not accepted: unable to get local issuer");
	check_server("late", "certificate is not accepted: certificate has expired");
	check_server("elsewhere", "certificate is not accepted: IP address mismatch");
}
END_TEST

START_TEST(no_downgrade)
{
	tls_make_files();
	init(tls_psk(TLS_SERVER, "keys"));
	use_client(NULL);
	check_refused(EXIT_PROTOCOL, "speaks only TLS 1.3; write tls://");
	rig_stop_server(&rig);
	tls_context_destroy(rig.config.tls);
	rig.config.tls = NULL;
	rig_start_server(&rig);
	use_client(tls_psk(TLS_CLIENT, "alice"));
	check_refused(EXIT_PROTOCOL, "does not speak TLS 1.3");
	finish();
}
END_TEST

START_TEST(the_scheme_says_which)
{
	tls_make_files();
	init(NULL);
	use_client(NULL);
	rig.url.scheme = URL_TLS;
	check_refused(EXIT_CONFIG, "needs [tls] in the configuration");
	use_client(tls_psk(TLS_CLIENT, "alice"));
	rig.url.scheme = URL_TCP;
	check_refused(EXIT_CONFIG, "the configuration has [tls]; write tls://");
	finish();
}
END_TEST

/* A client of TLS 1.2 gets an alert. */
START_TEST(older_client)
{
	SSL_CTX *old = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	tls_make_files();
	init(tls_certificate(TLS_SERVER, "server", "ca"));
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	ssl = SSL_new(old);
	SSL_set_fd(ssl, raw_connect(rig.port));
	ck_assert_int_lt(SSL_connect(ssl), 0);
	ck_assert_int_eq(ERR_GET_REASON(ERR_peek_error()), SSL_R_TLSV1_ALERT_PROTOCOL_VERSION);
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
	SSL_CTX_free(old);
	finish();
}
END_TEST

static void *serve_old(void *context)
{
	SSL *ssl = context;
	int fd = accept(SSL_get_fd(ssl), NULL, NULL);

	SSL_set_fd(ssl, fd);
	ck_assert_int_lt(SSL_accept(ssl), 0);
	shutdown(fd, SHUT_WR);
	close(fd);
	return NULL;
}

START_TEST(older_server)
{
	SSL_CTX *old = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pthread_t thread;
	SSL *ssl;

	tls_make_files();
	init(NULL);
	SSL_CTX_set_max_proto_version(old, TLS1_2_VERSION);
	ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(old, tls_path("server.pem")), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(old, tls_path("server.key"), SSL_FILETYPE_PEM),
			 1);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listen_fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(listen(listen_fd, 1), 0);
	ck_assert_int_eq(getsockname(listen_fd, (struct sockaddr *)&address, &size), 0);
	snprintf(rig.url.servers.names[0].port, sizeof(rig.url.servers.names[0].port), "%u",
		 ntohs(address.sin_port));
	ssl = SSL_new(old);
	SSL_set_fd(ssl, listen_fd);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve_old, ssl), 0);
	snprintf(rig.port, sizeof(rig.port), "%u", ntohs(address.sin_port));
	use_client(tls_certificate(TLS_CLIENT, "alice", "ca"));
	check_refused(EXIT_PROTOCOL, "does not speak TLS 1.3");
	pthread_join(thread, NULL);
	close(listen_fd);
	SSL_free(ssl);
	SSL_CTX_free(old);
	finish();
}
END_TEST

static void check_credentials(const struct tls_config *config, enum exit_code code,
			      const char *words)
{
	struct tls_context *none;

	ck_fails(tls_context_create(config, TLS_SERVER, &none), code, words);
}

START_TEST(credentials_are_checked)
{
	const char *keys, *cert, *key, *ca;

	tls_make_files();
	keys = tls_path("keys");
	cert = tls_path("server.pem");
	key = tls_path("server.key");
	ca = tls_path("ca.pem");
	check_credentials(&(struct tls_config){"", "", "", ""}, EXIT_CONFIG, "either psk_file");
	check_credentials(&(struct tls_config){keys, cert, key, ca}, EXIT_CONFIG, "either psk");
	check_credentials(&(struct tls_config){"", cert, key, ""}, EXIT_CONFIG, "either psk_file");
	check_credentials(&(struct tls_config){"", keys, key, ca}, EXIT_CONFIG, "tls.cert");
	check_credentials(&(struct tls_config){"", cert, keys, ca}, EXIT_CONFIG, "tls.key");
	check_credentials(&(struct tls_config){"", cert, key, keys}, EXIT_CONFIG, "tls.ca");
	check_credentials(&(struct tls_config){tls_path("none"), "", "", ""}, EXIT_NOINPUT, "none");
	ck_assert_int_eq(chmod(keys, 0640), 0);
	check_credentials(&(struct tls_config){keys, "", "", ""}, EXIT_CONFIG, "chmod 600 it");
	tls_remove_files();
}
END_TEST

SUITE_MAIN("tls", shared_key, certificates, freeze_in_tls, wrong_keys, wrong_clients, wrong_servers,
	   no_downgrade, the_scheme_says_which, older_client, older_server, credentials_are_checked)
