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
	add_confusion(o, s);
	if (s->n < s->expected) {
		hm_write_number(o, "accuracy_worst", s->accuracy_worst);
		hm_write_number(o, "accuracy_best", s->accuracy_best);
		hm_write_number(o, "auroc_worst", s->auroc_worst);
		hm_write_number(o, "auroc_best", s->auroc_best);
	}
	return o;
}

int hm_report_json(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e)
{
	cJSON *o = hm_write_scores(s);
	int rc = o ? hm_json_write(o, out, e) : hm_err_set(e, HM_EDATA, "out of memory while writing scores");
	cJSON_Delete(o);
	return rc ? rc : hm_buf_add(out, "\n", 1, e);
}
