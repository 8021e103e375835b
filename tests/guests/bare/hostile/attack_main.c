/* SPDX-License-Identifier: Apache-2.0 */
/* attack_main.c - see attack.h. */
#include "attack.h"

static struct ring ring_of(unsigned device, unsigned attack)
{
	return ring_at(page_address((device * attack_count + attack) * RING_PAGES));
}

static bool concerns(const struct attack *attack, const struct device *device)
{
	return !attack->device || attack->device == device->id;
}

static void lay_out(unsigned number, unsigned attack)
{
	struct ring ring = ring_of(number, attack);

	if (!concerns(&attacks[attack], &devices[number]))
		return;
	ring_clear(&ring);
	if (attacks[attack].lay_out)
		attacks[attack].lay_out(&ring);
	else
		ring_request(&ring, devices[number].id);
}

static bool came_to(enum outcome outcome, const struct device *device, const struct ring *ring)
{
	switch (outcome) {
	case BREAK:
		return device_breaks(device);
	case ANSWER:
		return ring_answered(ring);
	case DENY:
		return ring_answered(ring) && ring->data[STATUS_AT] - 1u < 2;
	case REFUSE:
		return reg_get(device, REG_STATUS) == (STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	default:
		return device_settles(device, ring);
	}
}

static void run(const struct attack *attack, const struct device *victim, const struct ring *ring)
{
	struct setup setup = setup_for(ring);
	struct device device = *victim;

	if (attack->queue)
		device.queue = attack->queue;
	if (attack->set_up)
		attack->set_up(&setup);
	device_start(&device, &setup);
	if (attack->disturb)
		attack->disturb(&device);
	device_kick(&device);
	if (!came_to(attack->outcome, &device, ring))
		fail(attack->name, device.base, reg_get(&device, REG_STATUS), attack->outcome);
	device_reset(&device);
}

static void attack_device(unsigned victim)
{
	for (unsigned i = 0; i < attack_count; i++) {
		struct ring ring = ring_of(victim, i);

		if (!concerns(&attacks[i], &devices[victim]))
			continue;
		run(&attacks[i], &devices[victim], &ring);
		device_must_work((victim + 1) % device_count);
		device_must_work(victim);
	}
	print("SURVIVED ");
	print(device_name(devices[victim].id));
	print("\n");
}

void guest_main(void)
{
	devices_find();
	for (unsigned device = 0; device < device_count; device++)
		for (unsigned i = 0; i < attack_count; i++)
			lay_out(device, i);
	print("READY ");
	print_number(attack_count);
	print("\n");
	read_char();
	for (unsigned device = 0; device < device_count; device++)
		attack_device(device);
	print("OK\n");
	read_char();
}
