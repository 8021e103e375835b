/* SPDX-License-Identifier: Apache-2.0 */
/* fault_mode.c - choosing a fault mode. */
#include "vcpu/fault_mode.h"

#include <errno.h>
#include <string.h>

const struct fault_mode *const fault_modes[FAULT_MODES] = {
	&fault_mode_exit,
	&fault_mode_trace,
	&fault_mode_poison,
	&fault_mode_uffd,
};

static int select_first(const struct kvm *kvm, const struct fault_mode **mode)
{
	int r = -ENOSYS;

	for (size_t i = 0; i < FAULT_MODES && r; i++) {
		*mode = fault_modes[i];
		r = (*mode)->probe(kvm);
	}
	return r;
}

int fault_mode_select(const struct kvm *kvm, const char *name, const struct fault_mode **mode)
{
	if (!strcmp(name, "auto"))
		return select_first(kvm, mode);
	for (size_t i = 0; i < FAULT_MODES; i++) {
		*mode = fault_modes[i];
		if (!strcmp(name, (*mode)->name))
			return (*mode)->probe(kvm);
	}
	return fail(EXIT_CONFIG, EINVAL,
		    "fault_mode %s: unknown; use auto, exit, trace, poison or uffd", name);
}

int fault_mode_arm(const struct fault_mode *mode, struct userfault *userfault)
{
	return mode->arm ? mode->arm(userfault) : 0;
}
