/* SPDX-License-Identifier: Apache-2.0 */
/* irq.c - an interrupt line is an eventfd. */
#include "devices/irq.h"

#include "base/file.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int irq_line_init(struct irq_line *line)
{
	line->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (line->eventfd < 0)
		return fail(EXIT_OS, errno, "interrupt line: %s", strerror(errno));
	return 0;
}

void irq_line_finish(struct irq_line *line)
{
	file_close(&line->eventfd);
}

void irq_raise(struct irq_line *line)
{
	ssize_t n = write(line->eventfd, &(uint64_t){1}, sizeof(uint64_t));

	(void)n; /* EAGAIN: the counter is full, so a pulse is pending anyway */
}
