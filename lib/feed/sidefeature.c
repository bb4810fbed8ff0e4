/* The columns of a side's feature. See sidefeature.h. */
#include "feed/sidefeature.h"
#include "base/hex.h"
#include "base/xxh3.h"
#include "feed/prepared.h"
#include "json/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const unsaid = "";

/* How many columns, and the i-th one's name. */
static int count_names(const struct hm_feature_names *names)
{
	return names && names->n ? names->n : 1;
}

static const char *name_at(enum hm_side side, enum hm_give give, const struct hm_feature_names *names, int i)
{
	return names && names->n ? names->name[i] : hm_column_name(hm_column_feature(side, give));
}

char *hm_sidefeature_text(enum hm_side side, enum hm_give give, const struct hm_feature_names *names,
			  char *out, size_t cap)
{
	if (names && names->n)
		return hm_feature_names_text(names, out, cap);
	snprintf(out, cap, "%s", name_at(side, give, NULL, 0));
	return out;
}

static const char *attr_of(const struct hm_schema *s, int at, const char *key)
{
	const char *text = hm_schema_attr(s, at, key);
	return text ? text : unsaid;
}

/* To what the numbers of a column were rounded. */
static const char *store_of(const struct hm_schema *s, int at)
{
	enum hm_dtype t = s->field[at].dtype;
	return t == HM_F16 ? "f16" : t == HM_BF16 ? "bf16" : unsaid;
}

/* Of several columns. */
static void combine_origins(struct hm_feature *f, const struct hm_schema *s, const struct hm_taken *t)
{
	XXH128_hash_t h = {0, 0};
	bool known = true, alike = true, stored = true;
	for (int i = 0; i < t->n; i++) {
		char text[HM_ENCODER_TEXT + HM_OUTPUT_TEXT + 64], length[24] = "";
		const char *encoder = attr_of(s, t->at[i], "encoder");
		if (!hm_hex_is_digest(encoder)) /* a text may hold spaces: its length says where it ends */
			snprintf(length, sizeof length, "%zu ", strlen(encoder));
		int n = snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64 " %s%.*s %.*s",
				 (uint64_t)h.high64, (uint64_t)h.low64, length, HM_ENCODER_TEXT - 1, encoder,
				 HM_OUTPUT_TEXT - 1, attr_of(s, t->at[i], "output"));
		h = XXH3_128bits(text, (size_t)n);
		known &= *encoder != 0;
		alike &= !strcmp(attr_of(s, t->at[i], "precision"), attr_of(s, t->at[0], "precision"));
		stored &= s->field[t->at[i]].dtype == s->field[t->at[0]].dtype;
	}
	if (known)
		snprintf(f->encoder, sizeof f->encoder, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64,
			 (uint64_t)h.low64);
	if (stored)
		snprintf(f->store, sizeof f->store, "%s", store_of(s, t->at[0]));
	if (alike)
		snprintf(f->precision, sizeof f->precision, "%s", attr_of(s, t->at[0], "precision"));
}

static void describe_origin(struct hm_feature *f, const struct hm_schema *s, const struct hm_taken *t)
{
	*f = (struct hm_feature){0};
	if (t->n > 1) {
		combine_origins(f, s, t);
		return;
	}
	snprintf(f->encoder, sizeof f->encoder, "%s", attr_of(s, t->at[0], "encoder"));
	snprintf(f->output, sizeof f->output, "%s", attr_of(s, t->at[0], "output"));
	snprintf(f->precision, sizeof f->precision, "%s", attr_of(s, t->at[0], "precision"));
	snprintf(f->store, sizeof f->store, "%s", store_of(s, t->at[0]));
}

bool hm_sidefeature_there(struct hm_feature *origin, const struct hm_schema *s, enum hm_side side,
			  enum hm_give give, const struct hm_feature_names *names)
{
	struct hm_taken t = {.n = count_names(names)};
	for (int i = 0; i < t.n; i++)
		if ((t.at[i] = hm_schema_find(s, name_at(side, give, names, i))) < 0)
			return false;
	describe_origin(origin, s, &t);
	return true;
}

/* An origin is compared whole or not at all. */
static int check_origin(const struct hm_schema *s, int at, struct hm_err *e)
{
	static const struct {
		const char *key;
		size_t room;
	} said[] = {{"encoder", HM_ENCODER_TEXT}, {"output", HM_OUTPUT_TEXT}};
	for (int i = 0; i < 2; i++)
		if (strlen(attr_of(s, at, said[i].key)) >= said[i].room)
			return hm_err_set(e, HM_EDATA,
					  "column \"%s\": its attribute \"%s\" is longer than %zu bytes",
					  s->field[at].name, said[i].key, said[i].room - 1);
	return 0;
}

int hm_sidefeature_find(struct hm_taken *to, struct hm_feature *f, int *cells, const struct hm_schema *s,
			enum hm_side side, enum hm_give give, const struct hm_feature_names *names,
			struct hm_err *e)
{
	int64_t dim = 0;
	to->n = count_names(names);
	*cells = 0;
	for (int i = 0; i < to->n; i++) {
		if (hm_column_like(s, name_at(side, give, names, i), hm_column_feature(side, give),
				   &to->at[i], e) ||
		    check_origin(s, to->at[i], e))
			return HM_EDATA;
		const struct hm_field *field = &s->field[to->at[i]];
		dim += field->dim[field->ndim - 1];
		if (field->ndim == 2)
			*cells = (int)field->dim[0];
	}
	describe_origin(f, s, to);
	f->dim = (int)dim; /* 8 columns of at most 2^20 */
	return 0;
}

cJSON *hm_sidefeature_prepared(const struct hm_schema *s, const struct hm_taken *t, struct hm_err *e)
{
	if (t->n == 1)
		return hm_prepared_of(s, t->at[0], e);
	cJSON *all = hm_json_object(e);
	for (int i = 0; i < t->n; i++) {
		cJSON *one = hm_prepared_of(s, t->at[i], e);
		cJSON_DeleteItemFromObjectCaseSensitive(one, "max_length"); /* it is not compared */
		if (one && one->child)
			hm_json_add_tree(all, s->field[t->at[i]].name, one, e);
		else
			cJSON_Delete(one);
	}
	return hm_json_whole(all, e);
}

size_t hm_sidefeature_count(const struct hm_taken *t, const struct hm_rec *rec)
{
	size_t n = 0;
	for (int i = 0; i < t->n; i++)
		n += rec->val[t->at[i]].count;
	return n;
}

const float *hm_sidefeature_floats(const struct hm_taken *t, const struct hm_rec *rec)
{
	bool one = t->n == 1 && rec->schema->field[t->at[0]].dtype == HM_F32;
	return one ? rec->val[t->at[0]].data : NULL;
}

int hm_sidefeature_widen(const struct hm_taken *t, const struct hm_rec *rec, float *to, struct hm_err *e)
{
	for (int i = 0; i < t->n; i++) {
		const struct hm_val *v = &rec->val[t->at[i]];
		if (hm_to_f32(rec->schema->field[t->at[i]].dtype, v->data, v->count, to, e))
			return HM_EDATA;
		to += v->count;
	}
	return 0;
}
