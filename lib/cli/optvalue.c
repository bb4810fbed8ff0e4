/* Values of options: from the text that the user gave into the tool's struct. See cli.h. */
#include "cli/private.h"
#include "base/nearword.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_int(const char *s, bool size, int64_t *out)
{
	char *end;
	errno = 0;
	long long v = strtoll(s, &end, 10);
	int shift = 0;
	if (end == s || errno)
		return false;
	if (size && *end) {
		shift = *end == 'K' || *end == 'k'   ? 10
			: *end == 'M' || *end == 'm' ? 20
			: *end == 'G' || *end == 'g' ? 30
						     : 0;
		if (!shift || v < 0 || v > INT64_MAX >> shift)
			return false;
		end++;
	}
	*out = (int64_t)v * ((int64_t)1 << shift);
	return !*end;
}

static const char *store_list(const struct hm_opt *o, struct hm_strs *l, char *value, char *text, size_t cap)
{
	char name[80];
	if (l->n < (int)(sizeof l->item / sizeof l->item[0])) {
		l->item[l->n++] = value;
		return NULL;
	}
	snprintf(text, cap, "%s is given more than %d times", hm_opt_spelled(o, name), l->n);
	return text;
}

static const char *store_choice(const struct hm_opt *o, int *to, const char *value, char *text, size_t cap)
{
	struct hm_nearword near = {value, strlen(value)};
	const char *words = o->arg;
	char name[80];
	for (int i = 0; *words; i++) {
		size_t len = strcspn(words, "|");
		if (len == near.len && !memcmp(words, value, len)) {
			*to = i;
			return NULL;
		}
		hm_nearword_offer(&near, words, len);
		words += len + (words[len] == '|');
	}
	int n = snprintf(text, cap, "%s takes %s, not '%s'", hm_opt_spelled(o, name), o->arg, value);
	if (near.word && n > 0 && (size_t)n < cap)
		snprintf(text + n, cap - (size_t)n, ", did you mean %.*s?", (int)near.word_len, near.word);
	return text;
}

static const char *store_double(const struct hm_opt *o, double *to, const char *value, char *text, size_t cap)
{
	char *end, name[80];
	bool bounded = o->dmin < o->dmax;
	double d = strtod(value, &end);
	if (end != value && !*end && isfinite(d) && (!bounded || (d >= o->dmin && d <= o->dmax))) {
		*to = d;
		return NULL;
	}
	if (bounded)
		snprintf(text, cap, "%s takes a number from %g to %g, not '%s'", hm_opt_spelled(o, name),
			 o->dmin, o->dmax, value);
	else
		snprintf(text, cap, "%s takes a number, not '%s'", hm_opt_spelled(o, name), value);
	return text;
}

static const char *store_shard(const struct hm_opt *o, struct hm_shard *to, const char *value, char *text,
			       size_t cap)
{
	char name[80];
	if (hm_shard_parse(value, to))
		return NULL;
	snprintf(text, cap, "%s takes I/N with I from 0 to N-1, not '%s'", hm_opt_spelled(o, name), value);
	return text;
}

static const char *store_int(const struct hm_opt *o, int64_t *to, const char *value, char *text, size_t cap)
{
	char name[80], least[HM_SIZE_TEXT], most[HM_SIZE_TEXT];
	bool size = o->kind == HM_OPT_SIZE;
	int64_t i;
	if (read_int(value, size, &i) && i >= o->min && i <= o->max) {
		*to = i;
		return NULL;
	}
	hm_opt_spelled(o, name);
	if (size)
		snprintf(text, cap, "%s takes a size (such as 64K or 2M) from %s to %s, not '%s'", name,
			 hm_size_text((uint64_t)o->min, least), hm_size_text((uint64_t)o->max, most), value);
	else
		snprintf(text, cap, "%s takes an integer from %" PRId64 " to %" PRId64 ", not '%s'", name,
			 o->min, o->max, value);
	return text;
}

const char *hm_opt_store(const struct hm_opt *o, void *base, char *value, char *text, size_t cap)
{
	void *to = (char *)base + o->at;
	switch (o->kind) {
	case HM_OPT_FLAG:
		*(bool *)to = true;
		return NULL;
	case HM_OPT_STR:
		*(char **)to = value;
		return NULL;
	case HM_OPT_LIST:
		return store_list(o, to, value, text, cap);
	case HM_OPT_CHOICE:
		return store_choice(o, to, value, text, cap);
	case HM_OPT_DOUBLE:
		return store_double(o, to, value, text, cap);
	case HM_OPT_SHARD:
		return store_shard(o, to, value, text, cap);
	default: /* HM_OPT_INT, HM_OPT_SIZE */
		return store_int(o, to, value, text, cap);
	}
}
