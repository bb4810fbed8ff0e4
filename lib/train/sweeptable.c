/* A sweep's table. See sweeptable.h. */
#include "train/sweeptable.h"
#include "base/file.h"
#include "base/strmap.h"
#include "json/build.h"
#include "stat/interval.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE_SAYS HM_SWEEP_TABLE ".csv says why"
enum { TABLE_MOST = 1 << 30 };

/* ---- writing ---- */

static void add_number(struct hm_buf *b, double v, struct hm_err *e)
{
	if (isnan(v))
		hm_buf_printf(b, e, ",");
	else
		hm_buf_printf(b, e, ",%.9g", v);
}

/* Adds an option with all digits that were given, so that a row can be run again. */
static void add_option(struct hm_buf *b, const cJSON *v, struct hm_err *e)
{
	char exact[HM_JSON_NUMBER];
	if (cJSON_IsNumber(v))
		hm_buf_printf(b, e, ",%s", hm_json_f64(v->valuedouble, exact));
	else if (cJSON_IsBool(v))
		hm_buf_printf(b, e, ",%s", cJSON_IsTrue(v) ? "true" : "false");
	else {
		hm_buf_printf(b, e, ",");
		hm_buf_quote(b, cJSON_IsString(v) ? v->valuestring : "", e);
	}
}

int hm_sweep_row(const struct hm_sweep *s, const struct hm_sweep_item *t, bool val, struct hm_buf *b,
		 struct hm_err *e)
{
	const struct hm_epoch_score *v = &t->result.best;
	bool known = t->trained && val;
	if (t->row)
		return hm_buf_add(b, t->row, strlen(t->row), e);
	struct hm_interval ci = {NAN, NAN};
	cJSON *o = hm_json_object(e);
	hm_recipe_json(&t->recipe, o, e);
	hm_json_add_bool(o, "no-shuffle", t->recipe.no_shuffle, e);
	hm_json_add_str(o, "fusion", t->config.kind->name, e);
	if (t->config.kind->measure) {
		hm_recipe_head_json(&t->config.head, o, e);
		hm_json_add_bool(o, "no-normalize", !t->config.head.normalize, e);
	}
	if (!(o = hm_json_whole(o, e)))
		return HM_EDATA;
	if (known && v->n)
		ci = hm_wilson((size_t)lround(v->accuracy * (double)v->n), v->n);
	hm_buf_quote(b, t->name, e);
	for (size_t k = 0; k < s->keys; k++)
		add_option(b, cJSON_GetObjectItemCaseSensitive(o, s->key[k]), e);
	add_number(b, t->trained ? t->loss : NAN, e);
	add_number(b, known ? v->loss : NAN, e);
	add_number(b, known ? v->accuracy : NAN, e);
	add_number(b, ci.lo, e);
	add_number(b, ci.hi, e);
	add_number(b, known ? v->auroc : NAN, e);
	add_number(b, known ? (double)v->n : NAN, e);
	add_number(b, t->trained ? (double)v->epoch : NAN, e);
	hm_buf_printf(b, e, ",");
	cJSON_Delete(o);
	return hm_buf_quote(b, hm_sweep_reason(t), e);
}

int hm_sweep_write_table(const struct hm_sweep *s, bool val, const size_t *order, const char *folder,
			 struct hm_err *e)
{
	struct hm_buf b = {0}, path = {0};
	hm_buf_printf(&b, e, "name");
	for (size_t k = 0; k < s->keys; k++)
		hm_buf_printf(&b, e, ",%s", s->key[k]);
	hm_buf_printf(&b, e, ",train_loss,val_loss,accuracy,accuracy_lo,accuracy_hi,auroc,n,epoch,error\n");
	for (size_t i = 0; i < s->n && !e->code; i++) {
		hm_sweep_row(s, &s->item[order[i]], val, &b, e);
		hm_buf_add(&b, "\n", 1, e);
	}
	hm_buf_printf(&path, e, "%s/" HM_SWEEP_TABLE ".csv", folder);
	if (!e->code)
		hm_file_write((const char *)path.data, b.data, b.len, e);
	hm_buf_clear(&path);
	hm_buf_clear(&b);
	return e->code;
}

/* ---- reading ---- */

/* The length of the field in quotes with which a line begins; 0: none. */
static size_t quoted_field(const char *line, size_t len)
{
	size_t i = 1;
	if (!len || *line != '"')
		return 0;
	for (; i < len; i++) {
		if (line[i] != '"')
			continue;
		if (i + 1 == len || line[i + 1] != '"')
			return i + 1;
		i++;
	}
	return 0;
}

/* lines := the table's lines, from each name in quotes to its place. */
static int index_table(const struct hm_buf *table, struct hm_strmap *lines, struct hm_err *e)
{
	const char *text = (const char *)table->data, *end = text + table->len, *at = text, *newline;
	for (; at < end && (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1) {
		uint64_t place = (uint64_t)(at - text);
		size_t n = quoted_field(at, (size_t)(newline - at));
		if (n && hm_strmap_add(lines, at, n, &place, e) < 0)
			return HM_EDATA;
	}
	return 0;
}

/* Fills `trained` and `error` of an item from its row. False if the row is not there or another one. */
static bool take_row(struct hm_sweep_item *t, const char *table, const struct hm_strmap *lines,
		     struct hm_err *e)
{
	struct hm_buf name = {0};
	uint64_t place = 0;
	bool there = !hm_buf_quote(&name, t->name, e) && hm_strmap_find(lines, name.data, name.len, &place);
	const char *row = table + place;
	size_t len = strcspn(row, "\n");
	hm_buf_clear(&name);
	if (!there || (t->row && (strlen(t->row) != len || memcmp(t->row, row, len) != 0)))
		return false;
	t->trained =
		len > 3 && !memcmp(row + len - 3, ",\"\"", 3); /* the last field is the failure's reason */
	if (!t->trained && !t->error)
		t->error = hm_strndup(TABLE_SAYS, sizeof TABLE_SAYS - 1, e);
	return true;
}

int hm_sweep_table_compare(struct hm_sweep *s, const char *folder, bool *same, struct hm_err *e)
{
	struct hm_buf path = {0}, table = {0};
	struct hm_strmap lines = {0};
	int rc = hm_buf_printf(&path, e, "%s/" HM_SWEEP_TABLE ".csv", folder);
	if (!rc)
		rc = hm_file_read((const char *)path.data, TABLE_MOST, &table, e);
	if (!rc)
		rc = index_table(&table, &lines, e);
	if (!rc)
		rc = hm_buf_add(&table, "", 1, e); /* the last row ends in front of it */
	*same = !rc && lines.n == s->n;
	for (size_t i = 0; i < s->n && *same; i++)
		*same = take_row(&s->item[i], (const char *)table.data, &lines, e);
	hm_strmap_clear(&lines);
	hm_buf_clear(&table);
	hm_buf_clear(&path);
	return e->code;
}

int hm_sweep_table_there(const char *folder, bool *there, struct hm_err *e)
{
	struct hm_buf path = {0};
	int rc = hm_buf_printf(&path, e, "%s/" HM_SWEEP_TABLE ".csv", folder);
	if (!rc)
		rc = hm_file_there((const char *)path.data, e);
	*there = rc > 0;
	rc = rc < 0 ? rc : 0;
	hm_buf_clear(&path);
	return rc;
}
