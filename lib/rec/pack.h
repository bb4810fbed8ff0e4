/* A block being made: records are gathered by column, then laid out, compressed and hashed. */
#ifndef HM_PACK_H
#define HM_PACK_H

#include "rec/format.h"

/* A column of the records that were gathered. */
struct hm_pack_column {
	struct hm_column is; /* its row and size, looked up once */
	bool ragged, text;
	struct hm_buf data, offsets; /* elements; u32, of ragged columns */
};

struct hm_pack {
	const struct hm_schema *schema;
	struct hm_pack_column column[HM_MAX_FIELDS];
	size_t size;		       /* of the records, as hm_pack_record_size counts it */
	struct hm_block_info info;     /* count; after hm_pack_compress the sizes and hashes too */
	struct hm_buf payload, packed; /* after hm_pack_compress */
	ZSTD_CCtx *zstd;
	bool quick;	   /* what looks random is not compressed */
	struct hm_err err; /* of hm_pack_compress */
};
/* The schema is borrowed until hm_pack_clear. level: zstd's. 0 or HM_EDATA. */
int hm_pack_init(struct hm_pack *p, const struct hm_schema *s, int level, struct hm_err *e);
void hm_pack_clear(struct hm_pack *p);
/* Raw bytes of a record: its elements, and 4 for each ragged column. False when it is too large for a block.
 */
bool hm_pack_record_size(const struct hm_pack *p, const struct hm_val *val, size_t *size);
/* Copies a record in. HM_EDATA when a value does not fit its column; the block is then of no use. */
int hm_pack_add(struct hm_pack *p, const struct hm_val *val, size_t size, struct hm_err *e);
/* Makes payload, zstd frame, sizes and hashes. What goes wrong is kept in p->err. */
void hm_pack_compress(struct hm_pack *p);
/* Without records again. The storage is kept unless the records had more than `keep` bytes. */
void hm_pack_reset(struct hm_pack *p, size_t keep);

#endif
