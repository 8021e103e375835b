/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - `thaw check`: which fault modes this host has and whether it has vhost-net, and what
 * the others would need. */
#include "base/file.h"
#include "commands.h"
#include "devices/virtio/vhost_net.h"
#include "vcpu/fault_mode.h"
#include "vcpu/kvm.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* The newest error is overwritten by the next probe. */
static int probe(const struct kvm *kvm, const struct fault_mode *mode, struct error *why)
{
	int r = mode->probe(kvm);

	*why = (struct error){0};
	if (r)
		*why = *error_last();
	return r;
}

static bool has_vhost(struct error *why)
{
	int fd, r = vhost_net_open(&fd);

	*why = (struct error){0};
	if (r)
		*why = *error_last();
	file_close(&fd);
	return !r;
}

static void print_row(const char *name, bool works, const struct error *why)
{
	printf("%-7s %s\n", name, works ? "yes" : "no");
	if (!works)
		printf("        %s\n", why->text);
}

static json_t *json_row(bool works, const struct error *why)
{
	return json_pack("{s:b, s:s}", "works", works, "why_not", why->text);
}

static void report_text(const struct kvm *kvm, const char **chosen)
{
	struct error why;
	bool works;

	for (unsigned i = 0; i < FAULT_MODES; i++) {
		works = !probe(kvm, fault_modes[i], &why);
		if (works && !*chosen)
			*chosen = fault_modes[i]->name;
		print_row(fault_modes[i]->name, works, &why);
	}
	printf("auto    %s\n", *chosen ? *chosen : "none works: only eager thaws are possible");
	works = has_vhost(&why);
	print_row("vhost", works, &why);
}

static void report_json(const struct kvm *kvm, const char **chosen)
{
	json_t *report = json_object(), *modes = json_object();
	struct error why;
	bool works;

	for (unsigned i = 0; i < FAULT_MODES; i++) {
		works = !probe(kvm, fault_modes[i], &why);
		if (works && !*chosen)
			*chosen = fault_modes[i]->name;
		json_object_set_new(modes, fault_modes[i]->name, json_row(works, &why));
	}
	json_object_set_new(report, "fault_modes", modes);
	json_object_set_new(report, "auto", *chosen ? json_string(*chosen) : json_null());
	works = has_vhost(&why);
	json_object_set_new(report, "vhost", json_row(works, &why));
	print_json(report);
	json_decref(report);
}

int command_check(const struct arguments *arguments, enum exit_code *exit_code)
{
	const char *chosen = NULL;
	struct kvm kvm;
	int r = kvm_open(&kvm);

	if (r)
		return r;
	if (arguments->json)
		report_json(&kvm, &chosen);
	else
		report_text(&kvm, &chosen);
	kvm_close(&kvm);
	*exit_code = chosen ? EXIT_POWEROFF : EXIT_OS;
	return 0;
}
