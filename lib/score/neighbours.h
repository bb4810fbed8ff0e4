/* What a record's nearest neighbours say about it: a vote of their labels, and who they are. */
#ifndef HM_NEIGHBOURS_H
#define HM_NEIGHBOURS_H

#include "score/nearsearch.h"

#include <cjson/cJSON.h>

/* The vote of near[0..k), whose rows have labels 0 and 1: with s_r the similarity and y_r the label of the
 * r-th, from 0,
 *   v = sum_r (k - r) s_r (2 y_r - 1) / sum_r (k - r),   from -1 to 1.
 * prob = (1 - p, p) with p = (v + 1)/2; logits = ln of both. Source: the evaluation of RGCL,
 * https://github.com/JingbiaoMei/RGCL. */
double hm_neighbours_vote(const struct hm_nearrows *rows, const struct hm_near *near, size_t k,
			  float logits[2], float prob[2]);
/* [{"id","label","similarity"}, …] from the most similar, canonical JSON without a newline, into `out`, which
 * is emptied first. Similarities are rounded to seven decimals. 0 or HM_EDATA. */
int hm_neighbours_json(const struct hm_nearrows *rows, const struct hm_near *near, size_t k,
		       struct hm_buf *out, struct hm_err *e);
/* Appends {"a","b","similarity"} and a newline. */
int hm_neighbours_pair(const char *a, const char *b, double similarity, struct hm_buf *out, struct hm_err *e);

#endif
