/* Wrong answers, the most confident first. See errors.h. */
#include "stat/errors.h"

#include <stdlib.h>

struct wrong {
	double confidence; /* p of the wrong answer */
	size_t at;	   /* in the sample */
};

static int by_falling_confidence(const void *a, const void *b)
{
	const struct wrong *x = a, *y = b;
	if (x->confidence != y->confidence)
		return x->confidence < y->confidence ? 1 : -1;
	return (x->at > y->at) - (x->at < y->at);
}

int hm_errors_find(const struct hm_matched *m, const struct hm_sample *s, size_t **at, size_t *n,
		   struct hm_err *e)
{
	struct wrong *w = hm_alloc(s->n, sizeof *w, e);
	*n = 0;
	*at = w ? hm_alloc(s->n, sizeof **at, e) : NULL;
	for (size_t i = 0; *at && i < s->n; i++)
		if (s->answer[i] != s->label[i])
			w[(*n)++] =
				(struct wrong){m->prob[0][i * (size_t)m->classes + (size_t)s->answer[i]], i};
	if (*n)
		qsort(w, *n, sizeof *w, by_falling_confidence);
	for (size_t k = 0; k < *n; k++)
		(*at)[k] = w[k].at;
	free(w);
	return *at ? 0 : HM_EDATA;
}
