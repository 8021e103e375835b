/* SPDX-License-Identifier: Apache-2.0 */
/* vcpu_set.c - the vCPUs of a machine and the protocol that pauses them (vcpu.h). */
#include "vcpu/vcpu_set.h"

#include "base/clock.h"
#include "base/log.h"
#include "vcpu/registers.h"
#include "vcpu/vcpu_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void init_locks(struct vcpu_set *set)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&set->lock, NULL);
	pthread_cond_init(&set->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

static int init_vcpu(struct vcpu_set *set, unsigned index)
{
	struct vcpu *vcpu = &set->vcpus[index];

	vcpu->set = set;
	vcpu->index = index;
	vcpu->memory = set->config.memory;
	vcpu->fault_mode = set->config.fault_mode;
	return vcpu_init(vcpu, set->config.vm, set->config.cpu);
}

int vcpu_set_create(const struct vcpu_set_config *config, struct vcpu_set **out)
{
	struct vcpu_set *set = calloc(1, sizeof(*set) + config->count * sizeof(set->vcpus[0]));
	int r = 0;

	if (!set)
		return fail(EXIT_OS, ENOMEM, "out of memory for %u vCPUs", config->count);
	set->config = *config;
	set->paused = true;
	init_locks(set);
	for (unsigned i = 0; i < config->count; i++)
		set->vcpus[i].fd = -1;
	for (unsigned i = 0; i < config->count && !r; i++)
		r = init_vcpu(set, i);
	if (r)
		vcpu_set_destroy(set);
	else
		*out = set;
	return r;
}

int vcpu_set_boot(struct vcpu_set *set, uint64_t entry, uint64_t device_tree)
{
	int r = 0;

	for (unsigned i = 0; i < set->config.count && !r; i++)
		r = vcpu_finalize(&set->vcpus[i]);
	return r ? r : vcpu_boot(&set->vcpus[0], entry, device_tree);
}

/* Make a thread leave KVM_RUN, or not enter it; the order of the two matters (vcpu.h). */
static void kick(struct vcpu *vcpu)
{
	__atomic_store_n(&vcpu->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(vcpu->thread, VCPU_KICK_SIGNAL);
}

static void kick_all(struct vcpu_set *set)
{
	for (unsigned i = 0; i < set->threads; i++)
		kick(&set->vcpus[i]);
}

bool vcpu_set_wait(struct vcpu *vcpu)
{
	struct vcpu_set *set = vcpu->set;
	bool go_on;

	pthread_mutex_lock(&set->lock);
	while (set->paused && !set->ending) {
		vcpu->parked = true;
		pthread_cond_broadcast(&set->changed);
		pthread_cond_wait(&set->changed, &set->lock);
	}
	go_on = !set->ending;
	vcpu->parked = false;
	if (go_on)
		__atomic_store_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&set->lock);
	return go_on;
}

void vcpu_set_begin_failed(struct vcpu *vcpu)
{
	struct vcpu_set *set = vcpu->set;

	pthread_mutex_lock(&set->lock);
	if (!set->failed)
		set->error = *error_last();
	set->failed = true;
	pthread_mutex_unlock(&set->lock);
}

void vcpu_set_ended(struct vcpu *vcpu)
{
	struct vcpu_set *set = vcpu->set;

	pthread_mutex_lock(&set->lock);
	vcpu->parked = true;
	pthread_cond_broadcast(&set->changed);
	pthread_mutex_unlock(&set->lock);
}

static void on_kick(int signal_number)
{
	(void)signal_number;
}

static int start_threads(struct vcpu_set *set)
{
	struct sigaction action = {.sa_handler = on_kick};

	if (sigaction(VCPU_KICK_SIGNAL, &action, NULL))
		return fail(EXIT_OS, errno, "sigaction: %s", strerror(errno));
	while (set->threads < set->config.count) {
		struct vcpu *vcpu = &set->vcpus[set->threads];
		int errnum = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);

		if (errnum)
			return fail(EXIT_OS, errnum, "vCPU %u: cannot start its thread: %s",
				    vcpu->index, strerror(errnum));
		set->threads++;
	}
	return 0;
}

/* The first vCPU that runs, waits for a page, or has not begun; NULL: all are parked. */
static struct vcpu *find_unparked(struct vcpu_set *set)
{
	for (unsigned i = 0; i < set->threads; i++)
		if (!set->vcpus[i].parked)
			return &set->vcpus[i];
	return NULL;
}

int vcpu_set_start(struct vcpu_set *set)
{
	int r = start_threads(set);

	if (r)
		return r;
	pthread_mutex_lock(&set->lock);
	while (find_unparked(set))
		pthread_cond_wait(&set->changed, &set->lock);
	if (set->failed)
		r = error_adopt(&set->error);
	pthread_mutex_unlock(&set->lock);
	return r;
}

static int start_clock(struct vcpu_set *set)
{
	return counter_set(&set->vcpus[0], &set->counter, set->config.clock_advances);
}

void vcpu_set_resume(struct vcpu_set *set)
{
	/* It was set once already; without this the guest sees the time since then. */
	if (set->thawed && start_clock(set))
		log_warning("the guest's clock: %s", error_last()->text);
	set->thawed = set->stands_still = false;
	pthread_mutex_lock(&set->lock);
	set->paused = false;
	pthread_cond_broadcast(&set->changed);
	pthread_mutex_unlock(&set->lock);
}

static struct timespec deadline_in_ms(unsigned timeout_ms)
{
	uint64_t ns = clock_now_ns() + timeout_ms * NS_PER_MS;

	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S),
				 .tv_nsec = (long)(ns % NS_PER_S)};
}

/* A thaw goes on from this moment and not from when its memory was written at last. */
static int stand_still(struct vcpu_set *set)
{
	int r = set->stands_still ? 0 : counter_get(&set->vcpus[0], &set->counter);

	set->stands_still = !r;
	return r;
}

int vcpu_set_pause(struct vcpu_set *set, unsigned timeout_ms)
{
	struct timespec deadline = deadline_in_ms(timeout_ms);
	struct vcpu *late;
	int r = 0;

	pthread_mutex_lock(&set->lock);
	set->paused = true;
	kick_all(set);
	while ((late = find_unparked(set)) && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&set->changed, &set->lock, &deadline);
	pthread_mutex_unlock(&set->lock);
	r = late ? fail(EXIT_UNAVAILABLE, EBUSY,
			"vCPU %u did not pause within %u ms: it waits for a page; try again when "
			"the page server answers",
			late->index, timeout_ms)
		 : stand_still(set);
	if (r)
		vcpu_set_resume(set);
	return r;
}

/* A thread that is asleep in KVM_RUN keeps the signal pending, and KVM looks for one before it
 * enters the guest (kvm_arch_vcpu_ioctl_run() in arch/arm64/kvm/arm.c). */
void vcpu_set_end(struct vcpu_set *set)
{
	if (!set)
		return;
	pthread_mutex_lock(&set->lock);
	set->ending = true;
	kick_all(set);
	pthread_cond_broadcast(&set->changed);
	pthread_mutex_unlock(&set->lock);
}

void vcpu_set_destroy(struct vcpu_set *set)
{
	if (!set)
		return;
	vcpu_set_end(set);
	for (unsigned i = 0; i < set->threads; i++)
		pthread_join(set->vcpus[i].thread, NULL);
	for (unsigned i = 0; i < set->config.count; i++)
		vcpu_finish(&set->vcpus[i], set->config.vm->kvm);
	pthread_cond_destroy(&set->changed);
	pthread_mutex_destroy(&set->lock);
	free(set);
}

int vcpu_set_save(struct vcpu_set *set, struct state_writer *writer)
{
	int r = stand_still(set);

	if (!r)
		counter_save(&set->counter, writer);
	for (unsigned i = 0; i < set->config.count && !r; i++) {
		state_begin_numbered(writer, "vcpu", i);
		r = registers_save(&set->vcpus[i], writer);
		state_end(writer);
	}
	return r;
}

int vcpu_set_adopt_cpu(struct vcpu_set *set, const struct state_node *root, bool write_identity)
{
	unsigned theirs = state_count_numbered(root, "vcpu");
	struct state_node node;
	int r = 0;

	if (theirs != set->config.count)
		return fail(EXIT_DATA, EXDEV, "the snapshot has %u vCPUs, this machine %u", theirs,
			    set->config.count);
	for (unsigned i = 0; i < set->config.count && !r; i++) {
		r = state_child_numbered(root, "vcpu", i, &node);
		if (!r)
			r = registers_adopt_cpu(&set->vcpus[i], &node, write_identity);
	}
	return r;
}

static int restore_vcpu(struct vcpu_set *set, unsigned index, const struct state_node *root)
{
	struct state_node node;
	int r = state_child_numbered(root, "vcpu", index, &node);

	return r ? r : registers_restore(&set->vcpus[index], &node);
}

int vcpu_set_restore(struct vcpu_set *set, const struct state_node *root)
{
	int r = 0;

	for (unsigned i = 0; i < set->config.count && !r; i++)
		r = restore_vcpu(set, i, root);
	if (!r)
		r = counter_restore(&set->counter, root);
	set->thawed = set->stands_still = !r;
	return r ? r : start_clock(set);
}

int vcpu_set_identity(struct vcpu_set *set, struct cpu_identity *cpu)
{
	return registers_identity(&set->vcpus[0], cpu);
}
