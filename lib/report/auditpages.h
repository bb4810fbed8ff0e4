/* The findings of an audit as a table for people and as JSON, and its confounders as CSV. The writers append
 * to buffers and return 0 or HM_EDATA (memory). */
#ifndef HM_AUDITPAGES_H
#define HM_AUDITPAGES_H

#include "stat/audit.h"

/* Which kinds of finding are allowed, and by which columns images and captions were compared (NULL: not
 * compared). */
struct hm_audit_view {
	bool allowed[HM_AUDIT_FINDINGS];
	const char *image, *caption;
};
/* "ok", "finding", "allowed", "remark" or "not checked". Static storage. */
const char *hm_audit_verdict(const struct hm_audit *a, const struct hm_audit_view *v, enum hm_audit_check c);
/* How many checks have the verdict "finding". */
int hm_audit_findings(const struct hm_audit *a, const struct hm_audit_view *v);

int hm_audit_text(const struct hm_audit *a, const struct hm_audit_view *v, struct hm_buf *out,
		  struct hm_err *e);
/* One object on one line, canonical. */
int hm_audit_json(const struct hm_audit *a, const struct hm_audit_view *v, struct hm_buf *out,
		  struct hm_err *e);
/* The confounders: "a,b,kind" with a header. `put` writes the ids: hm_buf_quote for hm_confounders_read, or
 * hm_buf_cell. */
int hm_audit_pairs(const struct hm_audit *a, hm_field_writer *put, struct hm_buf *out, struct hm_err *e);

#endif
