/* What hm.model says, read and written: see modelfields.h. */
#include "model/modelfields.h"
#include "base/hex.h"
#include "json/build.h"
#include "model/configmodel.h"

#include <limits.h>
#include <stdio.h>
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
	const char *dim, *output, *precision, *store, *family, *columns;
	const char *encoder; /* of features whose encoder is known by no digest */
} keys[HM_SIDES] = {{"image_dim", "image_output", "image_precision", "image_store", "image_family",
		     "image_columns", "image_encoder"},
		    {"text_dim", "text_output", "text_precision", "text_store", "text_family", "text_columns",
		     "text_encoder"}};

/* The output of a file that gives an encoder's digest and no output. */
static const char *const usual_output[HM_SIDES] = {"", "pooler"};

static int read_store(const cJSON *o, const char *key, char out[8], struct hm_err *e)
{
	if (get_text(o, key, out, 8, e))
		return HM_EDATA;
	return !*out || !strcmp(out, "f16") || !strcmp(out, "bf16")
		       ? 0
		       : hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is neither f16 nor bf16", key);
}

static int read_sides(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	for (int k = 0; k < HM_SIDES; k++) {
		const cJSON *prepared = cJSON_GetObjectItemCaseSensitive(o, hm_side_name((enum hm_side)k));
		if (get_size(o, keys[k].dim, -1, &m->dim[k], e) ||
		    get_text(o, keys[k].output, m->output[k], sizeof m->output[k], e) ||
		    get_text(o, keys[k].precision, m->precision[k], sizeof m->precision[k], e) ||
		    read_store(o, keys[k].store, m->store[k], e) ||
		    get_text(o, keys[k].family, m->family[k], sizeof m->family[k], e) ||
		    get_text(o, keys[k].encoder, m->encoder[k], sizeof m->encoder[k], e) ||
		    hm_configmodel_read(o, (enum hm_side)k, &m->hints[k], e) ||
		    read_columns(&m->columns[k], o, keys[k].columns, e))
			return HM_EDATA;
		if (o && !*m->output[k] && m->dim[k] > 0 && hm_weights_meta(m->file, hm_digest_keys[k]))
			snprintf(m->output[k], sizeof m->output[k], "%s", usual_output[k]);
		if (prepared && !cJSON_IsObject(prepared))
			return hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is not an object", prepared->string);
		if (prepared && !(m->prepared[k] = hm_json_copy(prepared, e)))
			return HM_EDATA;
		/* Files that were written before preparations had colours say those of their encoder. */
		if (prepared && prepared->child)
			hm_configmodel_add_settings(m->prepared[k], NULL, &m->hints[k], e);
		if (prepared && e->code)
			return HM_EDATA;
	}
	return 0;
}

/* What the classes are called. */
static int read_names(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "names"), *v;
	bool fits = !list || (cJSON_IsArray(list) && cJSON_GetArraySize(list) == m->classes);
	cJSON_ArrayForEach(v, list) fits &= cJSON_IsString(v);
	if (!fits)
		return hm_err_set(e, HM_EDATA, "hm.model: \"names\" is not a list of %lld texts",
				  (long long)m->classes);
	return !list || (m->names = hm_json_copy(list, e)) ? 0 : HM_EDATA;
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

int hm_modelfields_fusion(const cJSON *o, char out[HM_FUSION_NAME], struct hm_err *e)
{
	return get_text(o, "fusion", out, HM_FUSION_NAME, e);
}

int hm_modelfields_read(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	int64_t classes;
	char fusion[HM_FUSION_NAME];
	if (hm_modelfields_fusion(o, fusion, e) || get_size(o, "classes", m->classes, &classes, e) ||
	    read_sides(m, o, e) || read_hidden(m, o, e))
		return HM_EDATA;
	if (*fusion && strcmp(fusion, m->fusion->name))
		return hm_err_set(e, HM_EDATA, "hm.model says %s fusion, the tensors are those of %s fusion",
				  fusion, m->fusion->name);
	if (classes != m->classes)
		return hm_err_set(e, HM_EDATA, "hm.model says %lld classes, %s.bias has %lld",
				  (long long)classes, m->fusion->last, (long long)m->classes);
	if (read_names(m, o, e))
		return HM_EDATA;
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

/* ---- writing ---- */

static void add_columns(cJSON *o, const char *key, const struct hm_feature_names *f, struct hm_err *e)
{
	cJSON *list = f->n ? hm_json_add_array(o, key, e) : NULL;
	for (int i = 0; i < f->n; i++)
		hm_json_add_str(list, NULL, f->name[i], e);
}

cJSON *hm_modelfields_make(const struct hm_modelfile *m, struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "fusion", m->fusion->name, e);
	hm_json_add_num(o, "classes", (double)m->classes, e);
	if (m->names)
		hm_json_add_copy(o, "names", m->names, e);
	for (int k = 0; k < HM_SIDES; k++) {
		bool digest = hm_hex_is_digest(m->encoder[k]);
		if (*m->output[k] && (!digest || strcmp(m->output[k], usual_output[k])))
			hm_json_add_str(o, keys[k].output, m->output[k], e);
		if (*m->encoder[k] && !digest)
			hm_json_add_str(o, keys[k].encoder, m->encoder[k], e);
		if (m->prepared[k] && m->prepared[k]->child)
			hm_json_add_copy(o, hm_side_name((enum hm_side)k), m->prepared[k], e);
		if (*m->precision[k])
			hm_json_add_str(o, keys[k].precision, m->precision[k], e);
		if (*m->store[k])
			hm_json_add_str(o, keys[k].store, m->store[k], e);
		if (m->dim[HM_IMAGE] >= 0 && m->dim[HM_TEXT] >= 0)
			hm_json_add_num(o, keys[k].dim, (double)m->dim[k], e);
		add_columns(o, keys[k].columns, &m->columns[k], e);
	}
	for (int k = HM_SIDES - 1; k >= 0; k--) {
		if (*m->family[k])
			hm_json_add_str(o, keys[k].family, m->family[k], e);
		hm_configmodel_write(o, (enum hm_side)k, &m->hints[k], e);
	}
	if (m->fusion->measure) {
		hm_json_add_bool(o, "normalize", m->head.normalize, e);
		hm_json_add_nums(o, "dropout", m->head.dropout, 3, e);
	}
	return hm_json_whole(o, e);
}
