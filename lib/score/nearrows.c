/* Features as unit vectors. See nearrows.h. */
#include "score/nearrows.h"
#include "base/hex.h"
#include "base/xxh3.h"
#include "feed/columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAST 1e-12 /* a shorter vector is divided by this */

/* ---- columns ---- */

static int add_column(struct hm_nearcolumns *c, const struct hm_schema *s, const char *name, size_t n,
		      struct hm_err *e)
{
	int at = 0, shown = n < HM_MAX_NAME ? (int)n : HM_MAX_NAME;
	size_t width;
	while (at < s->n && (strlen(s->field[at].name) != n || memcmp(s->field[at].name, name, n)))
		at++;
	if (at == s->n)
		return hm_err_set(e, HM_EDATA, "there is no column \"%.*s\"; hm-encode makes features", shown,
				  name);
	const struct hm_field *f = &s->field[at];
	if ((f->dtype != HM_F32 && f->dtype != HM_F16 && f->dtype != HM_BF16) || !f->ndim ||
	    hm_field_ragged(f))
		return hm_err_set(e, HM_EDATA, "column \"%.*s\" is no feature: a vector of F32, F16 or BF16",
				  shown, name);
	for (int i = 0; i < c->n; i++)
		if (c->at[i] == at)
			return hm_err_set(e, HM_EDATA, "column \"%.*s\" is named twice", shown, name);
	if (c->n == HM_NEAR_COLUMNS)
		return hm_err_set(e, HM_EDATA, "more than %d columns", HM_NEAR_COLUMNS);
	width = hm_field_count(f);
	if (!width || width > HM_NEAR_WIDE - c->dim)
		return hm_err_set(e, HM_EDATA, "its features have more than %zu numbers, or none",
				  HM_NEAR_WIDE);
	c->at[c->n] = at;
	c->width[c->n++] = width;
	c->dim += width;
	return 0;
}

int hm_nearcolumns_find(struct hm_nearcolumns *c, const char *names, const struct hm_schema *s,
			struct hm_err *e)
{
	*c = (struct hm_nearcolumns){0};
	if (hm_column_need(s, HM_COLUMN_ID, &c->id, e) || hm_column_find(s, HM_COLUMN_LABEL, &c->label, e) ||
	    hm_column_find(s, HM_COLUMN_ERROR, &c->error, e))
		return HM_EDATA;
	for (const char *name = names;; name++) {
		size_t n = strcspn(name, ",");
		if (add_column(c, s, name, n, e))
			return HM_EDATA;
		name += n;
		if (!*name)
			return 0;
	}
}

/* The first attribute that both fields have, and have otherwise; NULL: there is none. *other := b's. */
static const cJSON *find_other(const struct hm_field *a, const struct hm_field *b, const cJSON **other)
{
	const cJSON *v;
	cJSON_ArrayForEach(v, a->attr)
	{
		*other = cJSON_GetObjectItemCaseSensitive(b->attr, v->string);
		if (*other && !cJSON_Compare(v, *other, true))
			return v;
	}
	return NULL;
}

static const char *value_text(const cJSON *v)
{
	return cJSON_IsString(v)  ? v->valuestring
	       : cJSON_IsTrue(v)  ? "true"
	       : cJSON_IsFalse(v) ? "false"
				  : "something else";
}

/* Whether the pictures of both fields had other colours: hm-encode says a mean next to their fit where it is
 * not the family's own. */
static bool other_colours(const struct hm_field *a, const struct hm_field *b)
{
	bool both = cJSON_HasObjectItem(a->attr, "fit") && cJSON_HasObjectItem(b->attr, "fit");
	return both && cJSON_HasObjectItem(a->attr, "mean") != cJSON_HasObjectItem(b->attr, "mean");
}

int hm_nearcolumns_compare(const struct hm_nearcolumns *a, const struct hm_schema *s,
			   const struct hm_nearcolumns *b, const struct hm_schema *t, struct hm_err *e)
{
	for (int i = 0; i < a->n; i++) {
		const struct hm_field *f = &s->field[a->at[i]], *g = &t->field[b->at[i]];
		if (a->width[i] != b->width[i])
			return hm_err_set(e, HM_EDATA, "column \"%s\" has %zu numbers there and %zu here",
					  f->name, a->width[i], b->width[i]);
		const cJSON *other, *own = find_other(f, g, &other);
		if (own)
			return hm_err_set(
				e, HM_EDATA,
				"column \"%s\" has another \"%s\" there: %.256s, not %.256s: other features, "
				"which are not compared",
				f->name, own->string, value_text(own), value_text(other));
		if (other_colours(f, g))
			return hm_err_set(e, HM_EDATA,
					  "column \"%s\" has another \"mean\" there, which only one of both "
					  "says: other features, which are not compared",
					  f->name);
	}
	return 0;
}

const char *hm_nearcolumns_unknown(const struct hm_nearcolumns *a, const struct hm_schema *s,
				   const struct hm_nearcolumns *b, const struct hm_schema *t)
{
	for (int i = 0; i < a->n; i++) {
		const struct hm_field *f = &s->field[a->at[i]], *g = &t->field[b->at[i]];
		if (!cJSON_HasObjectItem(f->attr, "encoder") != !cJSON_HasObjectItem(g->attr, "encoder"))
			return f->name;
	}
	return NULL;
}

/* ---- rows ---- */

bool hm_nearrow_zero(const float *row, size_t dim)
{
	size_t k = 0;
	while (k < dim && fabsf(row[k]) == 0)
		k++;
	return k == dim;
}

int hm_nearrow_make(const struct hm_nearcolumns *c, const struct hm_rec *rec, float *out, struct hm_err *e)
{
	double scale[HM_NEAR_COLUMNS], all = 0;
	float *to = out;
	for (int i = 0; i < c->n; to += c->width[i++]) {
		const struct hm_field *f = &rec->schema->field[c->at[i]];
		double sum = 0;
		if (hm_to_f32(f->dtype, rec->val[c->at[i]].data, c->width[i], to, e))
			return HM_EDATA;
		for (size_t k = 0; k < c->width[i]; k++)
			sum += (double)to[k] * (double)to[k];
		if (!isfinite(sum))
			return hm_err_set(e, HM_EDATA, "column \"%s\" holds a number that is not finite",
					  f->name);
		double length = sqrt(sum);
		scale[i] = length > LEAST ? length : LEAST;
		all += length / scale[i] * (length / scale[i]);
	}
	all = sqrt(all) > LEAST ? sqrt(all) : LEAST;
	to = out;
	for (int i = 0; i < c->n; to += c->width[i++])
		for (size_t k = 0; k < c->width[i]; k++)
			to[k] = (float)((double)to[k] / (scale[i] * all));
	return 0;
}

static int grow_rows(struct hm_nearrows *r, struct hm_err *e)
{
	size_t cap = r->cap ? 2 * r->cap : 1024, numbers;
	if (r->n < r->cap)
		return 0;
	if (!hm_size_mul(cap, r->dim, &numbers))
		return hm_err_set(e, HM_EDATA, "too many rows");
	float *row = hm_alloc(numbers, sizeof *row, e);
	struct hm_nearrow *item = row ? hm_alloc(cap, sizeof *item, e) : NULL;
	if (!item) {
		free(row);
		return HM_EDATA;
	}
	if (r->n) {
		memcpy(row, r->row, r->n * r->dim * sizeof *row);
		memcpy(item, r->item, r->n * sizeof *item);
	}
	free(r->row);
	free(r->item);
	r->row = row;
	r->item = item;
	r->cap = cap;
	return 0;
}

int hm_nearrows_add(struct hm_nearrows *r, const struct hm_nearcolumns *c, const struct hm_rec *rec,
		    struct hm_err *e)
{
	const struct hm_val *id = &rec->val[c->id];
	uint64_t at = r->n;
	r->dim = c->dim;
	if (c->error >= 0 && rec->val[c->error].count) {
		r->failed++;
		return 0;
	}
	if (grow_rows(r, e) || hm_nearrow_make(c, rec, r->row + r->n * r->dim, e))
		return HM_EDATA;
	r->zeros += hm_nearrow_zero(r->row + r->n * r->dim, r->dim);
	int rc = r->repeats ? 1 : hm_strmap_add(&r->ids, id->data, id->count, &at, e);
	if (rc <= 0)
		return rc ? rc : hm_err_set(e, HM_EDATA, "its id was there before");
	char *text = hm_arena_get(&r->text, id->count + 1, e);
	if (!text)
		return HM_EDATA;
	if (id->count)
		memcpy(text, id->data, id->count);
	text[id->count] = 0;
	r->item[r->n] = (struct hm_nearrow){text, -1};
	if (c->label >= 0)
		memcpy(&r->item[r->n].label, rec->val[c->label].data, sizeof r->item[r->n].label);
	r->n++;
	return 0;
}

int hm_nearrows_read(struct hm_nearrows *r, const struct hm_nearcolumns *c, struct hm_join *in,
		     struct hm_err *e)
{
	struct hm_rec rec;
	int rc;
	for (uint64_t number = 0; (rc = hm_join_next(in, &rec, e)) == 1; number++)
		if (hm_nearrows_add(r, c, &rec, e))
			return hm_record_error(hm_join_name(in), number, &rec.val[c->id], NULL, e);
	return rc;
}

int hm_nearrows_digest(const struct hm_nearrows *r, char out[33], struct hm_err *e)
{
	XXH3_state_t *x = XXH3_createState();
	XXH128_canonical_t digest;
	if (!x)
		return hm_err_set(e, HM_EDATA, "out of memory for a digest");
	XXH3_128bits_reset(x);
	for (size_t i = 0; i < r->n; i++) {
		XXH3_128bits_update(x, r->item[i].id, strlen(r->item[i].id) + 1);
		XXH3_128bits_update(x, &r->item[i].label, sizeof r->item[i].label);
		XXH3_128bits_update(x, r->row + i * r->dim, r->dim * sizeof *r->row);
	}
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(x));
	XXH3_freeState(x);
	hm_hex_text(digest.digest, out);
	return 0;
}

void hm_nearrows_clear(struct hm_nearrows *r)
{
	free(r->row);
	free(r->item);
	hm_strmap_clear(&r->ids);
	hm_arena_clear(&r->text);
	*r = (struct hm_nearrows){0};
}
