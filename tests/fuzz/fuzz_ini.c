/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ini.c - any bytes as a machine's configuration.  What is accepted must print as a file
 * that reads back as the same configuration.
 */
#include "fuzz.h"
#include "machine/config.h"

#include <stdlib.h>
#include <string.h>

static void check_round_trip(const struct machine_config *config)
{
	static struct machine_config again;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out || config_print(config, out) || fclose(out))
		abort();
	config_defaults(&again, CONFIG_RUN);
	if (ini_load_text(&config_schema, "printed", text, size, &again))
		abort();
	if (memcmp(&again, config, sizeof(again)) != 0)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine_config config;

	config_defaults(&config, CONFIG_RUN);
	if (ini_load_text(&config_schema, "fuzz", data, size, &config) == 0) {
		(void)!config_check(&config, CONFIG_RUN);
		check_round_trip(&config);
	}
	return 0;
}
