/* Reading and writing model files: see modelfile.h. hm.model is one JSON object; a key that is not there is a
 * field not said. */
#include "model/modelfile.h"
#include "json/build.h"
#include "model/config.h"
#include "model/modelhead.h"
#include "model/names.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

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

/* The names of a side's feature columns. */
static int read_columns(struct hm_feature_names *f, const cJSON *o, const char *key, struct hm_err *e)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, key), *v;
	bool fits = !list || (cJSON_IsArray(list) && cJSON_GetArraySize(list) <= HM_FEATURES_MOST);
	f->n = 0;
	if (fits)
		cJSON_ArrayForEach(v, list)
		{
			fits &= cJSON_IsString(v) && *v->valuestring &&
				strlen(v->valuestring) < HM_FEATURE_NAME;
			if (fits)
				snprintf(f->name[f->n++], HM_FEATURE_NAME, "%s", v->valuestring);
		}
	return fits ? 0 : hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is not a list of columns' names", key);
}

/* Where a side's fields stand in hm.model. */
static const struct {
	const char *dim, *output, *precision, *family, *digest, *columns;
} keys[HM_SIDES] = {
	{"image_dim", "image_output", "image_precision", "image_family", "hm.image_digest", "image_columns"},
	{"text_dim", "text_output", "text_precision", "text_family", "hm.text_digest", "text_columns"}};

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
		    hm_config_read_model(o, (enum hm_side)k, &m->hints[k], e) ||
		    read_columns(&m->columns[k], o, keys[k].columns, e))
			return HM_EDATA;
		if (o && !*m->output[k] && m->dim[k] > 0)
			snprintf(m->output[k], sizeof m->output[k], "%s", usual_output[k]);
		if (prepared && !cJSON_IsObject(prepared))
			return hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is not an object", prepared->string);
		if (prepared && !(m->prepared[k] = hm_json_copy(prepared, e)))
			return HM_EDATA;
		/* Files that were written before preparations had colours say those of their encoder. */
		if (prepared && prepared->child)
			hm_config_add_colours(m->prepared[k], &m->hints[k].colours, e);
		if (prepared && e->code)
			return HM_EDATA;
	}
	return 0;
}

/* What hm.model says of the layers between sides and logits, beyond their sizes. */
static int read_hidden(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	const cJSON *norm = cJSON_GetObjectItemCaseSensitive(o, "normalize"),
		    *drop = cJSON_GetObjectItemCaseSensitive(o, "dropout");
	if (!m->fusion->measure)
		return 0;
	if (norm && !cJSON_IsBool(norm))
		return hm_err_set(e, HM_EDATA, "hm.model: \"normalize\" is neither true nor false");
	m->head.normalize = !norm || cJSON_IsTrue(norm);
	bool fits = !drop || (cJSON_IsArray(drop) && cJSON_GetArraySize(drop) == 3);
	for (int i = 0; fits && drop && i < 3; i++) {
		const cJSON *p = cJSON_GetArrayItem(drop, i);
		fits = cJSON_IsNumber(p) && p->valuedouble >= 0 && p->valuedouble < 1;
		m->head.dropout[i] = fits ? p->valuedouble : 0;
	}
	return fits ? 0
		    : hm_err_set(e, HM_EDATA, "hm.model: \"dropout\" is not three numbers from 0 to below 1");
}

/* Reads hm.model's fields and checks that they agree with the tensors. */
static int read_fields(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	int64_t classes;
	char fusion[16];
	if (get_text(o, "fusion", fusion, sizeof fusion, e) ||
	    get_size(o, "classes", m->classes, &classes, e) || read_sides(m, o, e) ||
	    read_hidden(m, o, e))
		return HM_EDATA;
	if (*fusion && strcmp(fusion, m->fusion->name))
		return hm_err_set(e, HM_EDATA, "hm.model says %s fusion, the tensors are those of %s fusion",
				  fusion, m->fusion->name);
	if (classes != m->classes)
		return hm_err_set(e, HM_EDATA, "hm.model says %lld classes, %s.bias has %lld",
				  (long long)classes, m->fusion->last, (long long)m->classes);
	if ((m->dim[HM_IMAGE] < 0) != (m->dim[HM_TEXT] < 0))
		return hm_err_set(e, HM_EDATA, "hm.model says only one of image_dim and text_dim");
	const struct hm_fusion_shape s = {
		(int)m->classes, {(int)m->dim[HM_IMAGE], (int)m->dim[HM_TEXT]}, 0, m->head};
	if (m->dim[HM_IMAGE] > INT_MAX / 4 || m->dim[HM_TEXT] > INT_MAX / 4 ||
	    (m->dim[HM_IMAGE] >= 0 && m->fusion->inputs(m->fusion, &s) != m->inputs))
		return hm_err_set(e, HM_EDATA,
				  "hm.model says image_dim %lld and text_dim %lld, %s.weight has %lld "
				  "inputs, which is not %s fusion's number",
				  (long long)m->dim[HM_IMAGE], (long long)m->dim[HM_TEXT], m->fusion->last,
				  (long long)m->inputs, m->fusion->name);
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
	static const char *const mark[] = {"classifier.weight|output.weight", "classifier.bias|output.bias"};
	const char *prefix = NULL;
	if (hm_weights_find(w, "classifier.weight") || hm_weights_find(w, "output.weight"))
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
	unsigned set;
	char said[16];
	if (hm_weights_open(&m->file, path, &(struct hm_weights_options){.names_first = true}, e))
		return HM_EDATA;
	int rc = take_prefix(m->file, e);
	if (!rc)
		rc = hm_modelhead_names(m, &set, e);
	if (!rc)
		rc = hm_weights_verify(m->file, m->file->tensor, m->file->n, e);
	if (!rc)
		rc = get_json(m->file, "hm.model", cJSON_IsObject, &o, e);
	m->described = o != NULL;
	if (!rc)
		rc = get_text(o, "fusion", said, sizeof said, e);
	if (!rc)
		rc = hm_modelhead_choose(m, set, said, e);
	if (!rc)
		rc = hm_modelhead_read(m, e);
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

static void add_columns(cJSON *o, const char *key, const struct hm_feature_names *f, struct hm_err *e)
{
	cJSON *list = f->n ? hm_json_add_array(o, key, e) : NULL;
	for (int i = 0; i < f->n; i++)
		hm_json_add_str(list, NULL, f->name[i], e);
}

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
		add_columns(o, keys[k].columns, &m->columns[k], e);
	}
	for (int k = HM_SIDES - 1; k >= 0; k--) {
		if (*m->family[k])
			hm_json_add_str(o, keys[k].family, m->family[k], e);
		hm_config_write_model(o, (enum hm_side)k, &m->hints[k], e);
	}
	if (m->fusion->measure) {
		hm_json_add_bool(o, "normalize", m->head.normalize, e);
		hm_json_add_nums(o, "dropout", m->head.dropout, 3, e);
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
	char weight[32], bias[32];
	if (t) {
		snprintf(weight, sizeof weight, "%s.weight", m->fusion->last);
		snprintf(bias, sizeof bias, "%s.bias", m->fusion->last);
		t[0] = (struct hm_tensor){weight, HM_F32, 2, {m->classes, m->inputs}, m->weight};
		t[1] = (struct hm_tensor){bias, HM_F32, 1, {m->classes}, m->bias};
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
