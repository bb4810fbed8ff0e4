/* What is kept of files of records beside the features of their images: all columns but the pixels, and for
 * each record the XXH3-128 of them. When every byte of the files is one that was read before, the records
 * come from there, and an image is unpacked only if its features are not kept any more: then what was encoded
 * once costs less than reading it.
 *
 *   DIR/HEX.skim := an .hmr file; HEX: XXH3-128 over those of the files, each over those of its pieces
 *
 * Nothing in it is believed before all of it was read and checked; any of it may be removed at any time.
 *
 *   hm_sidefile_open(&s, dir, n, files, workers, e);  (open them)  hm_sidefile_start(s, schema, pixels,
 * there, ctx) hm_sidefile_reads(s): hm_sidefile_next(s, &rec, digest, e) ... hm_sidefile_pixels(s, k, digest,
 * &rec, e) otherwise:        (read the files)  hm_sidefile_add(s, &rec, digest) ...  hm_sidefile_keep(s, e)
 */
#ifndef HM_SIDEFILE_H
#define HM_SIDEFILE_H

#include "rec/rec.h"

struct hm_sidefile;
/* Digests all bytes of the files (n >= 1, to be joined by id), of which none may be open yet; `dir` is there.
 * Borrows the names and the workers. *s NULL and 0: one is no regular file, or cannot be read, which is its
 * reader's to tell. HM_EDATA: out of memory. */
int hm_sidefile_open(struct hm_sidefile **s, const char *dir, int n, char *const *files,
		     struct hm_workers *workers, struct hm_err *e);
void hm_sidefile_close(struct hm_sidefile *s); /* what was not kept is forgotten; NULL is fine */

/* Decides where the records come from. `schema` (borrowed) and column `pixels` are theirs; there(ctx, digest)
 * tells whether the features of an image are kept: if not for one in sixteen, or where the file with the
 * pixels has no index to fetch them by, the files are read. */
void hm_sidefile_start(struct hm_sidefile *s, const struct hm_schema *schema, int pixels,
		       bool (*there)(void *ctx, const unsigned char digest[16]), void *ctx);
/* True when the records come from here; false also for NULL. */
bool hm_sidefile_reads(const struct hm_sidefile *s);

/* The next record in the files' schema, its pixels empty, and their digest; as hm_reader_next. HM_EDATA at
 * the end also when a file is no longer the one that was digested. */
int hm_sidefile_next(struct hm_sidefile *s, struct hm_rec *rec, unsigned char digest[16], struct hm_err *e);
/* Puts the pixels of record k, which is `rec`, where they belong in it, borrowed until the next call: from
 * the file that has them. HM_EDATA: damage, or they have another digest: the file was changed. */
int hm_sidefile_pixels(struct hm_sidefile *s, uint64_t k, const unsigned char digest[16], struct hm_rec *rec,
		       struct hm_err *e);
const struct hm_end *hm_sidefile_end(const struct hm_sidefile *s); /* after the last record: its `skipped` */

/* Takes in the next record that was read from the files, if it is to be kept; a failure is hm_sidefile_keep's
 * to tell. */
void hm_sidefile_add(struct hm_sidefile *s, const struct hm_rec *rec, const unsigned char digest[16]);
/* The files were read to their proper end, `skipped` records left out by their maker: what was taken in is
 * there from now on. 0, or HM_EDATA: it could not be kept, which harms nothing but the next run's time. */
int hm_sidefile_keep(struct hm_sidefile *s, uint64_t skipped, struct hm_err *e);

#endif
