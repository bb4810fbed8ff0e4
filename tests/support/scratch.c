/* See scratch.h. */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The name that mkstemp and mkdtemp complete. */
static void write_template(char path[TEST_PATH])
{
	static const char name[] = "/hm-test-XXXXXX";
	const char *folder = getenv("TMPDIR");
	if (!folder || strlen(folder) + sizeof name > TEST_PATH)
		folder = "/tmp";
	snprintf(path, TEST_PATH, "%s%s", folder, name);
}

static void stop_at(const char *path)
{
	fprintf(stderr, "# test support failed: ");
	perror(path);
	abort();
}

void test_scratch(char path[TEST_PATH])
{
	write_template(path);
	int fd = mkstemp(path);
	if (fd < 0 || close(fd))
		stop_at(path);
}

void test_scratch_folder(char path[TEST_PATH])
{
	write_template(path);
	if (!mkdtemp(path))
		stop_at(path);
}
