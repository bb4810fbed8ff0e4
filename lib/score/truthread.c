/* Reads a file of labels: records, CSV, JSON lines. See truth.h. */
#include "score/truthread.h"
#include "feed/columns.h"
#include "json/json.h"
#include "prep/csv.h"
#include "prep/jsonl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int hm_truth_error(const struct hm_truth *t, uint64_t place, const char *id, struct hm_err *e)
{
	char shown[HM_RECORD_ID];
	if (!id)
		return hm_err_prefix(e, "%s: %s %llu", t->name, t->lines ? "line" : "record",
				     (unsigned long long)place);
	hm_utf8_mask(id, strlen(id), shown, sizeof shown);
	return hm_err_prefix(e, "%s: %s %llu (id %s)", t->name, t->lines ? "line" : "record",
			     (unsigned long long)place, shown);
}

/* The number of this label among the different ones; HM_EDATA: too many, or no memory. */
static int find_word(struct hm_truth *t, const char *s, size_t len, struct hm_err *e)
{
	uint64_t at = (uint64_t)t->words;
	if (hm_strmap_find(&t->at, s, len, &at))
		return (int)at;
	if (t->words == HM_LABELS_MOST)
		return hm_err_set(e, HM_EDATA, "more than %d different labels", HM_LABELS_MOST);
	const char *copy = hm_arena_copy(&t->text, s, len, e);
	if (!copy || hm_strmap_add(&t->at, s, len, &at, e) < 0)
		return HM_EDATA;
	t->word[t->words] = copy;
	t->first[t->words] = t->n;
	return t->words++;
}

/* Adds a record. label[0..len); NULL or empty: it has none. */
static int add_entry(struct hm_truth *t, const char *id, size_t id_len, const char *label, size_t len,
		     uint64_t place, struct hm_err *e)
{
	struct hm_truth_entry o = {.place = place, .word = -1};
	uint64_t at = t->n;
	int rc = id_len ? hm_strmap_add(&t->ids, id, id_len, &at, e)
			: hm_err_set(e, HM_EDATA, "the id is empty");
	if (rc < 0)
		return rc;
	if (!rc)
		return hm_err_set(e, HM_EDATA, "%s %llu has the same id", t->lines ? "line" : "record",
				  (unsigned long long)((struct hm_truth_entry *)t->entry.data)[at].place);
	if (!(o.id = hm_arena_copy(&t->text, id, id_len, e)))
		return HM_EDATA;
	if (label && len && (o.word = find_word(t, label, len, e)) < 0)
		return HM_EDATA;
	if (hm_buf_add(&t->entry, &o, sizeof o, e))
		return HM_EDATA;
	t->n++;
	return 0;
}

/* ---- CSV ---- */

static int read_csv(struct hm_truth *t, const char *path, struct hm_err *e)
{
	static const char *const name[2] = {"id", "label"};
	struct hm_csvrows in;
	int at[2], rc = hm_csvrows_open(&in, path, ',', e);
	t->lines = true;
	for (int k = 0; !rc && k < 2; k++) {
		at[k] = hm_csvrows_column(&in, name[k]);
		if (at[k] < 0)
			rc = hm_err_set(e, HM_EDATA,
					"%s: line 1: the header has %s column \"%s\"; id,label are needed",
					t->name, at[k] == -2 ? "more than one" : "no", name[k]);
	}
	if (!rc)
		t->submitted = hm_csvrows_column(&in, "proba") >= 0 || hm_csvrows_column(&in, "proba_0") >= 0;
	t->numbers = t->submitted;
	while (!rc && (rc = hm_csvrows_next(&in, e)) == 1) {
		const char *id = in.field[at[0]], *label = in.field[at[1]];
		rc = add_entry(t, id, strlen(id), label, strlen(label), in.line, e);
		if (rc)
			hm_truth_error(t, in.line, *id ? id : NULL, e);
	}
	hm_csvrows_close(&in);
	return rc;
}

/* ---- JSON lines ---- */

/* A line's object, and where a member's value stands in it. */
struct object {
	const char *line;
	size_t len;
	cJSON *tree;
};

/* The text of a member: a string's characters, a number as it is written, true or false; NULL with *len 0
 * when the member is absent or null. HM_EDATA: something else. */
static int get_text(const struct object *o, const char *key, const char **text, size_t *len, struct hm_err *e)
{
	const cJSON *v = o->tree->child;
	size_t start = 0, end = 0;
	int index = 0;
	*text = NULL;
	*len = 0;
	for (; v && strcmp(v->string, key); v = v->next)
		index++;
	if (!v || cJSON_IsNull(v))
		return 0;
	if (cJSON_IsString(v)) {
		*text = v->valuestring;
		*len = strlen(v->valuestring);
	} else if (cJSON_IsNumber(v) || cJSON_IsBool(v)) {
		hm_json_member(o->line, o->len, index, &start, &end);
		*text = o->line + start;
		*len = end - start;
	} else {
		return hm_err_set(e, HM_EDATA,
				  "field \"%s\" is a list or an object, where a word or a number is wanted",
				  key);
	}
	return 0;
}

static int add_line(struct hm_truth *t, const char *line, size_t len, uint64_t place, struct hm_err *e)
{
	struct object o = {line, len, NULL};
	const char *id = NULL, *label;
	size_t id_len, label_len;
	int rc = len > HM_LINE_MOST ? hm_err_set(e, HM_EDATA, "the line is longer than the %zu bytes allowed",
						 HM_LINE_MOST)
				    : 0;
	if (!rc && !(o.tree = hm_json_parse(line, len, HM_JSONL_DEPTH, NULL, e)))
		rc = HM_EDATA;
	if (!rc && !cJSON_IsObject(o.tree))
		rc = hm_err_set(e, HM_EDATA, "this is no JSON object, and each line must be one");
	if (!rc)
		rc = get_text(&o, "id", &id, &id_len, e);
	if (!rc && (!id || cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(o.tree, "id"))))
		rc = hm_err_set(e, HM_EDATA, "there is no field \"id\" with an integer or a string");
	if (!rc)
		rc = get_text(&o, "label", &label, &label_len, e);
	if (!rc)
		rc = add_entry(t, id, id_len, label, label_len, place, e);
	if (rc)
		hm_truth_error(t, place, NULL, e);
	cJSON_Delete(o.tree);
	return rc;
}

static int read_jsonl(struct hm_truth *t, const char *path, struct hm_err *e)
{
	struct hm_lines in;
	const char *line;
	size_t len;
	int rc = hm_lines_open(&in, path, e);
	t->lines = true;
	while (!rc && (rc = hm_lines_next(&in, &line, &len, e)) == 1)
		rc = hm_line_blank(line, len) ? 0 : add_line(t, line, len, in.line, e);
	hm_lines_close(&in);
	return rc;
}

/* ---- records ---- */

int hm_truth_names(const struct hm_schema *s, cJSON **names, struct hm_err *e)
{
	int label = hm_column_at(s, HM_COLUMN_LABEL);
	*names = NULL;
	return label < 0 ? 0 : hm_column_names(s, label, names, e);
}

void hm_truth_words(const cJSON *names, struct hm_labels *l)
{
	const cJSON *word;
	*l = (struct hm_labels){0};
	cJSON_ArrayForEach(word, names) if (l->n < HM_LABELS_MOST) l->word[l->n++] = word->valuestring;
}

static int add_record(struct hm_truth *t, const struct hm_val *id, const struct hm_val *label,
		      uint64_t number, struct hm_err *e)
{
	char digits[16];
	int32_t n;
	memcpy(&n, label->data, sizeof n);
	snprintf(digits, sizeof digits, "%d", (int)n);
	const char *text = n < 0 ? "" : n < t->own.n ? t->own.word[n] : digits;
	int rc = add_entry(t, id->data, id->count, text, strlen(text), number, e);
	return rc ? hm_record_error(t->name, number, id, NULL, e) : 0;
}

static int read_records(struct hm_truth *t, const char *path, struct hm_workers *w, struct hm_err *e)
{
	struct hm_reader *in;
	struct hm_rec rec;
	cJSON *names = NULL;
	int id = -1, label = -1, rc = hm_reader_open(&in, path, w, e);
	if (rc)
		return rc;
	const struct hm_schema *s = hm_reader_schema(in);
	if (hm_column_need(s, HM_COLUMN_ID, &id, e) || hm_column_need(s, HM_COLUMN_LABEL, &label, e) ||
	    hm_truth_names(s, &names, e))
		rc = hm_err_prefix(e, "%s", t->name);
	hm_truth_words(names, &t->own);
	t->numbers = !t->own.n;
	for (int c = 0; !rc && c < t->own.n; c++)
		if (!(t->own.word[c] = hm_arena_copy(&t->text, t->own.word[c], strlen(t->own.word[c]), e)))
			rc = HM_EDATA;
	cJSON_Delete(names);
	for (uint64_t n = 0; !rc && (rc = hm_reader_next(in, &rec, e)) == 1; n++)
		rc = add_record(t, &rec.val[id], &rec.val[label], n, e);
	hm_reader_close(in);
	return rc;
}

int hm_truth_read(struct hm_truth *t, const char *path, struct hm_workers *w, struct hm_err *e)
{
	enum hm_csv_form form;
	const struct hm_filekind *other;
	int hold, rc;
	t->name = hm_lines_name(path);
	if (hm_csv_recognise(path, &form, &other, &hold, e))
		return HM_EDATA;
	if (other && !strcmp(other->name, "a JSON text"))
		rc = read_jsonl(t, path, e);
	else if (form == HM_CSV_TABLE)
		rc = read_csv(t, path, e);
	else if (form == HM_CSV_RECORDS)
		rc = read_records(t, path, w, e);
	else {
		bool text = other->group == HM_FILEKIND_PACKED || other->group == HM_FILEKIND_TEXT;
		const char *unpack = text ? other->command : NULL;
		rc = hm_err_set(e, HM_EDATA,
				"%s: %s, where labels are wanted: JSON lines, CSV or records%s%s%s", t->name,
				other->name, unpack ? "; " : "", unpack ? unpack : "",
				unpack ? " helps" : "");
	}
	if (hold >= 0)
		close(hold);
	return rc;
}

void hm_truth_clear(struct hm_truth *t)
{
	hm_buf_clear(&t->entry);
	hm_strmap_clear(&t->ids);
	hm_strmap_clear(&t->at);
	hm_arena_clear(&t->text);
	*t = (struct hm_truth){0};
}
