/* The skeleton of a tool: options go into the struct that the caller gives, and into no other; without memory
 * a tool says so and prints no part of a text. */
#include "cli/cli.h"
#include "../support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static long fails = -1, asked; /* the allocation that fails, from 0; how many there were */

/* All of lib/base's memory comes from here; the sanitizers' own does not. */
int posix_memalign(void **out, size_t align, size_t size)
{
	if (asked++ == fails)
		return ENOMEM;
	size_t whole = (size + align - 1) / align * align;
	*out = aligned_alloc(align, whole ? whole : align);
	return *out ? 0 : ENOMEM;
}

struct options {
	char *name, *file;
	int64_t size, count;
	double rate;
	int kind;
	bool flag, count_given;
	struct hm_strs list;
	struct hm_shard shard;
};

static const struct options defaults = {.size = 224, .count = 7, .rate = .5, .kind = 1};

static const struct hm_opt table[] = {
	{.group = "First"},
	{"name", 'n', HM_STR(name), "TEXT", "a text"},
	{"size", 0, HM_SIZE(size), "SIZE", "a size", .min = 1, .max = INT64_C(10) << 30},
	{"count", 0, HM_INT(count), "N", "a number", .max = 100, .given = HM_GIVEN(count_given)},
	{.group = "Second"},
	{"rate", 0, HM_DOUBLE(rate), "X", "another number", .dmin = 0, .dmax = 1},
	{"kind", 0, HM_CHOICE(kind), "one|two|three", "a choice"},
	{"flag", 0, HM_FLAG(flag), NULL, "yes or no"},
	{"list", 0, HM_LIST(list), "TEXT", "texts"},
	{"shard", 0, HM_SHARD(shard), "I/N", "a part"},
	{"file", 0, HM_STR(file), "FILE", "a file", .file = HM_FILE_IN},
	{0}};

static const struct hm_tool tool = {"hm-try", "try", "[FILE ...]", table, HM_CLI_OUT, 0, -1};

static void test_own_struct(void **state)
{
	(void)state;
	char *argv[] = {"hm-try", "--size=2K", "-nx",	 "--count", "3",       "--flag", "--kind", "three",
			"--list", "a",	       "--list", "b",	    "--shard", "1/4",	 "in.hmr"};
	struct options o = defaults, same = defaults;
	struct hm_cli c;
	hm_cli_begin(&c, &tool, &o, sizeof argv / sizeof *argv, argv);
	assert_string_equal(o.name, "x");
	assert_int_equal(o.size, 2048);
	assert_int_equal(o.count, 3);
	assert_true(o.count_given && o.flag);
	assert_int_equal(o.kind, 2);
	assert_int_equal(o.list.n, 2);
	assert_string_equal(o.list.item[1], "b");
	assert_true(o.shard.i == 1 && o.shard.n == 4);
	assert_true(o.rate == .5 && !o.file);
	assert_int_equal(c.n_operands, 1);
	assert_memory_equal(&same, &defaults, sizeof same);

	/* a line of a sweep is parsed into a copy, and the call's own options stay as they are */
	struct options line = o, was = o;
	char text[256], value[] = "0.25", bad[] = "2", yes[] = "true", name[] = "y";
	assert_null(hm_cli_set(&c, &line, "rate", value, text, sizeof text));
	assert_null(hm_cli_set(&c, &line, "name", name, text, sizeof text));
	line.flag = false;
	assert_null(hm_cli_set(&c, &line, "flag", yes, text, sizeof text));
	assert_true(line.rate == .25 && line.name == name && line.flag);
	assert_memory_equal(&o, &was, sizeof o);
	assert_string_equal(hm_cli_set(&c, &line, "rate", bad, text, sizeof text),
			    "--rate takes a number from 0 to 1, not '2'");
	assert_string_equal(hm_cli_set(&c, &line, "flag", bad, text, sizeof text),
			    "--flag takes true or false, not '2'");
	for (const char *const *no = (const char *const[]){"quiet", "output", "nothing", NULL}; *no; no++)
		assert_non_null(strstr(hm_cli_set(&c, &line, *no, yes, text, sizeof text), "unknown option"));
	struct options given = defaults;
	assert_null(hm_cli_set(&c, &given, "count", bad, text, sizeof text));
	assert_true(given.count == 2 && given.count_given);
	assert_int_equal(hm_cli_end(&c, 0, NULL), 0);
}

/* Runs a call in a process of its own; its exit status, and what it wrote. */
static int run_call(char *const *argv, int argc, char out[8192], char err[1024])
{
	char to[TEST_PATH], also[TEST_PATH];
	test_scratch(to);
	test_scratch(also);
	int fd = open(to, O_RDWR), other = open(also, O_RDWR), status;
	assert_true(fd >= 0 && other >= 0);
	unlink(to);
	unlink(also);
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct options o = defaults;
		struct hm_cli c;
		if (dup2(fd, STDOUT_FILENO) < 0 || dup2(other, STDERR_FILENO) < 0)
			_exit(100);
		asked = 0;
		hm_cli_begin(&c, &tool, &o, argc, (char **)(uintptr_t)argv);
		_exit(hm_cli_end(&c, 0, NULL));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	ssize_t n = pread(fd, out, 8191, 0), k = pread(other, err, 1023, 0);
	assert_true(n >= 0 && k >= 0);
	out[n] = err[k] = 0;
	close(fd);
	close(other);
	return WEXITSTATUS(status);
}

/* Every allocation fails once: the whole text and 0, or nothing of it, one line and 1. */
static void test_no_memory(void **state)
{
	(void)state;
	static char *const call[][5] = {{"hm-try", "--help"},
					{"hm-try", "--version"},
					{"hm-try", "--completion", "bash"},
					{"hm-try", "--completion", "zsh"},
					{"hm-try", "--file", "Makefile", "a", "b"},
					{"hm-try", "--file", "tests", "-o", "build/x"}};
	char want[8192], out[8192], err[1024];
	for (size_t i = 0; i < sizeof call / sizeof *call; i++) {
		int argc = 0, failed = 0;
		while (argc < 5 && call[i][argc])
			argc++;
		fails = -1;
		assert_int_equal(run_call(call[i], argc, want, err), 0);
		for (fails = 0; fails < 1000; fails++) {
			int rc = run_call(call[i], argc, out, err);
			if (!rc) {
				assert_string_equal(out, want);
				break;
			}
			failed++;
			assert_int_equal(rc, 1);
			assert_string_equal(out, "");
			assert_string_equal(err, "hm-try: error: out of memory\n");
		}
		assert_in_range(failed, 2, 999);
	}
	fails = -1;
}

static void test_help(void **state)
{
	(void)state;
	char out[8192], err[1024];
	static char *const call[] = {"hm-try", "-h"};
	assert_int_equal(run_call(call, 2, out, err), 0);
	assert_non_null(strstr(out, "\nFirst:\n  -n, --name TEXT"));
	assert_non_null(strstr(out, "\nSecond:\n  --rate X"));
	assert_non_null(strstr(out, "a choice (default two)\n"));
	assert_non_null(strstr(out, "a size (default 224)\n"));
	assert_non_null(strstr(out, "\nMessages:\n  -v, --verbose"));
	static char *const other[] = {"hm-try", "--size", "5", "--help"}; /* 5 is not the default */
	assert_int_equal(run_call(other, 4, out, err), 0);
	assert_null(strstr(out, "default 5"));
}

int main(void)
{
	const struct CMUnitTest test[] = {
		cmocka_unit_test(test_own_struct),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_help),
	};
	return cmocka_run_group_tests(test, NULL, NULL);
}
