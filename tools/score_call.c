/* What a call of hm-score may say. See score.h. */
#include "score.h"
#include "json/json.h"
#include "report/present.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_dash(const char *path)
{
	return path && !strcmp(path, "-");
}

/* An option that reads the input twice needs files. */
static void check_twice(struct hm_cli *c, const char *option)
{
	for (int i = 0; i < c->n_operands; i++) {
		struct stat st;
		if (is_dash(c->operands[i]) || (!stat(c->operands[i], &st) && !S_ISREG(st.st_mode)))
			hm_cli_usage(c, "%s reads the input twice, which '%s' cannot be: name a file", option,
				     c->operands[i]);
	}
}

/* --average takes predictions, and what is read twice or written as records is not theirs. */
static void check_average(struct hm_score *r)
{
	struct hm_cli *c = &r->cli;
	if (!r->o.averaged)
		return;
	r->loaded = c->n_operands;
	if (r->loaded < 2 || r->loaded > HM_COMPARE_MAX)
		hm_cli_usage(c, "--average takes the predictions of 2 to %d systems", HM_COMPARE_MAX);
	if (r->o.model || r->o.out || r->o.compare || r->o.sheet)
		hm_cli_usage(c, "--average goes without --model, -o, --compare and --sheet: its operands are "
				"predictions");
	if (r->o.average == HM_AVERAGE_RANK && !r->o.threshold)
		hm_cli_notice(c,
			      "--average rank: ranks order records; 0.5 is the middle of the order, and only "
			      "AUROC and average precision mean what they say");
}

/* --threshold: a number, or fit:FILE. */
static void check_threshold(struct hm_score *r)
{
	struct hm_cli *c = &r->cli;
	struct stat own, other;
	char *end = NULL;
	r->how.threshold = .5;
	if (!r->o.threshold)
		return;
	if (strncmp(r->o.threshold, "fit:", 4)) {
		r->how.threshold = 0. + strtod(r->o.threshold, &end); /* never -0 */
		if (end == r->o.threshold || *end || !(r->how.threshold >= 0 && r->how.threshold <= 1))
			hm_cli_usage(c, "--threshold takes a number from 0 to 1, or fit:FILE, not '%s'",
				     r->o.threshold);
		return;
	}
	const char *file = r->o.threshold + 4;
	if (!*file || is_dash(file))
		hm_cli_usage(c, "--threshold fit:FILE takes the name of a file");
	if (r->o.compare)
		hm_cli_usage(c, "--threshold fit:FILE is fitted for one system, --compare has several");
	r->how.fit = &r->fit;
	for (int i = 0; i < c->n_operands; i++)
		if (!stat(file, &own) && !stat(c->operands[i], &other) && own.st_ino == other.st_ino &&
		    own.st_dev == other.st_dev)
			r->how.fit_same = true;
}

static void check_ablate(struct hm_score *r)
{
	struct hm_cli *c = &r->cli;
	struct hm_err e = {0};
	for (int i = 0; i < r->o.ablate.n; i++)
		if (hm_ablation_parse(r->ablate, r->o.ablate.item[i], &e))
			hm_cli_usage(c, "--ablate takes %s", e.text);
	if (r->o.ablate.n && !r->o.model)
		hm_cli_usage(c, "--ablate changes what --model sees, which is not given");
	r->how.ablate_seed = -1;
	for (int k = 0; k < HM_SIDES; k++) {
		r->how.ablate[k] = hm_ablation_name(r->ablate[k]);
		if (r->ablate[k] != HM_ABLATE_SHUFFLE)
			continue;
		r->how.ablate_seed = r->o.seed;
		check_twice(c, "--ablate shuffle");
	}
}

/* gnuplot draws what the ending says. */
static void check_picture(struct hm_cli *c, const char *option, const char *path)
{
	if (path && hm_picture_kind(path) == HM_PICTURE_NONE)
		hm_cli_usage(c, "%s draws a picture whose name ends in .png, .svg or .pdf, not '%s'", option,
			     path);
}

static void check_columns(struct hm_score *r)
{
	struct hm_err e = {0};
	for (int k = 0; k < HM_SIDES; k++)
		if (r->o.columns[k] && hm_feature_names_parse(&r->columns[k], r->o.columns[k],
							      k ? "--text-feature" : "--image-feature", &e))
			hm_cli_usage(&r->cli, "%s", e.text);
	if (!r->o.model && (r->o.columns[0] || r->o.columns[1] || r->o.no_normalize))
		hm_cli_usage(&r->cli,
			     "--image-feature, --text-feature and --no-normalize say what --model takes, "
			     "which is not given");
}

/* --compare NAME=FILE; a file whose own name has a "=" is meant when there is one. */
static void name_systems(struct hm_score *r)
{
	struct hm_cli *c = &r->cli;
	bool named[HM_COMPARE_MAX] = {false};
	int stdins = is_dash(r->o.labels); /* hm_cli_begin knows the others */
	for (int i = 0; i < c->n_operands; i++)
		stdins += is_dash(c->operands[i]);
	for (int i = 0; i < r->loaded && (r->o.compare || r->o.averaged); i++) {
		char *word = c->operands[i], *sign = r->o.compare ? strchr(word, '=') : NULL;
		r->path[i] = word;
		r->name[i] = hm_lines_name(word);
		if (!sign || !access(word, F_OK))
			continue;
		*sign = 0;
		if (sign == word || !sign[1] || hm_utf8_check(word, strlen(word)) != strlen(word))
			hm_cli_usage(c, "--compare takes NAME=FILE, not '%s=%s'", word, sign + 1);
		r->name[i] = word;
		r->path[i] = sign + 1;
		named[i] = true;
		if (!is_dash(r->path[i]))
			hm_cli_input(c, r->path[i]);
		else if (stdins++)
			hm_cli_usage(c, "standard input is named twice");
	}
	for (int i = 0; i < r->loaded && r->o.compare; i++)
		for (int k = 0; k < i; k++)
			if ((named[i] || named[k]) && !strcmp(r->name[i], r->name[k]))
				hm_cli_usage(c, "two systems are called '%s'", r->name[i]);
}

/* Copies the options that scoring takes as they are. */
static void take_options(struct hm_score *r)
{
	r->how.expect = r->o.expect;
	r->how.allow_missing = r->o.allow_missing;
	/* a comparison shows the bootstrap's intervals only in its JSON */
	r->how.brief = !r->o.json;
	r->how.bootstrap =
		(struct hm_resampling){(size_t)r->o.bootstrap, (uint64_t)r->o.seed, r->cli.workers};
	r->how.calibration = r->o.calibration;
	r->how.by = r->o.by;
	r->how.pairs = r->o.pairs ? &r->pairs : NULL;
}

void hm_score_check(struct hm_score *r)
{
	struct hm_cli *c = &r->cli;
	r->k = r->o.compare ? c->n_operands : 1;
	r->loaded = r->k;
	check_average(r);
	if (r->o.compare && (r->k < 2 || r->k > HM_COMPARE_MAX))
		hm_cli_usage(c, "--compare takes the predictions of 2 to %d systems", HM_COMPARE_MAX);
	if (r->o.compare && (r->o.model || r->o.out || r->o.csv || r->o.submission || r->o.errors))
		hm_cli_usage(c, "--compare goes without --model, -o, --csv, --submission and --errors: its "
				"operands are "
				"predictions");
	if (r->o.compare && (r->o.by || r->o.pairs))
		hm_cli_usage(c, "--by and --pairs score one system, --compare has several");
	if (r->o.labels && r->o.out)
		hm_cli_usage(c, "--labels goes without -o, which writes the labels of the input");
	if ((r->o.keep || r->o.replace) && !r->o.out)
		hm_cli_usage(c, "--keep and --replace say what -o writes, which is not given");
	if (!r->o.model && (tower_words_given(&r->o.tower) || r->o.batch_size || c->precision))
		hm_cli_usage(
			c, "--heads, --act, --image-output, --text-output, --batch-size and --precision say "
			   "how --model runs, which is not given");
	tower_words_take(&r->o.tower);
	if (r->o.sheet && (!r->o.errors || r->o.compare))
		hm_cli_usage(c, "--sheet draws what --errors N lists");
	if (r->o.sheet)
		check_twice(c, "--sheet");
	if (r->o.spreadsheet && !r->o.csv)
		hm_cli_usage(c, "--spreadsheet says how --csv is written, which is not given");
	if (r->o.expect && !*r->o.expect)
		hm_cli_usage(c, "--expect takes a number or a file");
	check_picture(c, "--roc", r->o.roc);
	check_picture(c, "--calibration", r->o.calibration);
	name_systems(r);
	check_threshold(r);
	check_ablate(r);
	check_columns(r);
	take_options(r);
}
