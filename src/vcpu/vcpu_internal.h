/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu_internal.h - what vcpu.c and vcpu_set.c share; nobody else. */
#ifndef VCPU_VCPU_INTERNAL_H
#define VCPU_VCPU_INTERNAL_H

#include "vcpu/counter.h"
#include "vcpu/vcpu.h"
#include "vcpu/vcpu_set.h"

#include <signal.h>
#include <stdbool.h>

/* What interrupts KVM_RUN; its handler does nothing. */
#define VCPU_KICK_SIGNAL SIGRTMIN

struct vcpu_set {
	struct vcpu_set_config config;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* paused, ending, parked, or failed did */
	bool paused, ending;
	bool failed; /* a thread could not begin, because of error */
	struct error error;
	unsigned threads;  /* started */
	bool thawed;       /* restored, and has not run yet */
	bool stands_still; /* paused or restored, at this moment of its time */
	struct counter counter;
	struct vcpu vcpus[];
};

/* On the vCPU's thread, at a safe point: wait while the set is paused.  False: end. */
bool vcpu_set_wait(struct vcpu *vcpu);

/* The thread could not begin; error_last() says why. */
void vcpu_set_begin_failed(struct vcpu *vcpu);

/* The thread is over. */
void vcpu_set_ended(struct vcpu *vcpu);

#endif
