/* Tries the outputs of a call before the work: see hm_cli_try_outputs in cli.h. */
#include "base/file.h"
#include "cli/private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder that is not there yet is tried as a file is: what can be made in its parent. */
static int try_folder(const char *path, struct hm_err *e)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	char *bare = hm_strndup(path, n, e);
	struct hm_out *o = bare ? hm_out_open(bare, e) : NULL;
	hm_out_abort(o);
	free(bare);
	return o ? 0 : HM_EDATA;
}

static int try_output(const char *path, bool folder, struct hm_err *e)
{
	struct stat st;
	bool there = !stat(path, &st);
	if (!strcmp(path, "-") || (there && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return 0;
	if (there && folder && S_ISDIR(st.st_mode))
		return access(path, W_OK | X_OK) ? hm_err_set(e, HM_EDATA, "%s: %s", path, strerror(errno))
						 : 0;
	if (there && folder)
		return hm_err_set(e, HM_EDATA, "%s: not a folder", path);
	if (folder)
		return try_folder(path, e);
	struct hm_out *o = hm_out_open(path, e);
	hm_out_abort(o);
	return o ? 0 : HM_EDATA;
}

int hm_cli_try_outputs(const struct hm_cli *c, const char *folder, struct hm_err *e)
{
	int rc = 0;
	for (int i = 0; i < c->priv->rows && !rc; i++) {
		const struct hm_row *row = &c->priv->row[i];
		void *value = row->base + row->opt->at;
		if (!row->seen || (row->opt->file != HM_FILE_OUT && row->opt->file != HM_FILE_STATE))
			continue;
		bool list = row->opt->kind == HM_OPT_LIST;
		char *const *item = list ? ((struct hm_strs *)value)->item : value;
		for (int k = 0, n = list ? ((struct hm_strs *)value)->n : 1; k < n && !rc; k++) {
			const char *path = hm_opt_path(row->opt, item[k]);
			rc = path ? try_output(path, item[k] == folder, e) : 0;
		}
	}
	return rc;
}
