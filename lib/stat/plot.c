/* A gnuplot script goes in by standard input, a PNG comes out by standard output; both are files without a
 * name, so neither side can wait for the other. See plot.h. */
#include "stat/plot.h"
#include "base/file.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A single-quoted string, in which gnuplot expands nothing. */
static void quoted(struct hm_buf *b, const char *s, struct hm_err *e)
{
	hm_buf_printf(b, e, "'");
	for (; *s; s++)
		hm_buf_printf(b, e, *s == '\'' ? "''" : "%c", (unsigned char)*s < ' ' ? '?' : *s);
}

static int curve(struct hm_buf *b, const struct hm_sample *s, int i, struct hm_err *e)
{
	double *x = hm_alloc(s->n + 1, sizeof *x, e), *y = x ? hm_alloc(s->n + 1, sizeof *y, e) : NULL;
	size_t n = y ? hm_roc_curve(&s->rank, x, y) : 0;
	hm_buf_printf(b, e, "$curve%d << END\n", i);
	for (size_t k = 0; k < n; k++)
		hm_buf_printf(b, e, "%.6g %.6g\n", x[k], y[k]);
	hm_buf_printf(b, e, "END\n");
	free(x);
	free(y);
	return e->code;
}

static int script(struct hm_buf *b, const struct hm_sample *s, const char *const *name, int k,
		  struct hm_err *e)
{
	for (int i = 0; i < k; i++)
		if (curve(b, &s[i], i, e))
			return HM_EDATA;
	hm_buf_printf(b, e,
		      "set terminal pngcairo noenhanced size 800,800 font ',13'\n"
		      "set title 'ROC, %zu records'\nset xlabel 'false positive rate'\nset ylabel 'true "
		      "positive rate'\n"
		      "set size square\nset xrange [0:1]\nset yrange [0:1]\nset grid lc rgb '#dddddd'\nset "
		      "key bottom right\n"
		      "plot x with lines lc rgb '#999999' dt 2 title 'chance'",
		      s->n);
	for (int i = 0; i < k; i++) {
		hm_buf_printf(b, e, ", $curve%d with lines lw 2 title ", i);
		quoted(b, name[i], e);
		hm_buf_printf(b, e, "  AUROC %.4f'", hm_auroc(&s[i].rank, NULL));
	}
	return hm_buf_printf(b, e, "\n");
}

static int spawn(const int fd[3], struct hm_err *e)
{
	char *const argv[] = {"gnuplot", "-", NULL};
	posix_spawn_file_actions_t a;
	pid_t pid;
	int status = 0, failed = posix_spawn_file_actions_init(&a);
	for (int i = 0; !failed && i < 3; i++)
		failed = posix_spawn_file_actions_adddup2(&a, fd[i], i);
	if (!failed)
		failed = posix_spawnp(&pid, argv[0], &a, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&a);
	if (failed == ENOENT)
		return hm_err_set(e, HM_EDATA,
				  "gnuplot, which draws the curve, is not installed (package gnuplot-nox)");
	if (failed)
		return hm_err_set(e, HM_EDATA, "cannot run gnuplot: %s", strerror(failed));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return hm_err_set(e, HM_EDATA, "cannot wait for gnuplot: %s", strerror(errno));
	if (WIFEXITED(status) &&
	    WEXITSTATUS(status) == 127) /* how some C libraries tell that there is no such program */
		return hm_err_set(e, HM_EDATA,
				  "gnuplot, which draws the curve, cannot be run (package gnuplot-nox)");
	return status ? hm_err_set(e, HM_EDATA, "gnuplot failed") : 0;
}

int hm_roc_plot(const char *path, const struct hm_sample *s, const char *const *name, int k, struct hm_err *e)
{
	struct hm_buf text = {0}, png = {0};
	char proc[32];
	int fd[3] = {-1, -1, -1}, rc = script(&text, s, name, k, e);
	for (int i = 0; !rc && i < 3; i++)
		if ((fd[i] = memfd_create("hm-plot", MFD_CLOEXEC)) < 0)
			rc = hm_err_set(e, HM_EDATA, "cannot make a temporary file: %s", strerror(errno));
	if (!rc && (pwrite(fd[0], text.data, text.len, 0) != (ssize_t)text.len))
		rc = hm_err_set(e, HM_EDATA, "cannot write a temporary file");
	if (!rc)
		rc = spawn(fd, e);
	if (!rc) {
		snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd[1]);
		rc = hm_file_read(proc, (size_t)64 << 20, &png, e);
	}
	if (!rc && png.len < 8)
		rc = hm_err_set(e, HM_EDATA, "gnuplot drew nothing");
	if (!rc)
		rc = hm_file_write(path, png.data, png.len, e);
	for (int i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	hm_buf_clear(&text);
	hm_buf_clear(&png);
	return rc;
}
