/* SPDX-License-Identifier: Apache-2.0 */
/* rate_limit.c - two token buckets. */
#include "devices/rate_limit.h"

#include "base/clock.h"

void rate_limit_init(struct rate_limit *limit, const struct rate_limit_config *config)
{
	*limit = (struct rate_limit){.config = *config};
}

bool rate_limit_exists(const struct rate_limit_config *config)
{
	return config->bytes || config->operations;
}

static uint64_t wait_ns(uint64_t until_ns, uint64_t burst_ns, uint64_t now_ns)
{
	uint64_t begin_ns = until_ns > burst_ns ? until_ns - burst_ns : 0;

	return begin_ns > now_ns ? begin_ns - now_ns : 0;
}

uint64_t rate_limit_wait_ns(const struct rate_limit *limit, uint64_t now_ns)
{
	uint64_t bytes = wait_ns(limit->bytes_until_ns, limit->config.burst_ns, now_ns);
	uint64_t operations = wait_ns(limit->operations_until_ns, limit->config.burst_ns, now_ns);

	return bytes > operations ? bytes : operations;
}

/* Rounded up: a limit is never exceeded. */
static void spend(uint64_t *until_ns, uint64_t rate, uint64_t now_ns, uint64_t amount)
{
	uint64_t scaled = amount * NS_PER_S; /* below 2^62 */

	if (!rate)
		return;
	if (*until_ns < now_ns)
		*until_ns = now_ns;
	*until_ns += scaled / rate + (scaled % rate != 0);
}

void rate_limit_spend(struct rate_limit *limit, uint64_t now_ns, uint64_t bytes)
{
	spend(&limit->bytes_until_ns, limit->config.bytes, now_ns, bytes);
	spend(&limit->operations_until_ns, limit->config.operations, now_ns, 1);
}
