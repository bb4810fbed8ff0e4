/* The HTML page's section about the literature. See htmlparts.h. */
#include "report/htmlparts.h"

static void put_results(struct hm_html *p, const struct hm_literature *l)
{
	char s[HM_PAGE_NUMBER];
	bool sets = false, where = false;
	for (int i = 0; i < l->n_results; i++) {
		sets |= *l->result[i].set != 0;
		where |= *l->result[i].where != 0;
	}
	hm_html_table(p, "Published AUROCs, with 95 % intervals after Hanley and McNeil");
	hm_html_column(p, "result", "left");
	if (sets)
		hm_html_column(p, "on", "left");
	hm_html_column(p, "AUROC", "");
	if (where)
		hm_html_column(p, "published in", "left");
	hm_html_put(p, "</tr></thead><tbody>\n");
	for (int i = 0; i < l->n_results; i++) {
		const struct hm_result *v = &l->result[i];
		hm_html_put(p, "<tr><th scope=\"row\" class=\"left pair\">");
		hm_html_text(p, v->name);
		hm_html_put(p, sets ? "</th><td class=\"left\">" : "</th>");
		if (sets)
			hm_html_text(p, v->set);
		hm_html_put(p, sets ? "</td>" : "");
		hm_html_estimate(p, v->published.value[HM_PUBLISHED_AUROC],
				 hm_page_interval(v->published.auroc_ci, false, s), "");
		hm_html_put(p, where ? "<td class=\"left\">" : "");
		if (where)
			hm_html_text(p, v->where);
		hm_html_put(p, where ? "</td></tr>\n" : "</tr>\n");
	}
	hm_html_table_end(p);
}

static void put_pairs(struct hm_html *p, const struct hm_literature *l)
{
	char s[HM_PAGE_NUMBER];
	hm_html_print(
		p,
		"<h3>Which published differences are larger than noise</h3>\n<p>%d of %d, by p (Holm) &lt; "
		".05.</p>\n<p><small>%s</small></p>\n",
		l->apart, l->n_pairs, hm_page_literature_note);
	hm_html_table(p, "Differences of published AUROCs. <b>Bold</b>: p, Holm &lt; .05");
	hm_html_column(p, "pair", "left");
	hm_html_column(p, "on", "left");
	hm_html_column(p, "difference", "");
	hm_html_column(p, "95 % interval", "");
	hm_html_column(p, "p", "");
	hm_html_column(p, "p, Holm", "");
	hm_html_column(p, "what they differ in", "left");
	hm_html_put(p, "</tr></thead><tbody>\n");
	for (int i = 0; i < l->n_pairs; i++) {
		const struct hm_result_pair *d = &l->pair[i];
		hm_html_pair(p, d->a->name, d->b->name, d->holm < .05);
		hm_html_put(p, "<td class=\"left\">");
		hm_html_text(p, d->a->set);
		hm_html_print(p, "</td><td>%s</td>", hm_page_difference(d->difference, s));
		hm_html_print(p, "<td>%s</td>", hm_page_interval(d->ci, true, s));
		hm_html_p(p, d->p);
		hm_html_p(p, d->holm);
		hm_html_put(p, "<td class=\"left why\">");
		hm_html_text(p, d->note);
		hm_html_put(p, "</td></tr>\n");
	}
	hm_html_table_end(p);
}

void hm_html_literature(struct hm_html *p)
{
	const struct hm_literature *l = &p->r->literature;
	if (!l->n_results)
		return;
	hm_html_put(p, "<section>\n<h2>The literature</h2>\n");
	put_results(p, l);
	if (l->n_pairs)
		put_pairs(p, l);
	hm_html_put(p, "</section>\n");
}
