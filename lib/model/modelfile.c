/* Reading and writing model files: see modelfile.h. hm.model is one flat JSON object; a key that is not there
 * is a field not said. */
#include "model/modelfile.h"
#include "json/json.h"

#include <math.h>
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
		return hm_err_set(e, HM_EDATA, "no model: tensor \"%s\" is missing", name);
	if ((*t)->ndim != ndim || !hm_shape_count(ndim, (*t)->dim, &n) || !n)
		return hm_err_set(e, HM_EDATA, "tensor \"%s\" has not %d dimension%s", name, ndim,
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

/* The fusion from the names, all of which must be the model's. */
static int read_names(struct hm_modelfile *m, struct hm_err *e)
{
	static const char *const known[] = {"classifier.",
					    "image_encoder.",
					    "text_encoder.",
					    "transformer.",
					    "word_modality_embeddings",
					    "image_dim_augmentation.",
					    "image_positional_embeddings.",
					    "image_modality_embeddings"};
	bool early = false, late = false;
	for (size_t i = 0; i < m->file->n; i++) {
		const char *name = m->file->tensor[i].name;
		size_t k = 0;
		while (k < sizeof known / sizeof *known && strncmp(name, known[k], strlen(known[k])))
			k++;
		if (k == sizeof known / sizeof *known)
			return hm_err_set(e, HM_EDATA, "tensor \"%.200s\" is no part of a model", name);
		early |= k == 3;
		late |= k == 2;
	}
	if (early && late)
		return hm_err_set(e, HM_EDATA, "holds both \"transformer.\" and \"text_encoder.\"");
	m->fusion = early ? HM_FUSION_EARLY : HM_FUSION_LATE;
	return 0;
}

/* A short text, when the object has one. */
static int get_text(const cJSON *o, const char *key, char *out, size_t cap, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	if (v && (!cJSON_IsString(v) || strlen(v->valuestring) >= cap))
		return hm_err_set(e, HM_EDATA, "hm.model: \"%s\" is no text of less than %zu bytes", key,
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

/* hm.model's fields, and that they agree with the tensors. */
static int read_fields(struct hm_modelfile *m, const cJSON *o, struct hm_err *e)
{
	int64_t classes;
	char fusion[16];
	const char *found = m->fusion == HM_FUSION_LATE ? "late" : "early";
	if (get_text(o, "fusion", fusion, sizeof fusion, e) ||
	    get_size(o, "classes", m->classes, &classes, e) ||
	    get_size(o, "image_dim", -1, &m->image_dim, e) || get_size(o, "text_dim", -1, &m->text_dim, e) ||
	    get_text(o, "image_output", m->image_output, sizeof m->image_output, e) ||
	    get_text(o, "image_precision", m->image_precision, sizeof m->image_precision, e) ||
	    get_text(o, "text_precision", m->text_precision, sizeof m->text_precision, e) ||
	    get_size(o, "heads", 0, &m->heads, e))
		return HM_EDATA;
	const cJSON *eps = cJSON_GetObjectItemCaseSensitive(o, "eps");
	if (eps && (!cJSON_IsNumber(eps) || !(eps->valuedouble > 0 && eps->valuedouble < 1)))
		return hm_err_set(e, HM_EDATA, "hm.model: \"eps\" is no number between 0 and 1");
	m->eps = eps ? eps->valuedouble : 0;
	if (*fusion && strcmp(fusion, found))
		return hm_err_set(e, HM_EDATA, "hm.model says %s fusion, the tensors are those of %s fusion",
				  fusion, found);
	if (classes != m->classes)
		return hm_err_set(e, HM_EDATA, "hm.model says %lld classes, classifier.bias has %lld",
				  (long long)classes, (long long)m->classes);
	if ((m->image_dim < 0) != (m->text_dim < 0))
		return hm_err_set(e, HM_EDATA, "hm.model says only one of image_dim and text_dim");
	if (m->fusion == HM_FUSION_LATE && m->image_dim >= 0 &&
	    (m->image_dim > m->inputs || m->inputs - m->image_dim != m->text_dim))
		return hm_err_set(e, HM_EDATA, "hm.model says %lld + %lld inputs, classifier.weight has %lld",
				  (long long)m->image_dim, (long long)m->text_dim, (long long)m->inputs);
	return 0;
}

/* The digest of an encoder: of its tensors when the file holds them, which the metadata must then agree with.
 */
static int read_digest(struct hm_modelfile *m, const char *key, enum hm_encoder_kind kind,
		       const char *const *prefix, char out[33], struct hm_err *e)
{
	const char *said = hm_weights_meta(m->file, key);
	const struct hm_tensor *t;
	size_t n, i = 0;
	if (said && (strlen(said) != 32 || strspn(said, "0123456789abcdef") != 32))
		return hm_err_set(e, HM_EDATA, "%s is not 32 hexadecimal digits", key);
	memcpy(out, said ? said : "", said ? 33 : 1);
	while (i < m->file->n && strncmp(m->file->tensor[i].name, prefix[0], strlen(prefix[0])) &&
	       strncmp(m->file->tensor[i].name, prefix[1], strlen(prefix[1])))
		i++;
	if (i == m->file->n)
		return 0;
	if (hm_weights_encoder(m->file, kind, &t, &n, e) || hm_weights_digest(t, n, out, e))
		return HM_EDATA;
	return said && strcmp(said, out)
		       ? hm_err_set(e, HM_EDATA, "%s is not the digest of the encoder in the file", key)
		       : 0;
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
	return is(*out) ? 0 : hm_err_set(e, HM_EDATA, "%s is no JSON of the right kind", key);
}

static int read_all(struct hm_modelfile *m, const char *path, struct hm_err *e)
{
	static const char *const image[] = {"image_encoder.", "image_encoder."}, *const text[] = {
											 "text_encoder.",
											 "transformer."};
	cJSON *o = NULL;
	if (hm_weights_open(&m->file, path, NULL, e))
		return HM_EDATA;
	int rc = read_names(m, e);
	if (!rc)
		rc = read_head(m, e);
	if (!rc)
		rc = get_json(m->file, "hm.model", cJSON_IsObject, &o, e);
	if (!rc)
		rc = read_fields(m, o, e);
	if (!rc)
		rc = get_json(m->file, "hm.pg", cJSON_IsArray, &m->pg, e);
	if (!rc)
		rc = read_digest(m, "hm.image_digest", HM_IMAGE_ENCODER, image, m->image_digest, e);
	if (!rc)
		rc = read_digest(m, "hm.text_digest", HM_TEXT_ENCODER, text, m->text_digest, e);
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
	hm_weights_close(m->file);
	*m = (struct hm_modelfile){0};
}

/* ---- writing ---- */

static cJSON *model_fields(const struct hm_modelfile *m)
{
	cJSON *o = cJSON_CreateObject();
	bool ok = cJSON_AddStringToObject(o, "fusion", m->fusion == HM_FUSION_LATE ? "late" : "early") &&
		  cJSON_AddNumberToObject(o, "classes", (double)m->classes);
	const struct {
		const char *key, *text;
	} texts[] = {{"image_output", m->image_output},
		     {"image_precision", m->image_precision},
		     {"text_precision", m->text_precision}};
	for (int i = 0; ok && i < 3; i++)
		ok = !*texts[i].text || cJSON_AddStringToObject(o, texts[i].key, texts[i].text);
	if (ok && m->image_dim >= 0 && m->text_dim >= 0)
		ok = cJSON_AddNumberToObject(o, "image_dim", (double)m->image_dim) &&
		     cJSON_AddNumberToObject(o, "text_dim", (double)m->text_dim);
	if (ok && m->heads)
		ok = cJSON_AddNumberToObject(o, "heads", (double)m->heads);
	if (ok && m->eps > 0)
		ok = cJSON_AddNumberToObject(o, "eps", m->eps);
	if (ok)
		return o;
	cJSON_Delete(o);
	return NULL;
}

/* meta[key] = the tree's canonical text. */
static bool add_json(cJSON *meta, const char *key, const cJSON *v, struct hm_err *e)
{
	struct hm_buf b = {0};
	bool ok = v && !hm_json_write(v, &b, e) && !hm_buf_add(&b, "", 1, e) &&
		  cJSON_AddStringToObject(meta, key, (char *)b.data);
	hm_buf_clear(&b);
	return ok;
}

int hm_modelfile_write(const char *path, const struct hm_modelfile *m, const struct hm_tensor *more,
		       size_t n_more, struct hm_err *e)
{
	cJSON *meta = cJSON_CreateObject(), *fields = model_fields(m);
	struct hm_tensor *t = hm_alloc(n_more + 2, sizeof *t, e);
	bool ok = t && meta && fields && add_json(meta, "hm.model", fields, e) &&
		  cJSON_AddStringToObject(meta, "hm.digest", "") &&
		  (!m->pg || add_json(meta, "hm.pg", m->pg, e)) &&
		  (!m->selected_on || cJSON_AddStringToObject(meta, "hm.selected_on", m->selected_on)) &&
		  (!*m->image_digest || cJSON_AddStringToObject(meta, "hm.image_digest", m->image_digest)) &&
		  (!*m->text_digest || cJSON_AddStringToObject(meta, "hm.text_digest", m->text_digest));
	int rc = ok ? 0 : hm_err_set(e, HM_EDATA, "%s: out of memory for metadata", path);
	if (ok) {
		t[0] = (struct hm_tensor){"classifier.weight", HM_F32, 2, {m->classes, m->inputs}, m->weight};
		t[1] = (struct hm_tensor){"classifier.bias", HM_F32, 1, {m->classes}, m->bias};
		if (n_more)
			memcpy(t + 2, more, n_more * sizeof *t);
		rc = hm_weights_save(path, t, n_more + 2, meta, e);
	}
	free(t);
	cJSON_Delete(fields);
	cJSON_Delete(meta);
	return rc;
}
