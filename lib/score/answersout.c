/* The records that hm-score writes: columns, history, values. See answersout.h. */
#include "score/answersout.h"
#include "feed/columns.h"
#include "json/build.h"

#include <string.h>

enum { LOGITS = -1, PROB = -2 };

static int add_answer(struct hm_answers *a, enum hm_column column, struct hm_err *e)
{
	const char *name = hm_column_name(column);
	int64_t classes = a->classes;
	int had = hm_schema_find(&a->schema, name);
	if (had >= 0 && !a->o.replace)
		return hm_err_set(e, HM_EDATA, "%s: column \"%s\" exists already (--replace to replace it)",
				  hm_join_name(a->in), name);
	if (had >= 0)
		hm_schema_remove(&a->schema, had);
	int at = hm_schema_add(&a->schema, name, HM_F32, 1, &classes, NULL, e);
	return at < 0 ? at : 0;
}

/* Without --keep: the columns that belong to a prediction, in this order. */
static int choose_columns(struct hm_answers *a, struct hm_err *e)
{
	static const enum hm_column kept[] = {HM_COLUMN_ID,  HM_COLUMN_LABEL, HM_COLUMN_TEXT,
					      HM_COLUMN_IMG, HM_COLUMN_ERROR, HM_COLUMN_LOGITS,
					      HM_COLUMN_PROB};
	const struct hm_schema *s = hm_join_schema(a->in);
	if (a->o.keep)
		return hm_schema_copy(&a->schema, s, e);
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		int k = hm_column_at(s, kept[i]);
		if (k < 0)
			continue;
		const struct hm_field *f = &s->field[k];
		cJSON *attr = f->attr ? hm_json_copy(f->attr, e) : NULL;
		if (f->attr && !attr)
			return HM_EDATA;
		if (hm_schema_add(&a->schema, f->name, f->dtype, f->ndim, f->dim, attr, e) < 0)
			return HM_EDATA;
	}
	return 0;
}

static cJSON *make_history(const struct hm_answers *a, struct hm_err *e)
{
	char digest[33];
	cJSON *p = hm_json_object(e);
	if (a->o.model) {
		const struct hm_weights *w = a->model.head.file;
		if (hm_weights_digest(w->tensor, w->n, digest, e)) {
			cJSON_Delete(p);
			return NULL;
		}
		hm_json_add_str(p, "model", digest, e);
		hm_json_add_str(p, "device", a->o.device->name, e);
		if (a->predict.encode || hm_fusion_takes_words(a->model.head.fusion)) {
			hm_json_add_str(p, "precision", hm_precision_name(a->o.device->precision), e);
			hm_json_add_num(p, "batch-size", a->o.predict.batch_size, e);
		}
	}
	for (int k = 0; k < HM_SIDES; k++)
		if (a->o.predict.ablate[k])
			hm_json_add_str(p, k ? "ablate-text" : "ablate-image",
					hm_ablation_name(a->o.predict.ablate[k]), e);
	if (hm_predict_shuffles(&a->predict))
		hm_json_add_num(p, "seed", (double)a->o.predict.seed, e);
	hm_json_add_bool(p, "keep", a->o.keep, e);
	return hm_pg_append(hm_join_pg(a->in), a->o.tool, p, e);
}

int hm_answers_open_output(struct hm_answers *a, struct hm_workers *w, struct hm_err *e)
{
	int rc = choose_columns(a, e);
	if (!rc && a->o.model)
		rc = add_answer(a, HM_COLUMN_LOGITS, e);
	if (!rc && a->o.model)
		rc = add_answer(a, HM_COLUMN_PROB, e);
	if (rc)
		return rc;
	for (int i = 0; i < a->schema.n; i++) {
		const char *name = a->schema.field[i].name;
		bool logits = !strcmp(name, hm_column_name(HM_COLUMN_LOGITS)),
		     prob = !strcmp(name, hm_column_name(HM_COLUMN_PROB));
		a->from[i] = a->o.model && logits ? LOGITS
			     : a->o.model && prob ? PROB
						  : hm_schema_find(hm_join_schema(a->in), name);
	}
	cJSON *pg = make_history(a, e);
	rc = pg ? hm_writer_open(&a->writer, a->o.out, &a->schema, hm_join_meta(a->in), pg, &a->o.writer, w,
				 e)
		: HM_EDATA;
	cJSON_Delete(pg);
	return rc;
}

int hm_answers_put(struct hm_answers *a, int i, struct hm_err *e)
{
	struct hm_val val[HM_MAX_FIELDS];
	size_t c = (size_t)a->classes;
	for (int k = 0; k < a->schema.n; k++) {
		int from = a->from[k];
		if (from >= 0)
			val[k] = a->batch.rec[i].val[from];
		else
			val[k] = (struct hm_val){(from == LOGITS ? a->logits : a->prob) + (size_t)i * c, c};
	}
	return hm_writer_put(a->writer, val, e);
}
