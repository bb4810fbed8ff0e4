/* What markdown.c and markdownsections.c share. Nobody else includes it. Each appends to b, and remembers the
 * first failure (memory) in e. */
#ifndef HM_MARKDOWNPARTS_H
#define HM_MARKDOWNPARTS_H

#include "report/pages.h"

/* Text of the table of runs, on one line: nothing in it is markup, a link or the end of a cell. The same at
 * the beginning of a line, where it is no heading, list, quotation, rule or block of code. */
void hm_markdown_text(struct hm_buf *b, const char *s, struct hm_err *e);
void hm_markdown_paragraph(struct hm_buf *b, const char *s, struct hm_err *e);

/* The sections, each with its heading, each silent about what there is nothing of. */
void hm_markdown_differences(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e);
void hm_markdown_claims(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e);
void hm_markdown_literature(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e);
void hm_markdown_stages(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e);
void hm_markdown_commands(const struct hm_findings *f, struct hm_buf *b, struct hm_err *e);

#endif
