/* A sweep's file of configurations of any bytes, after a byte 1 a folder's table, after another one the one
 * part of the sweep, in which @ stands for the digest of the file, and whose own digest is right: refused
 * with a sentence that names the file, or configurations with names of their own, whose table is written, and
 * found to be the same. */
#include "base/strmap.h"
#include "fuzzinput.h"
#include "nn/late.h"
#include "train/sweep.h"
#include "train/sweepmerge.h"
#include "train/sweeppart.h"
#include "train/sweeptable.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void begin_line(void *ctx)
{
	*(struct hm_recipe *)ctx = (struct hm_recipe){.lr = .001, .epochs = 3, .batch_size = 4, .fusion = -1};
}

/* As hm-fuse-train: numbers, words, texts that are looked at later. */
static int set_option(void *ctx, const char *name, char *value, struct hm_err *e)
{
	struct hm_recipe *r = ctx;
	if (!strcmp(name, "lr"))
		r->lr = strtod(value, NULL);
	else if (!strcmp(name, "seed"))
		r->seed = strtoll(value, NULL, 10) & INT64_C(0x1fffffffffffff);
	else if (!strcmp(name, "class-weight"))
		r->class_weight = value;
	else if (!strcmp(name, "no-decay"))
		r->no_decay = value;
	else if (!strcmp(name, "head-dropout"))
		r->head_dropout = value;
	else if (!strcmp(name, "map-dim"))
		r->map_dim = strtoll(value, NULL, 10) & 1023, r->map_dim_given = true;
	else if (!strcmp(name, "normalize"))
		r->normalize = *value == 't';
	else if (!strcmp(name, "no-normalize"))
		r->no_normalize = *value == 't';
	else if (!strcmp(name, "fusion"))
		r->fusion = *value == 'c';
	else
		return hm_err_set(e, HM_EDATA, "\"%s\" is no option", name);
	return 0;
}

static int finish_line(void *ctx, struct hm_sweep_item *item, struct hm_err *e)
{
	struct hm_trainer_config c = {0};
	float weight[2];
	item->recipe = *(struct hm_recipe *)ctx;
	item->config = (struct hm_fusion_config){.kind = &hm_late_fusion, .classes = 2};
	for (const struct hm_fusion_kind *const *k = hm_fusion_kinds(); item->recipe.fusion == 1 && *k; k++)
		if (!strcmp((*k)->name, "concat"))
			item->config.kind = *k;
	int rc = isfinite(item->recipe.lr) ? 0 : hm_err_set(e, HM_EDATA, "the rate is not finite");
	if (!rc)
		rc = hm_recipe_config(&item->recipe, true, 2, weight, &c, e);
	for (int i = 0; !rc && item->recipe.class_weight && i < 2; i++)
		must(isfinite(weight[i]) && weight[i] >= 0);
	return rc ? rc : hm_recipe_head(&item->recipe, NULL, &item->config.head, e);
}

/* Results of all kinds. */
static void make_results(struct hm_sweep *s)
{
	struct hm_err e = {0};
	for (size_t i = 0; i < s->n; i++) {
		struct hm_sweep_item *t = &s->item[i];
		t->trained = i % 3 != 1;
		t->loss = i % 2 ? NAN : 1. / (double)(i + 1);
		t->result.best = (struct hm_epoch_score){
			.epoch = 2, .loss = .5, .accuracy = .75, .auroc = NAN, .n = 4};
		if (!t->trained)
			must((t->error = hm_strndup("step 3: \"bad\", no", 17, &e)) != NULL);
	}
}

static void write_and_compare(struct hm_sweep *s)
{
	struct hm_err e = {0};
	bool same;
	size_t *order = calloc(s->n, sizeof *order);
	must(order && !hm_sweep_rank(s, HM_SWEEP_ACCURACY, order, &e));
	must(!hm_sweep_write_table(s, true, order, fuzz_folder, &e));
	must(!hm_sweep_table_compare(s, fuzz_folder, &same, &e) && same);
	for (size_t i = 0; i < s->n; i++)
		must(s->item[i].trained == (i % 3 != 1));
	free(order);
}

static void clear_results(struct hm_sweep *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->item[i].error);
		s->item[i] = (struct hm_sweep_item){
			.name = s->item[i].name, .recipe = s->item[i].recipe, .config = s->item[i].config};
	}
}

static void put_part(const uint8_t *p, size_t n, const char *sweep)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	char digest[HM_HEX], name[HM_SWEEP_PART_NAME];
	for (size_t i = 0; i < n; i++)
		must(!hm_buf_add(&b, p[i] == '@' ? sweep : (const char *)p + i, p[i] == '@' ? HM_HEX - 1 : 1,
				 &e));
	if (n) {
		hm_hex_digest(b.data, b.len, digest);
		must(!hm_buf_printf(&b, &e, "{\"digest\":\"%s\"}\n", digest));
	}
	put_file(hm_sweep_part_name(0, 1, name), b.data, b.len);
	hm_buf_clear(&b);
}

/* Reads the part, and merges it. */
static void merge_part(struct hm_sweep *s)
{
	struct hm_sweep_merged m;
	struct hm_sweep_call c;
	struct hm_err e = {0}, why = {0};
	size_t *order = calloc(s->n, sizeof *order);
	must(order != NULL);
	s->parts = 1;
	if (hm_sweep_part_read(s, &c, fuzz_folder, &why))
		must_say(&why, fuzz_folder);
	cJSON_Delete(c.identity);
	clear_results(s);
	s->parts = 0;
	if (hm_sweep_merge(s, fuzz_folder, order, &m, &e)) {
		must_say(&e, fuzz_folder);
	} else {
		for (size_t i = 0; !m.before && i < s->n; i++)
			must(order[i] < s->n);
	}
	free(order);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hm_recipe recipe;
	const struct hm_sweep_reader reader = {&recipe, begin_line, set_option, finish_line};
	struct hm_sweep s;
	struct hm_err e = {0};
	bool same;
	make_fuzz_folder();
	struct fuzz_part part = next_part(&data, &size, 1);
	struct fuzz_part table = next_part(&data, &size, 1);
	struct fuzz_file f = open_input(part.p, part.n);
	put_file(HM_SWEEP_TABLE ".csv", table.n ? table.p : NULL, table.n);
	if (hm_sweep_read(&s, f.path, &reader, &e)) {
		must_say(&e, f.path);
	} else {
		struct hm_strmap names = {0};
		for (size_t i = 0; i < s.n; i++) {
			const char *name = s.item[i].name;
			must(*name && *name != '.' && !strchr(name, '/') && strlen(name) <= 200);
			must(!hm_strmap_find(&names, name, strlen(name), &(uint64_t){0}));
			must(hm_strmap_add(&names, name, strlen(name), &(uint64_t){i}, &e) >= 0);
		}
		hm_strmap_clear(&names);
		if (hm_sweep_table_compare(&s, fuzz_folder, &same, &e))
			must_say(&e, fuzz_folder);
		clear_results(&s);
		put_part(data, size, s.digest);
		merge_part(&s);
		clear_results(&s);
		make_results(&s);
		write_and_compare(&s);
	}
	hm_sweep_clear(&s);
	close(f.fd);
	return 0;
}
