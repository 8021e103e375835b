/* SPDX-License-Identifier: Apache-2.0 */
/* tls_context.h - inside of channel.h: credentials. */
#ifndef REMOTE_TLS_CONTEXT_H
#define REMOTE_TLS_CONTEXT_H

#include "remote/psk_file.h"

#include <openssl/ssl.h>

struct tls_context {
	SSL_CTX *ssl;
	enum tls_role role;
	struct psk_keys keys; /* count 0: certificates */
};

/* Whose shared key this connection was made with; NULL if with certificates. */
const char *tls_psk_identity(const SSL *ssl);

#endif
