/* SPDX-License-Identifier: Apache-2.0 */
/* control_operations.h - the POST requests of the control socket, by path. */
#ifndef MACHINE_CONTROL_OPERATIONS_H
#define MACHINE_CONTROL_OPERATIONS_H

#include "machine/machine.h"

#include <jansson.h>

/* Carry out a request on the worker thread and put what to answer into reply, an object. */
typedef int control_operation(struct machine *machine, json_t *arguments, json_t *reply);

/* NULL when there is no such path. */
control_operation *control_find_operation(const char *target);

#endif
