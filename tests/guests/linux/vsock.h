/* SPDX-License-Identifier: Apache-2.0 */
/* vsock.h - the commands of witness over vsock; see witness.c.  0 or -1 with errno. */
#ifndef TESTS_GUESTS_LINUX_VSOCK_H
#define TESTS_GUESTS_LINUX_VSOCK_H

#include <stddef.h>

/* This machine's CID. */
int vsock_cid(unsigned *cid);

/* Echo whatever arrives on a port, from now on. */
int vsock_listen(unsigned port);

/* Connect to a port of the host, in place of the connection there was. */
int vsock_connect(unsigned port);

/* Send a text over that connection and wait for as many bytes to come back, into reply. */
int vsock_say(const char *text, char *reply);

#endif
