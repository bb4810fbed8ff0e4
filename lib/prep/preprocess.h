/* What a published folder says of how its pictures are prepared: preprocessor_config.json (Hugging Face) or
 * open_clip_config.json. What it says of the normalisation is the encoder's matter: model/configcolours.h. */
#ifndef HM_PREPROCESS_H
#define HM_PREPROCESS_H

#include "prep/square.h"

struct hm_preprocess {
	char *path;	   /* the file that was read */
	cJSON *tree;	   /* all of it */
	const cJSON *body; /* the object in it that speaks of pictures; NULL: open_clip's defaults */
	bool open_clip;
};

/* Reads the file `path`, or in the folder `path` the first that is there of processor_config.json with
 * an "image_processor" in it, preprocessor_config.json, and open_clip_config.json. 1; 0 when the folder has
 * none of them; HM_EDATA with a sentence that names the file. Caller closes, whatever was returned. */
int hm_preprocess_open(struct hm_preprocess *p, const char *path, struct hm_err *e);
/* The same for a text that was read already: 1 or HM_EDATA. */
int hm_preprocess_parse(struct hm_preprocess *p, const char *path, const char *text, size_t len,
			struct hm_err *e);
void hm_preprocess_close(struct hm_preprocess *p);

/* The five numbers; `shorter` is 0 unless the pictures are cropped. HM_EDATA, naming file and key, when the
 * file wants something else than these numbers describe. */
int hm_preprocess_square(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e);

#endif
