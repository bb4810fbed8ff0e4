/* lib/base's output files where things go wrong between two system calls: file systems that cannot make
 * files without a name, hidden names that are taken, several writers of one target, signals. */
#include "../support/outcalls.h"

/* Two writers of one target are two processes of the same number, on two machines or in two containers. */
static void writers_of_one_target_do_not_meet(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++)
		for (int old = 0; old < 2; old++) {
			no_tmpfile = named;
			struct hm_out *a = hm_out_open(target, &e), *b = hm_out_open(target, &e);
			assert_non_null(a);
			assert_non_null(b);
			assert_int_equal(hm_out_write(a, "first writer", 12, &e), 0);
			assert_int_equal(hm_out_write(b, "second", 6, &e), 0);
			assert_int_equal(hm_out_write(a, ", all of it", 11, &e), 0);
			assert_int_equal(hm_out_commit(a, &e), 0);
			holds(target, "first writer, all of it");
			assert_int_equal(hm_out_commit(b, &e), 0);
			holds(target, "second");
			assert_int_equal(count_files(false), 1);
		}
}

static void a_hidden_name_that_is_taken_is_left_alone(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		char taken[192];
		no_tmpfile = named;
		no_locks = true;
		snprintf(taken, sizeof taken, "%s/.f.5a5a5a5a5a5a5a5a.tmp", folder);
		assert_int_equal(hm_file_write(taken, "somebody's", 10, &e), 0);
		assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
		same_number = 3;
		assert_int_equal(hm_file_write(target, "new", 3, &e), 0);
		assert_int_equal(same_number, 0);
		holds(target, "new");
		holds(taken, "somebody's");
		assert_int_equal(count_files(true), 2);
	}
}

/* A new target is named by one call: there is no moment at which a kill leaves a hidden name. */
static void a_new_file_has_one_name_only(void **state)
{
	(void)state;
	links = 0;
	same_number = 1;
	assert_int_equal(hm_file_write(target, "x", 1, &e), 0);
	assert_int_equal(links, 1);
	assert_int_equal(same_number, 1); /* no hidden name was made */
	holds(target, "x");
}

static void a_failure_at_the_end_leaves_nothing(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		no_tmpfile = named;
		assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
		sync_error = EIO;
		times = 1;
		assert_int_equal(hm_file_write(target, "new", 3, &e), HM_EDATA);
		assert_non_null(strstr(e.text, "f: cannot sync: "));
		e = (struct hm_err){0};
		holds(target, "old");
		assert_int_equal(count_files(false), 1);
		sync_error = EINTR;
		times = 2;
		assert_int_equal(hm_file_write(target, "new", 3, &e), 0);
		holds(target, "new");
		assert_int_equal(count_files(false), 1);
	}
}

/* The target has become a folder meanwhile. */
static void a_file_that_cannot_be_renamed_is_removed(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		no_tmpfile = named;
		struct hm_out *o = hm_out_open(target, &e);
		assert_int_equal(hm_out_write(o, "x", 1, &e), 0);
		assert_int_equal(mkdir(target, 0700), 0);
		assert_int_equal(hm_out_commit(o, &e), HM_EDATA);
		assert_non_null(strstr(e.text, "cannot rename"));
		e = (struct hm_err){0};
		assert_int_equal(count_files(false), 1);
		assert_int_equal(rmdir(target), 0);
	}
}

/* The moment between link and rename is over before a signal ends the process. */
static void a_signal_waits_for_the_name(void **state)
{
	(void)state;
	assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
	pid_t child = fork();
	if (!child) {
		kill_at_rename = SIGTERM;
		hm_file_write(target, "new", 3, &e);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	holds(target, "new");
	assert_int_equal(count_files(false), 1);
}

/* One of many files in a folder: its bytes are synced before it has its name, the folder is not. */
static void a_name_may_be_synced_later(void **state)
{
	(void)state;
	for (int later = 0; later < 2; later++)
		for (int old = 0; old < 2; old++) {
			struct hm_out *o = hm_out_open(target, &e);
			assert_int_equal(hm_out_write(o, "new", 3, &e), 0);
			syncs = 0;
			assert_int_equal((later ? hm_out_commit_unsynced : hm_out_commit)(o, &e), 0);
			assert_int_equal(syncs, later ? 1 : 2);
			holds(target, "new");
			assert_int_equal(count_files(false), 1);
		}
}

static void the_end_opens_nothing_and_stays_in_its_folder(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++)
		for (int old = 0; old < 2; old++) {
			char moved[96];
			no_tmpfile = named;
			if (old)
				assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
			struct hm_out *o = hm_out_open(target, &e), *p = hm_out_open(target, &e);
			snprintf(moved, sizeof moved, "%s.moved", folder);
			assert_int_equal(rename(folder, moved), 0);
			assert_int_equal(symlink("/proc/self", folder), 0); /* it cannot be written */
			opens = 0;
			assert_int_equal(hm_out_write(o, "new", 3, &e), 0);
			assert_int_equal(hm_out_commit(o, &e), 0);
			hm_out_abort(p);
			assert_int_equal(opens, 0);
			assert_int_equal(unlink(folder) | rename(moved, folder), 0);
			holds(target, "new");
			assert_int_equal(count_files(true), 1);
		}
}

/* /tmp is a folder of root where everybody may write. */
static void a_link_of_another_user_in_such_a_folder_is_not_followed(void **state)
{
	(void)state;
	char link[96];
	snprintf(link, sizeof link, "%s/link", folder);
	assert_int_equal(symlink("f", link), 0);
	foreign_folder = foreign_link = true;
	assert_int_equal(hm_file_write(link, "new", 3, &e), 0); /* a folder of few */
	holds(target, "new");
	for (int i = 0; i < 2; i++) { /* the link's target is there, and is not */
		assert_int_equal(chmod(folder, 01777), 0);
		assert_null(hm_out_open(link, &e));
		assert_non_null(strstr(e.text, "link: a symbolic link of another user"));
		e = (struct hm_err){0};
		foreign_link = false;
		assert_int_equal(hm_file_write(link, "mine", 4, &e), 0);
		foreign_link = true;
		assert_int_equal(chmod(folder, 0777), 0); /* who may remove it may have replaced it */
		assert_int_equal(hm_file_write(link, "open", 4, &e), 0);
		assert_int_equal(unlink(target), 0);
	}
}

/* The kernel would say so when the work is done. */
static void a_file_of_another_user_in_such_a_folder_is_refused_at_once(void **state)
{
	(void)state;
	assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
	assert_int_equal(chmod(target, 0666), 0);
	foreign_folder = foreign_file = true;
	for (int sticky = 0; sticky < 2; sticky++) {
		assert_int_equal(chmod(folder, sticky ? 01777 : 0777), 0);
		struct hm_out *o = hm_out_open(target, &e);
		assert_int_equal(!o, sticky);
		hm_out_abort(o);
	}
	assert_non_null(strstr(e.text, "f: cannot be replaced: another user's file"));
	foreign_file = false;
	assert_int_equal(hm_file_write(target, "mine", 4, &e), 0);
	holds(target, "mine");
}

/* The umask is of the whole process: a thread that looks at it by changing it changes other threads' files.
 */
static void the_umask_is_kept_and_not_touched(void **state)
{
	(void)state;
	struct stat st;
	mode_t mask = umask(027);
	for (int named = 0; named < 2; named++) {
		no_tmpfile = named;
		umasks = 0;
		assert_int_equal(hm_file_write(target, "x", 1, &e), 0);
		assert_int_equal(hm_file_write(target, "y", 1, &e), 0);
		assert_int_equal(umasks, 0);
		assert_int_equal(stat(target, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		unlink(target);
	}
	umask(mask);
}

/* As cp: a target that may not be written is not replaced. Root may write all. */
static void a_read_only_target_is_refused_at_once(void **state)
{
	(void)state;
	int status;
	assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
	assert_int_equal(chmod(target, 0444) | chmod(folder, 0777), 0);
	pid_t child = fork();
	if (!child) {
		bool dropped = getuid() || !setuid(65534);
		const struct hm_out *o = dropped ? hm_out_open(target, &e) : NULL;
		_exit(!dropped || o || !strstr(e.text, "f: is read-only"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	holds(target, "old");
	assert_int_equal(count_files(false), 1);
	assert_int_equal(chmod(target, 0640), 0);
	if (!getuid())
		assert_int_equal(hm_file_write(target, "new", 3, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writers_of_one_target_do_not_meet, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hidden_name_that_is_taken_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_file_has_one_name_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_at_the_end_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_renamed_is_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_signal_waits_for_the_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_may_be_synced_later, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_opens_nothing_and_stays_in_its_folder, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_link_of_another_user_in_such_a_folder_is_not_followed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_of_another_user_in_such_a_folder_is_refused_at_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_umask_is_kept_and_not_touched, setup, teardown),
		cmocka_unit_test_setup_teardown(a_read_only_target_is_refused_at_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
