/* A file of weights as JSON. See modelprint.h. */
#include "model/modelprint.h"
#include "base/fd.h"
#include "base/filekind.h"
#include "base/hex.h"
#include "json/build.h"
#include "model/configmodel.h"
#include "model/modelfile.h"
#include "model/names.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool hm_model_recognise(const char *path)
{
	unsigned char first[HM_FILEKIND_BYTES];
	struct stat st;
	if (!strcmp(path, "-") || stat(path, &st))
		return false;
	if (S_ISDIR(st.st_mode))
		return hm_weights_is_folder(path);
	int fd = S_ISREG(st.st_mode) ? hm_fd_open(path, O_RDONLY | O_CLOEXEC, 0) : -1;
	ssize_t n = fd < 0 ? -1 : hm_fd_read_at(fd, first, sizeof first, 0);
	if (fd >= 0)
		close(fd);
	const struct hm_filekind *k = n > 0 ? hm_filekind_find(first, (size_t)n) : NULL;
	return k && k->group == HM_FILEKIND_WEIGHTS;
}

/* ---- parts of the object ---- */

static void add_tensors(cJSON *o, const struct hm_weights *w, struct hm_err *e)
{
	cJSON *list = hm_json_add_array(o, "tensors", e);
	double parameters = 0;
	for (size_t i = 0; i < w->n && !e->code; i++) {
		const struct hm_tensor *t = &w->tensor[i];
		cJSON *one = hm_json_add_object(list, NULL, e), *shape;
		size_t count = 0;
		hm_json_add_str(one, "name", t->name, e);
		hm_json_add_str(one, "dtype", hm_dtype_name(t->dtype), e);
		shape = hm_json_add_array(one, "shape", e);
		for (int k = 0; k < t->ndim; k++)
			hm_json_add_num(shape, NULL, (double)t->dim[k], e);
		if (t->dtype >= HM_F16 && t->dtype <= HM_F64 && hm_shape_count(t->ndim, t->dim, &count))
			parameters += (double)count;
	}
	hm_json_add_num(o, "parameters", parameters, e);
}

/* The text, unless it is empty: the file does not say. */
static void add_said(cJSON *o, const char *key, const char *s, struct hm_err *e)
{
	if (s && *s)
		hm_json_add_str(o, key, s, e);
}

static void add_side(cJSON *o, const struct hm_modelfile *m, enum hm_side side, struct hm_err *e)
{
	const char *prefix = side == HM_IMAGE ? HM_IMAGE_PREFIX : m->fusion->text_prefix;
	char columns[HM_FEATURES_MOST * HM_FEATURE_NAME];
	if (!m->dim[side])
		return;
	cJSON *one = hm_json_add_object(o, hm_side_name(side), e);
	if (m->dim[side] > 0)
		hm_json_add_num(one, "dim", (double)m->dim[side], e);
	if (m->columns[side].n)
		hm_json_add_str(one, "columns",
				hm_feature_names_text(&m->columns[side], columns, sizeof columns), e);
	add_said(one, hm_hex_is_digest(m->encoder[side]) ? "digest" : "encoder", m->encoder[side], e);
	add_said(one, "output", m->output[side], e);
	add_said(one, "precision", m->precision[side], e);
	add_said(one, "store", m->store[side], e);
	if (m->prepared[side])
		hm_json_add_copy(one, "prepared", m->prepared[side], e);
	hm_json_add_bool(one, "in_file", hm_names_holds(m->file, prefix), e);
}

static void add_hidden(cJSON *o, const struct hm_hidden *h, struct hm_err *e)
{
	hm_json_add_num(o, "map_dim", h->map_dim, e);
	hm_json_add_num(o, "map_layers", h->map_layers, e);
	hm_json_add_num(o, "pre_layers", h->pre_layers, e);
	if (h->pre_layers)
		hm_json_add_num(o, "pre_dim", h->pre_dim, e);
	hm_json_add_bool(o, "normalize", h->normalize, e);
	hm_json_add_nums(o, "dropout", h->dropout, 3, e);
}

static cJSON *describe_model(const struct hm_modelfile *m, struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "kind", "model", e);
	hm_json_add_str(o, "fusion", m->fusion->name, e);
	hm_json_add_num(o, "classes", (double)m->classes, e);
	if (m->names)
		hm_json_add_copy(o, "names", m->names, e);
	hm_json_add_bool(o, "vocab_in_file", m->vocab, e);
	hm_json_add_num(o, "inputs", (double)m->inputs, e);
	if (m->fusion->measure)
		add_hidden(o, &m->head, e);
	add_said(o, "selected_on", m->selected_on, e);
	for (int k = HM_SIDES - 1; k >= 0; k--)
		hm_configmodel_write(o, (enum hm_side)k, &m->hints[k], e);
	for (int k = 0; k < HM_SIDES; k++)
		add_side(o, m, (enum hm_side)k, e);
	if (m->pg)
		hm_json_add_copy(o, "history", m->pg, e);
	add_tensors(o, m->file, e);
	return hm_json_whole(o, e);
}

static cJSON *describe_weights(struct hm_weights *w, struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "kind", "weights", e);
	if (w->torchscript)
		hm_json_add_bool(o, "torchscript", true, e);
	cJSON *networks = hm_json_add_array(o, "networks", e);
	for (int side = 0; side < HM_SIDES; side++) {
		struct hm_err none = {0};
		struct hm_names_place at;
		if (hm_names_find(w, (enum hm_side)side, NULL, NULL, &at, &none))
			continue;
		cJSON *one = hm_json_add_object(networks, NULL, e);
		hm_json_add_str(one, "family", at.kind->name, e);
		hm_json_add_str(one, "side", hm_side_name((enum hm_side)side), e);
		hm_json_add_str(one, "prefix", at.prefix, e);
	}
	if (w->meta)
		hm_json_add_copy(o, "metadata", w->meta, e);
	add_tensors(o, w, e);
	return hm_json_whole(o, e);
}

static bool has_layer(const struct hm_weights *w, const char *name)
{
	char weight[32], bias[32];
	snprintf(weight, sizeof weight, "%s.weight", name);
	snprintf(bias, sizeof bias, "%s.bias", name);
	return hm_weights_find(w, weight) && hm_weights_find(w, bias);
}

/* The model, where the file is one of hm's; NULL without an error where it does not claim to be one: it lacks
 * a fusion's last layer, or the metadata and has tensors of others. */
static cJSON *read_model(const struct hm_weights *w, const char *path, struct hm_err *e)
{
	struct hm_modelfile m = {0};
	struct hm_err none = {0};
	bool claims = hm_weights_meta(w, "hm.model"), some = false;
	for (const struct hm_fusion_kind *const *k = hm_fusion_kinds(); *k; k++)
		some |= has_layer(w, (*k)->last);
	if (!some)
		return NULL;
	int rc = hm_modelfile_read(&m, path, claims ? e : &none);
	cJSON *o = rc ? NULL : describe_model(&m, e);
	hm_modelfile_clear(&m);
	return o;
}

int hm_model_print(const char *path, struct hm_buf *out, struct hm_err *e)
{
	const struct hm_weights_options names = {.names_first = true};
	struct hm_weights *w;
	if (hm_weights_open(&w, path, &names, e))
		return HM_EDATA;
	cJSON *o = read_model(w, path, e);
	if (!o && !e->code)
		o = describe_weights(w, e);
	hm_weights_close(w);
	return o ? hm_json_line(o, out, e) : HM_EDATA;
}

int hm_model_print_history(const char *path, struct hm_buf *out, struct hm_err *e)
{
	struct hm_modelfile m = {0};
	int rc = hm_modelfile_read(&m, path, e);
	if (!rc && !m.pg)
		rc = hm_err_set(e, HM_EDATA, "%s: a model without a history", path);
	if (!rc)
		rc = hm_json_line(hm_json_copy(m.pg, e), out, e);
	hm_modelfile_clear(&m);
	return rc;
}
