/* Which columns come and go. See featurecolumns.h. */
#include "train/featurecolumns.h"

#include <string.h>

static const char *const name[] = {"image_feature", "image_grid", "text_feature", "error"};

/* The raw column that an encoder needs. */
static int find_raw(const struct hm_schema *s, const char *column, const char *maker, enum hm_dtype t,
		    int ndim, int *at, struct hm_err *e)
{
	*at = hm_schema_find(s, column);
	if (*at < 0)
		return hm_err_set(e, HM_EDATA, "no column \"%s\" (%s makes it)", column, maker);
	const struct hm_field *f = &s->field[*at];
	if (f->dtype != t || f->ndim != ndim || hm_field_ragged(f) != (ndim == 1) ||
	    (ndim == 3 && (f->dim[0] != 3 || f->dim[1] < 1 || f->dim[2] < 1)))
		return hm_err_set(e, HM_EDATA, "column \"%s\" is not what %s makes", column, maker);
	return 0;
}

static int add_feature(struct hm_feature_columns *r, const struct hm_features_options *o,
		       const struct hm_schema *s, int which, int ndim, const int64_t *dim, const char *output,
		       struct hm_err *e)
{
	const struct hm_field *px = r->pixels < 0 ? NULL : &s->field[r->pixels];
	char size[48];
	cJSON *attr = cJSON_CreateObject();
	cJSON_AddStringToObject(attr, "encoder", which == HM_TEXT ? o->text->digest : o->image->digest);
	cJSON_AddStringToObject(attr, "output", output);
	cJSON_AddStringToObject(attr, "precision", hm_precision_name(o->precision));
	if (which != HM_TEXT)
		cJSON_AddStringToObject(attr, "size", hm_shape_text(2, px->dim + 1, size, sizeof size));
	int at = hm_schema_add(&r->schema, name[which], o->store, ndim, dim, attr, e);
	if (at < 0)
		return at;
	r->from[at] = -1 - which;
	r->width[which] = (size_t)dim[0] * (size_t)(ndim > 1 ? dim[1] : 1);
	return 0;
}

/* The input's columns but the raw and the replaced ones, then the features. */
static int make_schema(struct hm_feature_columns *r, const struct hm_features_options *o,
		       const struct hm_schema *s, struct hm_err *e)
{
	bool made[] = {o->image && o->pooled, o->image && o->grid, o->text};
	if (hm_schema_copy(&r->schema, s, e))
		return HM_EDATA;
	for (int i = s->n; i-- > 0;) {
		bool drop = !o->keep && (i == r->pixels || i == r->ids);
		for (int k = 0; k < HM_FEATURES; k++) {
			if (!made[k] || strcmp(s->field[i].name, name[k]))
				continue;
			if (!o->replace)
				return hm_err_set(e, HM_EDATA,
						  "column \"%s\" exists already (--replace to replace it)",
						  name[k]);
			drop = true;
		}
		if (drop)
			hm_schema_remove(&r->schema, i);
	}
	for (int i = 0; i < r->schema.n; i++)
		r->from[i] = hm_schema_find(s, r->schema.field[i].name);
	int rc = 0;
	if (o->image) {
		int64_t c = o->image->width, h = s->field[r->pixels].dim[1], w = s->field[r->pixels].dim[2];
		int64_t gh = hm_resnet_grid_side((int)h), gw = hm_resnet_grid_side((int)w),
			grid[] = {gh * gw, c};
		if (made[HM_POOLED])
			rc = add_feature(r, o, s, HM_POOLED, 1, &c, "pooled", e);
		if (!rc && made[HM_GRID])
			rc = add_feature(r, o, s, HM_GRID, 2, grid, "grid", e);
	}
	if (!rc && o->text)
		rc = add_feature(r, o, s, HM_TEXT, 1, &(int64_t){o->text->width}, "pooler", e);
	if (!rc && o->on_error == HM_FEATURES_KEEP && r->error < 0) {
		int at = hm_schema_add(&r->schema, name[HM_ERROR], HM_UTF8, 0, NULL, NULL, e);
		if (at < 0)
			return at;
		r->from[at] = -1 - HM_ERROR;
	}
	return rc;
}

int hm_feature_columns_make(struct hm_feature_columns *r, const struct hm_features_options *o,
			    const struct hm_schema *s, struct hm_err *e)
{
	*r = (struct hm_feature_columns){
		.id = hm_schema_find(s, "id"), .pixels = -1, .ids = -1, .error = hm_schema_find(s, "error")};
	int rc = o->image ? find_raw(s, "pixels", "hm-imgprep", HM_U8, 3, &r->pixels, e) : 0;
	if (!rc && o->text)
		rc = find_raw(s, "token_ids", "hm-tokenize", HM_I32, 1, &r->ids, e);
	if (!rc && r->error >= 0 && s->field[r->error].dtype != HM_UTF8)
		rc = hm_err_set(e, HM_EDATA, "column \"error\" is no text");
	return rc ? rc : make_schema(r, o, s, e);
}
