/* Which places a call needs, by its options and operands, and the sandbox made of them. See cli.h and
 * base/sandbox.h. */
#include "cli/private.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/sandbox.h"
#include "ops/backend.h"
#include "ops/ops.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the C library and OpenMP read about the machine, and what a hidden name is made of. */
static const char *const machine[] = {"/proc/cpuinfo",
				      "/proc/meminfo",
				      "/proc/stat",
				      "/proc/sys/kernel/random/boot_id",
				      "/proc/sys/vm/overcommit_memory",
				      "/sys/devices/system/cpu",
				      "/sys/devices/system/node",
				      "/sys/kernel/mm/transparent_hugepage"};

/* What is read next to a file of weights or of a vocabulary without being named. */
static const char *const beside[] = {"config.json",
				     "tokenizer.json",
				     "tokenizer_config.json",
				     "special_tokens_map.json",
				     "added_tokens.json",
				     "vocab.txt",
				     "vocab.json",
				     "merges.txt",
				     "bpe_simple_vocab_16e6.txt.gz",
				     "open_clip_config.json",
				     "preprocessor_config.json",
				     "processor_config.json"};

/* ---- whether ---- */

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define HM_SANITIZED 1
#endif

/* A coverage build writes its counts when it ends. */
extern void __gcov_init(void *) __attribute__((weak));

/* The device that may be asked for: CUDA's driver makes files, processes and threads of its own. */
static bool may_use_cuda(const struct hm_cli *c)
{
	enum hm_device_name which;
	int index;
	if (!(c->tool->common & HM_CLI_DEVICE) || !hm_device_parse(c->priv->o.device, &which, &index))
		return false;
	return (which == HM_NAME_AUTO || which == HM_NAME_CUDA) && hm_plugin_there();
}

/* Why the call goes without a sandbox; NULL if it has one. */
static const char *find_objection(const struct hm_cli *c)
{
	const char *want = getenv("HM_SANDBOX"), *preload = getenv("LD_PRELOAD");
	if (c->tool->sandbox == HM_CLI_OPEN)
		return "none (not for this tool)";
#ifdef HM_SANITIZED
	return "off (a build with sanitizers)";
#endif
	if (__gcov_init)
		return "off (a build that counts coverage)";
	if (want && !strcmp(want, "0"))
		return "off (HM_SANDBOX=0)";
	if (preload && *preload)
		return "off (LD_PRELOAD)"; /* nobody knows what that library calls */
	for (int i = 0; i < c->priv->own; i++)
		if (c->priv->row[i].seen && c->priv->row[i].opt->program)
			return "off (it runs another program)";
	return may_use_cuda(c) ? "off (device cuda; --device cpu has one)" : NULL;
}

static const char *name_kinds(int kinds)
{
	static const char *const name[] = {"none (kernel)", "seccomp", "landlock", "seccomp+landlock"};
	return name[kinds & (HM_SANDBOX_CALLS | HM_SANDBOX_PLACES)];
}

void hm_cli_confined(const struct hm_cli *c, char *out, size_t cap)
{
	const char *objection = find_objection(c);
	snprintf(out, cap, "%s", objection ? objection : name_kinds(hm_sandbox_kinds()));
}

/* ---- places ---- */

static void allow_in(struct hm_sandbox *s, const char *folder, const char *name)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path)
		hm_sandbox_allow(s, path, HM_PLACE_READ);
}

/* The files of a folder may be links that lead out of it, as in the cache of the Hugging Face hub. */
static void allow_links(struct hm_sandbox *s, const char *folder)
{
	const struct dirent *entry;
	struct hm_err e = {0};
	DIR *d = hm_fd_list(folder);
	if (!d) {
		hm_err_system(&e, errno, "%s: cannot list: %s", folder, strerror(errno));
		hm_sandbox_note(s, &e);
	}
	while (d && (entry = readdir(d)))
		if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN)
			allow_in(s, folder, entry->d_name);
	if (d)
		closedir(d);
}

static bool allow_existing(struct hm_sandbox *s, const char *path)
{
	struct hm_err e = {0};
	int folder = hm_file_is_folder(path, &e), there = hm_file_there(path, &e);
	hm_sandbox_note(s, &e);
	if (there != 1)
		return false;
	hm_sandbox_allow(s, path, HM_PLACE_READ);
	if (folder == 1)
		allow_links(s, path);
	return true;
}

enum { TRIES = 256 }; /* a text may be a caption of any length, full of such signs */

/* `text` is a path, or has one in it: NAME=FILE, FILE,KEY=VALUE. */
static void allow_input(struct hm_sandbox *s, const char *text)
{
	char part[PATH_MAX];
	int tries = 0;
	for (const char *from = text, *equals; tries++ < TRIES; from = equals + 1) {
		if (allow_existing(s, from))
			return;
		for (const char *comma = from; (comma = strchr(comma, ',')) && tries++ < TRIES; comma++)
			if (snprintf(part, sizeof part, "%.*s", (int)(comma - from), from) < (int)sizeof part)
				allow_existing(s, part);
		if (!(equals = strchr(from, '=')) || equals == from)
			return;
	}
}

static void allow_beside(struct hm_sandbox *s, const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path + 1) : 0;
	if (snprintf(folder, sizeof folder, "%.*s.", n, path) < (int)sizeof folder)
		for (size_t i = 0; i < sizeof beside / sizeof *beside; i++)
			allow_in(s, folder, beside[i]);
}

static void allow_output(struct hm_sandbox *s, const char *path)
{
	char *name;
	struct hm_err e = {0};
	struct stat st;
	bool there = !stat(path, &st);
	if (there && !S_ISREG(st.st_mode)) {
		hm_sandbox_allow(s, path, HM_PLACE_WRITE);
		return;
	}
	if (there)
		hm_sandbox_allow(s, path, HM_PLACE_READ); /* what is replaced may be looked at */
	int fd = hm_file_folder(path, &name, &e);
	hm_sandbox_note(s, &e);
	if (fd < 0)
		return; /* whoever opens the output says so */
	hm_sandbox_allow_open(s, fd, HM_PLACE_MAKE);
	close(fd);
	free(name);
}

static void allow_value(struct hm_sandbox *s, const struct hm_opt *o, const char *value)
{
	const char *path = o->file < HM_FILE_BELOW && value ? hm_opt_path(o, value) : value;
	if (!path || !*path || !strcmp(path, "-"))
		return;
	switch (o->file) {
	case HM_FILE_BELOW:
		hm_sandbox_allow(s, path, HM_PLACE_READ);
		break;
	case HM_FILE_KEPT:
		mkdir(path,
		      0777); /* the rule is for a folder that is there; whoever keeps it says what is wrong */
		hm_sandbox_allow(s, path, HM_PLACE_KEEP);
		break;
	case HM_FILE_IN:
		allow_input(s, path);
		allow_beside(s, path);
		break;
	case HM_FILE_STATE:
		allow_input(s, path);
		allow_output(s, path);
		break;
	default:
		allow_output(s, path);
	}
}

static void allow_row(struct hm_sandbox *s, const struct hm_row *row)
{
	const struct hm_opt *o = row->opt;
	const void *value = row->base + o->at;
	if (row->seen && o->anywhere)
		hm_sandbox_allow(s, "/", HM_PLACE_READ);
	if (row->seen && o->temporary)
		hm_sandbox_allow(s, hm_file_temporary_folder(), HM_PLACE_SPILL);
	if (!o->file || !(row->seen || o->file == HM_FILE_BELOW))
		return;
	const struct hm_strs *list = o->kind == HM_OPT_LIST ? value : NULL;
	for (int k = 0; list && k < list->n; k++)
		allow_value(s, o, list->item[k]);
	if (!list)
		allow_value(s, o, *(char *const *)value);
}

void hm_cli_confine(struct hm_cli *c)
{
	struct hm_sandbox s;
	const char *objection = find_objection(c);
	if (objection) {
		hm_cli_debug(c, "sandbox: %s", objection);
		return;
	}
	hm_sandbox_begin(&s, c->tool->sandbox == HM_CLI_COMPUTE);
	for (size_t i = 0; i < sizeof machine / sizeof *machine; i++)
		hm_sandbox_allow(&s, machine[i], HM_PLACE_READ);
	for (int i = 0; i < c->priv->rows; i++)
		allow_row(&s, &c->priv->row[i]);
	for (int i = 0; i < c->n_operands; i++)
		if (strcmp(c->operands[i], "-") != 0 && !(c->tool->is_words && c->tool->is_words(c, i)))
			allow_input(&s, c->operands[i]);
	if (c->tool->joins && c->n_operands > 1)
		hm_sandbox_allow(&s, hm_file_temporary_folder(), HM_PLACE_SPILL);
	if (s.failure.code)
		exit(hm_cli_end(c, HM_EDATA, &s.failure));
	hm_cli_debug(c, "sandbox: %s", name_kinds(hm_sandbox_enter(&s)));
}
