/* Frames in a damaged stream: see recognise.h. */
#include "rec/recognise.h"
#include "base/xxh3.h"

#include <string.h>

int hm_frame_recognise(struct hm_source *in, struct hm_frame *f, struct hm_err *e)
{
	struct hm_err ignored = {0};
	uint64_t index_offset;
	const unsigned char *p = hm_source_here(in);
	size_t content = hm_get32(p + 4);
	bool block = !memcmp(p + 8, "HMRB", 4) && content == HM_BHDR_SIZE;
	bool end = !memcmp(p + 8, "HMRE", 4) && content == HM_END_SIZE;
	bool index = !memcmp(p + 8, "HMRI", 4) && content >= HM_INDX_FIXED + 8 && content <= 64 + in->offset;
	*f = (struct hm_frame){.kind = HM_FRAME_NONE, .size = 8 + content};
	if (hm_get32(p) != HM_SKIP_MAGIC || !(block || end || index))
		return 0;
	int rc = hm_source_need(in, f->size, e);
	if (rc <= 0)
		return rc;
	p = hm_source_here(in) + 8;
	if (block && !hm_frame_parse_bhdr(p, &f->info, &ignored) &&
	    f->info.first < UINT64_MAX - f->info.count)
		f->kind = HM_FRAME_BLOCK;
	else if (end && !hm_frame_parse_end(p, &f->status, &f->end, &index_offset, f->digest, &ignored))
		f->kind = HM_FRAME_END;
	else if (index && hm_get64(p + content - 8) == XXH3_64bits(p, content - 8))
		f->kind = HM_FRAME_INDEX;
	else
		f->wasted = content;
	f->info.offset = in->offset;
	return 0;
}
