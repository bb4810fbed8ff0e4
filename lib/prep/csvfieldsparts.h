/* Shared by the two files of the fields' reader (csvfields.h); nobody else includes it. All return HM_EDATA
 * with a sentence that begins with file and line. */
#ifndef HM_CSVFIELDSPARTS_H
#define HM_CSVFIELDSPARTS_H

#include "prep/csvfields.h"

/* The field of that name has this cell and is not `what` ("an integer"); NULL: it must not be empty. `help`:
 * what may be done about it, or NULL. */
int hm_csvfields_cell(const struct hm_csvfields *c, const char *name, const char *cell, const char *what,
		      const char *help, struct hm_err *e);
/* The path of the row's image is not fine. */
int hm_csvfields_path(const struct hm_csvfields *c, const struct hm_form *f, enum hm_path path,
		      struct hm_err *e);

#endif
