/* The HTML page's claims and what became of them. See htmlparts.h. */
#include "report/htmlparts.h"

static void put_rule(struct hm_html *p, const struct hm_claim *c)
{
	if (c->kind == HM_CLAIM_BETTER)
		hm_html_put(p, "Supported when the first of each pair is better, each p (Holm) below .05; "
			       "not supported "
			       "when one is significantly worse.");
	else if (c->kind == HM_CLAIM_NOT_WORSE)
		hm_html_print(p,
			      "Supported when every interval lies above &#8722;%g; not supported when one is "
			      "significantly worse.",
			      c->margin);
	else
		hm_html_print(
			p,
			"Supported when every interval lies within &#177;%g; not supported when one differs "
			"significantly.",
			c->margin);
}

static void put_difference(struct hm_html *p, const struct hm_claim *c, int k, const struct hm_difference *d)
{
	char s[HM_PAGE_NUMBER], t[HM_PAGE_NUMBER];
	hm_html_pair(p, c->pair[k].a->name, c->pair[k].b->name, d->holm < .05);
	hm_html_print(p, "<td>%s</td><td>%s</td>", hm_page_difference(d->accuracy, t),
		      hm_page_interval(d->ci, true, s));
	hm_html_p(p, d->p);
	hm_html_p(p, d->holm);
	hm_html_put(p, "<td class=\"left why\">");
	hm_html_text(p, c->pair[k].note);
	hm_html_put(p, "</td></tr>\n");
}

static void put_claim(struct hm_html *p, int i)
{
	const struct hm_claim *c = &p->r->claim[i];
	hm_html_put(p, "<h3>");
	hm_html_text(p, c->text);
	hm_html_print(p, " <span class=\"verdict\">%s</span></h3>\n<p><small>",
		      hm_verdict_text(p->f->verdict[i]));
	put_rule(p, c);
	hm_html_put(p, "</small></p>\n");
	hm_html_table(p, "Difference in accuracy of each pair. <b>Bold</b>: p, Holm &lt; .05");
	hm_html_column(p, "pair", "left");
	hm_html_column(p, "difference", "");
	hm_html_column(p, "95 % interval", "");
	hm_html_column(p, "p", "");
	hm_html_column(p, "p, Holm", "");
	hm_html_column(p, "what they differ in", "left");
	hm_html_put(p, "</tr></thead><tbody>\n");
	for (int k = 0; k < c->n; k++)
		put_difference(p, c, k, &p->f->difference[i * HM_RUNS_PAIRS + k]);
	hm_html_table_end(p);
}

/* Claims that are not judged are only named. */
static void put_names(struct hm_html *p)
{
	hm_html_print(p, "<p>%s</p>\n<ul>\n", hm_page_unjudged(p->f));
	for (int i = 0; i < p->r->n_claims; i++) {
		hm_html_put(p, "<li>");
		hm_html_text(p, p->r->claim[i].text);
		hm_html_put(p, "</li>\n");
	}
	hm_html_put(p, "</ul>\n");
}

void hm_html_claims(struct hm_html *p)
{
	if (!p->r->n_claims)
		return;
	hm_html_put(p, "<section>\n<h2>Claims</h2>\n");
	if (*p->r->claims_about) {
		hm_html_put(p, "<p>");
		hm_html_text(p, p->r->claims_about);
		hm_html_put(p, "</p>\n");
	}
	if (!p->f->judged)
		put_names(p);
	for (int i = 0; p->f->judged && i < p->r->n_claims; i++)
		put_claim(p, i);
	hm_html_put(p, "</section>\n");
}
