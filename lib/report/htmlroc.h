/* ROC curves in charts of the HTML page. Only its files (html*.c) include it. */
#ifndef HM_HTMLROC_H
#define HM_HTMLROC_H

#include "report/chart.h"
#include "report/htmlparts.h"

/* Draws into a chart of the unit square: a guesser's curve; a trial's curve, of two classes, as a line of
 * this class. */
void hm_html_chance(struct hm_chart *c);
void hm_html_roc_line(struct hm_html *p, const struct hm_trial *t, struct hm_chart *c, const char *class);

#endif
