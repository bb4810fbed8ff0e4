/* Chooses the columns of the output. See featurecolumns.h. */
#include "feed/featurecolumns.h"
#include "feed/prepared.h"
#include "json/build.h"
#include "model/configmodel.h"

#include <string.h>

static bool wants_output(const struct hm_features_options *o, int k, int give)
{
	return o->encoder[k] && o->want[k][give];
}

static const char *column_name(const struct hm_features_options *o, int k, int give)
{
	if (give == HM_POOLED && o->column[k])
		return o->column[k];
	return hm_column_name(hm_column_feature((enum hm_side)k, (enum hm_give)give));
}

/* An encoder that takes images of one size says so before anything is computed. */
static int check_size(const struct hm_encoder *x, const int64_t *px, struct hm_err *e)
{
	int side = x->shape.side;
	if (!side || (px[1] == side && px[2] == side))
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "column \"pixels\" has images of %lldx%lld, the image encoder takes %dx%d; "
			  "hm-imgprep --size %d makes them",
			  (long long)px[2], (long long)px[1], side, side, side);
}

static int add_feature(struct hm_feature_columns *r, const struct hm_features_options *o,
		       const struct hm_schema *s, int k, int give, struct hm_err *e)
{
	const struct hm_encoder *x = o->encoder[k];
	if (!x->kind->output(x->tower, (enum hm_give)give))
		return hm_err_set(e, HM_EDATA, "the %s encoder is a %s: a %s has no %s",
				  hm_side_name((enum hm_side)k), x->kind->name, x->kind->name,
				  give == HM_GRID ? "grid" : "pooled output");
	const int64_t *px = k == HM_IMAGE ? s->field[r->raw[k]].dim : NULL;
	if (px && check_size(x, px, e))
		return HM_EDATA;
	int cells = give == HM_GRID ? x->kind->cells(x->tower, (int)px[1], (int)px[2]) : 1,
	    width = give == HM_GRID ? x->shape.cell : x->shape.width;
	const int64_t dim[] = {give == HM_GRID ? cells : width, width};
	cJSON *attr = hm_json_object(e);
	hm_json_add_str(attr, "encoder", x->digest, e);
	hm_json_add_str(attr, "output", x->kind->output(x->tower, (enum hm_give)give), e);
	hm_json_add_str(attr, "precision", hm_precision_name(o->precision), e);
	cJSON *prepared = hm_prepared_of(s, r->raw[k], e);
	const cJSON *v;
	cJSON_ArrayForEach(v, prepared) hm_json_add_copy(attr, v->string, v, e);
	cJSON_Delete(prepared);
	hm_configmodel_add_settings(attr, x->kind, &x->hints, e);
	attr = hm_json_whole(attr, e);
	int at = attr ? hm_schema_add(&r->schema, column_name(o, k, give), o->store, give == HM_GRID ? 2 : 1,
				      dim, attr, e)
		      : HM_EDATA;
	if (at < 0)
		return at;
	r->from[at] = -1 - hm_feature_number(k, give);
	r->width[k][give] = (size_t)cells * (size_t)width;
	return 0;
}

/* 1: the input's column `name` gives way to a new one; 0: it stays; HM_EDATA: the name is taken. */
static int makes_room(const struct hm_features_options *o, const char *name, struct hm_err *e)
{
	for (int k = 0; k < HM_SIDES; k++)
		for (int g = 0; g < HM_GIVES; g++) {
			if (!wants_output(o, k, g) || strcmp(name, column_name(o, k, g)))
				continue;
			return o->replace
				       ? 1
				       : hm_err_set(e, HM_EDATA,
						    "column \"%s\" exists already (--replace to replace it)",
						    name);
		}
	return 0;
}

/* The schema: the input's columns except the raw and the replaced ones, then the features. */
static int make_schema(struct hm_feature_columns *r, const struct hm_features_options *o,
		       const struct hm_schema *s, struct hm_err *e)
{
	if (hm_schema_copy(&r->schema, s, e))
		return HM_EDATA;
	for (int i = s->n; i-- > 0;) {
		int goes = makes_room(o, s->field[i].name, e);
		if (goes < 0)
			return goes;
		if (goes || (!o->keep && (i == r->raw[HM_IMAGE] || i == r->raw[HM_TEXT])))
			hm_schema_remove(&r->schema, i);
	}
	for (int i = 0; i < r->schema.n; i++)
		r->from[i] = hm_schema_find(s, r->schema.field[i].name);
	for (int k = 0; k < HM_SIDES; k++)
		for (int g = 0; g < HM_GIVES; g++)
			if (wants_output(o, k, g) && add_feature(r, o, s, k, g, e))
				return HM_EDATA;
	if (o->on_error == HM_FEATURES_KEEP && r->error < 0) {
		int at =
			hm_schema_add(&r->schema, hm_column_name(HM_COLUMN_ERROR), HM_UTF8, 0, NULL, NULL, e);
		if (at < 0)
			return at;
		r->from[at] = -1 - HM_FEATURE_ERROR;
	}
	return 0;
}

int hm_feature_columns_make(struct hm_feature_columns *r, const struct hm_features_options *o,
			    const struct hm_schema *s, struct hm_err *e)
{
	*r = (struct hm_feature_columns){.id = hm_schema_find(s, hm_column_name(HM_COLUMN_ID)),
					 .raw = {-1, -1}};
	for (int k = 0; k < HM_SIDES; k++)
		if (o->encoder[k] && hm_column_need(s, hm_column_raw((enum hm_side)k), &r->raw[k], e))
			return HM_EDATA;
	if (hm_column_find(s, HM_COLUMN_ERROR, &r->error, e))
		return HM_EDATA;
	return make_schema(r, o, s, e);
}
