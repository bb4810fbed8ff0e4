/* The report on one system as text. See present.h. */
#include "report/presentparts.h"
#include "report/cells.h"

#include <math.h>

/* Writers here ignore what a single hm_buf_printf returns: the first failure stays in `e`, which is looked at
 * once. */

void hm_metric_row_text(struct hm_buf *b, const char *name, double v, struct hm_interval ci, const char *by,
			struct hm_err *e)
{
	char value[HM_CELL_NUMBER], range[HM_CELL_RANGE];
	hm_buf_printf(b, e, "%-18s  %9s  %-18s  %-9s", name, *name ? hm_cell_value(v, value) : "",
		      hm_cell_range(ci, false, range), isnan(ci.lo) ? "" : by);
}

void hm_metric_end_text(struct hm_buf *b, struct hm_err *e)
{
	while (b->len && b->data[b->len - 1] == ' ')
		b->len--;
	hm_buf_printf(b, e, "\n");
}

/* The score of a system that knows only the shares of the labels. */
static void write_baseline(struct hm_buf *b, const struct hm_scores *s, enum hm_metric m, struct hm_err *e)
{
	double p = s->n ? (double)s->label[1] / (double)s->n : NAN, q = 1 - p;
	double entropy = -(p > 0 ? p * log(p) : 0) - (q > 0 ? q * log(q) : 0);
	char number[HM_CELL_NUMBER];
	if (s->classes > 2 || isnan(p))
		return;
	if (m == HM_AUROC && !isnan(s->value[m]))
		hm_buf_printf(b, e, "  0.5000 random");
	if (m == HM_AVERAGE_PRECISION)
		hm_buf_printf(b, e, "  %.4f share of class 1", p);
	if (m == HM_LOG_LOSS)
		hm_buf_printf(b, e, "  %s share of class 1 as p", hm_cell_value(entropy, number));
	if (m == HM_BRIER)
		hm_buf_printf(b, e, "  %.4f share of class 1 as p", p * q);
}

static void write_table(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	char guess[HM_CELL_RANGE];
	static const char *const name[HM_METRICS] = {"accuracy", "AUROC",     "average precision",
						     "F1",	 "precision", "recall",
						     "log loss", "Brier",     "ECE, 15 bins"};
	hm_buf_printf(b, e, "%-18s  %9s  %-18s  %-9s  %s\n", "", "value", "95 % interval", "by", "baseline");
	for (int m = 0; m < HM_METRICS; m++) {
		if (s->classes > 2 && m != HM_ACCURACY && m != HM_LOG_LOSS)
			continue;
		hm_metric_row_text(b, name[m], s->value[m], s->ci[m],
				   m == HM_ACCURACY ? "Wilson"
				   : m == HM_AUROC  ? "DeLong"
						    : "bootstrap",
				   e);
		if (m == HM_ACCURACY && s->n) {
			hm_buf_printf(b, e, "  %.4f majority class, %.4f random %s\n", s->majority, s->random,
				      hm_cell_range(s->random_ci, false, guess));
			hm_metric_row_text(b, "", NAN, s->exact, "exact", e);
		}
		write_baseline(b, s, m, e);
		hm_metric_end_text(b, e);
		if (m == HM_ACCURACY && s->each)
			hm_classes_rows_text(s->each, b, e);
	}
}

/* A row of the confusion matrix of two classes. */
static void write_label(struct hm_buf *b, const struct hm_scores *s, int t, struct hm_err *e)
{
	hm_buf_printf(b, e, "  label %d             %11zu  %11zu", t, s->confusion[t][0], s->confusion[t][1]);
	if (s->names) {
		hm_buf_printf(b, e, "   ");
		hm_cell_text(b, s->names[t], e);
	}
	hm_buf_printf(b, e, "\n");
}

static void write_confusion(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	if (s->classes > 2 || !s->n)
		return;
	hm_buf_printf(b, e, "\n%-18s  %11s  %11s   (class 1 when p > %g)\n", "confusion", "predicted 0",
		      "predicted 1", s->threshold);
	for (int t = 0; t < 2; t++)
		write_label(b, s, t, e);
}

static void write_zero_notes(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	if (s->classes > 2)
		return;
	if (!s->label[0] || !s->label[1])
		hm_buf_printf(
			b, e,
			"note: all labels are %d: AUROC is undefined, the bootstrap gives no intervals\n",
			s->label[1] != 0);
	else if (isnan(s->ci[HM_AUROC].lo))
		hm_buf_printf(b, e, "note: DeLong's interval needs two records of each class\n");
	else if (s->ci[HM_AUROC].lo == s->ci[HM_AUROC].hi)
		hm_buf_printf(b, e,
			      "note: AUROC is at its end, where DeLong's interval has no width: this is no "
			      "certainty\n");
	if (!s->label[1])
		hm_buf_printf(b, e,
			      "note: no label is 1: recall%s and average precision are 0 by definition\n",
			      s->confusion[0][1] ? ", F1" : ", precision, F1");
	else if (!s->confusion[0][1] && !s->confusion[1][1])
		hm_buf_printf(
			b, e,
			"note: nothing is predicted as class 1: precision and F1 are 0 by definition\n");
}

static void write_notes(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	const struct hm_interval *acc = &s->ci[HM_ACCURACY], *roc = &s->ci[HM_AUROC];
	hm_buf_printf(b, e, "\n");
	if (s->n < s->expected)
		hm_buf_printf(
			b, e,
			"note: %zu of %zu records are missing: accuracy could be %.4f to %.4f with them",
			s->expected - s->n, s->expected, s->accuracy_worst, s->accuracy_best);
	if (s->n < s->expected && !isnan(s->auroc_worst))
		hm_buf_printf(b, e, ", AUROC %.4f to %.4f", s->auroc_worst, s->auroc_best);
	if (s->n < s->expected)
		hm_buf_printf(b, e, "\n");
	if (s->unlabelled)
		hm_buf_printf(b, e, "note: %zu records have no label and do not count\n", s->unlabelled);
	if (!s->n)
		return;
	if (s->echo)
		hm_buf_printf(
			b, e,
			"note: every label is the system's answer, as in a submission, where \"label\" "
			"is the prediction: these scores say nothing then; --labels FILE gives the true "
			"ones\n");
	if (s->each)
		hm_classes_notes_text(s, b, e);
	write_zero_notes(b, s, e);
	if (acc->lo <= s->majority)
		hm_buf_printf(b, e, "note: accuracy %s the majority class's %.4f\n",
			      acc->hi < s->majority ? "is below" : "is not shown to be better than",
			      s->majority);
	if (s->value[HM_ACCURACY] <= s->random_ci.hi)
		hm_buf_printf(
			b, e,
			"note: guessing scores %.4f to %.4f on %zu records, 19 times of 20: accuracy is %s\n",
			s->random_ci.lo, s->random_ci.hi, s->n,
			s->value[HM_ACCURACY] < s->random_ci.lo ? "below that" : "in there");
	if (roc->lo <= .5 && roc->hi >= .5)
		hm_buf_printf(b, e,
			      "note: AUROC's interval holds 0.5: the ranking is not shown to be better than "
			      "chance\n");
	hm_buf_printf(b, e,
		      "note: %zu records fix accuracy to about %.1f points either way; --compare tells close "
		      "models apart\n",
		      s->n, 50 * (acc->hi - acc->lo));
}

/* How the answers came about: ablation and a fitted threshold. */
static void write_origin(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	const struct hm_threshold *t = s->fitted;
	for (int k = 0; k < 2; k++)
		if (s->ablate[k])
			hm_buf_printf(b, e, "%s %s=%s",
				      k && s->ablate[0] ? "," : "ablated:", k ? "text" : "image",
				      s->ablate[k]);
	if (s->ablate_seed >= 0 && (s->ablate[0] || s->ablate[1]))
		hm_buf_printf(b, e, ", seed %lld", (long long)s->ablate_seed);
	if (s->ablate[0] || s->ablate[1])
		hm_buf_printf(b, e, "\n");
	if (!t)
		return;
	hm_buf_printf(b, e, "threshold %.9g, fitted on ", t->at);
	hm_cell_text(b, t->from, e);
	hm_buf_printf(b, e, ": %zu of %zu right there", t->right, t->n);
	if (t->failed)
		hm_buf_printf(b, e, ", %zu failed", t->failed);
	if (t->shared)
		hm_buf_printf(b, e, "; of what is scored it has %zu: optimistic", t->shared);
	hm_buf_printf(b, e, "\n");
}

/* How many records there are, of which class. */
static void write_counts(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	hm_buf_printf(b, e, "%zu records expected, %zu scored, %zu failed", s->expected, s->n, s->failed);
	for (int c = 0; c < 2 && s->classes == 2 && s->n; c++) {
		hm_buf_printf(b, e, "%s %zu of class %d", c ? "," : ";", s->label[c], c);
		if (s->names) {
			hm_buf_printf(b, e, " \"");
			hm_cell_text(b, s->names[c], e);
			hm_buf_printf(b, e, "\"");
		}
	}
	if (s->classes > 2)
		hm_buf_printf(b, e, "; %d classes", s->classes);
	hm_buf_printf(b, e, "\n");
}

/* The last line. */
static void write_headline(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	char value[HM_CELL_NUMBER], range[HM_CELL_RANGE];
	hm_buf_printf(b, e, "accuracy %s", hm_cell_value(s->value[HM_ACCURACY], value));
	if (s->n)
		hm_buf_printf(b, e, " %s", hm_cell_range(s->ci[HM_ACCURACY], false, range));
	if (s->each) {
		hm_classes_line_text(s, b, e);
	} else {
		hm_buf_printf(b, e, "  auroc %s", hm_cell_value(s->value[HM_AUROC], value));
		if (!isnan(s->ci[HM_AUROC].lo))
			hm_buf_printf(b, e, " %s", hm_cell_range(s->ci[HM_AUROC], false, range));
	}
	hm_buf_printf(b, e, "  n %zu\n", s->n);
}

int hm_scores_text(const struct hm_scores *s, struct hm_buf *b, struct hm_err *e)
{
	write_counts(b, s, e);
	write_origin(b, s, e);
	hm_buf_printf(b, e, "\n");
	write_table(b, s, e);
	write_confusion(b, s, e);
	if (s->each)
		hm_classes_text(s, b, e);
	if (s->by)
		hm_groups_text(s->by, b, e);
	if (s->pairs)
		hm_pairscore_text(s->pairs, b, e);
	write_notes(b, s, e);
	write_headline(b, s, e);
	return e->code;
}
