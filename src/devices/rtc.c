/* SPDX-License-Identifier: Apache-2.0 */
/* rtc.c - PL031: a counter of seconds. */
#include "devices/rtc.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* ARM DDI 0224C, table 3-1. */
enum rtc_register {
	RTC_DR = 0x00,   /* data: the time */
	RTC_MR = 0x04,   /* match */
	RTC_LR = 0x08,   /* load: set the time */
	RTC_CR = 0x0c,   /* control: bit 0 starts the counter, and cannot stop it */
	RTC_IMSC = 0x10, /* interrupt mask: 1 lets it through */
	RTC_RIS = 0x14,  /* raw interrupt status */
	RTC_MIS = 0x18,  /* masked interrupt status */
	RTC_ICR = 0x1c,  /* interrupt clear */
	RTC_ID = 0xfe0,  /* PeriphID0..3, PCellID0..3 */
};

static const uint8_t rtc_id[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

struct rtc {
	struct device device;
	uint64_t (*wall_ns)(void);

	pthread_mutex_t lock; /* guards what follows */
	uint32_t offset;      /* s; DR = host time + offset, modulo 2^32 */
	uint32_t match, load, mask;
	uint32_t raw;    /* RIS */
	uint32_t looked; /* DR when it was last compared with match */
};

static struct rtc *rtc_of(struct device *device)
{
	return container_of(device, struct rtc, device);
}

static uint32_t host_seconds(const struct rtc *rtc)
{
	return (uint32_t)(rtc->wall_ns() / NS_PER_S);
}

/* The time now; on the way note whether it has passed the match since the last look. */
static uint32_t look(struct rtc *rtc)
{
	uint32_t now = host_seconds(rtc) + rtc->offset;

	if (now - rtc->match < now - rtc->looked)
		rtc->raw = 1;
	rtc->looked = now;
	return now;
}

static void set_time(struct rtc *rtc, uint32_t seconds)
{
	rtc->load = seconds;
	rtc->offset = seconds - host_seconds(rtc);
	rtc->looked = seconds - 1; /* a match of this very second counts */
	look(rtc);
}

static uint32_t read_register(struct rtc *rtc, uint64_t offset)
{
	uint32_t now = look(rtc);

	switch (offset) {
	case RTC_DR:
		return now;
	case RTC_MR:
		return rtc->match;
	case RTC_LR:
		return rtc->load;
	case RTC_CR:
		return 1;
	case RTC_IMSC:
		return rtc->mask;
	case RTC_RIS:
		return rtc->raw;
	case RTC_MIS:
		return rtc->raw & rtc->mask;
	default:
		if (offset >= RTC_ID && offset % 4 == 0 && (offset - RTC_ID) / 4 < sizeof(rtc_id))
			return rtc_id[(offset - RTC_ID) / 4];
		return 0;
	}
}

static uint64_t rtc_read(struct device *device, uint64_t offset, unsigned size)
{
	struct rtc *rtc = rtc_of(device);
	uint32_t value;

	if (size != 4)
		return 0;
	pthread_mutex_lock(&rtc->lock);
	value = read_register(rtc, offset);
	pthread_mutex_unlock(&rtc->lock);
	return value;
}

static void write_register(struct rtc *rtc, uint64_t offset, uint32_t value)
{
	uint32_t now = look(rtc);

	switch (offset) {
	case RTC_MR:
		rtc->match = value;
		if (value == now)
			rtc->raw = 1;
		break;
	case RTC_LR:
		set_time(rtc, value);
		break;
	case RTC_IMSC:
		rtc->mask = value & 1;
		break;
	case RTC_ICR:
		rtc->raw &= ~value;
		break;
	}
}

static void rtc_write(struct device *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct rtc *rtc = rtc_of(device);

	if (size != 4)
		return;
	pthread_mutex_lock(&rtc->lock);
	write_register(rtc, offset, (uint32_t)value);
	pthread_mutex_unlock(&rtc->lock);
}

static void rtc_save(const struct device *device, struct state_writer *writer)
{
	const struct rtc *rtc = const_container_of(device, struct rtc, device);

	state_put_u32(writer, "offset", rtc->offset);
	state_put_u32(writer, "match", rtc->match);
	state_put_u32(writer, "load", rtc->load);
	state_put_u32(writer, "mask", rtc->mask);
	state_put_u32(writer, "raw", rtc->raw);
	state_put_u32(writer, "looked", rtc->looked);
}

static int rtc_restore(struct device *device, const struct state_node *node)
{
	struct rtc *rtc = rtc_of(device);
	int r = state_get_u32(node, "offset", &rtc->offset);

	if (!r)
		r = state_get_u32(node, "match", &rtc->match);
	if (!r)
		r = state_get_u32(node, "load", &rtc->load);
	if (!r)
		r = state_get_u32(node, "mask", &rtc->mask);
	if (!r)
		r = state_get_u32(node, "raw", &rtc->raw);
	if (!r)
		r = state_get_u32(node, "looked", &rtc->looked);
	if (!r && (rtc->mask | rtc->raw) > 1)
		r = fail(EXIT_DATA, EBADMSG, "rtc state: mask %#x, raw %#x: bits that do not exist",
			 rtc->mask, rtc->raw);
	return r;
}

static void rtc_resume(struct device *device)
{
	(void)device; /* no interrupt, no I/O */
}

static void rtc_destroy(struct device *device)
{
	struct rtc *rtc = rtc_of(device);

	pthread_mutex_destroy(&rtc->lock);
	free(rtc);
}

static const struct device_ops rtc_ops = {
	.name = "rtc",
	.read = rtc_read,
	.write = rtc_write,
	.save = rtc_save,
	.restore = rtc_restore,
	.resume = rtc_resume,
	.destroy = rtc_destroy,
};

int rtc_create(const struct device_host *host, const struct rtc_config *config,
	       struct device **device)
{
	struct rtc *rtc = calloc(1, sizeof(*rtc));

	(void)host;
	*device = NULL;
	if (!rtc)
		return fail(EXIT_OS, ENOMEM, "rtc: out of memory");
	rtc->device.ops = &rtc_ops;
	rtc->wall_ns = config->wall_ns;
	rtc->looked = host_seconds(rtc);
	pthread_mutex_init(&rtc->lock, NULL);
	*device = &rtc->device;
	return 0;
}
