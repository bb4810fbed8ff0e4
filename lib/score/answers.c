/* Turns records into predictions. See answers.h; answersout.c writes records. */
#include "feed/columns.h"
#include "score/answersout.h"
#include "score/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many records are answered together, and their bytes. A model's batches are formed from them. */
enum { WINDOW = 512, WINDOW_BYTES = 64 << 20 };

static int find_group(struct hm_answers *a, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(a->in);
	a->by = a->o.by ? hm_schema_find(s, a->o.by) : -1;
	if (a->o.by && a->by < 0)
		return hm_err_set(e, HM_EDATA, "%s: there is no column \"%s\" to group by",
				  hm_join_name(a->in), a->o.by);
	const struct hm_field *f = a->by < 0 ? NULL : &s->field[a->by];
	if (f && (f->ndim || (f->dtype != HM_UTF8 && f->dtype != HM_I32)))
		return hm_err_set(e, HM_EDATA, "%s: column \"%s\" is neither text nor I32: no groups",
				  hm_join_name(a->in), a->o.by);
	return 0;
}

static int find_columns(struct hm_answers *a, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(a->in);
	int rc = hm_column_need(s, HM_COLUMN_ID, &a->id, e);
	if (!rc)
		rc = hm_column_find(s, HM_COLUMN_LABEL, &a->label, e);
	if (!rc)
		rc = hm_column_find(s, HM_COLUMN_TEXT, &a->text, e);
	if (!rc)
		rc = hm_column_find(s, HM_COLUMN_ERROR, &a->error, e);
	if (rc)
		hm_err_prefix(e, "%s", hm_join_name(a->in));
	if (!rc)
		rc = find_group(a, e);
	a->given = hm_column_at(s, HM_COLUMN_PROB);
	return rc;
}

/* Without a model the answers are in the column `prob`. */
static int find_prob(struct hm_answers *a, struct hm_err *e)
{
	const char *in = hm_join_name(a->in);
	if (a->given < 0)
		return hm_err_set(e, HM_EDATA, "%s: no column \"prob\"; --model computes it from features",
				  in);
	if (hm_column_find(hm_join_schema(a->in), HM_COLUMN_PROB, &a->given, e))
		return hm_err_prefix(e, "%s", in);
	a->classes = (int)hm_join_schema(a->in)->field[a->given].dim[0];
	return a->classes > 1
		       ? 0
		       : hm_err_set(e, HM_EDATA,
				    "%s: column \"prob\" has one number per record; two classes or more are "
				    "scored",
				    in);
}

static int open_model(struct hm_answers *a, struct hm_workers *w, struct hm_err *e)
{
	const struct hm_modelfile *h = &a->model.head;
	a->o.encoder.borrow = true;
	int rc = hm_fusionfile_open(&a->model, a->o.model, &a->o.encoder, e);
	if (rc)
		return rc;
	hm_weights_release(a->model.head.file);
	for (int k = 0; k < HM_SIDES; k++) {
		const char *side = hm_side_name((enum hm_side)k);
		if ((a->o.encoder.output[k] || a->o.encoder.side_heads[k]) && !a->model.side[k].kind)
			return hm_err_set(e, HM_EUSAGE,
					  "--%s-output and --%s-heads are of the model's %s encoder, and %s "
					  "holds none",
					  side, side, side, a->o.model);
	}
	if (h->classes < 2 || h->classes > 65536)
		return hm_err_set(e, HM_EDATA, "%s: %lld classes, two or more are scored", a->o.model,
				  (long long)h->classes);
	a->classes = (int)h->classes;
	return hm_predict_init(&a->predict, &a->model, hm_join_schema(a->in), hm_join_name(a->in),
			       &a->o.predict, a->o.device, w, e);
}

/* The labels of the input are of the model's classes only if both call them alike. */
static int compare_names(struct hm_answers *a, struct hm_err *e)
{
	const cJSON *trained = a->o.model && !a->o.unlabelled ? a->model.head.names : NULL;
	const char *word[2];
	cJSON *own;
	if (hm_truth_names(hm_join_schema(a->in), &own, e))
		return hm_err_prefix(e, "%s", hm_join_name(a->in));
	int c = hm_column_names_differ(own, trained, a->classes, word);
	if (c >= 0)
		snprintf(a->warning, sizeof a->warning,
			 "%.200s: class %d is \"%.64s\", and was \"%.64s\" when the model was trained",
			 hm_join_name(a->in), c, word[0], word[1]);
	cJSON_Delete(own);
	if (!a->warning[0] || a->o.predict.allow_mismatch)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "%s; hm-jsonl2rec --labels gives the order, --labels takes labels by their words, "
			  "--allow-mismatch goes on",
			  a->warning);
}

int hm_answers_binary(const struct hm_answers_options *o, int classes, const char *in, struct hm_err *e)
{
	if (!o->binary || classes == 2)
		return 0;
	return hm_err_set(e, HM_EUSAGE, "%s is for two classes, %s has %d", o->binary, in, classes);
}

int hm_answers_open(struct hm_answers *a, const struct hm_answers_options *o, int n, char *const *paths,
		    struct hm_workers *w, struct hm_err *e)
{
	*a = (struct hm_answers){.o = *o, .n = n, .paths = paths, .workers = w};
	int rc = hm_join_open(&a->in, n, paths, w, e);
	if (!rc)
		rc = find_columns(a, e);
	if (!rc)
		rc = o->model ? open_model(a, w, e) : find_prob(a, e);
	if (!rc)
		rc = hm_answers_binary(o, a->classes, o->model ? o->model : hm_join_name(a->in), e);
	if (!rc)
		rc = compare_names(a, e);
	if (rc)
		return rc;
	size_t c = (size_t)a->classes;
	a->logits = hm_alloc(WINDOW * c, sizeof *a->logits, e);
	a->prob = hm_alloc(WINDOW * c, sizeof *a->prob, e);
	a->failed = hm_alloc(WINDOW, sizeof *a->failed, e);
	a->wide = hm_alloc(c, sizeof *a->wide, e);
	if (!a->logits || !a->prob || !a->failed || !a->wide)
		return HM_EDATA;
	return o->out ? hm_answers_open_output(a, w, e) : 0;
}

/* ---- records ---- */

/* The number in the input of record i of the batch. */
static uint64_t record_number(const struct hm_answers *a, int i)
{
	return a->read - (uint64_t)(a->batch.n - i);
}

/* Prefixes the error with record i of the batch. */
static int record_error(const struct hm_answers *a, int i, struct hm_err *e)
{
	return hm_record_error(hm_join_name(a->in), record_number(a, i), &a->batch.rec[i].val[a->id], NULL,
			       e);
}

/* Reads the next records into the batch and marks those that failed. */
static int read_batch(struct hm_answers *a, struct hm_err *e)
{
	struct hm_batch *b = &a->batch;
	struct hm_rec rec;
	hm_batch_reset(b);
	a->at = 0;
	while (!a->ended && b->n < WINDOW && b->bytes + (size_t)b->n * a->predict.bytes < WINDOW_BYTES) {
		int more = hm_join_next(a->in, &rec, e);
		if (more < 0 || (more && hm_batch_add(b, &rec, e)))
			return HM_EDATA;
		a->ended = !more;
		a->read += (uint64_t)more;
	}
	for (int i = 0; i < b->n; i++)
		a->failed[i] = a->error >= 0 && b->rec[i].val[a->error].count;
	return 0;
}

/* Opens the input again; it must not have changed. */
static int rewind_input(struct hm_answers *a, struct hm_err *e)
{
	struct hm_join *again;
	if (hm_join_open(&again, a->n, a->paths, a->workers, e))
		return HM_EDATA;
	bool same = hm_schema_equal(hm_join_schema(again), hm_join_schema(a->in));
	memcpy(a->digest, hm_join_end(a->in)->digest, sizeof a->digest);
	hm_batch_reset(&a->batch);
	hm_join_close(a->in);
	a->in = again;
	a->at = 0;
	a->read = 0;
	a->ended = false;
	return same ? 0 : hm_err_set(e, HM_EDATA, "%s: changed while it was read", hm_join_name(a->in));
}

int hm_answers_prepare(struct hm_answers *a, struct hm_err *e)
{
	int bad = -1;
	if (!hm_predict_shuffles(&a->predict))
		return 0;
	if (!a->ended) {
		if (read_batch(a, e))
			return HM_EDATA;
		if (hm_predict_collect(&a->predict, a->batch.rec, a->batch.n, a->failed, &bad, e))
			return bad < 0 ? hm_err_prefix(e, "%s", hm_join_name(a->in))
				       : record_error(a, bad, e);
		return 1;
	}
	if (hm_predict_shuffle(&a->predict, a->o.predict.seed, e))
		return hm_err_prefix(e, "%s", hm_join_name(a->in));
	return rewind_input(a, e);
}

/* Reads the next batch and answers it. */
static int answer_batch(struct hm_answers *a, struct hm_err *e)
{
	struct hm_batch *b = &a->batch;
	size_t c = (size_t)a->classes;
	int bad = -1;
	if (read_batch(a, e))
		return HM_EDATA;
	if (a->ended && a->digest[0] && strcmp(a->digest, hm_join_end(a->in)->digest))
		return hm_err_set(e, HM_EDATA, "%s: changed while it was read", hm_join_name(a->in));
	for (int i = 0; !a->o.model && i < b->n; i++)
		if (!a->failed[i])
			memcpy(a->prob + (size_t)i * c, b->rec[i].val[a->given].data, c * sizeof *a->prob);
	if (!a->o.model)
		return 0;
	if (!hm_predict_records(&a->predict, b->rec, b->n, a->failed, a->logits, a->prob, &bad, e))
		return hm_fusionfile_unchanged(&a->model, e); /* it stays mapped */
	return bad < 0 ? hm_err_prefix(e, "%s", hm_join_name(a->in)) : record_error(a, bad, e);
}

static int set_group(const struct hm_answers *a, const struct hm_val *v, struct hm_predictions *p,
		     struct hm_err *e)
{
	char digits[16];
	int32_t n;
	if (hm_join_schema(a->in)->field[a->by].dtype == HM_UTF8)
		return hm_predictions_group(p, v->data, v->count, e);
	memcpy(&n, v->data, sizeof n);
	return hm_predictions_group(p, digits, (size_t)snprintf(digits, sizeof digits, "%d", (int)n), e);
}

int hm_answers_next(struct hm_answers *a, struct hm_predictions *p, struct hm_err *e)
{
	int32_t label = -1;
	size_t c = (size_t)a->classes;
	int rc = a->at == a->batch.n && !a->ended ? answer_batch(a, e) : 0;
	p->classes = a->classes;
	p->unit = "record";
	if (rc || a->at == a->batch.n)
		return rc;
	int i = a->at++;
	const struct hm_val *val = a->batch.rec[i].val, *id = &val[a->id],
			    *text = a->text >= 0 && a->o.texts ? &val[a->text] : NULL;
	if (a->label >= 0 && !a->o.unlabelled)
		memcpy(&label, val[a->label].data, sizeof label);
	for (size_t k = 0; k < c; k++)
		a->wide[k] = (double)a->prob[(size_t)i * c + k];
	rc = hm_predictions_add(p, id->data, id->count, text ? text->data : NULL, text ? text->count : 0,
				label, a->failed[i] ? NULL : a->wide, record_number(a, i), e);
	if (!rc && a->by >= 0 && (rc = set_group(a, &val[a->by], p, e)))
		hm_err_prefix(e, "column \"%s\"", a->o.by);
	if (rc)
		return record_error(a, i, e);
	rc = a->writer ? hm_answers_put(a, i, e) : 0;
	return rc ? rc : 1;
}

int hm_answers_call(const struct hm_answers *a, struct hm_predictions *p, struct hm_err *e)
{
	struct hm_labels l;
	cJSON *own;
	const cJSON *trained = a->o.model ? a->model.head.names : NULL;
	if (hm_truth_names(hm_join_schema(a->in), &own, e))
		return HM_EDATA;
	hm_truth_words(trained ? trained : own, &l);
	int rc = l.n ? hm_predictions_call(p, l.word, l.n, e) : 0;
	cJSON_Delete(own);
	return rc;
}

uint64_t hm_answers_skipped(const struct hm_answers *a)
{
	return hm_join_skipped(a->in);
}

int hm_answers_finish(struct hm_answers *a, struct hm_err *e)
{
	struct hm_writer *w = a->writer;
	a->writer = NULL;
	return w ? hm_writer_finish(w, hm_answers_skipped(a), e) : 0;
}

void hm_answers_close(struct hm_answers *a)
{
	hm_writer_abort(a->writer);
	hm_join_close(a->in);
	hm_predict_clear(&a->predict);
	hm_fusionfile_close(&a->model);
	hm_batch_clear(&a->batch);
	hm_schema_clear(&a->schema);
	free(a->failed);
	free(a->logits);
	free(a->prob);
	free(a->wide);
	*a = (struct hm_answers){0};
}
