/* hm-bundle: joins a head and the encoders that it was trained on, with their vocabulary, into one model file
 * that answers pictures and captions. */
#include "cli/cli.h"
#include "feed/columns.h"
#include "feed/vocabulary.h"
#include "json/build.h"
#include "prep/labels.h"
#include "score/rawmodel.h"
#include "towerwords.h"

#include <string.h>

struct options {
	char *out, *spec[HM_SIDES], *vocab, *names;
	bool mismatch;
	struct tower_words tower;
};

static const struct hm_opt table[] = {
	{.group = "The model file"},
	{"output", 'o', HM_STR(out), "MODEL", "the model file to write", .required = true,
	 .file = HM_FILE_OUT},
	{"image", 0, HM_STR(spec[HM_IMAGE]), "SPEC",
	 "image encoder that the head was trained on: weight file, folder or init:NAME",
	 .preset = hm_image_preset, .file = HM_FILE_IN},
	{"text", 0, HM_STR(spec[HM_TEXT]), "SPEC", "text encoder", .preset = hm_text_preset,
	 .file = HM_FILE_IN},
	{"vocab", 0, HM_STR(vocab), "FILE|DIR",
	 "vocabulary of its training captions; that in the folder of --text unless given",
	 .file = HM_FILE_IN},
	{"names", 0, HM_STR(names), "WORD,WORD,...", "what the classes are called, from class 0"},
	{"key", 0, HM_STR(tower.spec.key), "NAME", "the part of a training checkpoint that holds an encoder"},
	TOWER_ROWS,
	{"vocab-size", 0, HM_INT(tower.spec.vocab), "N", "rows of the word table of an init: text encoder",
	 .min = 1, .max = 4194304},
	{"allow-mismatch", 0, HM_FLAG(mismatch), NULL,
	 "join encoders whose settings (mean, std, act, heads, eps) are not those of the training"},
	{0}};

static const struct hm_tool tool = {.name = "hm-bundle",
				    .summary = "join a head and its encoders into one model file",
				    .operands = "HEAD",
				    .table = table,
				    .min_operands = 1,
				    .max_operands = 1,
				    .sandbox = HM_CLI_PARSE};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_rawmodel model;
	struct hm_buf vocab;
};

/* Other words for the classes are fine, but not the word of another class. */
static int refuse_moved(const cJSON *own, const cJSON *names, struct hm_err *e)
{
	const char *word;
	int other, c = hm_column_names_moved(own, names, &word, &other);
	return c < 0 ? 0
		     : hm_err_set(
			       e, HM_EDATA,
			       "--names: class %d is \"%.64s\", which class %d was called when the model was "
			       "trained; --allow-mismatch goes on",
			       c, word, other);
}

/* --names, one for each class. */
static int take_names(struct run *r, struct hm_err *e)
{
	struct hm_modelfile *h = &r->model.model.head;
	if (!r->o.names)
		return 0;
	cJSON *own = h->names;
	if (!(h->names = hm_labels_json(r->o.names, e)))
		hm_err_prefix(e, "--names");
	else if (!r->o.mismatch)
		refuse_moved(own, h->names, e);
	cJSON_Delete(own);
	if (e->code)
		return e->code;
	int words = cJSON_GetArraySize(h->names);
	return words == h->classes ? 0
				   : hm_err_set(e, HM_EUSAGE, "--names has %d words, %s has %lld classes",
						words, r->cli.operands[0], (long long)h->classes);
}

static int take_vocab(struct run *r, struct hm_err *e)
{
	struct hm_modelfile *h = &r->model.model.head;
	if (!r->model.vocab) /* the file has it, or needs none */
		return 0;
	int rc = hm_vocabulary_pack(r->model.vocab, h->prepared[HM_TEXT], &r->vocab, e);
	h->vocab = (char *)r->vocab.data;
	return rc;
}

static int take_history(struct run *r, struct hm_err *e)
{
	struct hm_modelfile *h = &r->model.model.head;
	cJSON *pg = hm_pg_append(h->pg, tool.name, hm_json_object(e), e);
	if (!pg)
		return HM_EDATA;
	cJSON_Delete(h->pg);
	h->pg = pg;
	return 0;
}

int main(int argc, char **argv)
{
	struct run r = {.o.tower = TOWER_WORDS};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	tower_words_take(&r.o.tower);
	if (r.o.tower.spec.vocab && (!r.o.spec[HM_TEXT] || strncmp(r.o.spec[HM_TEXT], "init:", 5)))
		hm_cli_usage(&r.cli, "--vocab-size needs --text init:NAME");
	const char *path = r.cli.operands[0];
	const struct hm_rawmodel_options o = {.spec = {r.o.spec[HM_IMAGE], r.o.spec[HM_TEXT]},
					      .vocab = r.o.vocab,
					      .vocab_of_text = true,
					      .allow_mismatch = r.o.mismatch,
					      .encoder = r.o.tower.spec};
	int rc = hm_rawmodel_open(&r.model, path, &o, &e);
	if (!rc && *r.model.model.notice)
		hm_cli_notice(&r.cli, "%s: %s", path, r.model.model.notice);
	for (int k = 0; k < HM_SIDES; k++)
		if (!rc && *r.model.warning[k])
			hm_cli_warn(&r.cli, "%s: %s", path, r.model.warning[k]);
	if (!rc)
		rc = take_names(&r, &e);
	if (!rc)
		rc = take_vocab(&r, &e);
	if (!rc)
		rc = take_history(&r, &e);
	if (!rc)
		rc = hm_fusionfile_rewrite(r.o.out, &r.model.model, &e);
	hm_rawmodel_close(&r.model);
	hm_buf_clear(&r.vocab);
	return hm_cli_end(&r.cli, rc, &e);
}
