/* What a published folder says of its encoder, of any bytes: config.json, open_clip_config.json and
 * preprocessor_config.json, which is called processor_config.json where it holds an "image_processor", each
 * ended by a byte 1; an empty one is not there. Then hm.model of a file of weights. For every family: refused
 * with a sentence, or hints within their limits. */
#include "fuzzinput.h"
#include "model/config.h"
#include "model/configcolours.h"
#include "model/configmodel.h"
#include "prep/preprocess.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hints(const struct hm_tower_hints *h)
{
	must(h->heads >= 0 && (h->eps == 0 || (isfinite(h->eps) && h->eps > 0)));
	for (int i = 0; i < 3; i++)
		must(isfinite(h->colours.mean[i]) && isfinite(h->colours.std[i]) && h->colours.std[i] >= 0);
}

/* hm.model alone, read, written and read again. */
static void read_model(const uint8_t *p, size_t n)
{
	struct hm_err e = {0};
	cJSON *o = hm_json_parse((const char *)p, n, 16, NULL, &e);
	for (int side = 0; o && cJSON_IsObject(o) && side < HM_SIDES; side++) {
		struct hm_tower_hints h = {0}, again = {0};
		struct hm_err why = {0};
		if (hm_configmodel_read(o, (enum hm_side)side, &h, &why)) {
			must_say(&why, NULL);
			continue;
		}
		check_hints(&h);
		cJSON *out = hm_json_parse("{}", 2, 2, NULL, &why);
		hm_configmodel_write(out, (enum hm_side)side, &h, &why);
		must(!why.code && !hm_configmodel_read(out, (enum hm_side)side, &again, &why));
		must(h.heads == again.heads && h.act == again.act);
		cJSON_Delete(out);
	}
	struct hm_colours c = {0};
	if (o && cJSON_IsObject(o) && hm_configcolours_read(o, "mean", "std", &c, &e))
		must_say(&e, NULL);
	for (int j = 0; j < 3; j++) /* within bounds, or none */
		must(c.mean[j] >= 0 && c.mean[j] <= 1 && c.std[j] >= 0 && c.std[j] <= 1);
	cJSON_Delete(o);
}

/* As hm-imgprep --like does. */
static void read_preprocessor(void)
{
	struct hm_preprocess p;
	struct hm_square s;
	struct hm_err e = {0};
	int rc = hm_preprocess_open(&p, fuzz_folder, &e);
	if (rc == 1)
		rc = hm_preprocess_square(&p, &s, &e);
	else if (!rc)
		s.size = 1; /* the folder has none */
	if (rc)
		must_say(&e, fuzz_folder);
	else
		must(s.size >= 1 && s.size <= HM_SQUARE_SIZE_MOST);
	hm_preprocess_close(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"config.json", "open_clip_config.json",
					    "preprocessor_config.json", "processor_config.json"};
	static const char file[] = "\x3a\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"F32\",\"shape\":[],\"data_"
				   "offsets\":[0,4]}}     \0\0\0";
	struct hm_err e = {0};
	struct hm_weights *w;
	make_fuzz_folder();
	for (int i = 0; i < 3; i++) {
		struct fuzz_part part = next_part(&data, &size, 1);
		bool nested = i == 2 && memmem(part.p, part.n, "image_processor", 15);
		put_file(names[i], part.n && !nested ? part.p : NULL, part.n);
		if (i == 2)
			put_file(names[3], part.n && nested ? part.p : NULL, part.n);
	}
	read_model(data, size);
	must(!hm_weights_parse(&w, (const unsigned char *)file, sizeof file, NULL, &e));
	for (int side = 0; side < HM_SIDES; side++) {
		struct hm_config c;
		struct hm_err why = {0};
		if (side == HM_IMAGE)
			read_preprocessor();
		if (hm_config_open(&c, (enum hm_side)side, fuzz_folder, &why))
			must_say(&why, NULL);
		for (const struct hm_tower_kind *const *k = hm_tower_kinds(); !why.code && *k; k++) {
			struct hm_tower_hints h = {0};
			struct hm_err refused = {0};
			if ((*k)->side != (enum hm_side)side)
				continue;
			if (hm_config_hints(&c, *k, w, &h, &refused))
				must_say(&refused, NULL);
			else
				check_hints(&h);
		}
		hm_config_close(&c);
	}
	hm_weights_close(w);
	return 0;
}
