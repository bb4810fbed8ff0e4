/* What a file is, by its first bytes: for messages about a file that is not what its reader wanted. Readers
 * of one format know that format themselves; this names all the others. */
#ifndef HM_FILEKIND_H
#define HM_FILEKIND_H

#include <stddef.h>

#define HM_FILEKIND_BYTES 4096 /* no kind needs more of a file's first bytes */

enum hm_filekind_group {
	HM_FILEKIND_PICTURE,
	HM_FILEKIND_MEDIA,   /* film or sound */
	HM_FILEKIND_PACKED,  /* something else in an archive or compressed */
	HM_FILEKIND_POINTER, /* stands for a file that was not fetched */
	HM_FILEKIND_WEIGHTS, /* tensors of a network, as training scripts save them */
	HM_FILEKIND_DATA,    /* data of a program */
	HM_FILEKIND_TEXT,
	HM_FILEKIND_NOTHING, /* empty, or zeros only */
};

struct hm_filekind {
	const char *name; /* with its article: "a JPEG file", "an HTML page" */
	enum hm_filekind_group group;
	/* What a user may run, or NULL. It converts a picture or the first picture of a film to PNG, unpacks
	 * what is packed, fetches what a pointer stands for, makes text of data. */
	const char *command;
};

/* The kind of the file that begins with p[0..n); n is the whole file or at least HM_FILEKIND_BYTES. The row
 * is constant. NULL when nothing is known about these bytes. */
const struct hm_filekind *hm_filekind_find(const unsigned char *p, size_t n);

#endif
