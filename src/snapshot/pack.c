/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - the header of a pack, and whether a file is one. */
#include "snapshot/pack.h"
#include "base/cursor.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define MAGIC      "THAWPACK"
#define MAGIC_SIZE 8

void pack_header_format(uint8_t header[PACK_HEADER_SIZE])
{
	struct writer w = writer_over(header, PACK_HEADER_SIZE);

	memset(header, 0, PACK_HEADER_SIZE);
	writer_write(&w, MAGIC, MAGIC_SIZE);
	writer_u32(&w, PACK_VERSION);
	writer_u32(&w, PAGE_SIZE);
}

static int check_header(const uint8_t header[PACK_HEADER_SIZE])
{
	uint8_t expected[PACK_HEADER_SIZE];
	struct cursor c = cursor_over(header, PACK_HEADER_SIZE);
	const uint8_t *start = cursor_take(&c, MAGIC_SIZE);
	uint32_t version = cursor_u32(&c);

	if (memcmp(start, MAGIC, MAGIC_SIZE) != 0)
		return fail(EXIT_DATA, EBADMSG, "not a pack");
	if (version != PACK_VERSION)
		return fail(EXIT_DATA, EBADMSG, "version %u; this program reads only %u", version,
			    PACK_VERSION);
	pack_header_format(expected);
	if (memcmp(header, expected, sizeof(expected)) != 0)
		return fail(EXIT_DATA, EBADMSG, "the header is damaged");
	return 0;
}

int pack_check(int fd, const struct manifest_pack *pack)
{
	uint8_t header[PACK_HEADER_SIZE];
	struct stat st;
	int r;

	if (fstat(fd, &st))
		return fail(EXIT_OS, errno, "%s", strerror(errno));
	if (st.st_size != pack_offset(pack->pages))
		return fail(EXIT_DATA, EBADMSG, "%lld bytes, but %u pages take %lld",
			    (long long)st.st_size, pack->pages,
			    (long long)pack_offset(pack->pages));
	r = file_pread(fd, header, sizeof(header), 0);
	if (r)
		return fail(EXIT_OS, -r, "%s", strerror(-r));
	return check_header(header);
}
