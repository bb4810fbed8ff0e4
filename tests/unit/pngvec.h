/* Reads tests/data/png/NAME.vec (made by tests/oracle/make_png.py): PNG files with what they must decode to;
 * and the same of other formats, in their folders. */
#ifndef HM_PNGVEC_H
#define HM_PNGVEC_H

#include "base/file.h"
#include "prep/png.h"
#include "prep/resize.h"

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

static inline void pngvec_open_of(struct pngvec *v, const char *folder, const char *name)
{
	char path[128];
	struct hm_err e = {0};
	*v = (struct pngvec){0};
	snprintf(path, sizeof path, "tests/data/%s/%s.vec", folder, name);
	if (hm_file_read(path, 1 << 20, &v->file, &e))
		fail_msg("%s", e.text);
}

static inline void pngvec_open(struct pngvec *v, const char *name)
{
	pngvec_open_of(v, "png", name);
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

/* Where the pictures of NAME.vec end, a line with `heading` and lines about their resizes follow. Decodes
 * each of the pictures and passes it and these lines to `check`. Returns the sum of what `check` returns. */
static inline int pngvec_resizes(const char *name, const char *heading, int pictures,
				 int (*check)(const char *lines, const char *picture,
					      const struct hm_image *im, struct hm_resizer *z))
{
	struct pngvec v;
	struct hm_resizer z = {0};
	struct hm_png *d = hm_png_new(NULL);
	size_t skip = strlen(heading);
	int n = 0;
	pngvec_open(&v, name);
	hm_buf_add(&v.file, "", 1, NULL);
	while (pngvec_next(&v))
		;
	const char *lines = (char *)v.file.data + v.at;
	assert_memory_equal(lines, heading, skip);
	v.at = 0;
	for (; pngvec_next(&v); pictures--) {
		struct hm_image im;
		assert_int_equal(hm_png_decode(d, v.png, v.len, &(struct hm_png_options){0}, &im, NULL), 0);
		n += check(lines + skip, v.name, &im, &z);
	}
	assert_int_equal(pictures, 0);
	hm_resizer_clear(&z);
	hm_buf_clear(&v.file);
	hm_png_free(d);
	return n;
}

#endif
