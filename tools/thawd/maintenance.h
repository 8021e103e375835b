/* SPDX-License-Identifier: Apache-2.0 */
/* maintenance.h - thawd gc and thawd fsck: what snapshot/store_gc.h and store_fsck.h do, told on
 * stdout. */
#ifndef THAWD_MAINTENANCE_H
#define THAWD_MAINTENANCE_H

#include "config.h"

/* grace: "90s", "15m", "1h", "7d".  exit 64 if it is none of these. */
MUST_USE int collect_garbage(const struct thawd_config *config, const char *grace, bool dry_run);

/* exit 65 if something is wrong. */
MUST_USE int check_store(const struct thawd_config *config, bool json);

#endif
