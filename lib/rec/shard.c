/* Shards, and histories with the cut taken out: see shard.h. */
#include "rec/shard.h"
#include "json/build.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t hm_shard_count(const struct hm_shard *s, uint64_t total)
{
	return s->n ? total / s->n + (s->i < total % s->n) : total;
}

bool hm_shard_parse(const char *text, struct hm_shard *s)
{
	struct hm_shard got;
	int end = 0;
	if (strspn(text, "0123456789/") != strlen(text) ||
	    sscanf(text, "%9" SCNu64 "/%9" SCNu64 "%n", &got.i, &got.n, &end) != 2 || text[end] ||
	    got.i >= got.n)
		return false;
	*s = got;
	return true;
}

void hm_shard_add(const struct hm_shard *s, cJSON *options, struct hm_err *e)
{
	char text[48];
	snprintf(text, sizeof text, "%" PRIu64 "/%" PRIu64, s->i, s->n);
	if (s->n)
		hm_json_add_str(options, "shard", text, e);
}

/* ---- the steps of a history ---- */

static const cJSON *find_option(const cJSON *step, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(step, "options"), name);
}

static const char *find_text(const cJSON *item)
{
	return cJSON_IsString(item) ? item->valuestring : "";
}

static const char *tool_of(const cJSON *step)
{
	return find_text(cJSON_GetObjectItemCaseSensitive(step, "tool"));
}

static const char *version_of(const cJSON *step)
{
	return find_text(cJSON_GetObjectItemCaseSensitive(step, "version"));
}

/* Whether the step is of the version that did not yet say, or count, what later ones do. */
static bool is_first_version(const cJSON *step)
{
	return !strcmp(version_of(step), "0.1.0");
}

/* hm-cat cuts streams; all other tools that cut make them. */
static bool is_cat(const cJSON *step)
{
	return !strcmp(tool_of(step), "hm-cat");
}

/* The shard of a step; n 0 if it has none. */
static int read_shard(const cJSON *step, struct hm_shard *s, struct hm_err *e)
{
	const cJSON *option = find_option(step, "shard");
	*s = (struct hm_shard){0};
	if (!option || hm_shard_parse(find_text(option), s))
		return 0;
	return hm_err_set(e, HM_EDATA, "its history says that %.80s took a shard that is not I/N",
			  tool_of(step));
}

/* Whether the step, which made the cut or came after it, may have left out records in a way that changed
 * which records the shards have: lines that 0.1.0 skipped counted as records of some shard. A tool that is
 * not hm's may do anything. */
static bool may_lose(const cJSON *step, bool cut)
{
	bool skip = !strcmp(find_text(find_option(step, "on-error")), "skip");
	if (cut)
		return skip && is_first_version(step);
	return skip || strncmp(tool_of(step), "hm-", 3) != 0 ||
	       (!strcmp(tool_of(step), "hm-encode") && is_first_version(step));
}

/* Adds the step that made the cut, without the cut. */
static int add_uncut(cJSON *pg, const cJSON *step, struct hm_err *e)
{
	static const char *const part[] = {"head", "limit"};
	for (size_t i = 0; i < sizeof part / sizeof *part; i++)
		if (find_option(step, part[i]))
			return hm_err_set(e, HM_EDATA,
					  "it is not a whole shard: %s took it with --%s, which the whole "
					  "stream has no equal of",
					  tool_of(step), part[i]);
	cJSON *copy = hm_json_copy(step, e);
	cJSON *options = cJSON_GetObjectItemCaseSensitive(copy, "options");
	cJSON_DeleteItemFromObjectCaseSensitive(options, "shard");
	if (copy && is_cat(step) && !options->child)
		cJSON_Delete(copy);
	else if (copy)
		hm_json_add_tree(pg, NULL, copy, e);
	return e->code;
}

static int add_step(struct hm_piece *p, const cJSON *step, bool cut, bool after, struct hm_err *e)
{
	if ((cut || after) && may_lose(step, cut))
		p->loser = *tool_of(step) ? tool_of(step) : "a step without a name";
	if (cut)
		return add_uncut(p->pg, step, e);
	if (after && is_cat(step))
		return hm_err_set(
			e, HM_EDATA,
			"its history has an hm-cat after the shard was taken, which may have changed "
			"the order of the records: give the stream before it");
	hm_json_add_copy(p->pg, NULL, step, e);
	return e->code;
}

int hm_piece_read(struct hm_piece *p, const cJSON *pg, struct hm_err *e)
{
	const cJSON *step, *last = NULL;
	struct hm_shard s;
	bool after = false;
	*p = (struct hm_piece){.pg = hm_json_array(e)};
	cJSON_ArrayForEach(step, pg)
	{
		if (read_shard(step, &s, e))
			return HM_EDATA;
		if (s.n) {
			p->shard = s;
			last = step;
		}
	}
	cJSON_ArrayForEach(step, pg)
	{
		bool cut = step == last;
		if (last && !is_cat(last) && !is_cat(step) && !read_shard(step, &s, e))
			cut |= s.i == p->shard.i && s.n == p->shard.n;
		if (add_step(p, step, cut, after, e))
			return e->code;
		after |= cut;
	}
	return e->code;
}

void hm_piece_clear(struct hm_piece *p)
{
	cJSON_Delete(p->pg);
	*p = (struct hm_piece){0};
}

/* ---- two histories ---- */

/* "size":48, cut for a message; or: no "size". */
static void describe_option(const char *name, const cJSON *v, char out[80])
{
	struct hm_buf text = {0};
	struct hm_err ignored = {0};
	if (!v)
		snprintf(out, 80, "no \"%.60s\"", name);
	else if (!hm_json_write(v, &text, &ignored))
		snprintf(out, 80, "\"%.30s\":%.*s", name, (int)(text.len < 40 ? text.len : 40),
			 (const char *)text.data);
	hm_buf_clear(&text);
}

/* The first option of `has` that `other` lacks or has another value for; NULL: none. */
static const cJSON *find_difference(const cJSON *has, const cJSON *other, struct hm_err *e)
{
	const cJSON *o, *options = cJSON_GetObjectItemCaseSensitive(has, "options");
	cJSON_ArrayForEach(o, options)
	{
		if (o->string && !hm_json_same(o, find_option(other, o->string), e))
			return o;
	}
	return NULL;
}

/* Makes the sentence about step k, in which the histories differ; a step is NULL where a history ends. */
static int refuse_step(int k, const cJSON *a, const cJSON *b, struct hm_err *e)
{
	char mine[80] = "", other[80] = "";
	if (!a || !b)
		return hm_err_set(e, HM_EDATA, "step %d (%.80s) is %s", k, tool_of(a ? a : b),
				  a ? "one more" : "missing");
	if (strcmp(tool_of(a), tool_of(b)))
		return hm_err_set(e, HM_EDATA, "step %d is %.80s, not %.80s", k, tool_of(a), tool_of(b));
	const cJSON *o = find_difference(a, b, e);
	o = o ? o : find_difference(b, a, e);
	if (e->code)
		return e->code;
	if (!o)
		return hm_err_set(e, HM_EDATA, "step %d (%.80s) %s", k, tool_of(a),
				  strcmp(version_of(a), version_of(b)) ? "is of another version" : "differs");
	describe_option(o->string, find_option(a, o->string), mine);
	describe_option(o->string, find_option(b, o->string), other);
	return hm_err_set(e, HM_EDATA, "step %d (%.80s) has %s, not %s", k, tool_of(a), mine, other);
}

int hm_pg_compare(const cJSON *a, const cJSON *b, struct hm_err *e)
{
	const cJSON *x = a->child, *y = b->child;
	for (int k = 1; x || y; k++) {
		if (!hm_json_same(x, y, e))
			return e->code ? e->code : refuse_step(k, x, y, e);
		x = x->next;
		y = y->next;
	}
	return 0;
}
