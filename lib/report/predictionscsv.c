/* Predictions as CSV. See present.h. */
#include "json/json.h"
#include "report/present.h"

#include <stdio.h>
#include <stdlib.h>

/* A probability in as many digits as tell it from every other: nine of an F32, which hm's models give, and of
 * another program's double as many as it takes to read it back. */
static void put_prob(struct hm_buf *b, double p, struct hm_err *e)
{
	char text[HM_JSON_NUMBER];
	snprintf(text, sizeof text, "%.9g", p);
	bool enough = (double)(float)p == p || strtod(text, NULL) == p;
	hm_buf_printf(b, e, "%s", enough ? text : hm_json_f64(p, text));
}

int hm_predictions_csv(const struct hm_predictions *p, hm_field_writer *put, struct hm_buf *b,
		       struct hm_err *e)
{
	int first = p->classes == 2; /* of two classes, class 1's alone */
	hm_buf_printf(b, e, first ? "id,proba" : "id");
	for (int c = 0; !first && c < p->classes; c++)
		hm_buf_printf(b, e, ",proba_%d", c);
	hm_buf_printf(b, e, p->names ? ",label,name\n" : ",label\n");
	for (size_t i = 0; i < p->n; i++) {
		const struct hm_prediction *t = &p->item[i];
		put(b, t->id, e);
		for (int c = first; c < p->classes; c++) {
			hm_buf_printf(b, e, ",");
			if (!t->failed)
				put_prob(b, p->prob[i * (size_t)p->classes + (size_t)c], e);
		}
		hm_buf_printf(b, e, t->label >= 0 ? ",%d" : ",", (int)t->label);
		if (p->names) {
			hm_buf_printf(b, e, ",");
			put(b, t->label >= 0 ? p->names[t->label] : "", e);
		}
		hm_buf_printf(b, e, "\n");
	}
	return e->code;
}

int hm_submission_csv(const struct hm_predictions *p, double threshold, struct hm_buf *b, struct hm_err *e)
{
	hm_buf_printf(b, e, "id,proba,label\n");
	for (size_t i = 0; i < p->n; i++) {
		const double *prob = p->prob + 2 * i;
		if (p->item[i].failed)
			continue;
		hm_buf_field(b, p->item[i].id, e);
		hm_buf_printf(b, e, ",");
		put_prob(b, prob[1], e);
		hm_buf_printf(b, e, ",%d\n", (int)hm_prob_class(prob, 2, threshold));
	}
	return e->code;
}
