/* How numbers look in reports: shared by the files here that write text or JSON, and by nobody else. */
#ifndef HM_WRITE_H
#define HM_WRITE_H

#include "stat/scores.h"

#include <cjson/cJSON.h>

#define HM_RANGE 40
/* "0.5580", "undefined" for NaN. Returns out. */
char *hm_write_value(double v, char out[16]);
/* "[0.5142, 0.6010]", with signs when `sign`; "" for NaN. Returns out. */
char *hm_write_range(struct hm_interval ci, bool sign, char out[HM_RANGE]);

/* A text of unknown origin in a table: at most HM_CELL code points of it, control bytes as ?, "(empty)" for
 * "", filled with spaces up to `width` code points. */
enum { HM_CELL = 40 };
int hm_write_cell(struct hm_buf *b, const char *s, int width, struct hm_err *e);
/* The code points that hm_write_cell writes of s. */
int hm_write_width(const char *s);

/* NaN becomes null. */
void hm_write_number(cJSON *o, const char *key, double v);
void hm_write_interval(cJSON *o, const char *key, struct hm_interval ci);
/* The object of hm_report_json. NULL without memory. */
cJSON *hm_write_scores(const struct hm_scores *s);

#endif
