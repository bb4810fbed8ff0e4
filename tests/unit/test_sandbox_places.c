/* The sandbox as an intruder meets it who wants other files than the call names. */
#include "base/file.h"
#include "../support/sandboxtree.h"

#include <linux/openat2.h>

static int read_picture(void)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	int root = open("root", O_PATH | O_DIRECTORY);
	return (int)syscall(SYS_openat2, root, "picture", &how, sizeof how);
}

static int follow_out(void)
{
	return open("root/out", O_RDONLY);
}

static int leave_root(void)
{
	struct open_how how = {.flags = O_RDONLY};
	int root = open("root", O_PATH | O_DIRECTORY);
	return (int)syscall(SYS_openat2, root, "../other", &how, sizeof how);
}

static int write_in(void)
{
	return open("in", O_WRONLY);
}

static int write_by_openat2(void)
{
	struct open_how how = {.flags = O_WRONLY};
	return (int)syscall(SYS_openat2, AT_FDCWD, "in", &how, sizeof how);
}

static int make_here(void)
{
	return open("new", O_WRONLY | O_CREAT, 0600);
}

static int read_old(void)
{
	return open("made/old", O_RDONLY);
}

static int keep_temporary(void)
{
	struct hm_err e = {0};
	char c;
	int fd = hm_file_temporary("made", &e);
	return fd < 0 || write(fd, "x", 1) != 1 || pread(fd, &c, 1, 0) != 1 ? -1 : fd;
}

static int remove_other(void)
{
	return unlink("other");
}

static int link_other(void)
{
	return link("other", "made/new");
}

static int take_away_other(void)
{
	return rename("other", "made/new");
}

static int make_folder(void)
{
	return mkdir("made/folder", 0700);
}

static void test_places(void **state)
{
	static const struct {
		int (*attempt)(void);
		enum kind kind;
		int want;
	} tries[] = {{read_in, READS, 0},
		     {read_picture, READS, 0},
		     {read_other, READS, EACCES},
		     {read_other, KEEPS, EACCES},
		     {read_passwords, CODES, EACCES},
		     {follow_out, READS, EACCES},
		     {leave_root, READS, EACCES},
		     {write_in, MAKES, EACCES},
		     {write_by_openat2, READS, EACCES},
		     {make_here, MAKES, EACCES},
		     {remove_other, MAKES, EACCES},
		     {link_other, MAKES, EXDEV},
		     {take_away_other, MAKES, EXDEV},
		     {make_folder, MAKES, EPERM},
		     {read_old, MAKES, EACCES},
		     {read_old, KEEPS, 0},
		     {keep_temporary, KEEPS, 0},
		     {keep_temporary, CODES, EPERM},
		     {write_output, MAKES, 0}};
	(void)state;
	if (hm_sandbox_kinds() != (HM_SANDBOX_CALLS | HM_SANDBOX_PLACES))
		skip();
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		int got = attempt_in(tries[i].kind, tries[i].attempt);
		if (tries[i].want == EXDEV && got == EACCES)
			got = EXDEV; /* the first version of Landlock says so */
		assert_int_equal(got, tries[i].want);
	}
	assert_int_equal(attempt_in(KEEPS, make_folder), 0);
	assert_int_equal(rmdir("made/folder"), 0);
}

/* A process that names no output writes nowhere, also where there is no Landlock. */
static void test_reader_writes_nothing(void **state)
{
	static int (*const tries[])(void) = {write_in,	 make_here,	  remove_other,
					     link_other, take_away_other, make_folder};
	(void)state;
	if (!(hm_sandbox_kinds() & HM_SANDBOX_CALLS))
		skip();
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		assert_int_equal(attempt_in(READS, tries[i]), EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_reader_writes_nothing),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
