/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - `thaw check`: which fault modes this host has, and what the others would need. */
#include "commands.h"
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

static void report_text(const struct kvm *kvm, const char **chosen)
{
	for (unsigned i = 0; i < FAULT_MODES; i++) {
		struct error why;
		bool works = !probe(kvm, fault_modes[i], &why);

		if (works && !*chosen)
			*chosen = fault_modes[i]->name;
		printf("%-7s %s\n", fault_modes[i]->name, works ? "yes" : "no");
		if (!works)
			printf("        %s\n", why.text);
	}
	printf("auto    %s\n", *chosen ? *chosen : "none works: only eager thaws are possible");
}

static void report_json(const struct kvm *kvm, const char **chosen)
{
	json_t *report = json_object(), *modes = json_object();

	for (unsigned i = 0; i < FAULT_MODES; i++) {
		struct error why;
		bool works = !probe(kvm, fault_modes[i], &why);

		if (works && !*chosen)
			*chosen = fault_modes[i]->name;
		json_object_set_new(modes, fault_modes[i]->name,
				    json_pack("{s:b, s:s}", "works", works, "why_not", why.text));
	}
	json_object_set_new(report, "fault_modes", modes);
	json_object_set_new(report, "auto", *chosen ? json_string(*chosen) : json_null());
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
