/* Sound streams with any columns, attributes, histories and values (fuzzstream.h), for who looks at columns:
 * the printer, preparations, the examples of a training, the columns of an encoder, pictures that records
 * name, histories with shards. Refusals say why; what is read is read alike again. */
#include "fuzzstream.h"
#include "feed/columns.h"
#include "feed/examples.h"
#include "feed/featurecolumns.h"
#include "feed/pictures.h"
#include "feed/prepared.h"
#include "feed/sources.h"
#include "nn/late.h"
#include "prep/tokenizer.h"
#include "rec/print.h"
#include "rec/shard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Prints every record, as short and as full text, which must be JSON. Returns how many there are. */
static int print_records(const char *path)
{
	struct hm_reader *r;
	struct hm_rec rec;
	struct hm_err e = {0};
	int n = 0, rc;
	if (hm_reader_open(&r, path, NULL, &e)) {
		must_say(&e, path);
		return -1;
	}
	for (; (rc = hm_reader_next(r, &rec, &e)) == 1; n++)
		for (int full = 0; full < 2; full++) {
			struct hm_buf b = {0};
			if (hm_rec_print(&rec, full, &b, NULL, &e)) {
				must(full);
				e = (struct hm_err){0};
			} else {
				cJSON *o = hm_json_parse((const char *)b.data, b.len, 64, NULL, &e);
				must(o || strstr(e.text, "U+0000")); /* which our own reader refuses */
				e = (struct hm_err){0};
				check_page(b.data, b.len);
				cJSON_Delete(o);
			}
			hm_buf_clear(&b);
		}
	must(!rc);
	hm_reader_close(r);
	return n;
}

/* What code behind hm_column_find relies on. */
static bool fits_column(const struct hm_field *f, enum hm_column c)
{
	switch (c) {
	case HM_COLUMN_ID:
	case HM_COLUMN_TEXT:
	case HM_COLUMN_ERROR:
		return f->dtype == HM_UTF8 && !f->ndim;
	case HM_COLUMN_LABEL:
		return f->dtype == HM_I32 && !f->ndim;
	case HM_COLUMN_PIXELS:
		return f->dtype == HM_U8 && f->ndim == 3 && f->dim[0] == 3 && f->dim[1] > 0 && f->dim[2] > 0;
	case HM_COLUMN_TOKEN_IDS:
		return f->dtype == HM_I32 && f->ndim == 1 && f->dim[0] == -1;
	case HM_COLUMN_IMAGE_FEATURE:
	case HM_COLUMN_PROB:
		return f->ndim == 1 && f->dim[0] > 0;
	default:
		return true;
	}
}

/* What is said of each column, and of each pair of columns. */
static void describe_columns(const struct hm_schema *s)
{
	struct hm_err e = {0};
	cJSON *prepared[HM_MAX_FIELDS], *names;
	for (int i = 0; i < s->n; i++) {
		must((prepared[i] = hm_prepared_of(s, i, &e)) != NULL);
		if (hm_column_names(s, i, &names, &e))
			must_say(&e, NULL);
		cJSON_Delete(names);
		e = (struct hm_err){0};
	}
	for (int i = 0; i < s->n; i++)
		for (int k = 0; k < s->n; k++) {
			char warning[400] = "";
			struct hm_err why = {0}, none = {0};
			int rc = hm_prepared_compare(prepared[i], prepared[k], "c", false, warning,
						     sizeof warning, &why);
			must(i != k || !rc);
			if (rc)
				must_say(&why, NULL);
			must(!hm_prepared_compare(prepared[i], prepared[k], "c", true, warning,
						  sizeof warning, &none));
			must(!rc == !*warning);
		}
	for (int i = 0; i < s->n; i++) {
		struct hm_square q;
		struct hm_err why = {0};
		const struct hm_tokenizer_options o = hm_tokenizer_options_of(prepared[i]);
		must(o.max_length == 0 || (o.max_length >= 2 && o.max_length <= HM_TOKENIZER_MAX_LENGTH));
		if (hm_square_of(&q, prepared[i], &why))
			must_say(&why, NULL);
		else
			must(q.size >= 1 && q.size <= HM_SQUARE_SIZE_MOST &&
			     (q.fit == HM_FIT_CROP ? q.shorter >= q.size && q.shorter <= HM_SQUARE_SHORT_MOST
						   : !q.shorter));
		cJSON_Delete(prepared[i]);
	}
	for (int c = HM_COLUMN_ID; c <= HM_COLUMN_NEIGHBOURS; c++) {
		struct hm_err why = {0};
		int at;
		if (hm_column_find(s, (enum hm_column)c, &at, &why))
			must_say(&why, hm_column_name((enum hm_column)c));
		else
			must(at == hm_schema_find(s, hm_column_name((enum hm_column)c)) &&
			     (at < 0 || fits_column(&s->field[at], (enum hm_column)c)));
	}
}

/* The columns that the tiny encoders would take and give. */
static void plan_features(const struct hm_schema *s)
{
	static struct hm_encoder image, text;
	struct hm_err e = {0};
	if (!image.kind) {
		must(!hm_encoder_open(&image, HM_IMAGE, "init:resnet-tiny:1", &(struct hm_encoder_options){0},
				      &e));
		must(!hm_encoder_open(&text, HM_TEXT, "init:bert-tiny:1", &(struct hm_encoder_options){0},
				      &e));
	}
	for (int i = 0; i < 8; i++) {
		struct hm_feature_columns c = {0};
		struct hm_err why = {0};
		struct hm_features_options o = {.encoder = {i & 1 ? &image : NULL, i & 1 ? NULL : &text},
						.keep = i & 2,
						.replace = i & 4,
						.on_error = i & 1 ? HM_FEATURES_KEEP : HM_FEATURES_FAIL,
						.store = HM_F32};
		o.want[i & 1 ? HM_IMAGE : HM_TEXT][HM_POOLED] = true;
		if (hm_feature_columns_make(&c, &o, s, &why))
			must_say(&why, NULL);
		for (int k = 0; !why.code && k < c.schema.n; k++)
			must(c.from[k] < s->n && *c.schema.field[k].name);
		hm_schema_clear(&c.schema);
	}
}

/* What a training or a scoring would take of each side, by every wish. */
static void choose_sources(const struct hm_schema *s)
{
	static const enum hm_use wish[] = {HM_USE_FEATURE, HM_USE_FROZEN, HM_USE_TRAINED};
	for (int i = 0; i < 24; i++) {
		struct hm_err e = {0};
		enum hm_use use;
		const struct hm_source_ask ask = {.side = i & 1 ? HM_IMAGE : HM_TEXT,
						  .kind = &hm_late_fusion,
						  .use = wish[i / 2 % 3],
						  .encoder = i % 12 < 6 ? NULL
									: "0123456789abcdef0123456789abcdef",
						  .output = i < 12 ? NULL : "pooled",
						  .unknown = i & 2,
						  .option = "--image SPEC"};
		if (hm_source_choose(&use, &ask, s, "in", &e))
			must_say(&e, NULL);
		else
			must(use != HM_USE_NONE);
	}
}

/* The examples of a training on the feature columns; batches are numbers for every example. */
static void read_examples(char *path, const struct hm_fusion_kind *kind, bool skip, bool on_disk)
{
	static const struct hm_feature_names both = {2, {"image_feature", "text_feature"}};
	struct hm_join *in;
	struct hm_examples x = {0};
	struct hm_minibatch b;
	struct hm_err e = {0};
	const struct hm_examples_options o = {
		.kind = kind,
		.side = {{.use = HM_USE_FEATURE}, {.use = HM_USE_FEATURE, .columns = skip ? &both : NULL}},
		.memory = on_disk ? 16 : 1 << 20,
		.path = on_disk ? path : NULL,
		.skip = skip,
		.unknown = true};
	must(!hm_join_open(&in, 1, &path, NULL, &e));
	if (hm_examples_read(&x, in, &o, NULL, NULL, &e))
		must_say(&e, path);
	for (uint32_t i = 0; !e.code && i < x.n; i++) {
		must(x.label[i] >= 0 && x.id[i]);
		must(!hm_examples_batch(&x, &i, 1, &b, &e) && b.n == 1 && b.label[0] == x.label[i]);
	}
	if (!e.code && x.n && x.feature[HM_IMAGE].dim && x.feature[HM_IMAGE].dim < 1000) {
		double *mean = calloc(2 * 1000 * 64, sizeof *mean);
		size_t numbers = (size_t)x.feature[HM_IMAGE].dim + (size_t)x.feature[HM_TEXT].dim;
		if (numbers < 1000 * 64 && !x.cells &&
		    hm_examples_moments(&x, NULL, mean, mean + 1000 * 64, &e))
			must_say(&e, NULL);
		free(mean);
	}
	hm_examples_clear(&x);
	hm_join_close(in);
}

/* Pictures that the records name, below a folder that has one. */
static void read_pictures(char *path, bool keep)
{
	static const uint8_t pixel[] = {'B', 'M'};
	struct hm_imageroot root;
	struct hm_join *in;
	struct hm_picture out;
	struct hm_err e = {0};
	struct hm_pictures_options o = {.load = {.square = {.size = 8}}, .replace = true, .error = keep};
	if (make_fuzz_folder())
		put_file("a.bmp", pixel, sizeof pixel);
	must(!hm_imageroot_open(&root, fuzz_folder, false, &e) && !hm_join_open(&in, 1, &path, NULL, &e));
	struct hm_workers *w = hm_workers_new(1, &e);
	struct hm_pictures *p = w ? hm_pictures_new(in, &root, &o, w, &e) : NULL;
	if (!p)
		must_say(&e, NULL);
	int rc;
	while (p && (rc = hm_pictures_next(p, &out, &e)) == 1)
		must(!out.failure.code || !out.failure.machine);
	hm_pictures_free(p);
	hm_workers_free(w);
	hm_join_close(in);
	hm_imageroot_close(&root);
}

/* The history with and without its cut; it equals itself. */
static void read_history(const cJSON *pg)
{
	struct hm_piece p;
	struct hm_err e = {0};
	if (hm_piece_read(&p, pg, &e))
		must_say(&e, NULL);
	else
		must((!p.shard.n || p.shard.i < p.shard.n) && !hm_pg_compare(p.pg, p.pg, &e));
	hm_piece_clear(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_file f = open_stream(data, size);
	struct hm_reader *r;
	struct hm_err e = {0};
	int n = print_records(f.path);
	if (n >= 0) {
		must(!hm_reader_open(&r, f.path, NULL, &e));
		describe_columns(hm_reader_schema(r));
		plan_features(hm_reader_schema(r));
		choose_sources(hm_reader_schema(r));
		read_history(hm_reader_pg(r));
		hm_reader_close(r);
		read_examples(f.path, &hm_late_fusion, false, false);
		read_examples(f.path, &hm_late_fusion, true, true);
		read_pictures(f.path, n % 2);
	}
	close(f.fd);
	return 0;
}
