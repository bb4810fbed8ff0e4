/* The vote and its witnesses. See neighbours.h. */
#include "score/neighbours.h"
#include "json/build.h"

#include <math.h>

double hm_neighbours_vote(const struct hm_nearrows *rows, const struct hm_near *near, size_t k,
			  float logits[2], float prob[2])
{
	double sum = 0, weight = 0;
	for (size_t r = 0; r < k; r++) {
		double w = (double)(k - r);
		sum += w * near[r].similarity * (rows->item[near[r].row].label ? 1 : -1);
		weight += w;
	}
	double v = weight > 0 ? sum / weight : 0;
	prob[0] = (float)((1 - v) / 2);
	prob[1] = (float)((1 + v) / 2);
	for (int c = 0; c < 2; c++) /* a neighbour that is the record itself makes a certain 0: f32's least */
		logits[c] = (float)log(prob[c] > 0 ? (double)prob[c] : ldexp(1, -149));
	return v;
}

/* With seven decimals: what f32 features can tell. */
static double round_similarity(double s)
{
	double rounded = round(s * 1e7) / 1e7;
	return rounded == 0 ? 0 : rounded; /* never -0 */
}

int hm_neighbours_json(const struct hm_nearrows *rows, const struct hm_near *near, size_t k,
		       struct hm_buf *out, struct hm_err *e)
{
	cJSON *list = hm_json_array(e);
	for (size_t r = 0; r < k; r++) {
		cJSON *one = hm_json_add_object(list, NULL, e);
		hm_json_add_str(one, "id", rows->item[near[r].row].id, e);
		hm_json_add_num(one, "label", rows->item[near[r].row].label, e);
		hm_json_add_num(one, "similarity", round_similarity(near[r].similarity), e);
	}
	out->len = 0;
	int rc = hm_json_line(list, out, e);
	out->len -= rc ? 0 : 1;
	return rc;
}

int hm_neighbours_pair(const char *a, const char *b, double similarity, struct hm_buf *out, struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "a", a, e);
	hm_json_add_str(o, "b", b, e);
	hm_json_add_num(o, "similarity", round_similarity(similarity), e);
	return hm_json_line(hm_json_whole(o, e), out, e);
}
