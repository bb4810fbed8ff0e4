/* The HTML page's section about the literature. See htmlparts.h. */
#include "report/htmlparts.h"

static void put_results(struct hm_html *p, const struct hm_literature *l)
{
	hm_html_put(p, "<div class=\"scroll\"><table><thead><tr><th class=\"left\">result</th><th "
		       "class=\"left\">on</th>"
		       "<th>AUROC, 95 %</th><th class=\"left\">published in</th></tr></thead><tbody>\n");
	for (int i = 0; i < l->n_results; i++) {
		const struct hm_result *v = &l->result[i];
		hm_html_put(p, "<tr><td class=\"left pair\">");
		hm_html_text(p, v->name);
		hm_html_put(p, "</td><td class=\"left\">");
		hm_html_text(p, v->set);
		hm_html_put(p, "</td>");
		hm_html_estimate(p, v->published.value[HM_PUBLISHED_AUROC], v->published.auroc_ci, "");
		hm_html_put(p, "<td class=\"left\">");
		hm_html_text(p, v->where);
		hm_html_put(p, "</td></tr>\n");
	}
	hm_html_put(p, "</tbody></table></div>\n");
}

static void put_pairs(struct hm_html *p, const struct hm_literature *l)
{
	char s[2][HM_PAGE_NUMBER];
	hm_buf_printf(
		p->b, p->e,
		"<h3>Which published differences are larger than noise</h3>\n<p>%d of %d, by p (Holm) &lt; "
		".05.</p>\n<p><small>%s</small></p>\n",
		l->apart, l->n_pairs, hm_page_literature_note);
	hm_html_put(
		p, "<div class=\"scroll\"><table><thead><tr><th class=\"left\">pair</th><th "
		   "class=\"left\">on</th><th>difference</th><th>95 % interval</th><th>p</th><th>p, Holm</th>"
		   "<th class=\"left\">what they differ in</th></tr></thead><tbody>\n");
	for (int i = 0; i < l->n_pairs; i++) {
		const struct hm_result_pair *d = &l->pair[i];
		hm_html_put(p, d->holm < .05 ? "<tr><td class=\"left pair\"><b>"
					     : "<tr><td class=\"left pair\">");
		hm_html_text(p, d->a->name);
		hm_html_put(p, " &#8722; ");
		hm_html_text(p, d->b->name);
		hm_html_put(p, d->holm < .05 ? "</b></td><td class=\"left\">" : "</td><td class=\"left\">");
		hm_html_text(p, d->a->set);
		hm_buf_printf(p->b, p->e, "</td><td>%s</td><td>%s</td>",
			      hm_page_difference(d->difference, s[0]), hm_page_interval(d->ci, true, s[1]));
		hm_html_p(p, d->p);
		hm_html_p(p, d->holm);
		hm_html_put(p, "<td class=\"left why\">");
		hm_html_text(p, d->note);
		hm_html_put(p, "</td></tr>\n");
	}
	hm_html_put(p, "</tbody></table></div>\n");
}

void hm_html_literature(struct hm_html *p)
{
	const struct hm_literature *l = &p->r->literature;
	if (!l->n_results)
		return;
	hm_html_put(p, "<h2>The literature</h2>\n");
	put_results(p, l);
	if (l->n_pairs)
		put_pairs(p, l);
}
