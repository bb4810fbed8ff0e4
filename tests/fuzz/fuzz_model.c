/* Model files of any metadata and tensors (fuzzweights.h), or, if it begins with no brace, of any bytes:
 * refused with a sentence that names the file, or a model whose parts fit each other, which is shown, opened
 * for raw inputs, written, and read again as the same. */
#include "fuzzweights.h"
#include "model/fusionfile.h"
#include "model/modelprint.h"
#include "score/rawmodel.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_head(const struct hm_modelfile *m)
{
	must(m->fusion && m->classes >= 1 && m->inputs >= 1 && m->weight && m->bias);
	for (int64_t i = 0; i < m->classes; i++)
		must(isfinite(m->bias[i]));
	for (int64_t i = 0; i < m->classes * m->inputs; i++)
		must(isfinite(m->weight[i]));
	must(!m->names || cJSON_GetArraySize(m->names) == m->classes);
	must((m->dim[HM_IMAGE] < 0) == (m->dim[HM_TEXT] < 0));
}

static void compare_heads(const struct hm_modelfile *a, const struct hm_modelfile *b)
{
	size_t n = (size_t)a->classes * (size_t)a->inputs;
	must(a->fusion == b->fusion && a->classes == b->classes && a->inputs == b->inputs);
	must(!memcmp(a->weight, b->weight, n * sizeof(float)));
	must(!memcmp(a->bias, b->bias, (size_t)a->classes * sizeof(float)));
	for (int k = 0; k < HM_SIDES; k++) {
		must(!strcmp(a->precision[k], b->precision[k]) && a->columns[k].n == b->columns[k].n);
		must(a->dim[k] == b->dim[k]);
	}
	must(!a->names == !b->names && !a->pg == !b->pg && !a->vocab == !b->vocab);
	must(!a->selected_on == !b->selected_on &&
	     (!a->selected_on || !strcmp(a->selected_on, b->selected_on)));
}

/* What is written again without its encoders is read again as the same. */
static void write_again(const struct hm_modelfile *m)
{
	struct hm_modelfile again = {0};
	struct hm_err e = {0};
	struct hm_tensor *more = calloc(m->file->n, sizeof *more);
	size_t n = 0;
	char last[2][32];
	snprintf(last[0], sizeof *last, "%s.weight", m->fusion->last);
	snprintf(last[1], sizeof *last, "%s.bias", m->fusion->last);
	for (size_t i = 0; i < m->file->n; i++) {
		const struct hm_tensor *t = &m->file->tensor[i];
		if (strcmp(t->name, last[0]) && strcmp(t->name, last[1]))
			more[n++] = *t;
	}
	char *path = strdup(put_file("again", NULL, 0));
	must(more && !hm_modelfile_write(path, m, more, n, &e));
	if (hm_modelfile_read(&again, path, &e)) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	compare_heads(m, &again);
	hm_modelfile_clear(&again);
	free(more);
	free(path);
}

static void open_whole(const char *path)
{
	struct hm_fusionfile f = {0};
	struct hm_rawmodel raw = {0};
	struct hm_err e = {0}, why = {0};
	const struct hm_rawmodel_options o = {.allow_mismatch = true};
	if (hm_fusionfile_open(&f, path, &(struct hm_encoder_options){0}, &e))
		must_say(&e, path);
	else
		for (int k = 0; k < HM_SIDES; k++)
			must(!f.side[k].kind ||
			     (f.side[k].shape.width > 0 && strlen(f.side[k].digest) == 32));
	hm_fusionfile_close(&f);
	if (hm_rawmodel_open(&raw, path, &o, &why))
		must_say(&why, NULL);
	else
		must(raw.used[HM_IMAGE] || raw.used[HM_TEXT]);
	hm_rawmodel_close(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_buf b = {0}, out = {0};
	struct hm_modelfile m;
	struct hm_err e = {0}, why = {0};
	make_fuzz_folder();
	if (size && *data != '{')
		must(!hm_buf_add(&b, data, size, &e));
	else
		build_weights(&b, data, size);
	struct fuzz_file f = open_input(b.data, b.len);
	if (hm_modelfile_read(&m, f.path, &e)) {
		must_say(&e, f.path);
		must(!m.file && !m.weight);
	} else {
		check_head(&m);
		write_again(&m);
		open_whole(f.path);
	}
	hm_modelfile_clear(&m);
	if (!hm_model_print(f.path, &out, &why)) {
		cJSON *o = hm_json_parse((const char *)out.data, out.len, 64, NULL, &why);
		must(o != NULL);
		check_page(out.data, out.len);
		cJSON_Delete(o);
	} else {
		must_say(&why, f.path);
	}
	out.len = 0;
	why = (struct hm_err){0};
	if (hm_model_print_history(f.path, &out, &why))
		must_say(&why, f.path);
	close(f.fd);
	hm_buf_clear(&out);
	hm_buf_clear(&b);
	return 0;
}
