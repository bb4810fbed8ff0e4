/* What the readers of lib/weights share: where tensors live, how they are added, what of their bytes is still
 * to be checked. Not for others. */
#ifndef HM_WEIGHTS_STORE_H
#define HM_WEIGHTS_STORE_H

#include "base/file.h"
#include "weights/weights.h"

#include <sys/stat.h>
#include <sys/uio.h>

#define HM_WEIGHTS_HEADER_CAP ((size_t)4 << 20) /* bytes of a JSON header */

/* A file as it was when it was mapped. It stays open: under its name there may be another one by now. */
struct hm_weights_file {
	struct hm_map map;
	const char *path;
	int fd;
	struct stat was;
};

struct hm_weights_store {
	struct hm_weights_file *file;
	size_t files;
	struct hm_arena arena; /* names, and data of strided tensors */
	struct hm_buf list;    /* struct hm_tensor[], becomes w->tensor */
	size_t names;	       /* bytes of all names */
	const char *key;       /* that of hm_weights_options, until it has been found and taken */
	/* verify.c's; sorted by address once all files are parsed */
	struct hm_buf pieces;  /* struct hm_weights_piece[] */
	struct hm_buf gathers; /* struct hm_weights_gather[] */
	struct hm_buf digests; /* struct hm_weights_digested[] */
};

/* s[0..n) and a NUL, which live as long as w; NULL without memory. */
char *hm_weights_text(struct hm_weights *w, const char *s, size_t n, struct hm_err *e);
/* Adds a tensor called prefix + name[0..len), which is copied; data is borrowed. */
int hm_weights_add(struct hm_weights *w, const char *prefix, const char *name, size_t len,
		   const struct hm_tensor *t, struct hm_err *e);

/* Each appends the tensors of one file image. */
int hm_safetensors_parse(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e);
int hm_pth_parse_zip(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e);
int hm_pth_parse_legacy(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e);
bool hm_pth_is_legacy(const unsigned char *p, size_t n);

/* foreign.c: what a file is that holds no weights we read, and what to do; always HM_EDATA. */
int hm_weights_refuse(const unsigned char *p, size_t n, struct hm_err *e);
/* The same for texts that stand in the place of any file: a Git LFS pointer, an HTML page. 0: it is neither.
 */
int hm_weights_refuse_text(const unsigned char *p, size_t n, struct hm_err *e);
/* What to say of a path that is not there or a folder that holds no weights. */
int hm_weights_refuse_path(const char *path, int error, struct hm_err *e);
int hm_weights_refuse_folder(const char *path, struct hm_err *e);

/* watch.c: opens and maps `path`, and notes the state for hm_weights_unchanged. 0 or HM_EDATA. */
int hm_weights_map_file(struct hm_weights_file *f, const char *path, struct hm_err *e);
void hm_weights_unmap_file(struct hm_weights_file *f);

/* Maps a file that stays until close and appends its tensors; the sentence begins with the path. */
int hm_weights_read_file(struct hm_weights *w, const char *path, struct hm_err *e);
/* hffolder.c: reads the folder's weight file or shards. */
int hm_weights_read_folder(struct hm_weights *w, const char *path, struct hm_err *e);
/* "dir/name" in fresh memory; caller frees. */
char *hm_weights_path(const char *dir, const char *name, struct hm_err *e);

/* prefix.c: narrows w to its store's key; HM_EDATA when it has no such names, unless `optional`. */
int hm_weights_take_key(struct hm_weights *w, bool optional, struct hm_err *e);

/* ---- verify.c: what is checked or made only when a tensor is needed ---- */

/* Bytes of a file that belong together, an entry of a zip or a storage. crc 0: the file has none for them. */
struct hm_weights_piece {
	const unsigned char *p;
	size_t n;
	uint32_t crc;
	bool sound;	  /* the CRC was compared */
	const char *name; /* of the zip's entry; lives as long as w */
};

/* A strided tensor: its elements are still to be copied to `to`. */
struct hm_weights_gather {
	unsigned char *to;
	size_t bytes, count;
	const unsigned char *from; /* its first element, inside one piece */
	struct hm_tensor shape;
	int64_t stride[HM_MAX_DIMS]; /* in elements */
	bool done;
};

/* A .safetensors file with hm.digest. */
struct hm_weights_digested {
	const unsigned char *p;
	size_t header, n;
	const char *place; /* of the 32 digits */
	bool sound;
};

/* Orders what the parsers have put into the store, so that hm_weights_verify finds it by address. */
void hm_weights_index(struct hm_weights *w);

/* Digits of "hm.digest" in a safetensors header text, or NULL: where 32 bytes read as '0' when the file is
 * hashed. */
char *hm_digest_place(const char *header, size_t n);
/* XXH3-128 as hex of head[0..h) with the 32 bytes at `place` read as '0', then the n pieces of body. */
int hm_digest_file(const char *head, size_t h, const char *place, const struct iovec *body, size_t n,
		   char out[33], struct hm_err *e);

#endif
