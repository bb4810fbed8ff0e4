/* Writing and reading a part of a sweep. See sweeppart.h. */
#include "train/sweeppart.h"
#include "base/file.h"
#include "json/build.h"
#include "train/sweeptable.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FORMAT "hm sweep part 1"
#define END_HEAD "{\"digest\":\""
#define END_TAIL "\"}\n"
enum { PART_MOST = 1 << 30, END = sizeof END_HEAD - 1 + HM_HEX - 1 + sizeof END_TAIL - 1 };

static const char *const by_name[] = {[HM_SWEEP_TRAIN_LOSS] = "train_loss",
				      [HM_SWEEP_VAL_LOSS] = "val_loss",
				      [HM_SWEEP_ACCURACY] = "accuracy",
				      [HM_SWEEP_AUROC] = "auroc"};
enum { BY = sizeof by_name / sizeof *by_name };

const char *hm_sweep_part_name(uint64_t part, uint64_t parts, char out[HM_SWEEP_PART_NAME])
{
	snprintf(out, HM_SWEEP_PART_NAME, HM_SWEEP_TABLE ".%" PRIu64 "of%" PRIu64 ".jsonl", part, parts);
	return out;
}

static int part_path(const struct hm_sweep *s, const char *folder, struct hm_buf *path, struct hm_err *e)
{
	char name[HM_SWEEP_PART_NAME];
	return hm_buf_printf(path, e, "%s/%s", folder, hm_sweep_part_name(s->part, s->parts, name));
}

/* ---- writing ---- */

static int add_head(const struct hm_sweep *s, const struct hm_sweep_call *c, struct hm_buf *b,
		    struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "format", FORMAT, e);
	hm_json_add_num(o, "part", (double)s->part, e);
	hm_json_add_num(o, "parts", (double)s->parts, e);
	hm_json_add_str(o, "sweep", s->digest, e);
	hm_json_add_num(o, "configurations", (double)s->n, e);
	hm_json_add_str(o, "by", by_name[c->by], e);
	hm_json_add_num(o, "keep", (double)c->keep, e);
	hm_json_add_str(o, "lines", c->lines, e);
	hm_json_add_copy(o, "call", c->identity, e);
	return hm_json_line(o, b, e);
}

static void add_number(cJSON *o, const char *key, double v, struct hm_err *e)
{
	if (isfinite(v))
		hm_json_add_num(o, key, v, e);
	else
		hm_json_add_null(o, key, e);
}

static void add_text(cJSON *o, const char *key, const char *text, struct hm_err *e)
{
	if (text)
		hm_json_add_str(o, key, text, e);
	else
		hm_json_add_null(o, key, e);
}

static int add_item(const struct hm_sweep *s, const struct hm_sweep_item *t, bool val, struct hm_buf *b,
		    struct hm_err *e)
{
	const struct hm_epoch_score *v = &t->result.best;
	struct hm_buf row = {0};
	bool known = t->trained && val;
	if (hm_sweep_row(s, t, val, &row, e) || hm_buf_add(&row, "", 1, e)) {
		hm_buf_clear(&row);
		return HM_EDATA;
	}
	cJSON *o = hm_json_object(e);
	hm_json_add_str(o, "name", t->name, e);
	hm_json_add_str(o, "row", (const char *)row.data, e);
	add_text(o, "error", t->trained ? NULL : hm_sweep_reason(t), e);
	add_text(o, "model", *t->model ? t->model : NULL, e);
	add_number(o, "train_loss", t->trained ? t->loss : NAN, e);
	add_number(o, "val_loss", known ? v->loss : NAN, e);
	add_number(o, "accuracy", known ? v->accuracy : NAN, e);
	add_number(o, "auroc", known ? v->auroc : NAN, e);
	add_number(o, "n", known ? (double)v->n : NAN, e);
	hm_buf_clear(&row);
	return hm_json_line(o, b, e);
}

int hm_sweep_part_write(const struct hm_sweep *s, const struct hm_sweep_call *c, const char *folder,
			struct hm_err *e)
{
	struct hm_buf b = {0}, path = {0};
	char digest[HM_HEX];
	int rc = add_head(s, c, &b, e);
	for (size_t i = 0, n = hm_sweep_count(s); !rc && i < n; i++)
		rc = add_item(s, hm_sweep_own(s, i), c->by != HM_SWEEP_TRAIN_LOSS, &b, e);
	if (!rc) {
		hm_hex_digest(b.data, b.len, digest);
		rc = hm_buf_printf(&b, e, END_HEAD "%s" END_TAIL, digest);
	}
	if (!rc)
		rc = part_path(s, folder, &path, e);
	if (!rc && b.len > PART_MOST)
		rc = hm_err_set(e, HM_EDATA, "%s: a part of more than %d bytes: use more parts",
				(const char *)path.data, PART_MOST);
	if (!rc)
		rc = hm_file_write((const char *)path.data, b.data, b.len, e);
	hm_buf_clear(&path);
	hm_buf_clear(&b);
	return rc;
}

/* ---- reading ---- */

/* Checks the digest in the last line; *len := the length of the lines before. */
static int check_digest(const struct hm_buf *b, size_t *len, struct hm_err *e)
{
	char digest[HM_HEX], end[END + 1];
	const char *text = (const char *)b->data;
	if (b->len > END) {
		*len = b->len - END;
		hm_hex_digest(text, *len, digest);
		snprintf(end, sizeof end, END_HEAD "%s" END_TAIL, digest);
		if (text[*len - 1] == '\n' && !memcmp(text + *len, end, END))
			return 0;
	}
	return hm_err_set(e, HM_EDATA, "it is damaged or cut: its digest does not match");
}

/* The object in the line at *at, which moves to the next one. NULL with `e`. */
static cJSON *next_line(const char **at, const char *end, struct hm_err *e)
{
	const char *start = *at, *newline = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;
	if (!newline) {
		hm_err_set(e, HM_EDATA, "it has fewer configurations than its share");
		return NULL;
	}
	*at = newline + 1;
	cJSON *o = hm_json_parse(start, (size_t)(newline - start), 3, NULL, e);
	if (o && !cJSON_IsObject(o)) {
		hm_err_set(e, HM_EDATA, "a line is not an object");
		cJSON_Delete(o);
		return NULL;
	}
	return o;
}

static int read_head(const struct hm_sweep *s, cJSON *o, struct hm_sweep_call *c, struct hm_err *e)
{
	const char *format = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "format")), *sweep, *by,
		   *lines;
	int64_t part, parts, n, keep;
	size_t k = 0;
	if (!format || strcmp(format, FORMAT) != 0)
		return hm_err_set(e, HM_EDATA, "it is not a part of a sweep as this version writes them");
	if (hm_json_get_int(o, "part", &part, e) || hm_json_get_int(o, "parts", &parts, e) ||
	    hm_json_get_str(o, "sweep", &sweep, e) || hm_json_get_int(o, "configurations", &n, e) ||
	    hm_json_get_str(o, "by", &by, e) || hm_json_get_int(o, "keep", &keep, e) ||
	    hm_json_get_str(o, "lines", &lines, e))
		return HM_EDATA;
	if ((uint64_t)part != s->part || (uint64_t)parts != s->parts)
		return hm_err_set(e, HM_EDATA,
				  "by its contents it is part %" PRId64 " of %" PRId64 ", under another name",
				  part, parts);
	if (strcmp(sweep, s->digest) != 0 || (uint64_t)n != s->n)
		return hm_err_set(e, HM_EDATA,
				  "it is of another file of configurations, with digest %.32s and %" PRId64
				  " configurations; --sweep has %s and %zu",
				  sweep, n, s->digest, s->n);
	while (k < BY && strcmp(by_name[k], by) != 0)
		k++;
	c->identity = cJSON_DetachItemFromObjectCaseSensitive(o, "call");
	if (k == BY || keep < 0 || !cJSON_IsObject(c->identity))
		return hm_err_set(e, HM_EDATA, "\"by\", \"keep\" or \"call\" is not what it must be");
	c->by = (enum hm_sweep_by)k;
	c->keep = (size_t)keep;
	snprintf(c->lines, sizeof c->lines, "%s", lines);
	return 0;
}

static double get_number(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

static int read_item(struct hm_sweep *s, struct hm_sweep_item *t, const cJSON *o, struct hm_err *e)
{
	const char *name, *row, *error = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "error")),
				*model = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, "model"));
	double n = get_number(o, "n");
	if (hm_json_get_str(o, "name", &name, e) || hm_json_get_str(o, "row", &row, e))
		return HM_EDATA;
	if (strcmp(name, t->name) != 0)
		return hm_err_set(e, HM_EDATA, "it has \"%s\" where its share has \"%s\"", name, t->name);
	if (model && (error || !hm_hex_is_digest(model)))
		return hm_err_set(e, HM_EDATA, "\"%s\" has an impossible \"model\"", name);
	if (!(t->row = hm_arena_copy(&s->arena, row, strlen(row), e)) ||
	    (error && !(t->error = hm_strndup(error, strlen(error), e))))
		return HM_EDATA;
	t->trained = !error;
	snprintf(t->model, sizeof t->model, "%s", model ? model : "");
	t->loss = get_number(o, "train_loss");
	t->result.best = (struct hm_epoch_score){.loss = get_number(o, "val_loss"),
						 .accuracy = get_number(o, "accuracy"),
						 .auroc = get_number(o, "auroc"),
						 .n = n > 0 && n < 1e15 ? (size_t)n : 0};
	return 0;
}

int hm_sweep_part_parse(struct hm_sweep *s, struct hm_sweep_call *c, const char *text, size_t len,
			struct hm_err *e)
{
	const char *at = text, *end = text + len;
	*c = (struct hm_sweep_call){0};
	cJSON *o = next_line(&at, end, e);
	int rc = o ? read_head(s, o, c, e) : HM_EDATA;
	cJSON_Delete(o);
	for (size_t i = 0, n = hm_sweep_count(s); !rc && i < n; i++) {
		o = next_line(&at, end, e);
		rc = o ? read_item(s, hm_sweep_own(s, i), o, e) : HM_EDATA;
		cJSON_Delete(o);
	}
	return rc || at == end ? rc : hm_err_set(e, HM_EDATA, "it has more configurations than its share");
}

int hm_sweep_part_read(struct hm_sweep *s, struct hm_sweep_call *c, const char *folder, struct hm_err *e)
{
	struct hm_buf b = {0}, path = {0};
	size_t len = 0;
	int rc = part_path(s, folder, &path, e);
	*c = (struct hm_sweep_call){0};
	if (!rc && hm_file_read((const char *)path.data, PART_MOST, &b, e)) {
		rc = HM_EDATA; /* the sentence has the path already */
	} else if (!rc) {
		rc = check_digest(&b, &len, e);
		if (!rc)
			rc = hm_sweep_part_parse(s, c, (const char *)b.data, len, e);
		if (rc)
			hm_err_prefix(e, "%s", (const char *)path.data);
	}
	hm_buf_clear(&path);
	hm_buf_clear(&b);
	return rc;
}
