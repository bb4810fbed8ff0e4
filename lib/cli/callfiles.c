/* The files that a call reads and writes. No output may be an input or another output of the same call: files
 * are compared by device and inode, so that other spellings, symbolic and hard links are seen; one that is
 * not there yet is known by its folder's device and inode and its name. See cli.h. */
#include "cli/private.h"
#include "base/file.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of the call. Two with the same device, inode and name are the same file. */
struct named {
	const struct hm_opt *opt; /* NULL: an operand, or a file that the tool names itself */
	const char *path;	  /* as the user gave it, borrowed; NULL: standard input or output */
	bool out;
	dev_t dev;
	ino_t ino;		 /* of the file, or of the folder where it will be */
	char name[NAME_MAX + 1]; /* "" when the file exists, else its name in that folder */
};

/* Identifies what does not exist yet. Symbolic links are followed as output follows them. */
static bool identify_new(struct named *f)
{
	struct hm_err ignored = {0};
	struct stat st;
	char *name;
	int folder = hm_file_folder(f->path, &name, &ignored);
	if (folder < 0)
		return false;
	bool known = *name && strlen(name) <= NAME_MAX && !fstat(folder, &st);
	if (known) {
		snprintf(f->name, sizeof f->name, "%s", name);
		f->dev = st.st_dev;
		f->ino = st.st_ino;
	}
	close(folder);
	free(name);
	return known;
}

/* False for what may be read and written at the same time, and for what cannot be identified: terminals,
 * pipes, devices, folders. */
static bool identify(struct named *f)
{
	struct stat st;
	int fd = f->out ? STDOUT_FILENO : STDIN_FILENO;
	if (f->path ? stat(f->path, &st) : fstat(fd, &st))
		return f->path && identify_new(f);
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return S_ISREG(st.st_mode);
}

/* "-o a.hmr", "a.hmr", "standard input". */
static const char *describe(const struct named *f, char out[512])
{
	char option[80] = "";
	if (f->opt && f->path)
		hm_opt_spelled(f->opt, option);
	snprintf(out, 512, "%s%s%.300s", option, *option ? " " : "",
		 f->path  ? f->path
		 : f->out ? "standard output"
			  : "standard input");
	return out;
}

/* -o /dev/stdout is standard output by another name: not two outputs. Nor are two texts that the user sends
 * there; but a stream of records is lost when anything else goes between its bytes. */
static bool may_share(const struct hm_cli *c, const struct named *f)
{
	bool records = (c->tool->common & HM_CLI_REC) && (c->tool->common & HM_CLI_OUT);
	if (f->path && strncmp(f->path, "/dev/", 5) != 0 && strncmp(f->path, "/proc/", 6) != 0)
		return false;
	return !records || !f->opt || !strcmp(f->opt->name, "output");
}

static void compare_outputs(struct hm_cli *c, const struct named *a, const struct named *b)
{
	char one[512], other[512];
	if (may_share(c, a) && may_share(c, b))
		return;
	if (a->opt && b->opt)
		hm_cli_usage(c, "%s and %s name the same file, '%s'", hm_opt_spelled(a->opt, one),
			     hm_opt_spelled(b->opt, other), b->path);
	hm_cli_usage(c, "%s and %s are the same file, and both are written", describe(a, one),
		     describe(b, other));
}

/* Compares a file with those noted before. */
static void compare_noted(struct hm_cli *c, const struct hm_buf *noted, const struct named *f)
{
	char one[512], other[512];
	const struct named *all = (const struct named *)(void *)noted->data;
	for (size_t i = 0; i < noted->len / sizeof *all; i++) {
		const struct named *a = &all[i];
		if (a->dev != f->dev || a->ino != f->ino || strcmp(a->name, f->name))
			continue;
		if (a->out && f->out)
			compare_outputs(c, a, f);
		else
			hm_cli_usage(c, "%s is an input of the same call (%s): write to another file",
				     describe(a->out ? a : f, one), describe(a->out ? f : a, other));
	}
}

/* Compares an output with all that was noted, an input with the outputs alone, and notes it. */
static void note_file(struct hm_cli *c, struct named f)
{
	struct hm_cli_private *p = c->priv;
	if (!identify(&f))
		return;
	compare_noted(c, &p->outputs, &f);
	if (f.out)
		compare_noted(c, &p->inputs, &f);
	if (hm_buf_add(f.out ? &p->outputs : &p->inputs, &f, sizeof f, NULL))
		hm_cli_no_memory(c->tool);
}

/* A copy that lives as long as the call. */
static const char *keep_path(struct hm_cli *c, const char *path)
{
	size_t size = strlen(path) + 1;
	char *kept = hm_arena_get(&c->priv->names, size, NULL);
	if (!kept)
		hm_cli_no_memory(c->tool);
	return memcpy(kept, path, size);
}

void hm_cli_input(struct hm_cli *c, const char *path)
{
	note_file(c, (struct named){.path = keep_path(c, path)});
}

void hm_cli_output(struct hm_cli *c, const char *path)
{
	note_file(c, (struct named){.path = keep_path(c, path), .out = true});
}

void hm_cli_output_once(struct hm_cli *c, const char *path)
{
	struct named f = {.path = path, .out = true};
	if (identify(&f))
		compare_noted(c, &c->priv->inputs, &f);
}

/* The files of a folder of weights or of a vocabulary that may be read. */
static void note_folder(struct hm_cli *c, const struct hm_opt *o, const char *folder)
{
	static const char *const begins[] = {"model",	  "pytorch_model", "vocab",
					     "tokenizer", "config.json",   "merges"};
	const struct dirent *entry;
	DIR *d = opendir(folder);
	while (d && (entry = readdir(d)))
		for (size_t k = 0; k < sizeof begins / sizeof *begins; k++) {
			if (strncmp(entry->d_name, begins[k], strlen(begins[k])) != 0)
				continue;
			struct hm_text path = {c->tool};
			hm_text_add(&path, "%s/%s", folder, entry->d_name);
			note_file(c, (struct named){.opt = o, .path = keep_path(c, (char *)path.b.data)});
			hm_buf_clear(&path.b);
		}
	if (d)
		closedir(d);
}

const char *hm_opt_path(const struct hm_opt *o, const char *value)
{
	const char *at = strstr(o->arg, "=FILE");
	if (at)
		return (value = strchr(value, '=')) ? value + 1 : NULL;
	if ((at = strstr(o->arg, ":FILE"))) {
		size_t word = 1;
		for (; at > o->arg && at[-1] != '|'; at--)
			word++;
		return strncmp(value, at, word) ? NULL : value + word;
	}
	return strncmp(value, "init:", 5) ? value : NULL;
}

static void note_stdin(struct hm_cli *c, const struct hm_opt *o)
{
	if (c->priv->reads_stdin)
		hm_cli_usage(c, "standard input is named twice");
	c->priv->reads_stdin = true;
	note_file(c, (struct named){.opt = o});
}

static void note_option(struct hm_cli *c, const struct hm_opt *o, const char *value)
{
	struct named f = {.opt = o, .path = hm_opt_path(o, value), .out = o->file != HM_FILE_IN};
	struct stat st;
	char one[80], other[80];
	if (!f.path)
		return;
	if (!*f.path)
		hm_cli_usage(c, "%s takes the name of a file, not ''", hm_opt_spelled(o, one));
	if (!strcmp(f.path, "-")) {
		if (f.out && c->priv->to_stdout)
			hm_cli_usage(c, "standard output can take one of %s and %s",
				     hm_opt_spelled(c->priv->to_stdout, one), hm_opt_spelled(o, other));
		if (f.out) {
			c->priv->to_stdout = o;
			return; /* standard output itself is noted for every call */
		}
		note_stdin(c, o);
		return;
	}
	if (!f.out && !stat(f.path, &st) && S_ISDIR(st.st_mode))
		note_folder(c, o, f.path);
	else
		note_file(c, f);
}

void hm_opt_check_files(struct hm_cli *c)
{
	char name[80];
	note_file(c, (struct named){.out = true});
	for (int i = 0; i < c->priv->rows; i++) {
		const struct hm_row *row = &c->priv->row[i];
		const void *value = row->base + row->opt->at;
		if (row->seen && row->opt->arg && !strcmp(row->opt->arg, "DIR") && !**(char *const *)value)
			hm_cli_usage(c, "%s takes the name of a folder, not ''",
				     hm_opt_spelled(row->opt, name));
		if (!row->seen || !row->opt->file || row->opt->file >= HM_FILE_BELOW)
			continue;
		const struct hm_strs *list = row->opt->kind == HM_OPT_LIST ? value : NULL;
		for (int k = 0; list && k < list->n; k++)
			note_option(c, row->opt, list->item[k]);
		if (!list)
			note_option(c, row->opt, *(char *const *)value);
	}
	for (int i = 0; i < c->n_operands; i++) {
		if (!strcmp(c->operands[i], "-"))
			note_stdin(c, NULL);
		else
			note_file(c, (struct named){.path = c->operands[i]});
	}
}
