/* A model together with all that it needs to answer raw pictures and captions: its encoders, its tokenizer,
 * how pictures are prepared. A complete model file holds it all; of what a head lacks, the caller names it.
 */
#ifndef HM_RAWMODEL_H
#define HM_RAWMODEL_H

#include "model/fusionfile.h"
#include "prep/square.h"
#include "prep/tokenizer.h"
#include "rec/rec.h"

struct hm_rawmodel_options {
	const char *spec[HM_SIDES]; /* encoders for a head (encoder.h); NULL: the file holds them */
	const char *vocab;	    /* a tokenizer's folder or file; NULL: the file holds it */
	bool vocab_of_text;  /* without vocab, and if the file holds none: the folder of spec[HM_TEXT] */
	bool allow_mismatch; /* other settings than those of the training are a warning, not an error */
	struct hm_encoder_options encoder;
};

struct hm_rawmodel {
	struct hm_fusionfile model;
	bool used[HM_SIDES];
	struct hm_square square;	/* of a used image */
	struct hm_tokenizer *tokenizer; /* of a used text */
	char *vocab;			/* where it was read from; NULL: the model file */
	/* The raw columns of the used sides, pixels and token_ids, as hm-imgprep and hm-tokenize would make
	 * them; -1: not used. */
	struct hm_schema schema;
	int at[HM_SIDES];
	char warning[HM_SIDES][320]; /* what allow_mismatch let pass; "": nothing */
};

/* Sentences begin with the file that is at fault. 0; HM_EDATA; HM_EUSAGE: an option does not fit the model,
 * or one is missing, which the sentence names. Caller closes, also after a failure. */
int hm_rawmodel_open(struct hm_rawmodel *c, const char *path, const struct hm_rawmodel_options *o,
		     struct hm_err *e);
void hm_rawmodel_close(struct hm_rawmodel *c);

#endif
