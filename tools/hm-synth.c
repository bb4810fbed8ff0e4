/* hm-synth: writes a synthetic data set in the layout of the real one, to try everything on: memes whose
 * picture and caption each carry a concept, and a label that depends on one, on the sum, or on the exclusive
 * or of the two. */
#include "base/file.h"
#include "cli/cli.h"
#include "draw/caption.h"
#include "draw/scene.h"
#include "json/json.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum rule { ADD, XOR, IMAGE, TEXT };

struct options {
	int rule;
	int64_t count[3], seed;
	bool force;
};

static const struct hm_opt table[] = {
	{.group = "The data set"},
	{"rule", 0, HM_CHOICE(rule), "add|xor|image|text", "what the label depends on"},
	{"train", 0, HM_INT(count[0]), "N", "examples in train.jsonl", .max = 60000},
	{"dev", 0, HM_INT(count[1]), "N", "examples in dev.jsonl", .max = 15000},
	{"test", 0, HM_INT(count[2]), "N", "examples in test.jsonl, which has no labels", .max = 15000},
	{"seed", 0, HM_INT(seed), "S", "random seed: another one gives another data set",
	 .max = INT64_C(1) << 53},
	{"force", 0, HM_FLAG(force), NULL, "write into DIR even if it is not empty"},
	{0}};

static const struct hm_tool tool = {
	"hm-synth", "write a synthetic data set of image and caption pairs", "DIR", table, HM_CLI_JOBS, 1, 1};

/* One example: all of it follows from the seed and its number. */
struct example {
	char line[768], path[4096];
	struct hm_err e;
};
struct work {
	const struct options *o;
	const char *dir;
	uint32_t first;
	bool labelled;
	struct example *out;
};

/* How much of its concept a modality shows, 0..3, and the label. Under `add` concepts are such levels and the
 * label is whether their sum passes the middle (a coin when it stands there); else they are all or nothing.
 */
static int draw_concepts(enum rule rule, struct hm_rng *r, int *image, int *text)
{
	int coin = (int)hm_rng_below(r, 2), n = rule == ADD ? HM_SCENE_THINGS + 1 : 2;
	*image = (int)hm_rng_below(r, (uint32_t)n);
	*text = (int)hm_rng_below(r, (uint32_t)n);
	switch (rule) {
	case ADD:
		return *image + *text == HM_SCENE_THINGS ? coin : *image + *text > HM_SCENE_THINGS;
	case XOR:
		return *image ^ *text;
	case IMAGE:
		return *image;
	default:
		return *text;
	}
}

static int make_example(const struct work *w, uint32_t i, struct example *x)
{
	struct hm_rng r;
	struct hm_canvas c = {0};
	struct hm_buf caption = {0}, png = {0}, quoted = {0};
	int rc = HM_EDATA, image, text, scale = w->o->rule == ADD ? 1 : HM_SCENE_THINGS;
	hm_rng_init(&r, (uint64_t)w->o->seed, HM_RNG_SYNTH, i, 0);
	int label = draw_concepts((enum rule)w->o->rule, &r, &image, &text);
	unsigned id = 10000 + (unsigned)((i * UINT64_C(7919) + (uint64_t)w->o->seed) % 90000);
	if (hm_caption_make(&caption, text * scale, &r, &x->e) ||
	    hm_canvas_init(&c, 320 + (int)hm_rng_below(&r, 130), 260 + (int)hm_rng_below(&r, 130), &x->e))
		goto done;
	hm_scene_draw(&c, image * scale, &r);
	snprintf(x->path, sizeof x->path, "%s/img/%05u.png", w->dir, id);
	if (hm_scene_letter(&c, (char *)caption.data, &x->e) || hm_canvas_png(&c, false, &png, &x->e) ||
	    hm_json_write_str(&quoted, (char *)caption.data, caption.len, &x->e) ||
	    hm_buf_add(&quoted, "", 1, &x->e) || hm_file_write(x->path, png.data, png.len, &x->e))
		goto done;
	char labelled[24] = "";
	if (w->labelled)
		snprintf(labelled, sizeof labelled, "\"label\":%d,", label);
	snprintf(x->line, sizeof x->line,
		 "{\"id\":%u,\"img\":\"img\\/"
		 "%05u.png\",%s\"text\":%s,\"image_concept\":%d,\"text_concept\":%d}\n",
		 id, id, labelled, (char *)quoted.data, image, text);
	rc = 0;
done:
	hm_canvas_clear(&c);
	hm_buf_clear(&caption);
	hm_buf_clear(&png);
	hm_buf_clear(&quoted);
	return rc;
}

static void make_one(void *ctx, size_t i, int worker)
{
	const struct work *w = ctx;
	(void)worker;
	make_example(w, w->first + (uint32_t)i, w->out + i);
}

/* One JSON lines file and its images, a few hundred at a time. */
static int make_split(struct hm_cli *c, struct work *w, const char *name, int64_t n, uint64_t *done,
		      uint64_t all, struct hm_err *e)
{
	struct hm_buf lines = {0};
	char path[4096];
	int rc = 0;
	for (int64_t at = 0; at < n && !rc; at += 256) {
		int64_t some = n - at < 256 ? n - at : 256;
		hm_workers_each(c->workers, (size_t)some, make_one, w);
		for (int64_t i = 0; i < some && !rc; i++) {
			rc = w->out[i].e.code ? hm_err_set(e, HM_EDATA, "%s", w->out[i].e.text)
					      : hm_buf_add(&lines, w->out[i].line, strlen(w->out[i].line), e);
		}
		w->first += (uint32_t)some;
		hm_cli_progress(c, *done += (uint64_t)some, all, "memes");
	}
	snprintf(path, sizeof path, "%s/%s.jsonl", w->dir, name);
	if (!rc)
		rc = hm_file_write(path, lines.data, lines.len, e);
	hm_buf_clear(&lines);
	return rc;
}

/* DIR and DIR/img; an old DIR must be empty, unless --force. */
static int make_folders(const char *dir, bool force, struct hm_err *e)
{
	char img[4096];
	if (hm_folder_make(dir, e))
		return HM_EDATA;
	DIR *d = opendir(dir);
	if (!d)
		return hm_err_set(e, HM_EDATA, "%s: cannot read the folder: %s", dir, strerror(errno));
	int entries = 0;
	for (struct dirent *f; (f = readdir(d));)
		entries += strcmp(f->d_name, ".") && strcmp(f->d_name, "..");
	closedir(d);
	if (entries && !force)
		return hm_err_set(e, HM_EDATA, "%s: the folder is not empty; name another one, or --force",
				  dir);
	if ((size_t)snprintf(img, sizeof img, "%s/img", dir) >= sizeof img - 32)
		return hm_err_set(e, HM_EDATA, "%s: the path is too long", dir);
	return hm_folder_make(img, e);
}

int main(int argc, char **argv)
{
	static const char *const split[3] = {"train", "dev", "test"};
	struct options o = {.count = {400, 200, 100}, .seed = 1};
	struct hm_cli c;
	struct hm_err e = {0};
	struct hm_buf vocab = {0};
	char path[4096];
	hm_cli_begin(&c, &tool, &o, argc, argv);
	struct work w = {.o = &o, .dir = c.operands[0], .out = hm_alloc(256, sizeof *w.out, &e)};
	uint64_t done = 0, all = (uint64_t)(o.count[0] + o.count[1] + o.count[2]);
	int rc = w.out ? make_folders(w.dir, o.force, &e) : HM_EDATA;
	for (int i = 0; i < 3 && !rc; i++) {
		w.labelled = i < 2;
		rc = make_split(&c, &w, split[i], o.count[i], &done, all, &e);
	}
	if (!rc && !(rc = hm_caption_vocab(&vocab, &e))) {
		snprintf(path, sizeof path, "%s/vocab.txt", w.dir);
		rc = hm_file_write(path, vocab.data, vocab.len, &e);
	}
	hm_buf_clear(&vocab);
	free(w.out);
	return hm_cli_end(&c, rc, &e);
}
