/* SPDX-License-Identifier: Apache-2.0 */
/* vsock.c - streams between witness and the host. */
#include "vsock.h"

#include <sys/socket.h> /* before vm_sockets.h, which needs it */

#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int connection = -1;

int vsock_cid(unsigned *cid)
{
	int fd = open("/dev/vsock", O_RDONLY);
	int r = fd < 0 ? -1 : ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, cid);

	if (fd >= 0)
		close(fd);
	return r;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

		if (n < 0)
			return -1;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static void *echo(void *argument)
{
	int fd = (int)(intptr_t)argument;
	char data[16384];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0 && !write_all(fd, data, (size_t)n))
		;
	close(fd);
	return NULL;
}

static void *accept_all(void *argument)
{
	int fd, listener = (int)(intptr_t)argument;
	pthread_t thread;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (pthread_create(&thread, NULL, echo, (void *)(intptr_t)fd))
			close(fd);
		else
			pthread_detach(thread);
	}
	return NULL;
}

int vsock_listen(unsigned port)
{
	const struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	pthread_t thread;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 16))
		return -1;
	return pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)fd) ? -1 : 0;
}

int vsock_connect(unsigned port)
{
	const struct sockaddr_vm address = {
		.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};

	if (connection >= 0)
		close(connection);
	connection = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (connection < 0)
		return -1;
	return connect(connection, (const struct sockaddr *)&address, sizeof(address));
}

int vsock_say(const char *text, char *reply)
{
	size_t size = strlen(text), done = 0;

	if (write_all(connection, text, size))
		return -1;
	while (done < size) {
		ssize_t n = read(connection, reply + done, size - done);

		if (n <= 0) {
			errno = n ? errno : EPIPE;
			return -1;
		}
		done += (size_t)n;
	}
	reply[size] = '\0';
	return 0;
}
