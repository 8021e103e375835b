/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtc.h - the PL031 real-time clock (ARM DDI 0224C, chapter 3).
 *
 * DR counts seconds since 1970: the host's real time plus an offset, which is 0 until the guest
 * loads another time into LR.  The offset is what a snapshot keeps, so after a thaw the
 * clock tells the true time.  A match (DR reaches MR) shows in RIS and MIS; the interrupt is not
 * wired.  Registers are 32 bits wide; accesses of other sizes have no effect.
 */
#ifndef DEVICES_RTC_H
#define DEVICES_RTC_H

#include "devices/device.h"

struct rtc_config {
	uint64_t (*wall_ns)(void); /* clock_wall_ns, or a test's clock */
};

MUST_USE int rtc_create(const struct device_host *host, const struct rtc_config *config,
			struct device **device);

#endif
