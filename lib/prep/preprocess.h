/* What a published folder says of how its pictures are prepared: preprocessor_config.json (Hugging Face) or
 * open_clip_config.json. The file is read once; the square and the normalisation are asked for one by one, so
 * that who needs the one does not fail for the other. */
#ifndef HM_PREPROCESS_H
#define HM_PREPROCESS_H

#include "prep/square.h"

struct hm_preprocess {
	char *path;	   /* the file that was read */
	cJSON *tree;	   /* all of it */
	const cJSON *body; /* the object in it that speaks of pictures; NULL: open_clip's defaults */
	bool open_clip;
};

/* Reads the file `path`, or in the folder `path` the first that is there of preprocessor_config.json,
 * processor_config.json with an "image_processor" in it, and open_clip_config.json. 1; 0 when the folder has
 * none of them; HM_EDATA with a sentence that names the file. Caller closes, whatever was returned. */
int hm_preprocess_open(struct hm_preprocess *p, const char *path, struct hm_err *e);
/* The same for a text that was read already: 1 or HM_EDATA. */
int hm_preprocess_parse(struct hm_preprocess *p, const char *path, const char *text, size_t len,
			struct hm_err *e);
void hm_preprocess_close(struct hm_preprocess *p);

/* The five numbers; `shorter` is 0 unless the pictures are cropped. HM_EDATA, naming file and key, when the
 * file wants something else than these numbers describe. */
int hm_preprocess_square(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e);

/* What becomes of a channel's u8: (u8/255 - mean) / std, each where the file says it. */
struct hm_norm {
	bool has_mean, has_std;
	float mean[3], std[3];
};
/* image_mean and image_std, open_clip's mean and std; 0 and 1 where "do_normalize" is false. HM_EDATA, naming
 * file and key, for what is not three finite numbers (one of them counts three times), a std that is not
 * above 0, and values that are not divided by 255 before. */
int hm_preprocess_norm(const struct hm_preprocess *p, struct hm_norm *out, struct hm_err *e);

#endif
