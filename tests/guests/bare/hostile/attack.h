/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attack.h - a guest that attacks the virtio devices it finds, through one queue of each; queue.c
 * and requests.c have a table of attacks each, and each becomes a guest with attack_main.c.
 *
 * The guest lays out a ring for each attack in the region, prints "READY <attacks>" and waits for
 * a byte; frozen there and thawed, it makes the devices find all of them in cold pages.  Then it
 * runs each attack: it starts the device on that ring, kicks it, and sees that it breaks or
 * answers as it must; another device works meanwhile, and a reset mends the victim.  It prints
 * "SURVIVED <device>" for each, "OK", and powers off at the next byte.
 */
#ifndef BARE_ATTACK_H
#define BARE_ATTACK_H

#include "virtio.h"

#define RAM_END 0x41000000ul /* of the 16 MiB that the tests give it */

/* What must come of an attack. */
enum outcome {
	BREAK,  /* DEVICE_NEEDS_RESET */
	ANSWER, /* the request is done */
	DENY,   /* the disk answers with an error */
	REFUSE, /* the device does not accept these features */
	EITHER, /* it breaks or answers */
};

struct attack {
	const char *name;
	uint32_t device; /* on this kind; 0: on all */
	unsigned queue;  /* 0: the one for the driver's requests */
	enum outcome outcome;
	void (*lay_out)(const struct ring *);   /* instead of a good request; may be NULL */
	void (*set_up)(struct setup *);         /* other than the ring is; may be NULL */
	void (*disturb)(const struct device *); /* once it is started; may be NULL */
};

extern const struct attack attacks[];
extern const unsigned attack_count;

#endif
