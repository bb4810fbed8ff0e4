/* What is allowed after a fault: the right bytes and the status of a good run; or exit 1, one line that says
 * why, the old outputs as they were, nothing new that looks whole, and nothing left behind. After a kill:
 * each output old or new. */
#include "loops.h"
#include "syscalls.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void find_wrong(struct judgement *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void find_wrong(struct judgement *j, const char *fmt, ...)
{
	size_t n = j->verdict == V_WRONG ? strlen(j->why) : 0;
	va_list ap;
	va_start(ap, fmt);
	if (n && n < sizeof j->why - 3) {
		memcpy(j->why + n, "; ", 3);
		n += 2;
	}
	vsnprintf(j->why + n, sizeof j->why - n, fmt, ap);
	va_end(ap);
	j->verdict = V_WRONG;
}

/* Is the path, or a folder that it lies in, in the list? */
static bool is_listed(const char *const *list, int n, const char *path)
{
	for (int i = 0; i < n; i++) {
		size_t len = strlen(list[i]);
		if (!strncmp(list[i], path, len) && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

static bool is_left_out(const struct case_row *c, const char *path, bool final)
{
	return is_listed(c->loose, c->n_loose, path) || (!final && is_listed(c->late, c->n_late, path));
}

/* Of the files of `list`: those that are another in `other` or not there. `extra`: `list` is the run's, and
 * what the run before has `left` does not count. */
static void compare_files(const struct case_row *c, const struct snapshot *list, const struct snapshot *other,
			  bool final, bool extra, const struct snapshot *left, struct judgement *j)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct file *a = &list->file[i], *b = find_in(other, a->path);
		if (is_left_out(c, a->path, final) || same_file(a, b) ||
		    (extra && left && find_in(left, a->path)))
			continue;
		if (!b)
			find_wrong(j, extra ? "the file %s is too much" : "the file %s is missing", a->path);
		else if (extra)
			find_wrong(j, "the file %s is another", a->path);
	}
}

/* Lines of `text` that begin with "TOOL: KIND"; all lines with KIND NULL. */
static int count_lines(const char *text, const char *tool, const char *kind)
{
	char head[128];
	int n = 0;
	snprintf(head, sizeof head, "%s: %s", tool, kind ? kind : "");
	for (const char *at = text; *at; at++)
		if (at == text || at[-1] == '\n')
			n += !kind || !strncmp(at, head, strlen(head));
	return n;
}

/* Is the standard output, which is not that of a good run, a whole record stream? */
static bool is_whole_stream(const char *data, size_t len)
{
	char name[] = "/tmp/hm-loops-XXXXXX";
	int fd = mkstemp(name), status = 1;
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		return true;
	pid_t pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, 1);
		dup2(null, 2);
		execlp("hm-view", "hm-view", "-q", "-j1", "--verify", name, (char *)NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	close(fd);
	unlink(name);
	return !status;
}

static void check_good(const struct case_row *c, const struct outcome *good, const struct outcome *o,
		       bool final, const struct snapshot *left, struct judgement *j)
{
	compare_files(c, &good->after, &o->after, final, false, NULL, j);
	compare_files(c, &o->after, &good->after, final, true, left, j);
	if (o->out_len != good->out_len || memcmp(o->out, good->out, o->out_len))
		find_wrong(j, "standard output is another");
	int errors = count_lines(o->err, c->tool, "error: "), all = count_lines(o->err, c->tool, NULL);
	int warnings = count_lines(o->err, c->tool, "warning: ") + count_lines(o->err, c->tool, "notice: ");
	if (strcmp(o->err, good->err) && (errors || !c->warn || all != warnings))
		find_wrong(j, "says what a good run does not");
}

/* Was it this call that failed? */
static bool failed_in(const struct outcome *o, int number)
{
	return o->row >= 0 && syscall_rows[o->row].number == number;
}

/* The rename that ends a replacement is behind a link with a hidden name (file.h): a kill there leaves it,
 * and so does a device on which nothing can be unlinked any more. */
static bool may_be_left(enum kind kind, const struct outcome *o, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t n = strlen(base);
	return (kind == K_IO_EVER || (kind == K_KILL && failed_in(o, SYS_renameat))) && *base == '.' &&
	       n > 4 && !strcmp(base + n - 4, ".tmp");
}

static void check_old(const struct case_row *c, enum kind kind, const struct snapshot *before,
		      const struct outcome *good, const struct outcome *o, struct judgement *j)
{
	for (size_t i = 0; i < before->n; i++)
		if (!is_left_out(c, before->file[i].path, false) &&
		    !find_in(&o->after, before->file[i].path) && find_in(&good->after, before->file[i].path))
			find_wrong(j, "the old file %s is gone", before->file[i].path);
	for (size_t i = 0; i < o->after.n; i++) {
		const struct file *f = &o->after.file[i], *old = find_in(before, f->path);
		const struct file *new = find_in(&good->after, f->path);
		if (is_left_out(c, f->path, false) || same_file(f, old))
			continue;
		if (same_file(f, new)) {
			/* a folder that cannot be synced has the new file already */
			if (kind != K_KILL && !c->many && !failed_in(o, SYS_fsync))
				find_wrong(j, "the file %s is new and whole", f->path);
		} else if (new || old) {
			find_wrong(j, "the file %s is neither old nor new", f->path);
		} else if (!may_be_left(kind, o, f->path)) {
			find_wrong(j, "the file %s is left", f->path);
		}
	}
}

static void check_refusal(const struct case_row *c, enum kind kind, const struct outcome *good,
			  const struct outcome *o, struct judgement *j)
{
	int errors = count_lines(o->err, c->tool, "error: "), all = count_lines(o->err, c->tool, NULL);
	int warnings = count_lines(o->err, c->tool, "warning: ") + count_lines(o->err, c->tool, "notice: ");
	if (errors != 1)
		find_wrong(j, "%d lines of errors", errors);
	else if (all != 1 && (!c->warn || all != 1 + warnings))
		find_wrong(j, "%d lines", all);
	if ((kind == K_ALLOC || kind == K_ALLOC_EVER) && o->failed && !strstr(o->err, "memory"))
		find_wrong(j, "does not say that memory is out");
	if (!c->stream || !o->out_len)
		return;
	bool prefix = o->out_len < good->out_len && !memcmp(o->out, good->out, o->out_len);
	if (!prefix && is_whole_stream(o->out, o->out_len))
		find_wrong(j, "standard output is a whole stream");
}

void judge_run(const struct case_row *c, enum kind kind, const struct snapshot *before,
	       const struct outcome *good, const struct outcome *o, struct judgement *j)
{
	*j = (struct judgement){.verdict = o->failed ? V_RIGHT : V_UNTOUCHED};
	if (o->status == HANG) {
		find_wrong(j, "hangs");
	} else if (o->status == -SIGKILL && kind == K_KILL) {
		j->verdict = V_KILLED;
		check_old(c, kind, before, good, o, j);
	} else if (o->status < 0) {
		find_wrong(j, "signal %d", -o->status);
	} else if (o->status == good->status) {
		check_good(c, good, o, false, NULL, j);
		if (j->verdict != V_WRONG || o->status != 1 || !o->failed || kind_rows[kind].transparent)
			return;
		*j = (struct judgement){.verdict = V_REFUSED};
		check_refusal(c, kind, good, o, j);
		check_old(c, kind, before, good, o, j);
	} else if (o->status == 1) {
		j->verdict = V_REFUSED;
		if (!o->failed || kind_rows[kind].transparent)
			find_wrong(j, "exit 1");
		check_refusal(c, kind, good, o, j);
		check_old(c, kind, before, good, o, j);
	} else {
		find_wrong(j, "exit %d", o->status);
	}
}

void judge_second(const struct case_row *c, const struct outcome *good, const struct outcome *first,
		  const struct outcome *o, struct judgement *j)
{
	if (o->status != good->status)
		find_wrong(j, "the second call: %s %d", o->status < 0 ? "signal" : "exit", abs(o->status));
	check_good(c, good, o, true, &first->after, j);
}
