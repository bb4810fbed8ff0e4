/* Reads tests/data/png/NAME.vec (made by tests/oracle/make_png.py): PNG files with what they must decode to.
 */
#ifndef HM_PNGVEC_H
#define HM_PNGVEC_H

#include "base/file.h"
#include "prep/png.h"

#include <stdio.h>
#include <string.h>

struct pngvec {
	struct hm_buf file;
	size_t at;
	char name[64]; /* the current entry */
	int w, h;      /* 0: must be refused */
	uint32_t crc;  /* of the RGB bytes */
	const unsigned char *png;
	size_t len;
};

static inline void pngvec_open(struct pngvec *v, const char *name)
{
	char path[128];
	struct hm_err e = {0};
	*v = (struct pngvec){0};
	snprintf(path, sizeof path, "tests/data/png/%s.vec", name);
	if (hm_file_read(path, 1 << 20, &v->file, &e))
		fail_msg("%s", e.text);
}

/* The next entry; false at the end or at a line that is not an entry. */
static inline bool pngvec_next(struct pngvec *v)
{
	const char *line = (const char *)v->file.data + v->at;
	if (v->at >= v->file.len ||
	    sscanf(line, "%63s %d %d %u %zu", v->name, &v->w, &v->h, &v->crc, &v->len) != 5)
		return false;
	v->png = (const unsigned char *)line + strcspn(line, "\n") + 1;
	v->at = (size_t)(v->png - v->file.data) + v->len + 1;
	return v->at <= v->file.len;
}

#endif
