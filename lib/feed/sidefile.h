/* The side file of a set of record files: all columns but the pixels, and for each record the XXH3-128 of its
 * pixels. It complements the cache of image features. If all bytes of the files were read before, the records
 * come from the side file, and an image is unpacked only if the cache has lost its features. A second run
 * then takes less time than reading the files.
 *
 *   DIR/HEX.skim := an .hmr file; HEX: XXH3-128 over those of the files, each over those of its pieces
 *
 * A side file is read and checked whole before anything in it is used. It may be removed at any time.
 *
 *   hm_sidefile_open(&s, dir, n, files, workers, e);  (open them)  hm_sidefile_start(s, schema, pixels,
 * there, ctx) hm_sidefile_reads(s): hm_sidefile_next(s, &rec, digest, e) ... hm_sidefile_pixels(s, k, digest,
 * &rec, e) otherwise:        (read the files)  hm_sidefile_add(s, &rec, digest) ...  hm_sidefile_keep(s, e)
 */
#ifndef HM_SIDEFILE_H
#define HM_SIDEFILE_H

#include "rec/rec.h"

struct hm_sidefile;
/* Digests all bytes of the n files (n >= 1), which are to be joined by id. None may be open yet, and `dir`
 * must exist. Borrows the names and the workers. 0 with *s NULL if one is not a regular file or cannot be
 * read: its reader reports that. HM_EDATA if memory ran out. */
int hm_sidefile_open(struct hm_sidefile **s, const char *dir, int n, char *const *files,
		     struct hm_workers *workers, struct hm_err *e);
void hm_sidefile_close(struct hm_sidefile *s); /* drops what hm_sidefile_keep did not store; NULL is fine */

/* Decides where the records come from. schema (borrowed) and column `pixels` are the files'. there(ctx,
 * digest) says whether the cache has an image's features. The files are read if it lacks those of more than
 * one image in sixteen, or if the file with the pixels has no index to fetch them by. */
void hm_sidefile_start(struct hm_sidefile *s, const struct hm_schema *schema, int pixels,
		       bool (*there)(void *ctx, const unsigned char digest[16]), void *ctx);
/* True if the records come from the side file; false for NULL. */
bool hm_sidefile_reads(const struct hm_sidefile *s);

/* Reads the next record, in the files' schema, with empty pixels; digest := that of its pixels. Returns as
 * hm_reader_next; at the end also HM_EDATA if a file is not the one that was digested any more. */
int hm_sidefile_next(struct hm_sidefile *s, struct hm_rec *rec, unsigned char digest[16], struct hm_err *e);
/* Puts the pixels of record k into `rec`, fetched from their file and valid until the next call. 0, or
 * HM_EDATA: the file is damaged, or the pixels have another digest because it was changed. */
int hm_sidefile_pixels(struct hm_sidefile *s, uint64_t k, const unsigned char digest[16], struct hm_rec *rec,
		       struct hm_err *e);
/* The end mark, after the last record: its `skipped` counts the records that earlier tools left out. */
const struct hm_end *hm_sidefile_end(const struct hm_sidefile *s);

/* Adds the next record that was read from the files, if a side file is to be made. hm_sidefile_keep reports a
 * failure. */
void hm_sidefile_add(struct hm_sidefile *s, const struct hm_rec *rec, const unsigned char digest[16]);
/* Call when the files were read to their proper end: stores the side file. skipped: the records that earlier
 * tools left out. 0, or HM_EDATA if it could not be stored; the next run then only takes longer. */
int hm_sidefile_keep(struct hm_sidefile *s, uint64_t skipped, struct hm_err *e);

#endif
