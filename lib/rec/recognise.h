/* Whether a frame begins at the present place of a stream of which some bytes are damaged. Only a frame whose
 * own hash is right is recognised. */
#ifndef HM_RECOGNISE_H
#define HM_RECOGNISE_H

#include "rec/format.h"

struct hm_frame {
	enum { HM_FRAME_NONE, HM_FRAME_BLOCK, HM_FRAME_INDEX, HM_FRAME_END } kind;
	size_t size;		   /* of the frame; of a block without its zstd frame */
	size_t wasted;		   /* HM_FRAME_NONE: bytes that were hashed nevertheless */
	struct hm_block_info info; /* of a block */
	uint32_t status;	   /* of END, as the next two */
	struct hm_end end;
	unsigned char digest[16];
};
/* At least 12 bytes must be visible. Consumes nothing. 0 or HM_EDATA. */
int hm_frame_recognise(struct hm_source *in, struct hm_frame *f, struct hm_err *e);

#endif
