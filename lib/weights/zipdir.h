/* The directory of a zip whose bytes are in memory, as torch.save writes it: stored entries, zip64 where the
 * file is large. Nothing is copied: an entry's data are found where they are in the file. Format: PKWARE's
 * APPNOTE.TXT, sections 4.3 and 4.5.3. */
#ifndef HM_ZIPDIR_H
#define HM_ZIPDIR_H

#include "base/mem.h"

struct hm_zip_entry {
	const char *name; /* borrowed from the file, not NUL-terminated */
	size_t name_len;
	uint64_t offset; /* of its local header */
	uint64_t size;
	uint32_t crc; /* of its data; 0 when the writer left it out */
	bool stored;  /* neither compressed nor encrypted */
};

struct hm_zip {
	const unsigned char *p;
	size_t n;
	struct hm_zip_entry *entry; /* in bytewise order of names, which are unique */
	size_t entries;
};

/* Reads the directory of p[0..n), which must outlive z. HM_EDATA when it is missing (the file is cut) or
 * damaged. Caller frees with hm_zip_close, also after a failure. */
int hm_zip_open(struct hm_zip *z, const unsigned char *p, size_t n, struct hm_err *e);
/* The entry of that name, borrowed, or NULL. */
const struct hm_zip_entry *hm_zip_find(const struct hm_zip *z, const char *name, size_t len);
/* *data = where the entry's `size` bytes are. HM_EDATA when they lie outside the file, are compressed or
 * encrypted, or the local header is another's. The CRC is not compared: see hm_zip_sound. */
int hm_zip_data(const struct hm_zip *z, const struct hm_zip_entry *x, const unsigned char **data,
		struct hm_err *e);
/* True when data[0..size) have the CRC `crc`, or when that is 0. */
bool hm_zip_sound(const unsigned char *data, size_t size, uint32_t crc);
void hm_zip_close(struct hm_zip *z);

#endif
