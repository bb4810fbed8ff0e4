/* Neighbouring parameters that get the same treatment. For optim.c and optimshare.c. */
#ifndef HM_OPTIMRUNS_H
#define HM_OPTIMRUNS_H

#include <stddef.h>

struct hm_optim_run {
	int table;
	size_t first, count; /* elements */
	double decay;
};

struct hm_span {
	size_t first, count;
};

/* What of a run lies in the elements [from,to) of its table. */
static inline struct hm_span hm_optim_cut(const struct hm_optim_run *r, size_t from, size_t to)
{
	size_t a = r->first > from ? r->first : from, b = r->first + r->count;
	b = b < to ? b : to;
	return (struct hm_span){a, b > a ? b - a : 0};
}

#endif
