/* Which square a call asks for: see squarechoice.h. */
#include "prep/squarechoice.h"
#include "prep/preprocess.h"

#include <inttypes.h>
#include <stdio.h>

enum { SIZE, FIT, FILTER, SHORT, OFFSET, NUMBERS };

/* The picked numbers as options, a space in front of each; of a picture that is not cut, the first three. */
static const char *list_numbers(const struct hm_square *s, const bool pick[NUMBERS], char out[128])
{
	static const char *const option[NUMBERS] = {"size", "fit", "filter", "short", "crop-offset"};
	char size[12], shorter[12];
	const char *const value[NUMBERS] = {size, hm_fit_name(s->fit), hm_filter_name(s->filter), shorter,
					    hm_offset_name(s->offset)};
	int n = 0;
	snprintf(size, sizeof size, "%d", s->size);
	snprintf(shorter, sizeof shorter, "%d", s->shorter);
	*out = 0;
	for (int i = 0; i < (s->fit == HM_FIT_CROP ? NUMBERS : SHORT); i++)
		if (pick[i])
			n += snprintf(out + n, 128 - (size_t)n, " --%s %s", option[i], value[i]);
	return out;
}

/* Says what was taken from where. `short_there`: the file names a short side. */
static int write_origin(const struct hm_square *s, const struct hm_square_call *o, const char *path,
			bool short_there, struct hm_buf *to, struct hm_err *e)
{
	const bool call[NUMBERS] = {o->size_given, o->fit_given, o->filter_given, o->shorter_given,
				    o->offset_given};
	bool file[NUMBERS], made[NUMBERS] = {0};
	char a[128], b[128], c[128];
	for (int i = 0; i < NUMBERS; i++)
		file[i] = !call[i];
	made[SHORT] = file[SHORT] && (o->size_given || !short_there);
	file[SHORT] = file[SHORT] && !made[SHORT];
	list_numbers(s, file, a);
	list_numbers(s, call, b);
	list_numbers(s, made, c);
	return hm_buf_printf(to, e, "from %s:%s%s%s%s%s", path, *a ? a : " nothing",
			     *b ? "; from the call:" : "", b, *c ? "; which makes" : "", c);
}

static int read_like(const char *path, struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	int rc = hm_preprocess_open(p, path, e);
	if (!rc)
		return hm_err_set(e, HM_EDATA,
				  "%s: the folder has neither a preprocessor_config.json nor an "
				  "open_clip_config.json",
				  path);
	return rc < 0 ? rc : hm_preprocess_square(p, out, e);
}

/* The short side of a crop; the file's keeps its ratio to the size when the call names another size. */
static int choose_short(struct hm_square *s, const struct hm_square_call *o, const struct hm_square *like,
			struct hm_err *e)
{
	int64_t n = o->shorter_given ? o->square.shorter
		    : like->shorter  ? (int64_t)like->shorter * s->size / like->size
				     : hm_square_short(s->size, s->filter);
	if (s->fit != HM_FIT_CROP && (o->shorter_given || o->offset_given))
		return hm_err_set(e, HM_EUSAGE, "--%s is of --fit crop, and this is --fit %s",
				  o->shorter_given ? "short" : "crop-offset", hm_fit_name(s->fit));
	if (n < s->size)
		return hm_err_set(e, HM_EUSAGE, "--short %" PRId64 " is less than --size %d", n, s->size);
	if (n > HM_SQUARE_SHORT_MOST)
		return hm_err_set(e, HM_EUSAGE, "--size %d makes --short %" PRId64 ", and %d is the most",
				  s->size, n, HM_SQUARE_SHORT_MOST);
	s->shorter = (int)n;
	return 0;
}

int hm_square_choose(struct hm_square *out, const struct hm_square_call *call, struct hm_buf *origin,
		     struct hm_err *e)
{
	const struct hm_square *said = &call->square;
	struct hm_preprocess p = {0};
	struct hm_square like = {.size = said->size};
	int rc = call->like ? read_like(call->like, &p, &like, e) : 0;
	if (!rc) {
		*out = like;
		if (call->size_given)
			out->size = said->size;
		if (call->fit_given)
			out->fit = said->fit;
		if (call->filter_given)
			out->filter = said->filter;
		if (call->offset_given)
			out->offset = said->offset;
		rc = choose_short(out, call, &like, e);
	}
	if (!rc && call->like)
		rc = write_origin(out, call, p.path, like.shorter, origin, e);
	hm_preprocess_close(&p);
	return rc;
}
