/* Reading and writing model files: see modelfile.h. hm.model is one JSON object; a key that is not there is a
 * field not said. */
#include "model/modelfile.h"
#include "json/build.h"
#include "model/config.h"
#include "model/names.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_CAP 65536

/* ---- reading ---- */

/* classifier.weight or .bias as f32, finite. */
static int head_tensor(const struct hm_weights *w, const char *name, int ndim, const struct hm_tensor **t,
		       float **out, struct hm_err *e)
{
	size_t n;
	*t = hm_weights_find(w, name);
	if (!*t)
		return hm_err_set(e, HM_EDATA, "not a model: tensor \"%s\" is missing", name);
	if ((*t)->ndim != ndim || !hm_shape_count(ndim, (*t)->dim, &n) || !n)
		return hm_err_set(e, HM_EDATA, "tensor \"%s\" does not have %d dimension%s", name, ndim,
				  ndim > 1 ? "s" : "");
	*out = hm_alloc(n, sizeof **out, e);
	if (!*out || hm_to_f32((*t)->dtype, (*t)->data, n, *out, e))
		return hm_err_prefix(e, "tensor \"%s\"", name);
	for (size_t i = 0; i < n; i++)
		if (!isfinite((*out)[i]))
			return hm_err_set(e, HM_EDATA, "tensor \"%s\" holds NaN or infinity", name);
	return 0;
}

static int read_head(struct hm_modelfile *m, struct hm_err *e)
{
	const struct hm_tensor *w, *b;
	if (head_tensor(m->file, "classifier.weight", 2, &w, &m->weight, e) ||
	    head_tensor(m->file, "classifier.bias", 1, &b, &m->bias, e))
		return HM_EDATA;
	if (w->dim[0] != b->dim[0] || w->dim[0] > CLASSES_CAP)
		return hm_err_set(e, HM_EDATA, "classifier.weight is %lldx%lld, classifier.bias %lld",
				  (long long)w->dim[0], (long long)w->dim[1], (long long)b->dim[0]);
	m->classes = w->dim[0];
	m->inputs = w->dim[1];
	return 0;
}

/* The fusion that owns a tensor of this name, or NULL. */
static const struct hm_fusion_kind *fusion_of(const char *name, const char **own)
{
	for (const struct hm_fusion_kind *const *k = hm_fusion_kinds(); *k; k++)
		for (const char *const *p = (*k)->own; *p; p++)
			if (!strncmp(name, *p, strlen(*p))) {
				*own = *p;
				return *k;
			}
	return NULL;
}

/* The fusion from the names, all of which must be the model's. */
static int read_names(struct hm_modelfile *m, struct hm_err *e)
{
	const char *first = NULL, *own = NULL;
	m->fusion = NULL;
	for (size_t i = 0; i < m->file->n; i++) {
		const char *name = m->file->tensor[i].name;
		const struct hm_fusion_kind *k = fusion_of(name, &own);
		if (!k && strncmp(name, "classifier.", 11) &&
		    strncmp(name, HM_IMAGE_PREFIX, strlen(HM_IMAGE_PREFIX)))
			return hm_err_set(e, HM_EDATA, "tensor \"%.200s\" is not part of a model", name);
		if (k && m->fusion && k != m->fusion)
			return hm_err_set(e, HM_EDATA, "holds tensors of two fusions, \"%s\" and \"%s\"",
					  first, own);
		if (k && !m->fusion)
			m->fusion = k, first = own;
	}
	if (!m->fusion)
		m->fusion = hm_fusion_kinds()[0];
	return 0;
}

/* out := a short text of the object, or "". */
static int get_text(const cJSON *o, const char *key, char *out, size_t cap, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	if (v && (!cJSON_IsString(v) || strlen(v->valuestring) >= cap))
		return hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is not a text of less than %zu bytes", key,
				  cap);
	memcpy(out, v ? v->valuestring : "", v ? strlen(v->valuestring) + 1 : 1);
	return 0;
}

static int get_size(const cJSON *o, const char *key, int64_t absent, int64_t *out, struct hm_err *e)
{
	*out = absent;
	if (!cJSON_GetObjectItemCaseSensitive(o, key))
		return 0;
	if (hm_json_get_int(o, key, out, e))
		return hm_err_prefix(e, "hm.model");
	return *out >= 0 ? 0 : hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is negative", key);
}

/* Where a side's fields stand in hm.model. */
static const struct {
	const char *dim, *output, *precision, *family, *digest;
} keys[HM_SIDES] = {{"image_dim", "image_output", "image_precision", "image_family", "hm.image_digest"},
		    {"text_dim", "text_output", "text_precision", "text_family", "hm.text_digest"}};

/* The output of a file that does not name one. */
static const char *const usual_output[HM_SIDES] = {"", "pooler"};

static int read_sides(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	for (int k = 0; k < HM_SIDES; k++) {
		const cJSON *prepared = cJSON_GetObjectItemCaseSensitive(o, hm_side_name((enum hm_side)k));
		if (get_size(o, keys[k].dim, -1, &m->dim[k], e) ||
		    get_text(o, keys[k].output, m->output[k], sizeof m->output[k], e) ||
		    get_text(o, keys[k].precision, m->precision[k], sizeof m->precision[k], e) ||
		    get_text(o, keys[k].family, m->family[k], sizeof m->family[k], e) ||
		    hm_config_read_model(o, (enum hm_side)k, &m->hints[k], e))
			return HM_EDATA;
		if (o && !*m->output[k] && m->dim[k] > 0)
			snprintf(m->output[k], sizeof m->output[k], "%s", usual_output[k]);
		if (prepared && !cJSON_IsObject(prepared))
			return hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is not an object", prepared->string);
		if (prepared && !(m->prepared[k] = hm_json_copy(prepared, e)))
			return HM_EDATA;
	}
	return 0;
}

/* Reads hm.model's fields and checks that they agree with the tensors. */
static int read_fields(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	int64_t classes;
	char fusion[16];
	if (get_text(o, "fusion", fusion, sizeof fusion, e) ||
	    get_size(o, "classes", m->classes, &classes, e) || read_sides(m, o, e))
		return HM_EDATA;
	if (*fusion && strcmp(fusion, m->fusion->name))
		return hm_err_set(e, HM_EDATA, "hm.model says %s fusion, the tensors are those of %s fusion",
				  fusion, m->fusion->name);
	if (classes != m->classes)
		return hm_err_set(e, HM_EDATA, "hm.model says %lld classes, classifier.bias has %lld",
				  (long long)classes, (long long)m->classes);
	if ((m->dim[HM_IMAGE] < 0) != (m->dim[HM_TEXT] < 0))
		return hm_err_set(e, HM_EDATA, "hm.model says only one of image_dim and text_dim");
	const struct hm_fusion_shape s = {(int)m->classes, {(int)m->dim[HM_IMAGE], (int)m->dim[HM_TEXT]}, 0};
	if (m->dim[HM_IMAGE] > INT_MAX / 4 || m->dim[HM_TEXT] > INT_MAX / 4 ||
	    (m->dim[HM_IMAGE] >= 0 && m->fusion->inputs(&s) != m->inputs))
		return hm_err_set(
			e, HM_EDATA,
			"hm.model says image_dim %lld and text_dim %lld, classifier.weight has %lld "
			"inputs, which is not %s fusion's number",
			(long long)m->dim[HM_IMAGE], (long long)m->dim[HM_TEXT], (long long)m->inputs,
			m->fusion->name);
	return 0;
}

/* The digest of an encoder: of its tensors when the file holds them, which the metadata must then agree with.
 */
static int read_digest(struct hm_modelfile *m, enum hm_side side, struct hm_err *e)
{
	const char *key = keys[side].digest, *said = hm_weights_meta(m->file, key), *prefix;
	struct hm_names_place at;
	struct hm_names_list list;
	struct hm_arena names = {0};
	if (said && (strlen(said) != 32 || strspn(said, "0123456789abcdef") != 32))
		return hm_err_set(e, HM_EDATA, "%s is not 32 hexadecimal digits", key);
	memcpy(m->digest[side], said ? said : "", said ? 33 : 1);
	prefix = side == HM_IMAGE ? HM_IMAGE_PREFIX : m->fusion->text_prefix;
	if (!hm_names_holds(m->file, prefix))
		return 0;
	int rc = hm_names_family(m->file, side, prefix, *m->family[side] ? m->family[side] : NULL, &at, e);
	if (!rc)
		rc = hm_names_collect(m->file, &at, HM_TENSOR_PARAM, &names, &list, e);
	if (!rc && !list.n)
		rc = hm_err_set(e, HM_EDATA, "there is no encoder's tensor below \"%s\"", prefix);
	if (!rc)
		rc = hm_names_turn(&list, &names, e);
	if (!rc)
		rc = hm_weights_digest(list.tensor, list.n, m->digest[side], e);
	if (!rc && said && strcmp(said, m->digest[side]))
		rc = hm_err_set(e, HM_EDATA, "%s is not the digest of the encoder in the file", key);
	hm_arena_clear(&names);
	return rc;
}

/* A metadata text as JSON of the type that `is` accepts; *out NULL when it is not there. */
static int get_json(const struct hm_weights *w, const char *key, cJSON_bool (*is)(const cJSON *), cJSON **out,
		    struct hm_err *e)
{
	const char *s = hm_weights_meta(w, key);
	*out = NULL;
	if (!s)
		return 0;
	*out = hm_json_parse(s, strlen(s), 16, NULL, e);
	if (!*out)
		return hm_err_prefix(e, "%s", key);
	return is(*out) ? 0 : hm_err_set(e, HM_EDATA, "%s is not JSON of the right kind", key);
}

/* A model that was trained elsewhere may have "module." or another prefix before every name. */
static int take_prefix(struct hm_weights *w, struct hm_err *e)
{
	static const char *const mark[] = {"classifier.weight", "classifier.bias"};
	const char *prefix = NULL;
	if (hm_weights_find(w, mark[0]))
		return 0;
	if (hm_weights_prefix(w, mark, 2, &prefix, e))
		return HM_EDATA;
	if (prefix)
		hm_weights_narrow(w, prefix);
	return 0;
}

static int read_all(struct hm_modelfile *m, const char *path, struct hm_err *e)
{
	cJSON *o = NULL;
	if (hm_weights_open(&m->file, path, &(struct hm_weights_options){.names_first = true}, e))
		return HM_EDATA;
	int rc = take_prefix(m->file, e);
	if (!rc)
		rc = read_names(m, e);
	if (!rc)
		rc = hm_weights_verify(m->file, m->file->tensor, m->file->n, e);
	if (!rc)
		rc = read_head(m, e);
	if (!rc)
		rc = get_json(m->file, "hm.model", cJSON_IsObject, &o, e);
	if (!rc)
		rc = read_fields(m, o, e);
	if (!rc)
		rc = get_json(m->file, "hm.pg", cJSON_IsArray, &m->pg, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = read_digest(m, (enum hm_side)k, e);
	const char *on = hm_weights_meta(m->file, "hm.selected_on");
	if (!rc && on) {
		m->selected_on = hm_strndup(on, strlen(on), e);
		rc = m->selected_on ? 0 : HM_EDATA;
	}
	cJSON_Delete(o);
	return rc ? hm_err_prefix(e, "%s", path) : 0;
}

int hm_modelfile_read(struct hm_modelfile *m, const char *path, struct hm_err *e)
{
	*m = (struct hm_modelfile){0};
	int rc = read_all(m, path, e);
	if (rc)
		hm_modelfile_clear(m);
	return rc;
}

void hm_modelfile_clear(struct hm_modelfile *m)
{
	free(m->weight);
	free(m->bias);
	free(m->selected_on);
	cJSON_Delete(m->pg);
	for (int k = 0; k < HM_SIDES; k++)
		cJSON_Delete(m->prepared[k]);
	hm_weights_close(m->file);
	*m = (struct hm_modelfile){0};
}

/* ---- writing ---- */

static cJSON *model_fields(const struct hm_modelfile *m, struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "fusion", m->fusion->name, e);
	hm_json_add_num(o, "classes", (double)m->classes, e);
	for (int k = 0; k < HM_SIDES; k++) {
		if (*m->output[k] && strcmp(m->output[k], usual_output[k]))
			hm_json_add_str(o, keys[k].output, m->output[k], e);
		if (m->prepared[k] && m->prepared[k]->child)
			hm_json_add_copy(o, hm_side_name((enum hm_side)k), m->prepared[k], e);
		if (*m->precision[k])
			hm_json_add_str(o, keys[k].precision, m->precision[k], e);
		if (m->dim[HM_IMAGE] >= 0 && m->dim[HM_TEXT] >= 0)
			hm_json_add_num(o, keys[k].dim, (double)m->dim[k], e);
	}
	for (int k = HM_SIDES - 1; k >= 0; k--) {
		if (*m->family[k])
			hm_json_add_str(o, keys[k].family, m->family[k], e);
		hm_config_write_model(o, (enum hm_side)k, &m->hints[k], e);
	}
	return hm_json_whole(o, e);
}

/* __metadata__: texts, two of them JSON. */
static cJSON *make_metadata(const struct hm_modelfile *m, struct hm_err *e)
{
	cJSON *meta = hm_json_object(e), *fields = model_fields(m, e);
	hm_json_add_text(meta, "hm.model", fields, e);
	hm_json_add_str(meta, "hm.digest", "", e);
	if (m->pg)
		hm_json_add_text(meta, "hm.pg", m->pg, e);
	if (m->selected_on)
		hm_json_add_str(meta, "hm.selected_on", m->selected_on, e);
	for (int k = 0; k < HM_SIDES; k++)
		if (*m->digest[k])
			hm_json_add_str(meta, keys[k].digest, m->digest[k], e);
	cJSON_Delete(fields);
	return hm_json_whole(meta, e);
}

int hm_modelfile_write(const char *path, const struct hm_modelfile *m, const struct hm_tensor *more,
		       size_t n_more, struct hm_err *e)
{
	cJSON *meta = make_metadata(m, e);
	struct hm_tensor *t = meta ? hm_alloc(n_more + 2, sizeof *t, e) : NULL;
	int rc = HM_EDATA;
	if (t) {
		t[0] = (struct hm_tensor){"classifier.weight", HM_F32, 2, {m->classes, m->inputs}, m->weight};
		t[1] = (struct hm_tensor){"classifier.bias", HM_F32, 1, {m->classes}, m->bias};
		if (n_more)
			memcpy(t + 2, more, n_more * sizeof *t);
		rc = hm_weights_save(path, t, n_more + 2, meta, e);
	} else {
		hm_err_prefix(e, "%s", path);
	}
	free(t);
	cJSON_Delete(meta);
	return rc;
}
