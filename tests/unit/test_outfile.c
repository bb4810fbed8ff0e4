/* lib/base's output files where things go wrong between two system calls: file systems that cannot make
 * files without a name, hidden names that are taken, several writers of one target, signals. What the library
 * calls is replaced by functions that fail in a given way. */
#include "base/file.h"
#include "base/hiddenname.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], target[128];
static struct hm_err e;
static bool no_tmpfile, no_locks; /* as on NFS and FAT */
static bool foreign_folder, foreign_link, foreign_file;
static int same_number, links, opens, umasks; /* random numbers that are still alike; calls */
static int kill_at_rename;		      /* a signal that comes between link and rename */
static int syncs;			      /* calls of fsync */
static int sync_error, times = 0;	      /* what the next `times` calls of fsync say */

int openat(int from, const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	errno = EOPNOTSUPP;
	opens++;
	return no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE
		       ? -1
		       : (int)syscall(SYS_openat, from, path, flags, mode);
}

static void (*before_lock)(void); /* what another process does before the next lock */

int flock(int fd, int how)
{
	void (*first)(void) = before_lock;
	before_lock = NULL;
	if (first)
		first();
	errno = ENOLCK;
	return no_locks ? -1 : (int)syscall(SYS_flock, fd, how);
}

mode_t umask(mode_t mask)
{
	umasks++;
	return (mode_t)syscall(SYS_umask, mask);
}

/* Folders are of another user, when a test wants it so. */
int fstat(int fd, struct stat *st)
{
	int rc = (int)syscall(SYS_newfstatat, fd, "", st, AT_EMPTY_PATH);
	if (foreign_folder && S_ISDIR(st->st_mode))
		st->st_uid = getuid() + 1;
	if (foreign_link && S_ISLNK(st->st_mode))
		st->st_uid = getuid() + 2;
	return rc;
}

int fstatat(int from, const char *path, struct stat *st, int flags)
{
	int rc = (int)syscall(SYS_newfstatat, from, path, st, flags);
	if (!rc && foreign_file)
		st->st_uid = geteuid() + 2;
	return rc;
}

/* Root may do what the tests see refused. */
uid_t geteuid(void)
{
	return foreign_file ? 7 : (uid_t)syscall(SYS_geteuid);
}

int renameat(int from, const char *old, int to, const char *new)
{
	if (kill_at_rename)
		kill(getpid(), kill_at_rename);
	return (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	if (same_number <= 0)
		return syscall(SYS_getrandom, p, n, flags);
	same_number--;
	memset(p, 0x5a, n);
	return (ssize_t)n;
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	links++;
	return (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int fsync(int fd)
{
	syncs++;
	errno = sync_error;
	return times && times-- ? -1 : (int)syscall(SYS_fsync, fd);
}

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	snprintf(folder, sizeof folder, "/tmp/hm-outfile-XXXXXX");
	char *made = mkdtemp(folder);
	snprintf(target, sizeof target, "%s/f", folder);
	return !made;
}

/* Files in the folder; removes them when asked to. */
static int count_files(bool removing)
{
	DIR *d = opendir(folder);
	char path[512];
	int n = 0;
	for (struct dirent *f; (f = readdir(d));) {
		if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, ".."))
			continue;
		n++;
		snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
		if (removing)
			unlink(path);
	}
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	(void)state;
	no_tmpfile = no_locks = foreign_folder = foreign_link = foreign_file = false;
	same_number = times = kill_at_rename = 0;
	count_files(true);
	return rmdir(folder);
}

static void holds(const char *path, const char *text)
{
	struct hm_buf b = {0};
	assert_int_equal(hm_file_read(path, 1 << 20, &b, &e), 0);
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data, text, b.len);
	hm_buf_clear(&b);
}

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
		cmocka_unit_test_setup_teardown(the_next_writer_removes_what_a_killed_one_left, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_may_be_of_a_living_writer_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(every_slot_is_looked_at, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_removed_before_its_lock_is_made_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_took_a_dead_ones_name_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(without_locks_nothing_is_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_signal_waits_for_the_name, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_may_be_synced_later, setup, teardown),
		cmocka_unit_test_setup_teardown(a_process_removes_its_own_hidden_files, setup, teardown),
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
