/* The normalisation of pictures, (u8/255 - mean) / std for each of red, green and blue, as files say it. */
#ifndef HM_CONFIGCOLOURS_H
#define HM_CONFIGCOLOURS_H

#include "model/config.h"

/* *out := the colours that o says under these keys, three numbers each, both or neither; without them
 * it stays. 0 or HM_EDATA. */
int hm_configcolours_read(const cJSON *o, const char *mean, const char *std, struct hm_colours *out,
			  struct hm_err *e);
/* Adds them to o under these keys, each number as the shortest decimal that is read as it. */
void hm_configcolours_add(cJSON *o, const char *mean_key, const char *std_key, const struct hm_colours *c,
			  struct hm_err *e);
/* *out := what the files of an encoder's folder say, unless it is said already (a std above 0); it stays
 * where they say nothing. Of the files that say it, the first counts: processor_config.json with an
 * "image_processor" in it, as for transformers; preprocessor_config.json; open_clip_config.json.
 * "do_normalize", "do_rescale" and "rescale_factor" are taken into the numbers. 0, or HM_EDATA with a
 * sentence that begins with the file's name: what is no such number, and "rescale_offset". */
int hm_configcolours_ask(const struct hm_config *c, struct hm_colours *out, struct hm_err *e);

#endif
