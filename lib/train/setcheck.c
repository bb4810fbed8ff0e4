/* Checks of the sets of a training run. See setcheck.h. */
#include "train/setcheck.h"
#include "base/strmap.h"
#include "feed/columns.h"
#include "feed/prepared.h"
#include "json/build.h"
#include "model/configmodel.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hm_setup_notice(const struct hm_setup *s, bool warning, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	s->o->notice(s->o->ctx, warning, text);
}

static int same_feature(const struct hm_setup *s, const char *what, const struct hm_feature *a,
			const struct hm_feature *b, struct hm_err *e)
{
	if (a->dim != b->dim)
		return hm_err_set(e, HM_EDATA, "%s has %d numbers in training and %d in validation", what,
				  a->dim, b->dim);
	bool known = *a->encoder && *b->encoder; /* both, or --allow-unknown-features took one of them */
	if (known && strcmp(a->encoder, b->encoder))
		return hm_err_set(e, HM_EDATA, "%s is from encoder %s in training and from %s in validation",
				  what, a->encoder, b->encoder);
	if (*a->output && *b->output && strcmp(a->output, b->output))
		return hm_err_set(e, HM_EDATA, "%s is output %s in training and %s in validation", what,
				  a->output, b->output);
	if (known && strcmp(a->precision, b->precision))
		hm_setup_notice(s, false, "%s has precision %s in training and %s in validation", what,
				a->precision, b->precision);
	return 0;
}

/* The names of side k's feature columns, into out. */
static const char *feature_text(const struct hm_setup *s, int k, char out[160])
{
	return hm_sidefeature_text((enum hm_side)k, s->kind->gives[k], &s->columns[k], out, 160);
}

int hm_setup_same_preparation(const struct hm_setup *s, const cJSON *trained, const cJSON *now, int k,
			      const char *where, struct hm_err *e)
{
	char warning[320] = "";
	char feature[160];
	const char *column = s->train.feature[k].dim ? feature_text(s, k, feature)
						     : hm_column_name(hm_column_raw((enum hm_side)k));
	if (hm_prepared_compare(trained, now, column, s->o->mismatch, warning, sizeof warning, e))
		return hm_err_prefix(e, "%s", where);
	if (*warning)
		hm_setup_notice(s, true, "%s: %s", where, warning);
	return 0;
}

int hm_setup_check_settings(const struct hm_setup *s, const struct hm_examples *x, int k, const char *in,
			    struct hm_err *e)
{
	char warning[320] = "", feature[160];
	struct hm_err why = {0};
	if (!s->encoder[k].kind || !x->feature[k].dim || !x->prepared[k] || s->columns[k].n > 1)
		return 0;
	static const char *const settings[] = {"mean", "std", "act", "heads", "eps"};
	cJSON *own = hm_json_copy(x->prepared[k], e);
	for (size_t i = 0; own && i < sizeof settings / sizeof *settings; i++)
		cJSON_DeleteItemFromObjectCaseSensitive(own, settings[i]);
	if (own)
		hm_configmodel_add_settings(own, s->encoder[k].kind, &s->encoder[k].hints, e);
	if (!own || !(own = hm_json_whole(own, e)))
		return HM_EDATA;
	int rc = hm_prepared_compare(own, x->prepared[k], "", false, warning, sizeof warning, &why);
	cJSON_Delete(own);
	if (!rc || why.machine)
		return rc ? hm_err_pass(e, &why) : 0;
	if (!s->o->mismatch)
		return hm_err_set(e, HM_EDATA,
				  "%s: column \"%s\" was made with another mean, std, act, heads or eps "
				  "than --%s has; hm-encode makes it anew, --allow-mismatch goes on",
				  in, feature_text(s, k, feature), hm_side_name((enum hm_side)k));
	hm_setup_notice(s, true,
			"%s: column \"%s\" was made with another mean, std, act, heads or eps than --%s has",
			in, feature_text(s, k, feature), hm_side_name((enum hm_side)k));
	return 0;
}

/* ---- the words of the classes ---- */

/* What the classes are called, and who says so. */
struct words {
	const cJSON *names;
	const char *by;
};
enum { WORDS = 2 };

/* Those of the call and of the records, both of which count: --names may have other words than the records.
 */
static void list_words(const struct hm_setup *s, struct words out[WORDS])
{
	out[0] = (struct words){s->o->names, "by --names"};
	out[1] = (struct words){s->train.names, "in the training records"};
}

static int refuse_words(const struct hm_setup *s, const char *text, struct hm_err *e)
{
	if (!s->o->mismatch)
		return hm_err_set(
			e, HM_EDATA,
			"%s; hm-jsonl2rec --labels and --names give the order, --allow-mismatch goes on",
			text);
	hm_setup_notice(s, true, "%s", text);
	return 0;
}

/* Whether validation calls the classes as training does. Where nobody says it in training, they keep the
 * words of --init; the words of other classes do not matter. */
static int same_val_names(const struct hm_setup *s, struct hm_err *e)
{
	const cJSON *now = s->val.names,
		    *first = s->init.head.classes == s->classes ? s->init.head.names : NULL;
	const char *word[2];
	char text[320] = "";
	struct words w[WORDS];
	list_words(s, w);
	for (int i = 0, c; i < WORDS && !*text; i++)
		if ((c = hm_column_names_differ(w[i].names, now, s->classes, word)) >= 0)
			snprintf(text, sizeof text, "--val: class %d is \"%.64s\", and is \"%.64s\" %s", c,
				 word[1], word[0], w[i].by);
	int c = w[0].names || w[1].names ? -1 : hm_column_names_differ(first, now, s->classes, word);
	if (c >= 0)
		snprintf(text, sizeof text,
			 "--val: class %d is \"%.64s\", and was \"%.64s\" when the model of --init was "
			 "trained",
			 c, word[1], word[0]);
	return *text ? refuse_words(s, text, e) : 0;
}

int hm_setup_same_init_names(const struct hm_setup *s, struct hm_err *e)
{
	const char *word[2];
	char text[512];
	struct words w[WORDS];
	list_words(s, w);
	for (int i = 0; i < WORDS; i++) {
		int c = hm_column_names_differ(w[i].names, s->init.head.names, s->classes, word);
		if (c < 0)
			continue;
		snprintf(text, sizeof text,
			 "%.200s: class %d is \"%.64s\" %s, and was \"%.64s\" when the model was trained",
			 s->o->init, c, word[0], w[i].by, word[1]);
		return refuse_words(s, text, e);
	}
	return 0;
}

/* ---- the sets ---- */

int hm_setup_compare_sets(struct hm_setup *s, struct hm_err *e)
{
	const struct hm_examples *a = &s->train, *b = &s->val;
	struct hm_strmap seen = {0};
	size_t both = 0, first = 0;
	char text[160];
	int rc = 0;
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = same_feature(s, feature_text(s, k, text), &a->feature[k], &b->feature[k], e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = hm_setup_same_preparation(s, a->prepared[k], b->prepared[k], k, "--val", e);
	if (!rc)
		rc = same_val_names(s, e);
	if (!rc && a->cells != b->cells)
		rc = hm_err_set(e, HM_EDATA, "the image has %d positions in training and %d in validation",
				a->cells, b->cells);
	for (size_t i = 0; i < a->n && !rc; i++)
		rc = hm_strmap_add(&seen, a->id[i], strlen(a->id[i]), &(uint64_t){i}, e) < 0 ? HM_EDATA : 0;
	for (size_t i = 0; i < b->n && !rc; i++)
		if (hm_strmap_find(&seen, b->id[i], strlen(b->id[i]), &(uint64_t){0}) && !both++)
			first = i;
	if (both)
		hm_setup_notice(s, true, "%zu ids are in training and in validation, the first is %s", both,
				b->id[first]);
	hm_strmap_clear(&seen);
	return rc;
}

static int check_labels(const struct hm_examples *x, int classes, struct hm_err *e)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->label[i] >= classes)
			return hm_err_set(e, HM_EDATA,
					  "id %s: label %" PRId32 ", but there are %d classes (--classes)",
					  x->id[i], x->label[i], classes);
	return 0;
}

/* Warns of labels from which little can be learnt. */
static void warn_labels(const struct hm_setup *s)
{
	const struct hm_examples *x = &s->train;
	int32_t top = 0, missing = -1;
	size_t i = 1;
	while (i < x->n && x->label[i] == x->label[0])
		i++;
	if (i >= x->n) {
		hm_setup_notice(s, true,
				"all %zu training labels are %" PRId32
				": nothing can be learnt from one class",
				x->n, x->label[0]);
		return;
	}
	for (i = 0; i < x->n; i++)
		top = x->label[i] > top ? x->label[i] : top;
	for (int32_t c = top; c-- > 0;) {
		for (i = 0; i < x->n && x->label[i] != c; i++)
			;
		missing = i == x->n ? c : missing;
	}
	if (missing >= 0)
		hm_setup_notice(s, true,
				"no training record has label %" PRId32 ", and the largest is %" PRId32
				": classes are numbered from 0",
				missing, top);
}

/* --names may have new words for the classes of the training records, but not the word of another class. */
static int compare_own_names(const struct hm_setup *s, struct hm_err *e)
{
	const char *word;
	char text[320];
	int other, c = hm_column_names_moved(s->train.names, s->o->names, &word, &other);
	if (c < 0)
		return 0;
	snprintf(text, sizeof text,
		 "--names: class %d is \"%.64s\", which class %d is called in the training records", c, word,
		 other);
	return refuse_words(s, text, e);
}

/* Warns of classes at the end of the records' list that no training record has. */
static void warn_dropped(const struct hm_setup *s)
{
	int listed = cJSON_GetArraySize(s->train.names);
	if (!s->o->classes && listed > s->classes)
		hm_setup_notice(
			s, true,
			"the training records name %d classes and none is of class %d, \"%.64s\"%s: the "
			"model has %d classes; --classes %d keeps all",
			listed, s->classes, cJSON_GetArrayItem(s->train.names, s->classes)->valuestring,
			listed > s->classes + 1 ? ", or above" : "", s->classes, listed);
}

/* The classes are called what --names says, else what the training data says, else what --init says. Words of
 * classes that no record has are left out. */
static int choose_names(struct hm_setup *s, struct hm_err *e)
{
	const cJSON *said = s->o->names ? s->o->names : s->train.names ? s->train.names : s->init.head.names;
	if (!said)
		return 0;
	if (s->o->names && cJSON_GetArraySize(said) != s->classes)
		return hm_err_set(e, HM_EUSAGE, "--names has %d words for %d classes",
				  cJSON_GetArraySize(said), s->classes);
	if (cJSON_GetArraySize(said) < s->classes) {
		hm_setup_notice(s, true, "the labels have %d names for %d classes: the model gets none",
				cJSON_GetArraySize(said), s->classes);
		return 0;
	}
	cJSON *names = hm_json_copy(said, e);
	while (names && cJSON_GetArraySize(names) > s->classes)
		cJSON_DeleteItemFromArray(names, s->classes);
	s->names = names;
	return names ? 0 : HM_EDATA;
}

int hm_setup_count_classes(struct hm_setup *s, struct hm_err *e)
{
	int32_t top = 1;
	for (size_t i = 0; i < s->train.n; i++)
		top = s->train.label[i] > top ? s->train.label[i] : top;
	if (!s->o->classes && top >= 1 << 16)
		return hm_err_set(e, HM_EDATA,
				  "label %" PRId32 " is the largest, which would make that many classes; if "
				  "that is right, give --classes",
				  top);
	s->classes = s->o->classes ? s->o->classes : top + 1;
	if (s->o->init && !s->o->classes && top < s->init.head.classes)
		s->classes = (int)s->init.head.classes;
	int rc = check_labels(&s->train, s->classes, e);
	if (!rc)
		rc = check_labels(&s->val, s->classes, e);
	if (!rc)
		rc = choose_names(s, e);
	if (!rc)
		rc = compare_own_names(s, e);
	if (!rc) {
		warn_labels(s);
		warn_dropped(s);
	}
	return rc;
}
