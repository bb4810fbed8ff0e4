/* A small gzip file unpacked in memory. */
#ifndef HM_GUNZIP_H
#define HM_GUNZIP_H

#include "base/mem.h"

/* True when p[0..n) begins as a gzip file does. */
bool hm_gzip_is(const unsigned char *p, size_t n);
/* Appends what the file holds to `out`. HM_EDATA when it is damaged or cut off, holds more than `cap` bytes,
 * or has more bytes behind its end. */
int hm_gunzip(const unsigned char *p, size_t n, size_t cap, struct hm_buf *out, struct hm_err *e);

#endif
