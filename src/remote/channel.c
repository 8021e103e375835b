/* SPDX-License-Identifier: Apache-2.0 */
/* channel.c - a socket, or OpenSSL's TLS 1.3 over it. */
#include "remote/channel.h"
#include "base/file.h"
#include "remote/tls_context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static bool is_address(const char *host)
{
	uint8_t address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* The certificate of the server must name the host. */
static bool expect_host(SSL *ssl, const char *host)
{
	char name[256]; /* OpenSSL's macro wants one that it could write to */

	(void)snprintf(name, sizeof(name), "%s", host);
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

int channel_open(struct channel *channel, int fd, struct tls_context *context, const char *host)
{
	SSL *ssl;

	*channel = (struct channel){.fd = fd};
	if (!context)
		return 0;
	ssl = SSL_new(context->ssl);
	if (!ssl || SSL_set_fd(ssl, fd) != 1 ||
	    (context->role == TLS_CLIENT && !expect_host(ssl, host))) {
		SSL_free(ssl);
		channel_close(channel);
		return fail(EXIT_OS, ENOMEM, "TLS: out of memory");
	}
	if (context->role == TLS_CLIENT) {
		SSL_set_read_ahead(ssl, 1); /* one read for an answer; it is never polled before */
		SSL_set_connect_state(ssl);
	} else {
		SSL_set_accept_state(ssl);
	}
	channel->tls = ssl;
	return 0;
}

void channel_close(struct channel *channel)
{
	if (channel->tls) {
		ERR_clear_error();
		if (SSL_is_init_finished(channel->tls))
			SSL_shutdown(channel->tls); /* says goodbye, and waits for nothing */
		SSL_free(channel->tls);
	}
	channel->tls = NULL;
	file_close(&channel->fd);
}

void channel_drop_tls(struct channel *channel)
{
	SSL_free(channel->tls);
	channel->tls = NULL;
}

/* Does an error of this reason say that one side does not accept the other? */
static bool is_refusal(int reason)
{
	int alert = reason - SSL_AD_REASON_OFFSET;

	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_BINDER_DOES_NOT_VERIFY ||
	    reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE ||
	    reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM || reason == SSL_R_NO_SHARED_CIPHER)
		return true;
	return alert >= 0 && alert < 256 && alert != SSL_AD_PROTOCOL_VERSION &&
	       alert != SSL_AD_UNEXPECTED_MESSAGE && alert != SSL_AD_DECODE_ERROR &&
	       alert != SSL_AD_RECORD_OVERFLOW;
}

static int tls_refused(SSL *ssl)
{
	unsigned long error = ERR_peek_error();
	const char *why = ERR_reason_error_string(error);
	long verified = SSL_get_verify_result(ssl);

	if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return fail(EXIT_PERMISSION, EACCES, "TLS: the certificate is not accepted: %s",
			    X509_verify_cert_error_string(verified));
	if (ERR_GET_LIB(error) == ERR_LIB_SSL && is_refusal(ERR_GET_REASON(error)))
		return fail(EXIT_PERMISSION, EACCES,
			    "TLS: the two sides do not accept each other's key or certificate: %s",
			    why ? why : "no reason given");
	return fail(EXIT_PROTOCOL, EPROTO, "TLS: the peer does not speak TLS 1.3 as it should: %s",
		    why ? why : "no reason given");
}

/* After an operation that returned r <= 0: 0 at the end of the stream, or -errno. */
static int tls_failed(struct channel *channel, int r, int errnum)
{
	switch (SSL_get_error(channel->tls, r)) {
	case SSL_ERROR_WANT_READ:
		channel->wants_output = false;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		channel->wants_output = true;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return errnum ? -errnum : -ECONNRESET;
	default:
		if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
			return -ECONNRESET;
		return tls_refused(channel->tls);
	}
}

int channel_handshake(struct channel *channel)
{
	int r;

	if (!channel->tls)
		return 0;
	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(channel->tls);
	if (r == 1)
		return 0;
	r = tls_failed(channel, r, errno);
	return r ? r : -ECONNRESET;
}

static ssize_t tls_receive(struct channel *channel, void *data, size_t size)
{
	size_t n;
	int r;

	ERR_clear_error();
	errno = 0;
	r = SSL_read_ex(channel->tls, data, size, &n);
	return r == 1 ? (ssize_t)n : tls_failed(channel, r, errno);
}

ssize_t channel_receive(struct channel *channel, void *data, size_t size)
{
	ssize_t n;

	if (channel->tls)
		return tls_receive(channel, data, size);
	n = recv(channel->fd, data, size, 0);
	return n < 0 ? -errno : n;
}

/* A record holds at most 16 KiB. */
static ssize_t tls_send(struct channel *channel, const uint8_t *data, size_t size)
{
	size_t done = 0, n;

	while (done < size) {
		int r;

		ERR_clear_error();
		errno = 0;
		if (SSL_write_ex(channel->tls, data + done, size - done, &n) == 1) {
			done += n;
			continue;
		}
		r = tls_failed(channel, 0, errno);
		if (done && r == -EAGAIN)
			break;
		return r ? r : -EPIPE;
	}
	return (ssize_t)done;
}

ssize_t channel_send(struct channel *channel, const void *data, size_t size, bool more)
{
	ssize_t n;

	if (channel->tls)
		return tls_send(channel, data, size);
	n = send(channel->fd, data, size, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	return n < 0 ? -errno : n;
}

ssize_t channel_send_file(struct channel *channel, int fd, uint64_t offset, size_t size)
{
	off_t at = (off_t)offset;
	ssize_t n = sendfile(channel->fd, fd, &at, size);

	if (n < 0)
		return -errno;
	return n ? n : -ENODATA;
}

short channel_events(const struct channel *channel)
{
	return channel->wants_output ? POLLOUT : POLLIN;
}

bool channel_pending(const struct channel *channel)
{
	return channel->tls && SSL_pending(channel->tls) > 0;
}

/* Only what a person could have meant. */
static void copy_identity(const char *from, size_t size, char identity[IDENTITY_SIZE])
{
	identity[0] = 0;
	if (size >= IDENTITY_SIZE)
		return;
	for (size_t i = 0; i < size; i++)
		if (from[i] < ' ' || from[i] > '~')
			return;
	memcpy(identity, from, size);
	identity[size] = 0;
}

static void common_name(X509 *certificate, char identity[IDENTITY_SIZE])
{
	X509_NAME *name = X509_get_subject_name(certificate);
	int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *text;

	if (index < 0)
		return;
	text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index));
	copy_identity((const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text),
		      identity);
}

void channel_identity(const struct channel *channel, char identity[IDENTITY_SIZE])
{
	const char *psk;
	X509 *certificate;

	identity[0] = 0;
	if (!channel->tls || !SSL_is_init_finished(channel->tls))
		return;
	psk = tls_psk_identity(channel->tls);
	certificate = SSL_get0_peer_certificate(channel->tls);
	if (psk)
		copy_identity(psk, strlen(psk), identity);
	else if (certificate)
		common_name(certificate, identity);
}
