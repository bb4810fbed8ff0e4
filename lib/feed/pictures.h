/* Records and the pictures that they name: reads records, prepares each one's picture on the workers, and
 * gives both back in order, as records with the column pixels. */
#ifndef HM_PICTURES_H
#define HM_PICTURES_H

#include "base/workers.h"
#include "prep/imageload.h"
#include "rec/rec.h"

struct hm_pictures_options {
	struct hm_imageload_options load;
	bool replace; /* a column pixels that is there already */
	bool error;   /* the records get a column error, if they have none */
};

struct hm_pictures;
/* Borrows all but `o`. NULL with `e`: HM_EDATA. */
struct hm_pictures *hm_pictures_new(struct hm_join *in, const struct hm_imageroot *root,
				    const struct hm_pictures_options *o, struct hm_workers *w,
				    struct hm_err *e);
void hm_pictures_free(struct hm_pictures *p); /* NULL is fine */
/* The schema of what it gives. */
const struct hm_schema *hm_pictures_schema(const struct hm_pictures *p);

struct hm_picture {
	const struct hm_val *val; /* the record, borrowed until the next call. Its pixels are 0 and its error
				     says why, if its picture failed now or if it came with an error. */
	/* Code 0: the picture did not fail now. Else the sentence names file and record, and `machine` is
	 * set if the picture is not at fault. */
	struct hm_err failure;
	/* The same of a picture whose file is damaged and was read as far as it goes: what is wrong with it.
	 */
	struct hm_err damage;
};
/* 1, 0 after the last record, or HM_EDATA: the records cannot be read. */
int hm_pictures_next(struct hm_pictures *p, struct hm_picture *out, struct hm_err *e);

#endif
