/* Texts that options and attributes hold, each a small language: words of classes, fields, columns of arrays,
 * names of features, ablations, shards, encoders by preset. The first byte chooses. Refusals have a sentence;
 * what is taken is within its limits. Of a column, a byte 1 ends the text, and an array follows. */
#include "cli/cli.h"
#include "feed/arraycolumn.h"
#include "feed/columnspec.h"
#include "fuzzinput.h"
#include "model/encoder.h"
#include "model/featurenames.h"
#include "ops/ops.h"
#include "prep/form.h"
#include "rec/shard.h"
#include "score/ablate.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_labels(char *text)
{
	struct hm_labels l = {0};
	struct hm_err e = {0};
	if (hm_labels_parse(&l, text, &e)) {
		must_say(&e, NULL);
		return;
	}
	must(l.n >= 2 && l.n <= HM_LABELS_MOST);
	for (int i = 0; i < l.n; i++)
		must(*l.word[i] && hm_labels_find(&l, l.word[i]) == i &&
		     hm_utf8_check(l.word[i], strlen(l.word[i])) == strlen(l.word[i]));
	char shown[64];
	must(strlen(hm_labels_text(&l, shown, sizeof shown)) < sizeof shown);
}

static void read_form(char *text)
{
	struct hm_form f = {0};
	struct hm_err e = {0};
	for (char *next = text; next && !e.code; text = next) {
		next = strchr(text, ' ');
		if (next)
			*next++ = 0;
		if (hm_form_keep(&f, text, &e))
			must_say(&e, NULL);
		if (!next)
			break;
	}
	must(f.n_keep <= HM_FORM_KEEP);
}

static void read_names(const char *text)
{
	struct hm_feature_names f = {0}, again = {0};
	struct hm_err e = {0};
	char out[HM_FEATURES_MOST * HM_FEATURE_NAME];
	if (hm_feature_names_parse(&f, text, "--image-columns", &e)) {
		must_say(&e, NULL);
		return;
	}
	must(f.n >= 1 && f.n <= HM_FEATURES_MOST);
	hm_feature_names_text(&f, out, sizeof out);
	must(!hm_feature_names_parse(&again, out, "x", &e) && again.n == f.n);
}

static void read_ablation(const char *text)
{
	enum hm_ablation side[2] = {HM_ABLATE_NONE, HM_ABLATE_NONE};
	struct hm_err e = {0};
	if (hm_ablation_parse(side, text, &e))
		must_say(&e, NULL);
	else
		must(side[0] || side[1]);
}

static void read_shard(const char *text)
{
	struct hm_shard s;
	enum hm_device_name which;
	int index;
	if (hm_shard_parse(text, &s))
		must(s.n && s.i < s.n && s.n < 1000000000);
	if (hm_device_parse(text, &which, &index))
		must(index >= 0);
}

/* NAME[:SEED] of an encoder; only of the smallest preset, for the others take long to make. */
static void read_preset(const char *text)
{
	struct hm_encoder x;
	struct hm_err e = {0};
	char spec[64];
	const char *preset;
	for (int i = 0; (preset = hm_image_preset(i)); i++)
		if (strcmp(preset, "resnet-tiny") && !strncmp(text, preset, strlen(preset)))
			return;
	snprintf(spec, sizeof spec, "init:%.50s", text);
	if (hm_encoder_open(&x, HM_IMAGE, spec, &(struct hm_encoder_options){0}, &e))
		must_say(&e, NULL);
	else
		must(strlen(x.digest) == 32 && x.shape.width > 0);
	hm_encoder_clear(&x);
}

/* The rows of the array, of which a bad one is zeros. */
static void read_array(const struct hm_columnspec *c, const uint8_t *p, size_t n)
{
	struct hm_arraycolumn a = {.file = c->file};
	struct hm_schema s = {0};
	struct hm_err e = {0};
	struct hm_val v;
	if (hm_npyarray_parse(&a.from, p, n, &e)) {
		must_say(&e, NULL);
		return;
	}
	cJSON *attr = c->attr ? cJSON_Duplicate(c->attr, true) : NULL;
	if (hm_arraycolumn_open(&a, c->name ? c->name : "x", c->file, attr, &s, &e)) {
		must_say(&e, NULL);
	} else {
		must(s.n == 1);
		for (size_t k = 0; k < a.rows && k < 20; k++) {
			size_t row = k < 10 ? k : a.rows - 1 - (k - 10) % a.rows;
			struct hm_err bad = {0};
			int rc = hm_arraycolumn_row(&a, row, &v, &bad);
			must(v.count == hm_field_count(&s.field[0]));
			if (rc)
				must_say(&bad, NULL);
			for (size_t i = 0; rc && i < v.count * hm_dtype_size(a.dtype); i++)
				must(((const uint8_t *)v.data)[i] == (a.label ? 255 : 0));
		}
	}
	hm_arraycolumn_close(&a);
	hm_schema_clear(&s);
}

static void read_column(char *text, const uint8_t *p, size_t n, bool named)
{
	struct hm_columnspec c = {0};
	struct hm_err e = {0};
	if (hm_columnspec_parse(&c, text, named, &e)) {
		must_say(&e, NULL);
	} else {
		must(c.file && *c.file && (!named || (c.name && *c.name)) &&
		     (!c.attr || cJSON_IsObject(c.attr)));
		read_array(&c, p, n);
	}
	hm_columnspec_clear(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t choice = size ? *data : 0;
	data += size > 0;
	size -= size > 0;
	struct fuzz_part part = next_part(&data, &size, 1);
	char *text = malloc(part.n + 1);
	must(text != NULL);
	memcpy(text, part.p, part.n);
	text[part.n] = 0;
	switch (choice) {
	case 'l':
		read_labels(text);
		break;
	case 'f':
		read_form(text);
		break;
	case 'n':
		read_names(text);
		break;
	case 'a':
		read_ablation(text);
		break;
	case 's':
		read_shard(text);
		break;
	case 'p':
		read_preset(text);
		break;
	default:
		read_column(text, data, size, choice != 'u');
	}
	free(text);
	return 0;
}
