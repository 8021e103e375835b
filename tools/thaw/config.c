/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - the configuration that a command is given: a file, and on top of it every --set. */
#include "commands.h"

#include <stdio.h>

int load_config(const struct arguments *arguments, const char *path, const char *name,
		enum config_purpose purpose, struct machine_config *config)
{
	int r = 0;

	config_defaults(config, purpose);
	if (name)
		snprintf(config->name, sizeof(config->name), "%s", name);
	if (path)
		r = config_load(config, path);
	for (int i = 0; !r && i < arguments->set_count; i++)
		r = config_override(config, arguments->sets[i]);
	return r ? r : config_check(config, purpose);
}

int load_run_config(const struct arguments *arguments, struct machine_config *config, bool *done)
{
	int r = load_config(arguments, arguments->words[0], NULL, CONFIG_RUN, config);

	*done = arguments->check_config || arguments->print_config;
	if (!r && arguments->print_config)
		r = config_print(config, stdout);
	return r;
}

int open_repository(const struct arguments *arguments, const struct snapshot_url *url,
		    enum store_access access, struct lone_repository *lone)
{
	struct machine_config config;
	int r = load_config(arguments, arguments->config, NULL, CONFIG_RESTORE, &config);

	*lone = (struct lone_repository){0};
	return r ? r : lone_repository_open(lone, &config, url, access);
}
