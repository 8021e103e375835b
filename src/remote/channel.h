/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - bytes over one connected socket: as they are, or in TLS 1.3.
 *
 * Which of the two is decided by configuration before the first byte, never by what the peer
 * says, so there is nothing to downgrade.  TLS is version 1.3 only, without session tickets,
 * resumption, 0-RTT or renegotiation.  The two sides know each other by one of
 *
 *	psk_file       a shared key: lines of IDENTITY:HEXKEY (psk_file.h)
 *	cert, key, ca  certificates, each side's signed by a CA that the other trusts; a client
 *	               also checks that the server's names the host it connected to
 *
 *	tls_context_create()         credentials, for a whole session or server
 *	channel_open(), channel_handshake() (client), channel_send(), channel_receive()
 *
 * Send and receive behave as on the socket, which may block or not, and say -EAGAIN when it
 * would block; then wait for channel_events().  A server needs no handshake: it takes place in
 * the first receives.
 *
 * Threads: a channel belongs to one thread at a time; a context may be used by any.  The program
 * must ignore SIGPIPE.
 * Errors: exit 77 -EACCES when one side does not accept the other, 76 -EPROTO when the peer does
 * not speak TLS 1.3, 78 for credentials that cannot be used; otherwise -errno without a message.
 */
#ifndef REMOTE_CHANNEL_H
#define REMOTE_CHANNEL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IDENTITY_SIZE 128 /* with its NUL; of printable ASCII */

struct tls_config { /* empty texts: not given; exactly one of the two ways */
	const char *psk_file, *cert, *key, *ca;
};

enum tls_role { TLS_CLIENT, TLS_SERVER };

struct tls_context;

MUST_USE int tls_context_create(const struct tls_config *config, enum tls_role role,
				struct tls_context **context);
/* Accepts NULL. */
void tls_context_destroy(struct tls_context *context);

struct channel {
	int fd;    /* -1: closed */
	void *tls; /* NULL: as they are */
	bool wants_output;
};

/* Takes over fd, also when it fails.  context NULL: as they are.  host: of a client's server. */
MUST_USE int channel_open(struct channel *channel, int fd, struct tls_context *context,
			  const char *host);
/* Accepts a closed one. */
void channel_close(struct channel *channel);

/* Say the last words to a peer that does not speak TLS as they are. */
void channel_drop_tls(struct channel *channel);

/* 0 once done, or -EAGAIN. */
MUST_USE int channel_handshake(struct channel *channel);

/* At least one byte, 0 at the peer's end, or -errno. */
MUST_USE ssize_t channel_receive(struct channel *channel, void *data, size_t size);

/* As many as it took, or -errno.  After -EAGAIN the next must begin with the same bytes. */
MUST_USE ssize_t channel_send(struct channel *channel, const void *data, size_t size, bool more);

/* The same of bytes in a file, without copying them; not in TLS.  -ENODATA behind its end. */
MUST_USE ssize_t channel_send_file(struct channel *channel, int fd, uint64_t offset, size_t size);

/* What to wait for with poll(2) after -EAGAIN in a receive or a handshake. */
short channel_events(const struct channel *channel);

/* Has it received bytes that poll(2) does not know of? */
bool channel_pending(const struct channel *channel);

/* Who the peer has proved to be: a PSK's identity or a certificate's common name; "" if nobody.
 * Valid after the first receive. */
void channel_identity(const struct channel *channel, char identity[IDENTITY_SIZE]);

#endif
