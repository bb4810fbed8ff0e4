/* Reading features out of joined records. See headdata.h. */
#include "train/headdata.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CONSTANT 0x1p-20 /* a deviation below this share of the mean is the rounding of F32 features */
#define TINY 0x1p-100	 /* and weights divided by less than this overflow */

/* The columns, -1 where there is none. */
struct columns {
	int image, text, label, id, error;
};

static void keep_attr(char *to, size_t cap, const struct hm_schema *s, int i, const char *key)
{
	const char *v = hm_schema_attr(s, i, key);
	snprintf(to, cap, "%s", v ? v : "");
}

static int feature(struct hm_feature *f, const struct hm_join *in, int i, const struct hm_headdata_options *o,
		   struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(in);
	if (i < 0)
		return 0;
	const struct hm_field *c = &s->field[i];
	if (c->ndim != 1 || c->dim[0] < 1 || c->dim[0] > 1 << 20 ||
	    (c->dtype != HM_F32 && c->dtype != HM_F16 && c->dtype != HM_BF16))
		return hm_err_set(e, HM_EDATA, "%s: column '%s' is no vector of floats", hm_join_name(in),
				  c->name);
	f->dim = (int)c->dim[0];
	keep_attr(f->encoder, sizeof f->encoder, s, i, "encoder");
	keep_attr(f->output, sizeof f->output, s, i, "output");
	keep_attr(f->precision, sizeof f->precision, s, i, "precision");
	if (!f->encoder[0] && !o->unknown)
		return hm_err_set(e, HM_EDATA,
				  "%s: column '%s' does not say which encoder made it; "
				  "--allow-unknown-features to take it",
				  hm_join_name(in), c->name);
	return 0;
}

static int find_columns(struct hm_headdata *d, struct columns *c, const struct hm_join *in,
			const struct hm_headdata_options *o, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(in);
	bool any = !o->image && !o->text;
	c->image = any || o->image ? hm_schema_find(s, "image_feature") : -1;
	c->text = any || o->text ? hm_schema_find(s, "text_feature") : -1;
	c->label = hm_schema_find(s, "label");
	c->id = hm_schema_find(s, "id");
	c->error = hm_schema_find(s, "error");
	if ((o->image && c->image < 0) || (o->text && c->text < 0) || (c->image < 0 && c->text < 0))
		return hm_err_set(e, HM_EDATA, "%s: there is no column '%s'; hm-encode makes it",
				  hm_join_name(in),
				  o->text && !(o->image && c->image < 0) ? "text_feature" : "image_feature");
	if (c->label < 0 || s->field[c->label].dtype != HM_I32 || s->field[c->label].ndim)
		return hm_err_set(e, HM_EDATA, "%s: there is no column 'label' of I32", hm_join_name(in));
	if (c->id < 0 || s->field[c->id].dtype != HM_UTF8)
		return hm_err_set(e, HM_EDATA, "%s: there is no column 'id' of text", hm_join_name(in));
	if (feature(&d->image, in, c->image, o, e) || feature(&d->text, in, c->text, o, e))
		return HM_EDATA;
	d->dim = d->image.dim + d->text.dim;
	return 0;
}

static int take(struct hm_headdata *d, const struct hm_join *in, const struct columns *c,
		const struct hm_rec *r, uint64_t number, const struct hm_headdata_options *o,
		struct hm_err *e)
{
	const struct hm_val *id = &r->val[c->id];
	int shown = (int)(id->count < 80 ? id->count : 80);
	bool failed = c->error >= 0 && r->val[c->error].count;
	int32_t label = *(const int32_t *)r->val[c->label].data;
	if (failed || label < 0) {
		d->failed += failed;
		d->unlabelled += !failed;
		if (o->skip)
			return 0;
		return hm_err_set(e, HM_EDATA,
				  "%s: record %" PRIu64 " (id %.*s): %s; --on-error skip leaves it out",
				  hm_join_name(in), number, shown, (const char *)id->data,
				  failed ? "an earlier tool failed on it" : "it has no label");
	}
	size_t bytes = (size_t)d->dim * sizeof(float);
	if (hm_buf_reserve(&d->store, bytes, e))
		return HM_EDATA;
	float *x = (float *)(void *)(d->store.data + d->store.len);
	if (c->image >= 0 &&
	    hm_to_f32(r->schema->field[c->image].dtype, r->val[c->image].data, (size_t)d->image.dim, x, e))
		return HM_EDATA;
	if (c->text >= 0 && hm_to_f32(r->schema->field[c->text].dtype, r->val[c->text].data,
				      (size_t)d->text.dim, x + d->image.dim, e))
		return HM_EDATA;
	for (int j = 0; j < d->dim; j++)
		if (!isfinite(x[j]))
			return hm_err_set(e, HM_EDATA,
					  "%s: record %" PRIu64
					  " (id %.*s): its feature holds a number that is not finite",
					  hm_join_name(in), number, shown, (const char *)id->data);
	d->store.len += bytes;
	char *name = hm_arena_get(&d->arena, id->count + 1, e);
	if (!name || hm_buf_add(&d->labels, &label, sizeof label, e) ||
	    hm_buf_add(&d->ids, &name, sizeof name, e))
		return HM_EDATA;
	memcpy(name, id->data, id->count);
	name[id->count] = 0;
	d->n++;
	return 0;
}

int hm_headdata_read(struct hm_headdata *d, struct hm_join *in, const struct hm_headdata_options *o,
		     struct hm_err *e)
{
	struct columns c;
	struct hm_rec r;
	*d = (struct hm_headdata){0};
	int rc = find_columns(d, &c, in, o, e);
	for (uint64_t i = 0; !rc && (rc = hm_join_next(in, &r, e)) == 1; i++)
		rc = take(d, in, &c, &r, i, o, e);
	d->x = (float *)(void *)d->store.data;
	d->label = (int32_t *)(void *)d->labels.data;
	d->id = (const char **)(void *)d->ids.data;
	return rc;
}

void hm_headdata_clear(struct hm_headdata *d)
{
	hm_buf_clear(&d->store);
	hm_buf_clear(&d->labels);
	hm_buf_clear(&d->ids);
	hm_arena_clear(&d->arena);
	*d = (struct hm_headdata){0};
}

void hm_headdata_moments(const struct hm_headdata *d, double *mean, double *deviation)
{
	size_t k = (size_t)d->dim;
	memset(mean, 0, k * sizeof *mean);
	memset(deviation, 0, k * sizeof *deviation);
	for (size_t i = 0; i < d->n; i++)
		for (size_t j = 0; j < k; j++)
			mean[j] += d->x[i * k + j];
	for (size_t j = 0; j < k; j++)
		mean[j] /= (double)d->n;
	for (size_t i = 0; i < d->n; i++)
		for (size_t j = 0; j < k; j++) {
			double off = d->x[i * k + j] - mean[j];
			deviation[j] += off * off;
		}
	for (size_t j = 0; j < k; j++) {
		deviation[j] = sqrt(deviation[j] / (double)d->n);
		if (deviation[j] <= fabs(mean[j]) * CONSTANT || deviation[j] < TINY)
			deviation[j] = 1;
	}
}

void hm_headdata_standardise(struct hm_headdata *d, const double *mean, const double *deviation)
{
	size_t k = (size_t)d->dim;
	for (size_t i = 0; i < d->n; i++)
		for (size_t j = 0; j < k; j++)
			d->x[i * k + j] = (float)((d->x[i * k + j] - mean[j]) / deviation[j]);
}
