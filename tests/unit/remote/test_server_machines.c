/* SPDX-License-Identifier: Apache-2.0 */
/* test_server_machines.c - who is let in, who may come back, and the memory promised. */
#include "remote/memory_budget.h"
#include "remote/server_machines.h"
#include "suite.h"

#include "base/clock.h"

static const uint8_t a[MACHINE_ID_SIZE] = "machine a", b[MACHINE_ID_SIZE] = "machine b";
static struct server_machines *machines;

static void init(unsigned most, uint64_t linger_ns)
{
	ck_ok(server_machines_create(4, most, linger_ns, &machines));
}

static struct served_machine *enter(const uint8_t *id)
{
	struct served_machine *machine;

	ck_ok(server_machines_enter(machines, id, &machine));
	return machine;
}

START_TEST(connections_of_one_machine_share_it)
{
	struct served_machine *one, *other;

	init(10, 0);
	ck_assert(!server_machines_knows(machines, a));
	one = enter(a);
	ck_assert_ptr_eq(enter(a), one);
	other = enter(b);
	ck_assert_ptr_ne(other, one);
	ck_assert_uint_eq(server_machines_count(machines), 2);
	server_machines_leave(machines, one, false);
	ck_assert(server_machines_knows(machines, a));
	server_machines_leave(machines, one, false);
	ck_assert(!server_machines_knows(machines, a));
	server_machines_leave(machines, other, false);
	server_machines_destroy(machines);
}
END_TEST

START_TEST(one_machine_too_many_is_refused)
{
	struct served_machine *one, *none;

	init(1, 0);
	one = enter(a);
	ck_assert_ptr_eq(enter(a), one); /* not a new one */
	ck_fails(server_machines_enter(machines, b, &none), EXIT_UNAVAILABLE, "try again in 5 s");
	server_machines_leave(machines, one, false);
	server_machines_leave(machines, one, false);
	server_machines_leave(machines, enter(b), false);
	server_machines_destroy(machines);
}
END_TEST

/* Its place is kept, also from others. */
START_TEST(lost_machine_may_come_back)
{
	struct served_machine *one, *none;

	init(1, 3600 * NS_PER_S);
	one = enter(a);
	server_machines_leave(machines, one, true);
	ck_assert(server_machines_knows(machines, a));
	ck_fails(server_machines_enter(machines, b, &none), EXIT_UNAVAILABLE, "served already");
	ck_assert_ptr_eq(enter(a), one);
	server_machines_leave(machines, one, false); /* it came back, and ended well */
	server_machines_leave(machines, enter(b), false);
	server_machines_destroy(machines);
}
END_TEST

START_TEST(budget_is_never_exceeded_by_taking)
{
	struct memory_budget budget = {.most = 100};

	ck_assert(budget_take(&budget, 60));
	ck_assert(!budget_take(&budget, 41));
	ck_assert(!budget_take(&budget, UINT64_MAX));
	ck_assert(budget_take(&budget, 40));
	budget_force(&budget, 50);
	ck_assert(!budget_take(&budget, 1));
	ck_assert_uint_eq(budget.used, 150);
	budget_give(&budget, 150);
	ck_assert(budget_take(&budget, 100));
}
END_TEST

SUITE_MAIN("server_machines", connections_of_one_machine_share_it, one_machine_too_many_is_refused,
	   lost_machine_may_come_back, budget_is_never_exceeded_by_taking)
