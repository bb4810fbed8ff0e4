/* How a column's inputs were prepared: size, fit, filter and colours of pictures, the vocabulary and casing
 * of captions. The attributes of a raw column say it, hm-encode copies them to the features, and a model file
 * keeps them. A model's later inputs must be prepared in the same way. */
#ifndef HM_PREPARED_H
#define HM_PREPARED_H

#include "feed/columns.h"

/* The preparation of column `at`: a flat object of its attributes, without those that say which encoder made
 * a feature (encoder, output, precision), and with "size" ("224x224") for pixels. Caller frees with
 * cJSON_Delete; NULL with `e` without memory. */
cJSON *hm_prepared_of(const struct hm_schema *s, int at, struct hm_err *e);

/* Whether `now` is what a model was trained on. An object that is NULL or empty says nothing: it fits. A
 * member that one of them lacks is not compared, for older files do not say all, and features that were made
 * elsewhere say what they like. With three exceptions. Where `vocab` is said, hm-tokenize says all that is
 * not its default, so what else is lacking has its default, and another value does not fit; but a `cased`
 * that is lacking fits. Where `fit` is said, a `filter` that is lacking is bilinear, and of a crop `offset`
 * is even and `short` size·256/224: that is what hm-imgprep did before it said them. A `mean` or `std` that
 * is lacking is the family's own. `max_length` is never compared. HM_EDATA: names column, both values (of
 * digests the first 8 digits) and the option that helps; with `allow` the sentence goes to warning[cap], and
 * 0 is returned. */
int hm_prepared_compare(const cJSON *trained, const cJSON *now, const char *column, bool allow, char *warning,
			size_t cap, struct hm_err *e);

#endif
