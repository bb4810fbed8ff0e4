/* The report on several systems as text: each one's headline, every pair's tests, and what follows. See
 * present.h. */
#include "report/presentparts.h"
#include "report/cells.h"

#include <math.h>
#include <stdio.h>

enum { WIDEST = 60 }; /* characters of a name's column; longer names move what follows */

static int count_characters(const char *s)
{
	int n = 0;
	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static int widest_name(const struct hm_scores *s, int k)
{
	int w = 6;
	for (int i = 0; i < k; i++) {
		int own = count_characters(s[i].name);
		w = own > w ? own : w;
	}
	return w > WIDEST ? WIDEST : w;
}

/* AUROC, or with more than two classes macro F1. */
static void write_systems(struct hm_buf *b, const struct hm_scores *s, int k, struct hm_err *e)
{
	char v[2][HM_CELL_NUMBER], r[2][HM_CELL_RANGE];
	int w = widest_name(s, k);
	hm_buf_printf(b, e, "    %-*s  %8s  %-16s  %9s  %s\n", w, "system", "accuracy", "95 % (Wilson)",
		      s->each ? "macro F1" : "AUROC", s->each ? "95 % (bootstrap)" : "95 % (DeLong)");
	for (int i = 0; i < k; i++) {
		const struct hm_classes *each = s[i].each;
		int pad = w - count_characters(s[i].name);
		hm_buf_printf(b, e, "%c   ", 'A' + i);
		hm_cell_text(b, s[i].name, e);
		hm_buf_printf(b, e, "%*s  %8s  %-16s  %9s  %s\n", pad > 0 ? pad : 0, "",
			      hm_cell_value(s[i].value[HM_ACCURACY], v[0]),
			      hm_cell_range(s[i].ci[HM_ACCURACY], false, r[0]),
			      hm_cell_value(each ? each->value[HM_MACRO_F1] : s[i].value[HM_AUROC], v[1]),
			      hm_cell_range(each ? each->ci[HM_MACRO_F1] : s[i].ci[HM_AUROC], false, r[1]));
	}
	hm_buf_printf(b, e, "majority class %.4f, random %.4f %s\n\n", s[0].majority, s[0].random,
		      hm_cell_range(s[0].random_ci, false, r[0]));
}

/* One test's table: difference, interval, p, and p after Holm when there are several pairs. */
static void write_tests(struct hm_buf *b, const struct hm_pair *pair, int pairs, bool auroc, struct hm_err *e)
{
	char d[HM_CELL_NUMBER], range[HM_CELL_RANGE], p[HM_CELL_NUMBER], holm[HM_CELL_NUMBER];
	hm_buf_printf(b, e, "%-7s  %10s  %-18s  %-12s%9s%s\n", "pair", auroc ? "AUROC" : "accuracy",
		      "95 % interval", auroc ? "" : "only right", auroc ? "DeLong p" : "McNemar p",
		      pairs > 1 ? "    p Holm" : "");
	for (int i = 0; i < pairs; i++) {
		const struct hm_paired *t = &pair[i].test;
		char only[48] = "";
		if (!auroc)
			snprintf(only, sizeof only, "%zu : %zu", t->only_a, t->only_b);
		hm_buf_printf(b, e, "%c - %c    %10s  %-18s  %-12s%9s", 'A' + pair[i].a, 'A' + pair[i].b,
			      hm_cell_number(auroc ? t->auroc : t->accuracy, 4, true, d),
			      hm_cell_range(auroc ? t->auroc_ci : t->accuracy_ci, true, range), only,
			      hm_cell_p(auroc ? t->delong_p : t->mcnemar_p, p));
		if (pairs > 1)
			hm_buf_printf(b, e, "  %8s",
				      hm_cell_p(auroc ? pair[i].delong_holm : pair[i].mcnemar_holm, holm));
		hm_buf_printf(b, e, "\n");
	}
	hm_buf_printf(b, e, "\n");
}

/* The conclusions that a pair's tests allow. */
static void write_verdict(struct hm_buf *b, const struct hm_scores *s, const struct hm_pair *pair,
			  struct hm_err *e)
{
	double p[2] = {pair->mcnemar_holm, pair->delong_holm}, d[2] = {pair->test.accuracy, pair->test.auroc};
	static const char *const what[2] = {"accuracy", "AUROC"};
	char t[HM_CELL_NUMBER];
	for (int i = 0; i < 2; i++) {
		if (isnan(p[i]))
			continue;
		const char *better = s[d[i] >= 0 ? pair->a : pair->b].name,
			   *worse = s[d[i] >= 0 ? pair->b : pair->a].name;
		hm_cell_text(b, p[i] < .05 ? better : s[pair->a].name, e);
		hm_buf_printf(b, e, p[i] < .05 ? " beats " : " and ");
		hm_cell_text(b, p[i] < .05 ? worse : s[pair->b].name, e);
		hm_buf_printf(b, e, "%s in %s, p %s\n", p[i] < .05 ? "" : " are not shown to differ", what[i],
			      hm_cell_p(p[i], t));
	}
}

int hm_compare_text(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *b,
		    struct hm_err *e)
{
	int pairs = k * (k - 1) / 2;
	hm_buf_printf(b, e, "%zu records, matched by id: %zu expected, %zu failed, %zu without label\n\n",
		      s->n, s->expected, s->failed, s->unlabelled);
	write_systems(b, s, k, e);
	write_tests(b, pair, pairs, false, e);
	if (s->classes == 2)
		write_tests(b, pair, pairs, true, e);
	for (int i = 0; i < pairs; i++)
		write_verdict(b, s, &pair[i], e);
	if (pairs > 1)
		hm_buf_printf(b, e, "p is Holm's, for %d pairs\n", pairs);
	return e->code;
}
