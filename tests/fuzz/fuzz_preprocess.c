/* A published preprocessor of any bytes: it is refused with a sentence that names the file, or its numbers
 * are within their limits and give a plan for every picture. */
#include "prep/preprocess.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static void check_square(const struct hm_square *s)
{
	static const int sides[][2] = {{1, 1}, {1, HM_IMAGE_SIDE_MOST}, {HM_IMAGE_SIDE_MOST, 1}, {413, 550}};
	must(s->size >= 1 && s->size <= HM_SQUARE_SIZE_MOST);
	if (s->fit == HM_FIT_CROP)
		must(s->shorter >= s->size && s->shorter <= HM_SQUARE_SHORT_MOST);
	else
		must(!s->shorter);
	for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
		struct hm_resize p = hm_square_plan(s, sides[i][0], sides[i][1]);
		must(p.x >= 0 && p.y >= 0 && p.cw >= 1 && p.ch >= 1 && p.x + p.cw <= p.w &&
		     p.y + p.ch <= p.h);
		must(p.left >= 0 && p.top >= 0 && p.left + p.cw <= s->size && p.top + p.ch <= s->size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_preprocess p;
	struct hm_square s;
	struct hm_err e = {0};
	int rc = hm_preprocess_parse(&p, "file", (const char *)data, size, &e);
	must(rc == 1 ? !e.code : rc == HM_EDATA && !strncmp(e.text, "file: ", 6));
	if (rc == 1) {
		rc = hm_preprocess_square(&p, &s, &e);
		must(rc == e.code && (rc == 0 || !strncmp(e.text, "file: ", 6)));
		if (!rc)
			check_square(&s);
	}
	hm_preprocess_close(&p);
	return 0;
}
