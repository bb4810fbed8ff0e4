/* What the files that open a BPE tokenizer share: bpefile.c, bpejson.c. */
#ifndef HM_BPEPARTS_H
#define HM_BPEPARTS_H

#include "prep/bpetext.h"
#include "prep/bpevocab.h"
#include "prep/tokensettings.h"

struct hm_bpe_opening {
	const struct hm_token_folder *f;
	const struct hm_token_doc *json, *config; /* their trees may be NULL */
	const char *path;			  /* where the tokens are from */
	struct hm_bpe_vocab tokens;
	struct hm_specials specials;
	bool clip, prefix_space, plain_specials;
	bool ends;			 /* RoBERTa's <s> and </s>, which GPT-2 lacks */
	int64_t first_id, last_id;	 /* what tokenizer.json's post-processor says, -1: nothing */
	struct hm_buf warnings, notices; /* as in struct hm_tokenizer */
};

/* True when tokenizer.json holds a BPE model whose words end in "</w>", or not, as `clip` says. */
bool hm_bpe_is_model(const struct hm_token_doc *json, bool clip);
/* Checks that tokenizer.json describes CLIP's steps or RoBERTa's, and takes what it says about the space in
 * front. HM_EDATA names the part that hm-tokenize does not have. */
int hm_bpe_check_json(struct hm_bpe_opening *w, struct hm_err *e);
/* What it says about special tokens and ends; after hm_specials_read. */
int hm_bpe_read_json(struct hm_bpe_opening *w, struct hm_err *e);

#endif
