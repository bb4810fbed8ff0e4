/* A gnuplot script goes in by standard input, a picture comes out by standard output; both are files without
 * a name, so neither side can wait for the other. See gnuplot.h. */
#include "report/gnuplot.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/utf8.h"
#include "report/present.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum hm_picture hm_picture_kind(const char *path)
{
	static const char *const ending[] = {".png", ".svg", ".pdf"};
	size_t n = strlen(path);
	for (int i = 0; i < 3; i++)
		if (n > 4 && !strcasecmp(path + n - 4, ending[i]))
			return (enum hm_picture)(HM_PICTURE_PNG + i);
	return HM_PICTURE_NONE;
}

int hm_gnuplot_begin(struct hm_buf *b, const char *path, int w, int h, struct hm_err *e)
{
	enum hm_picture kind = hm_picture_kind(path);
	if (kind == HM_PICTURE_PDF)
		return hm_buf_printf(b, e,
				     "set terminal pdfcairo noenhanced size %.2fin,%.2fin font ',13' "
				     "fontscale 0.72 linewidth 0.7\n",
				     w / 100., h / 100.);
	if (kind == HM_PICTURE_SVG)
		return hm_buf_printf(b, e,
				     "set terminal svg noenhanced size %d,%d font 'sans-serif,13' fontscale "
				     "1.3 background "
				     "rgb 'white'\n",
				     w, h);
	return hm_buf_printf(b, e, "set terminal pngcairo noenhanced size %d,%d font ',13'\n", w, h);
}

int hm_gnuplot_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	char one[8];
	for (int points = 0, n; *s; points++, s += n) {
		if (points == 48)
			return hm_buf_printf(b, e, "...");
		n = hm_utf8_next(s, strnlen(s, 4), NULL);
		n = n ? n : 1;
		hm_utf8_mask(s, (size_t)n, one, sizeof one);
		hm_buf_printf(b, e, "%s", *one == '\'' ? "''" : one);
	}
	return e->code;
}

const char *hm_gnuplot_line(int i)
{
	/* colours that people with red-green blindness can distinguish; the second eight are dashed */
	static const char *const line[] = {
		"lc rgb '#2060b0' dt 1", "lc rgb '#d06000' dt 1", "lc rgb '#208060' dt 1",
		"lc rgb '#b03080' dt 1", "lc rgb '#806030' dt 1", "lc rgb '#30a0c0' dt 1",
		"lc rgb '#c0a000' dt 1", "lc rgb '#404040' dt 1", "lc rgb '#2060b0' dt 3",
		"lc rgb '#d06000' dt 3", "lc rgb '#208060' dt 3", "lc rgb '#b03080' dt 3",
		"lc rgb '#806030' dt 3", "lc rgb '#30a0c0' dt 3", "lc rgb '#c0a000' dt 3",
		"lc rgb '#404040' dt 3"};
	return line[(size_t)i % (sizeof line / sizeof *line)];
}

static int run_child(const int fd[3], struct hm_err *e)
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
				  "gnuplot, which draws the picture, is not installed (package gnuplot-nox)");
	if (failed)
		return hm_err_set(e, HM_EDATA, "cannot run gnuplot: %s", strerror(failed));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return hm_err_system(e, errno, "cannot wait for gnuplot: %s", strerror(errno));
	if (WIFEXITED(status) &&
	    WEXITSTATUS(status) == 127) /* some C libraries report a missing program so */
		return hm_err_set(e, HM_EDATA,
				  "gnuplot, which draws the picture, cannot be run (package gnuplot-nox)");
	return status ? hm_err_set(e, HM_EDATA, "gnuplot failed") : 0;
}

/* Blanks when the PDF was made; what follows keeps its place, to which the file's index points. */
static void blank_date(struct hm_buf *pdf)
{
	static const char key[] = "/CreationDate (D:";
	unsigned char *at = pdf->data, *end = at + pdf->len, *close;
	while ((at = memmem(at, (size_t)(end - at), key, sizeof key - 1)) &&
	       (close = memchr(at, ')', (size_t)(end - at)))) {
		memset(at, ' ', (size_t)(close + 1 - at));
		at = close;
	}
}

int hm_gnuplot_run(const char *path, const struct hm_buf *text, struct hm_err *e)
{
	struct hm_buf picture = {0};
	char proc[32];
	int fd[3] = {-1, -1, -1}, rc = 0;
	for (int i = 0; !rc && i < 3; i++)
		if ((fd[i] = memfd_create("hm-plot", MFD_CLOEXEC)) < 0)
			rc = hm_err_system(e, errno, "cannot make a temporary file: %s", strerror(errno));
	if (!rc && hm_fd_write_at(fd[0], text->data, text->len, 0))
		rc = hm_err_set(e, HM_EDATA, "cannot write a temporary file");
	if (!rc)
		rc = run_child(fd, e);
	if (!rc) {
		snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd[1]);
		rc = hm_file_read(proc, (size_t)64 << 20, &picture, e);
	}
	if (!rc && picture.len < 8)
		rc = hm_err_set(e, HM_EDATA, "gnuplot drew nothing");
	if (!rc && hm_picture_kind(path) == HM_PICTURE_PDF)
		blank_date(&picture);
	if (!rc)
		rc = hm_file_write(path, picture.data, picture.len, e);
	for (int i = 0; i < 3; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	hm_buf_clear(&picture);
	return rc;
}
