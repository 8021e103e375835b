/* SPDX-License-Identifier: Apache-2.0 */
/* machine_adopt.c - the devices of a snapshot take the place of those of the configuration. */
#include "machine/machine_adopt.h"

#include <errno.h>
#include <string.h>

static void swap(char *a, char *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char c = a[i];

		a[i] = b[i];
		b[i] = c;
	}
}

/* Move the element of a family that has the name of a saved device to where the snapshot has it.
 * Elements begin with their names (ini.h).  -ENOENT without a message: there is none. */
static int adopt_element(void *list, size_t size, unsigned count, unsigned place, const char *name)
{
	char *elements = list;

	for (unsigned i = place; i < count; i++)
		if (!strcmp(elements + i * size, name)) {
			swap(elements + i * size, elements + place * size, size);
			return 0;
		}
	return -ENOENT;
}

/* How far the adoption of a snapshot has come. */
struct adoption {
	struct machine_config *config;
	unsigned disks, nets; /* that the snapshot has had so far */
	bool rng, vsock, balloon;
};

static int adopt_disk(struct adoption *adoption, const struct state_node *node)
{
	struct machine_config *config = adoption->config;
	unsigned place = adoption->disks++;
	char name[INI_NAME_SIZE];
	uint32_t read_only = 0;
	int r = state_get_text(node, "name", name, sizeof(name));

	if (!r)
		r = state_get_u32(node, "read-only", &read_only); /* blk's own field */
	if (r)
		return r;
	if (adopt_element(config->disk, sizeof(config->disk[0]), config->disk_count, place, name))
		return fail(EXIT_CONFIG, ENOENT,
			    "the snapshot has a disk \"%s\"; say where its image is with "
			    "--set disk.%s.path=PATH",
			    name, name);
	if (config->disk[place].read_only && !read_only)
		return fail(EXIT_CONFIG, EINVAL,
			    "disk.%s.read_only: the frozen machine writes to this disk; leave the "
			    "key out, and give it a copy of the image if another machine uses that",
			    name);
	config->disk[place].read_only = read_only;
	return 0;
}

static int adopt_net(struct adoption *adoption, const struct state_node *node)
{
	struct machine_config *config = adoption->config;
	unsigned place = adoption->nets++;
	char name[INI_NAME_SIZE];
	int r = state_get_text(node, "name", name, sizeof(name));

	if (r)
		return r;
	if (adopt_element(config->net, sizeof(config->net[0]), config->net_count, place, name))
		return fail(EXIT_CONFIG, ENOENT,
			    "the snapshot has a network interface \"%s\"; name a tap device for "
			    "it with --set net.%s.tap=TAP",
			    name, name);
	return 0;
}

static int adopt_vsock(struct adoption *adoption, const struct state_node *node)
{
	struct machine_config *config = adoption->config;
	uint32_t cid;
	int r = state_get_u32(node, "guest-cid", &cid); /* vsock's own field */

	if (r)
		return r;
	if (!config->vsock_path[0])
		return fail(EXIT_CONFIG, ENOENT,
			    "the snapshot has a vsock; say where its socket shall be with --set "
			    "vsock.path=PATH");
	if (!config->vsock_cid)
		config->vsock_cid = cid;
	adoption->vsock = true;
	return 0;
}

static int adopt_rng(struct adoption *adoption, const struct state_node *node)
{
	(void)node;
	if (!adoption->config->rng)
		return fail(EXIT_CONFIG, EINVAL,
			    "rng.enabled: the frozen machine has a virtio-rng, which its guest "
			    "goes on using; leave the key out");
	adoption->rng = true;
	return 0;
}

static int adopt_balloon(struct adoption *adoption, const struct state_node *node)
{
	(void)node;
	adoption->balloon = true;
	return 0;
}

/* Every machine has one of these. */
static int adopt_standard(struct adoption *adoption, const struct state_node *node)
{
	(void)adoption, (void)node;
	return 0;
}

static const struct {
	const char *kind;
	int (*adopt)(struct adoption *adoption, const struct state_node *node);
} adopters[] = {
	{KIND_SERIAL, adopt_standard},  {KIND_RTC, adopt_standard},
	{KIND_VMGENID, adopt_standard}, {KIND_BLK, adopt_disk},
	{KIND_NET, adopt_net},          {KIND_RNG, adopt_rng},
	{KIND_VSOCK, adopt_vsock},      {KIND_BALLOON, adopt_balloon},
};

static int adopt_device(struct adoption *adoption, const struct state_node *node)
{
	char kind[INI_NAME_SIZE];
	int r = state_get_text(node, "kind", kind, sizeof(kind));

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(adopters) / sizeof(adopters[0]); i++)
		if (!strcmp(kind, adopters[i].kind))
			return adopters[i].adopt(adoption, node);
	return fail(EXIT_DATA, EBADMSG, "state: a device \"%s\", which this thaw lacks", kind);
}

static int check_left_over(const struct adoption *adoption)
{
	const struct machine_config *config = adoption->config;

	if (adoption->disks < config->disk_count)
		return fail(EXIT_CONFIG, EINVAL,
			    "disk.%s: the frozen machine has no disk of that name; leave it out",
			    config->disk[adoption->disks].name);
	if (adoption->nets < config->net_count)
		return fail(EXIT_CONFIG, EINVAL,
			    "net.%s: the frozen machine has no network interface of that name; "
			    "leave it out",
			    config->net[adoption->nets].name);
	if (config->vsock_path[0] && !adoption->vsock)
		return fail(EXIT_CONFIG, EINVAL,
			    "vsock.path: the frozen machine has no vsock; leave the key out");
	if (config->balloon && !adoption->balloon)
		return fail(EXIT_CONFIG, EINVAL,
			    "balloon.enabled: the frozen machine has no balloon; leave the key "
			    "out");
	return 0;
}

int machine_adopt(struct machine_config *config, const struct state_node *root)
{
	unsigned count = state_count_numbered(root, "device");
	struct adoption adoption = {.config = config};
	int r;

	for (unsigned i = 0; i < count; i++) {
		struct state_node node;

		r = state_child_numbered(root, "device", i, &node);
		if (!r)
			r = adopt_device(&adoption, &node);
		if (r)
			return r;
	}
	config->rng = adoption.rng;
	r = check_left_over(&adoption);
	config->balloon = adoption.balloon;
	return r;
}
