/* Reading and writing model files: see modelfile.h. What hm.model says is modelfields.c's. */
#include "model/modelfile.h"
#include "base/hex.h"
#include "json/build.h"
#include "model/modelfields.h"
#include "model/modelhead.h"
#include "model/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

const char *const hm_digest_keys[HM_SIDES] = {"hm.image_digest", "hm.text_digest"};

/* Which encoder a side was trained on, beyond what read_sides found: the digest of its tensors when the file
 * holds them, which the metadata must then agree with. */
static int read_digest(struct hm_modelfile *m, enum hm_side side, struct hm_err *e)
{
	const char *key = hm_digest_keys[side], *said = hm_weights_meta(m->file, key), *prefix;
	struct hm_names_place at;
	struct hm_names_list list;
	struct hm_arena names = {0};
	if (said && !hm_hex_is_digest(said))
		return hm_err_set(e, HM_EDATA, "%s is not 32 hexadecimal digits", key);
	prefix = side == HM_IMAGE ? HM_IMAGE_PREFIX : m->fusion->text_prefix;
	bool holds = hm_names_holds(m->file, prefix);
	if (*m->encoder[side] && (said || holds))
		return hm_err_set(e, HM_EDATA, "hm.model says \"%s_encoder\": \"%.64s\", but %s says another",
				  hm_side_name(side), m->encoder[side], holds ? "a tensor of the file" : key);
	if (said)
		memcpy(m->encoder[side], said, HM_HEX);
	if (!holds)
		return 0;
	int rc = hm_names_family(m->file, side, prefix, *m->family[side] ? m->family[side] : NULL, &at, e);
	if (!rc)
		rc = hm_names_collect(m->file, &at, HM_TENSOR_PARAM, &names, &list, e);
	if (!rc && !list.n)
		rc = hm_err_set(e, HM_EDATA, "there is no encoder's tensor below \"%s\"", prefix);
	if (!rc)
		rc = hm_names_turn(&list, &names, e);
	if (!rc)
		rc = hm_weights_digest(list.tensor, list.n, m->encoder[side], e);
	if (!rc && said && strcmp(said, m->encoder[side]))
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
	char said[HM_FUSION_NAME];
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
		rc = hm_modelfields_fusion(o, said, e);
	if (!rc)
		rc = hm_modelhead_choose(m, set, said, e);
	if (!rc)
		rc = hm_modelhead_read(m, e);
	if (!rc)
		rc = hm_modelfields_read(m, o, e);
	if (!rc)
		rc = get_json(m->file, "hm.pg", cJSON_IsArray, &m->pg, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = read_digest(m, (enum hm_side)k, e);
	m->vocab = hm_weights_meta(m->file, "hm.vocab");
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
	cJSON_Delete(m->names);
	for (int k = 0; k < HM_SIDES; k++)
		cJSON_Delete(m->prepared[k]);
	hm_weights_close(m->file);
	*m = (struct hm_modelfile){0};
}

/* ---- writing ---- */

/* __metadata__: texts, three of them JSON. */
static cJSON *make_metadata(const struct hm_modelfile *m, struct hm_err *e)
{
	cJSON *meta = hm_json_object(e), *fields = hm_modelfields_make(m, e);
	hm_json_add_text(meta, "hm.model", fields, e);
	hm_json_add_str(meta, "hm.digest", "", e);
	if (m->vocab)
		hm_json_add_str(meta, "hm.vocab", m->vocab, e);
	if (m->pg)
		hm_json_add_text(meta, "hm.pg", m->pg, e);
	if (m->selected_on)
		hm_json_add_str(meta, "hm.selected_on", m->selected_on, e);
	for (int k = 0; k < HM_SIDES; k++)
		if (hm_hex_is_digest(m->encoder[k]))
			hm_json_add_str(meta, hm_digest_keys[k], m->encoder[k], e);
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
		rc = (m->unsynced ? hm_weights_save_unsynced : hm_weights_save)(path, t, n_more + 2, meta, e);
	} else {
		hm_err_prefix(e, "%s", path);
	}
	free(t);
	cJSON_Delete(meta);
	return rc;
}
