/* What a writer that was killed has left, and the next one removes: only what is known to be dead. */
#include "base/hiddenname.h"
#include "../support/outcalls.h"

/* A process that is killed between link and rename, and one that is killed on a file system where all files
 * have names, leave a hidden one. */
static void die_with_a_hidden_file(void)
{
	pid_t child = fork();
	if (!child) {
		struct hm_out *o = hm_out_open(target, &e);
		hm_out_write(o, "half", 4, &e);
		kill_at_rename = SIGKILL;
		if (!no_tmpfile)
			hm_out_commit(o, &e);
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
}

static void the_next_writer_removes_what_a_killed_one_left(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		no_tmpfile = named;
		assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
		die_with_a_hidden_file();
		assert_int_equal(count_files(false), 2);
		holds(target, "old");
		hm_out_abort(hm_out_open(target, &e));
		assert_int_equal(count_files(false), 1);
		holds(target, "old");
	}
}

/* A writer that lives is left alone, and a file that is not known to be this system's. */
static void what_may_be_of_a_living_writer_is_left(void **state)
{
	(void)state;
	char mark[HM_HIDDEN_MARK], name[HM_HIDDEN_NAME], path[400];
	hm_hidden_mark(mark);
	assert_int_equal(strlen(mark), HM_HIDDEN_MARK - 1);
	mark[0] = mark[0] == '0' ? '1' : '0'; /* another machine's, or an earlier boot's */
	hm_hidden_name("f", mark, 0, name);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	no_tmpfile = true;
	struct hm_out *o[2 * HM_HIDDEN_SLOTS];
	for (int i = 0; i < 2 * HM_HIDDEN_SLOTS; i++) {
		assert_non_null(o[i] = hm_out_open(target, &e));
		assert_int_equal(hm_out_write(o[i], "live", 4, &e), 0);
	}
	close(open(path, O_CREAT | O_WRONLY, 0600));
	hm_out_abort(hm_out_open(target, &e));
	assert_int_equal(count_files(false), 2 * HM_HIDDEN_SLOTS + 1);
	for (int i = 0; i < 2 * HM_HIDDEN_SLOTS; i++)
		assert_int_equal(hm_out_commit(o[i], &e), 0);
	holds(target, "live");
	assert_int_equal(count_files(false), 2);
}

static void slot_path(int slot, char path[512])
{
	char mark[HM_HIDDEN_MARK], name[HM_HIDDEN_NAME];
	hm_hidden_mark(mark);
	hm_hidden_name("f", mark, slot, name);
	snprintf(path, 512, "%s/%s", folder, name);
}

static void every_slot_is_looked_at(void **state)
{
	char path[512];
	(void)state;
	for (int i = 0; i < HM_HIDDEN_SLOTS; i++) {
		slot_path(i, path);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	hm_out_abort(hm_out_open(target, &e));
	assert_int_equal(count_files(false), 0);
}

static void remove_all(void)
{
	count_files(true);
}

/* Between the making of a hidden file and its lock another process may take it for dead. */
static void a_file_that_is_removed_before_its_lock_is_made_again(void **state)
{
	(void)state;
	no_tmpfile = true;
	before_lock = remove_all;
	assert_int_equal(hm_file_write(target, "new", 3, &e), 0);
	assert_null(before_lock);
	holds(target, "new");
	assert_int_equal(count_files(false), 1);
}

static void put_another_there(void)
{
	char path[512], other[512];
	slot_path(0, path);
	snprintf(other, sizeof other, "%s/other", folder);
	close(open(other, O_CREAT | O_WRONLY, 0600));
	rename(other, path);
}

/* A dead file that was opened, but has lost its name to a living one's. */
static void what_took_a_dead_ones_name_is_left(void **state)
{
	(void)state;
	no_tmpfile = true;
	die_with_a_hidden_file();
	before_lock = put_another_there;
	hm_out_abort(hm_out_open(target, &e));
	assert_null(before_lock);
	assert_int_equal(count_files(false), 1);
}

/* Where files cannot be locked nobody can know that a writer is dead. */
static void without_locks_nothing_is_removed(void **state)
{
	(void)state;
	no_locks = no_tmpfile = true;
	die_with_a_hidden_file();
	assert_int_equal(hm_file_write(target, "new", 3, &e), 0);
	holds(target, "new");
	assert_int_equal(count_files(false), 2);
	no_locks = false;
	hm_out_abort(hm_out_open(target, &e));
	assert_int_equal(count_files(false), 2); /* its name is random */
}

/* What lib/cli does on a signal; other programs' files and those of other processes stay. */
static void a_process_removes_its_own_hidden_files(void **state)
{
	(void)state;
	no_tmpfile = true;
	char other[192];
	struct hm_out *o = hm_out_open(target, &e);
	snprintf(other, sizeof other, "%s/.f.0123456789abcdef.tmp", folder);
	int given = open(other, O_CREAT | O_RDWR, 0600); /* as a parent hands it down: not closed on exec */
	assert_int_equal(count_files(false), 2);
	hm_hidden_remove_own();
	assert_int_equal(count_files(false), 1);
	assert_int_equal(access(other, F_OK), 0);
	close(given);
	hm_out_abort(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_next_writer_removes_what_a_killed_one_left, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_may_be_of_a_living_writer_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(every_slot_is_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_removed_before_its_lock_is_made_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_took_a_dead_ones_name_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(without_locks_nothing_is_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_process_removes_its_own_hidden_files, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
