/* Scores as tables for LaTeX with the package booktabs. See present.h. */
#include "report/cells.h"
#include "report/present.h"

#include <math.h>
#include <string.h>

/* What stands for a character that LaTeX would obey, or print as another one; NULL: itself. */
static const char *escape_character(char c, char next)
{
	static const struct {
		char c;
		const char *text;
	} row[] = {{'\\', "\\textbackslash{}"},
		   {'{', "\\{"},
		   {'}', "\\}"},
		   {'$', "\\$"},
		   {'&', "\\&"},
		   {'#', "\\#"},
		   {'_', "\\_"},
		   {'%', "\\%"},
		   {'~', "\\textasciitilde{}"},
		   {'^', "\\textasciicircum{}"},
		   {'<', "\\textless{}"},
		   {'>', "\\textgreater{}"},
		   {'|', "\\textbar{}"},
		   {'"', "{\\char34}"},
		   {'`', "{\\char96}"},
		   {'\'', "{\\char39}"}};
	if ((c == '-' && next == '-') || (c == ',' && next == ',')) /* no ligature of two */
		return c == '-' ? "-{}" : ",{}";
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (row[i].c == c)
			return row[i].text;
	return NULL;
}

/* A text of unknown origin. In a group: after the end of a row, "[" and "*" would belong to that. */
static void write_text(struct hm_buf *b, const char *s, struct hm_err *e)
{
	struct hm_buf plain = {0};
	if (!hm_cell_text(&plain, *s ? s : "(empty)", e) && !hm_buf_add(&plain, "", 1, e)) {
		s = (const char *)plain.data;
		hm_buf_printf(b, e, "{");
		for (; *s; s++) {
			const char *text = escape_character(*s, s[1]);
			hm_buf_add(b, text ? text : s, text ? strlen(text) : 1, e);
		}
		hm_buf_printf(b, e, "}");
	}
	hm_buf_clear(&plain);
}

/* A number with four digits, with `sign` in any case. */
static void write_number(struct hm_buf *b, double v, bool sign, struct hm_err *e)
{
	char text[HM_CELL_NUMBER];
	if (isnan(v))
		hm_buf_printf(b, e, "--");
	else
		hm_buf_printf(b, e, sign ? "$%s$" : "%s", hm_cell_number(v, 4, sign, text));
}

/* "& 0.5580 & [0.5142, 0.6010] ". */
static void write_estimate(struct hm_buf *b, double v, struct hm_interval ci, bool sign, struct hm_err *e)
{
	hm_buf_printf(b, e, "& ");
	write_number(b, v, sign, e);
	hm_buf_printf(b, e, " & ");
	if (isnan(ci.lo)) {
		hm_buf_printf(b, e, "-- ");
		return;
	}
	hm_buf_printf(b, e, "[");
	write_number(b, ci.lo, sign, e);
	hm_buf_printf(b, e, ", ");
	write_number(b, ci.hi, sign, e);
	hm_buf_printf(b, e, "] ");
}

/* A p-value; below 0.0001 as a power of ten. */
static void write_p(struct hm_buf *b, double p, struct hm_err *e)
{
	char text[HM_CELL_NUMBER], *at;
	hm_cell_p(p, text);
	if (isnan(p))
		hm_buf_printf(b, e, "& -- ");
	else if ((at = strstr(text, "e-")))
		hm_buf_printf(b, e, "& $%.*s\\cdot10^{-%s}$ ", (int)(at - text), text,
			      at + 2 + (at[2] == '0'));
	else
		hm_buf_printf(b, e, "& %s ", text);
}

static void write_systems(struct hm_buf *b, const struct hm_scores *s, int k, struct hm_err *e)
{
	bool classes = s->each;
	hm_buf_printf(b, e,
		      "\\begin{tabular}{lrcrc%s}\n\\toprule\nSystem & Accuracy & 95\\,\\%% interval & %s & "
		      "95\\,\\%% interval %s\\\\\n\\midrule\n",
		      classes ? "rc" : "", classes ? "Macro F1" : "AUROC",
		      classes ? "& Macro AUROC & 95\\,\\% interval " : "");
	for (int i = 0; i < k; i++) {
		const struct hm_classes *each = s[i].each;
		write_text(b, s[i].name, e);
		hm_buf_printf(b, e, " ");
		write_estimate(b, s[i].value[HM_ACCURACY], s[i].ci[HM_ACCURACY], false, e);
		if (!each)
			write_estimate(b, s[i].value[HM_AUROC], s[i].ci[HM_AUROC], false, e);
		for (int m = 0; each && m < 2; m++) {
			enum hm_macro one = m ? HM_MACRO_AUROC : HM_MACRO_F1;
			write_estimate(b, each->value[one], each->ci[one], false, e);
		}
		hm_buf_printf(b, e, "\\\\\n");
	}
	hm_buf_printf(b, e, "\\bottomrule\n\\end{tabular}\n");
}

/* Every pair of systems, p corrected where there are several. */
static void write_pairs(struct hm_buf *b, const struct hm_scores *s, const struct hm_pair *pair, int pairs,
			struct hm_err *e)
{
	bool two = s->classes == 2;
	hm_buf_printf(
		b, e,
		"\n%% Differences, first minus second; %s.\n\\begin{tabular}{llrcr%s}\n\\toprule\nFirst & "
		"Second & Accuracy & 95\\,\\%% interval & $p$ %s\\\\\n\\midrule\n",
		pairs > 1 ? "p is Holm's" : "p is McNemar's and DeLong's", two ? "rcr" : "",
		two ? "& AUROC & 95\\,\\% interval & $p$ " : "");
	for (int i = 0; i < pairs; i++) {
		const struct hm_paired *t = &pair[i].test;
		write_text(b, s[pair[i].a].name, e);
		hm_buf_printf(b, e, " & ");
		write_text(b, s[pair[i].b].name, e);
		hm_buf_printf(b, e, " ");
		write_estimate(b, t->accuracy, t->accuracy_ci, true, e);
		write_p(b, pair[i].mcnemar_holm, e);
		if (two) {
			write_estimate(b, t->auroc, t->auroc_ci, true, e);
			write_p(b, pair[i].delong_holm, e);
		}
		hm_buf_printf(b, e, "\\\\\n");
	}
	hm_buf_printf(b, e, "\\bottomrule\n\\end{tabular}\n");
}

static void write_classes(struct hm_buf *b, const struct hm_scores *s, struct hm_err *e)
{
	char digits[HM_CELL_NUMBER];
	hm_buf_printf(
		b, e,
		"\n\\begin{tabular}{lrrrrr}\n\\toprule\nClass & Precision & Recall & F1 & AUROC & Support "
		"\\\\\n\\midrule\n");
	for (int c = 0; c < s->classes; c++) {
		const struct hm_class *o = &s->each->item[c];
		const double value[4] = {o->precision, o->recall, o->f1, o->auroc};
		write_text(b, hm_cell_class(s->names, c, digits), e);
		for (int m = 0; m < 4; m++) {
			hm_buf_printf(b, e, " & ");
			write_number(b, value[m], false, e);
		}
		hm_buf_printf(b, e, " & %zu \\\\\n", o->support);
	}
	hm_buf_printf(b, e, "\\bottomrule\n\\end{tabular}\n");
}

int hm_scores_latex(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *b,
		    struct hm_err *e)
{
	hm_buf_printf(b, e,
		      "%% hm-score, %zu records. Needs \\usepackage{booktabs}. Intervals: Wilson, %s.\n",
		      s->n, s->each ? "bootstrap" : "DeLong");
	write_systems(b, s, k, e);
	if (k > 1)
		write_pairs(b, s, pair, k * (k - 1) / 2, e);
	else if (s->each)
		write_classes(b, s, e);
	return e->code;
}
