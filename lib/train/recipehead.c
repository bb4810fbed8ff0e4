/* From options to the layers of a fusion. See recipe.h. */
#include "json/build.h"
#include "train/recipe.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int parse_dropout(const char *text, double out[3], struct hm_err *e)
{
	const char *p = text;
	for (int i = 0; i < 3; i++) {
		char *end;
		double v = strtod(p, &end);
		if (end == p || !(v >= 0 && v <= .99) || *end != (i < 2 ? ',' : 0))
			return hm_err_set(e, HM_EUSAGE,
					  "--head-dropout takes three numbers from 0 to 0.99 separated by "
					  "commas, not '%s'",
					  text);
		out[i] = v;
		p = end + 1;
	}
	return 0;
}

/* *size := the option's value, or init's. */
static int settle_size(int *size, const char *option, bool given, int64_t value, const int *init,
		       struct hm_err *e)
{
	if (init && given && value != *init)
		return hm_err_set(e, HM_EUSAGE, "--init has --%s %d, but --%s says %" PRId64, option, *init,
				  option, value);
	*size = init ? *init : (int)value;
	return 0;
}

int hm_recipe_head(const struct hm_recipe *r, const struct hm_hidden *init, struct hm_hidden *h,
		   struct hm_err *e)
{
	*h = init ? *init : (struct hm_hidden){.normalize = true};
	if (r->normalize && r->no_normalize)
		return hm_err_set(e, HM_EUSAGE, "--normalize and --no-normalize contradict each other");
	if (settle_size(&h->map_dim, "map-dim", r->map_dim_given, r->map_dim, init ? &init->map_dim : NULL,
			e) ||
	    settle_size(&h->map_layers, "map-layers", r->map_layers_given, r->map_layers,
			init ? &init->map_layers : NULL, e) ||
	    settle_size(&h->pre_layers, "pre-layers", r->pre_layers_given, r->pre_layers,
			init ? &init->pre_layers : NULL, e) ||
	    settle_size(&h->pre_dim, "pre-dim", r->pre_dim_given && h->pre_layers,
			r->pre_dim ? r->pre_dim : h->map_dim, init ? &init->pre_dim : NULL, e))
		return HM_EUSAGE;
	if (r->normalize || r->no_normalize)
		h->normalize = r->normalize;
	return r->head_dropout ? parse_dropout(r->head_dropout, h->dropout, e) : 0;
}

const char *hm_recipe_head_given(const struct hm_recipe *r)
{
	return r->map_dim_given	     ? "--map-dim"
	       : r->map_layers_given ? "--map-layers"
	       : r->pre_layers_given ? "--pre-layers"
	       : r->pre_dim_given    ? "--pre-dim"
	       : r->normalize	     ? "--normalize"
	       : r->no_normalize     ? "--no-normalize"
	       : r->head_dropout     ? "--head-dropout"
				     : NULL;
}

void hm_recipe_head_json(const struct hm_hidden *h, cJSON *o, struct hm_err *e)
{
	char drop[96];
	hm_json_add_num(o, "map-dim", h->map_dim, e);
	hm_json_add_num(o, "map-layers", h->map_layers, e);
	hm_json_add_num(o, "pre-layers", h->pre_layers, e);
	hm_json_add_num(o, "pre-dim", h->pre_dim, e);
	hm_json_add_bool(o, "normalize", h->normalize, e);
	snprintf(drop, sizeof drop, "%g,%g,%g", h->dropout[0], h->dropout[1], h->dropout[2]);
	hm_json_add_str(o, "head-dropout", drop, e);
}
