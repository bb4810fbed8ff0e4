/* The report on several systems: each one's headline, every pair's tests, and what follows. See report.h. */
#include "json/json.h"
#include "stat/report.h"
#include "stat/write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int widest(const struct hm_scores *s, int k)
{
	size_t w = 6;
	for (int i = 0; i < k; i++)
		w = strlen(s[i].name) > w ? strlen(s[i].name) : w;
	return w > 60 ? 60 : (int)w;
}

static void systems(struct hm_buf *b, const struct hm_scores *s, int k, struct hm_err *e)
{
	char v[2][16], r[2][HM_RANGE];
	int w = widest(s, k);
	hm_buf_printf(b, e, "    %-*s  %8s  %-16s  %9s  %s\n", w, "system", "accuracy", "95 % (Wilson)",
		      "AUROC", "95 % (DeLong)");
	for (int i = 0; i < k; i++)
		hm_buf_printf(b, e, "%c   %-*s  %8s  %-16s  %9s  %s\n", 'A' + i, w, s[i].name,
			      hm_write_value(s[i].value[HM_ACCURACY], v[0]),
			      hm_write_range(s[i].ci[HM_ACCURACY], false, r[0]),
			      hm_write_value(s[i].value[HM_AUROC], v[1]),
			      hm_write_range(s[i].ci[HM_AUROC], false, r[1]));
	hm_buf_printf(b, e, "majority class %.4f, random %.4f %s\n\n", s[0].majority, s[0].random,
		      hm_write_range(s[0].random_ci, false, r[0]));
}

static const char *p_text(double p, char out[16])
{
	if (isnan(p))
		snprintf(out, 16, "undefined");
	else
		snprintf(out, 16, p < 1e-4 ? "%.1e" : "%.4f", p);
	return out;
}

/* One test's table: difference, interval, p, and p after Holm when there are several pairs. */
static void tests(struct hm_buf *b, const struct hm_pair *pair, int pairs, bool auroc, struct hm_err *e)
{
	char range[HM_RANGE], p[16], holm[16];
	hm_buf_printf(b, e, "%-7s  %10s  %-18s  %-12s%9s%s\n", "pair", auroc ? "AUROC" : "accuracy",
		      "95 % interval", auroc ? "" : "only right", auroc ? "DeLong p" : "McNemar p",
		      pairs > 1 ? "    p Holm" : "");
	for (int i = 0; i < pairs; i++) {
		const struct hm_paired *t = &pair[i].test;
		char only[48] = "";
		if (!auroc)
			snprintf(only, sizeof only, "%zu : %zu", t->only_a, t->only_b);
		hm_buf_printf(b, e, "%c - %c    %+10.4f  %-18s  %-12s%9s", 'A' + pair[i].a, 'A' + pair[i].b,
			      auroc ? t->auroc : t->accuracy,
			      hm_write_range(auroc ? t->auroc_ci : t->accuracy_ci, true, range), only,
			      p_text(auroc ? t->delong_p : t->mcnemar_p, p));
		if (pairs > 1)
			hm_buf_printf(b, e, "  %8s",
				      p_text(auroc ? pair[i].delong_holm : pair[i].mcnemar_holm, holm));
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_printf(b, e, "\n");
}

/* What a pair's tests allow to say. */
static void verdict(struct hm_buf *b, const struct hm_scores *s, const struct hm_pair *pair, struct hm_err *e)
{
	double p[2] = {pair->mcnemar_holm, pair->delong_holm}, d[2] = {pair->test.accuracy, pair->test.auroc};
	static const char *const what[2] = {"accuracy", "AUROC"};
	char t[16];
	for (int i = 0; i < 2; i++) {
		if (isnan(p[i]))
			continue;
		const char *better = s[d[i] >= 0 ? pair->a : pair->b].name,
			   *worse = s[d[i] >= 0 ? pair->b : pair->a].name;
		if (p[i] < .05)
			hm_buf_printf(b, e, "%s beats %s in %s, p %s\n", better, worse, what[i],
				      p_text(p[i], t));
		else
			hm_buf_printf(b, e, "%s and %s are not shown to differ in %s, p %s\n",
				      s[pair->a].name, s[pair->b].name, what[i], p_text(p[i], t));
	}
}

int hm_report_compare_text(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *b,
			   struct hm_err *e)
{
	int pairs = k * (k - 1) / 2;
	hm_buf_printf(b, e, "%zu records, matched by id: %zu expected, %zu failed, %zu without label\n\n",
		      s->n, s->expected, s->failed, s->unlabelled);
	systems(b, s, k, e);
	tests(b, pair, pairs, false, e);
	if (s->classes == 2)
		tests(b, pair, pairs, true, e);
	for (int i = 0; i < pairs; i++)
		verdict(b, s, &pair[i], e);
	if (pairs > 1)
		hm_buf_printf(b, e, "p is Holm's, for %d pairs\n", pairs);
	return e->code;
}

static cJSON *pair_json(const struct hm_scores *s, const struct hm_pair *pair)
{
	const struct hm_paired *t = &pair->test;
	cJSON *o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "a", s[pair->a].name);
	cJSON_AddStringToObject(o, "b", s[pair->b].name);
	hm_write_number(o, "only_a", (double)t->only_a);
	hm_write_number(o, "only_b", (double)t->only_b);
	hm_write_number(o, "accuracy_difference", t->accuracy);
	hm_write_interval(o, "accuracy_difference_ci95", t->accuracy_ci);
	hm_write_number(o, "mcnemar_p", t->mcnemar_p);
	hm_write_number(o, "mcnemar_p_holm", pair->mcnemar_holm);
	hm_write_number(o, "auroc_difference", t->auroc);
	hm_write_interval(o, "auroc_difference_ci95", t->auroc_ci);
	hm_write_number(o, "delong_p", t->delong_p);
	hm_write_number(o, "delong_p_holm", pair->delong_holm);
	return o;
}

int hm_report_compare_json(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *out,
			   struct hm_err *e)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "systems");
	hm_write_number(o, "n", (double)s->n);
	for (int i = 0; i < k; i++) {
		cJSON *one = hm_write_scores(&s[i]);
		cJSON_AddStringToObject(one, "name", s[i].name);
		cJSON_AddItemToArray(list, one);
	}
	list = cJSON_AddArrayToObject(o, "pairs");
	for (int i = 0; i < k * (k - 1) / 2; i++)
		cJSON_AddItemToArray(list, pair_json(s, &pair[i]));
	int rc = o ? hm_json_write(o, out, e) : hm_err_set(e, HM_EDATA, "out of memory while writing scores");
	cJSON_Delete(o);
	return rc ? rc : hm_buf_add(out, "\n", 1, e);
}
