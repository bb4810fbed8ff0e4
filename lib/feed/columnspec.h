/* What a user says of a column that another program made: "NAME=FILE[,KEY=VALUE...]". The keys are the
 * attributes that the tools compare (formats/columns.md, "Attributes"). */
#ifndef HM_COLUMNSPEC_H
#define HM_COLUMNSPEC_H

#include "base/err.h"

#include <cjson/cJSON.h>

struct hm_columnspec {
	const char *name; /* NULL: the text began with the file */
	const char *file;
	cJSON *attr; /* an object, or NULL */
};
/* Cuts `text` apart in place; it must outlive *c. A comma ends a value only when a KEY= of small letters
 * follows it, so texts and file names may hold commas. `named`: the text begins with NAME=. HM_EUSAGE with a
 * sentence: a part is missing, a key is unknown (the sentence names those that exist), there twice or not for
 * such a column, a value is of another type or too long. */
int hm_columnspec_parse(struct hm_columnspec *c, char *text, bool named, struct hm_err *e);
void hm_columnspec_clear(struct hm_columnspec *c);

#endif
