/* The HTML page's stages, commands and histories. See htmlparts.h. */
#include "report/htmlparts.h"

#include <stdlib.h>

void hm_html_stages(struct hm_html *p)
{
	char s[HM_PAGE_NUMBER];
	if (!p->r->n_stages)
		return;
	hm_html_put(p, "<section>\n<h2>Stages</h2>\n");
	hm_html_table(p, "What each stage took");
	hm_html_column(p, "stage", "left");
	hm_html_column(p, "records", "");
	hm_html_column(p, "seconds", "");
	hm_html_column(p, "records/s", "");
	hm_html_column(p, "peak memory, MB", "");
	hm_html_put(p, "</tr></thead><tbody>\n");
	for (int i = 0; i < p->r->n_stages; i++) {
		const struct hm_stage *g = &p->r->stage[i];
		hm_html_put(p, "<tr><th scope=\"row\" class=\"left\">");
		hm_html_text(p, g->name);
		hm_html_print(p, "</th><td>%s</td>", hm_page_value(g->records, 0, s));
		hm_html_print(p, "<td>%s</td>", hm_page_measure(g->seconds, s));
		hm_html_print(p, "<td>%s</td>", hm_page_measure(g->records / g->seconds, s));
		hm_html_print(p, "<td>%s</td></tr>\n", hm_page_measure(g->memory / 1e6, s));
	}
	hm_html_table_end(p);
	hm_html_put(p, "</section>\n");
}

/* A block of commands; it scrolls by itself when an option is longer than a line. */
static void open_block(struct hm_html *p)
{
	hm_html_put(p, "<pre tabindex=\"0\">");
}

static void put_shared(struct hm_html *p)
{
	char *shared = hm_strndup(hm_shared_history(p->f), p->f->shared, p->e);
	hm_html_put(
		p,
		"<p><small>The records of every row, with the tools&#8217; versions and all options; below, "
		"after each command, what else its predictions come from.</small></p>\n");
	open_block(p);
	if (shared)
		hm_html_command(p, shared);
	free(shared);
	hm_html_put(p, "</pre>\n");
}

void hm_html_commands(struct hm_html *p)
{
	if (!hm_findings_have_origins(p->f))
		return;
	hm_html_put(p, "<section>\n<h2>Commands, and what the numbers come from</h2>\n");
	if (p->f->shared)
		put_shared(p);
	for (int i = 0; i < p->r->n_rows; i++) {
		const struct hm_trial *t = p->r->row[i].trial;
		if (!hm_row_has_origin(p->f, &p->r->row[i]))
			continue;
		hm_html_put(p, "<h3>");
		hm_html_text(p, p->r->row[i].name);
		hm_html_put(p, "</h3>\n");
		open_block(p);
		for (int k = 0; k < p->r->row[i].n; k++, t++) {
			hm_html_command(p, t->command);
			hm_html_command(p, hm_trial_history(p->f, t));
		}
		hm_html_put(p, "</pre>\n");
	}
	hm_html_put(p, "</section>\n");
}
