/* Numbers as text and as JSON. See write.h. */
#include "stat/write.h"
#include "json/json.h"
#include "stat/report.h"

#include <math.h>
#include <stdio.h>

char *hm_write_value(double v, char out[16])
{
	if (isnan(v))
		snprintf(out, 16, "undefined");
	else
		snprintf(out, 16, "%.4f", v);
	return out;
}

char *hm_write_range(struct hm_interval ci, bool sign, char out[HM_RANGE])
{
	if (isnan(ci.lo))
		out[0] = 0;
	else
		snprintf(out, HM_RANGE, sign ? "[%+.4f, %+.4f]" : "[%.4f, %.4f]", ci.lo, ci.hi);
	return out;
}

/* Bytes of the first HM_CELL code points, of valid UTF-8; how many of these to *points. */
static size_t head(const char *s, int *points)
{
	size_t n = 0;
	for (*points = 0; s[n] && *points < HM_CELL; (*points)++)
		do
			n++;
		while ((s[n] & 0xc0) == 0x80);
	return n;
}

int hm_write_width(const char *s)
{
	int points;
	head(*s ? s : "(empty)", &points);
	return points;
}

int hm_write_cell(struct hm_buf *b, const char *s, int width, struct hm_err *e)
{
	int points;
	size_t from = b->len, n = head(s = *s ? s : "(empty)", &points);
	hm_buf_add(b, s, n, e);
	for (size_t i = from; i < b->len; i++)
		if (b->data[i] < ' ' || b->data[i] == 0x7f)
			b->data[i] = '?';
	return hm_buf_printf(b, e, "%*s", width > points ? width - points : 0, "");
}

void hm_write_number(cJSON *o, const char *key, double v)
{
	if (isnan(v))
		cJSON_AddNullToObject(o, key);
	else
		cJSON_AddNumberToObject(o, key, v);
}

void hm_write_interval(cJSON *o, const char *key, struct hm_interval ci)
{
	if (isnan(ci.lo))
		cJSON_AddNullToObject(o, key);
	else
		cJSON_AddItemToObject(o, key, cJSON_CreateDoubleArray((double[]){ci.lo, ci.hi}, 2));
}

static void add_confusion(cJSON *o, const struct hm_scores *s)
{
	if (s->classes > 2 || !s->n) {
		cJSON_AddNullToObject(o, "confusion");
		return;
	}
	cJSON *c = cJSON_AddArrayToObject(o, "confusion");
	for (int t = 0; t < 2; t++) {
		double counts[2] = {(double)s->confusion[t][0], (double)s->confusion[t][1]};
		cJSON_AddItemToArray(c, cJSON_CreateDoubleArray(counts, 2));
	}
}

static cJSON *bins(const struct hm_bin *bin)
{
	cJSON *list = cJSON_CreateArray();
	for (int b = 0; b < HM_BINS; b++) {
		cJSON *o = cJSON_CreateObject();
		hm_write_number(o, "n", (double)bin[b].n);
		hm_write_number(o, "p", bin[b].p);
		hm_write_number(o, "share", bin[b].share);
		hm_write_interval(o, "share_ci95", bin[b].ci);
		cJSON_AddItemToArray(list, o);
	}
	return list;
}

/* What was asked for beside the scores. */
static void add_parts(cJSON *o, const struct hm_scores *s)
{
	static const char *const side[2] = {"image", "text"};
	const struct hm_threshold *t = s->fitted;
	if (t) {
		cJSON *fit = cJSON_AddObjectToObject(o, "threshold_fit");
		cJSON_AddStringToObject(fit, "from", t->from);
		hm_write_number(fit, "n", (double)t->n);
		hm_write_number(fit, "n_failed", (double)t->failed);
		hm_write_number(fit, "accuracy", (double)t->right / (double)t->n);
		hm_write_number(fit, "n_shared", (double)t->shared);
	}
	if (s->ablate[0] || s->ablate[1]) {
		cJSON *ablate = cJSON_AddObjectToObject(o, "ablate");
		for (int k = 0; k < 2; k++)
			if (s->ablate[k])
				cJSON_AddStringToObject(ablate, side[k], s->ablate[k]);
		hm_write_number(ablate, "seed", s->ablate_seed < 0 ? NAN : (double)s->ablate_seed);
	}
	if (s->bin)
		cJSON_AddItemToObject(o, "calibration", bins(s->bin));
	if (s->by)
		cJSON_AddItemToObject(o, "by", hm_groups_json(s->by));
	if (s->pairs)
		cJSON_AddItemToObject(o, "pairs", hm_pairscore_json(s->pairs));
}

cJSON *hm_write_scores(const struct hm_scores *s)
{
	char key[40];
	cJSON *o = cJSON_CreateObject();
	hm_write_number(o, "n", (double)s->n);
	hm_write_number(o, "n_expected", (double)s->expected);
	hm_write_number(o, "n_failed", (double)s->failed);
	hm_write_number(o, "n_unlabelled", (double)s->unlabelled);
	hm_write_number(o, "threshold", s->threshold);
	for (int m = 0; m < HM_METRICS; m++) {
		hm_write_number(o, hm_metric_key((enum hm_metric)m), s->value[m]);
		snprintf(key, sizeof key, "%s_ci95", hm_metric_key((enum hm_metric)m));
		hm_write_interval(o, key, s->ci[m]);
	}
	hm_write_interval(o, "accuracy_ci95_exact", s->exact);
	hm_write_number(o, "majority", s->majority);
	hm_write_number(o, "random", s->random);
	hm_write_interval(o, "random_ci95", s->random_ci);
	add_confusion(o, s);
	if (s->n < s->expected) {
		hm_write_number(o, "accuracy_worst", s->accuracy_worst);
		hm_write_number(o, "accuracy_best", s->accuracy_best);
		hm_write_number(o, "auroc_worst", s->auroc_worst);
		hm_write_number(o, "auroc_best", s->auroc_best);
	}
	add_parts(o, s);
	return o;
}

int hm_report_json(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e)
{
	cJSON *o = hm_write_scores(s);
	int rc = o ? hm_json_write(o, out, e) : hm_err_set(e, HM_EDATA, "out of memory while writing scores");
	cJSON_Delete(o);
	return rc ? rc : hm_buf_add(out, "\n", 1, e);
}
