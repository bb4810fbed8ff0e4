/* What the readers of lib/weights share: where tensors live, and how they are added. Not for others. */
#ifndef HM_WEIGHTS_STORE_H
#define HM_WEIGHTS_STORE_H

#include "base/file.h"
#include "weights/weights.h"

#include <sys/uio.h>

#define HM_WEIGHTS_HEADER_CAP ((size_t)4 << 20) /* bytes of a JSON header or a pickle */

struct hm_weights_store {
	struct hm_map *map;
	size_t maps;
	struct hm_arena arena; /* names, and data that could not stay where it was */
	struct hm_buf list;    /* struct hm_tensor[], becomes w->tensor */
};

/* s[0..n) and a NUL, which live as long as w; NULL without memory. */
char *hm_weights_text(struct hm_weights *w, const char *s, size_t n, struct hm_err *e);
/* Adds a tensor; the name is copied, data borrowed, or copied when it is not aligned to its element. */
int hm_weights_add(struct hm_weights *w, const char *name, size_t len, const struct hm_tensor *t,
		   struct hm_err *e);

/* Each appends the tensors of one file image. */
int hm_safetensors_parse(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e);
int hm_pth_parse_zip(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e);
int hm_pth_parse_legacy(struct hm_weights *w, const unsigned char *p, size_t n, struct hm_err *e);
bool hm_pth_is_legacy(const unsigned char *p, size_t n);

/* Maps a file that stays until close and appends its tensors; the sentence begins with the path. */
int hm_weights_read_file(struct hm_weights *w, const char *path, struct hm_err *e);
/* hffolder.c: reads the folder's weight file or shards. */
int hm_weights_read_folder(struct hm_weights *w, const char *path, struct hm_err *e);
/* "dir/name" in fresh memory; caller frees. */
char *hm_weights_path(const char *dir, const char *name, struct hm_err *e);

/* prefix.c: narrows w to the key of hm_weights_options. */
int hm_weights_take_key(struct hm_weights *w, const char *key, struct hm_err *e);

/* Digits of "hm.digest" in a safetensors header text, or NULL: where 32 bytes read as '0' when the file is
 * hashed. */
char *hm_digest_place(const char *header, size_t n);
/* XXH3-128 as hex of head[0..h) with the 32 bytes at `place` read as '0', then the n pieces of body. */
int hm_digest_file(const char *head, size_t h, const char *place, const struct iovec *body, size_t n,
		   char out[33], struct hm_err *e);

#endif
