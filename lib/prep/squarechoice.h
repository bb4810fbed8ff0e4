/* The five numbers of a square out of three sources: what the call says, else what a published preprocessor
 * says that the call names (--like), else the defaults. */
#ifndef HM_SQUARECHOICE_H
#define HM_SQUARECHOICE_H

#include "base/mem.h"
#include "prep/square.h"

struct hm_square_call {
	struct hm_square square; /* the options' values; size: the default too */
	bool size_given, fit_given, filter_given, shorter_given, offset_given;
	const char *like; /* a folder or file as in preprocess.h; NULL: not given */
};

/* *out := the five numbers. With `like`, origin := a sentence that says which of them came from where. 0;
 * HM_EUSAGE, naming the options that do not go together; HM_EDATA, naming the file. */
int hm_square_choose(struct hm_square *out, const struct hm_square_call *call, struct hm_buf *origin,
		     struct hm_err *e);

#endif
