/* gzip through libdeflate, whole buffers: see gunzip.h. */
#include "prep/gunzip.h"

#include <libdeflate.h>

bool hm_gzip_is(const unsigned char *p, size_t n)
{
	return n > 2 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

int hm_gunzip(const unsigned char *p, size_t n, size_t cap, struct hm_buf *out, struct hm_err *e)
{
	size_t used = 0, got = 0;
	if (n < 18)
		return hm_err_set(e, HM_EDATA, "the gzip file is cut off");
	/* the file's last four bytes say how much it holds, modulo 2^32 */
	uint32_t size =
		p[n - 4] | (uint32_t)p[n - 3] << 8 | (uint32_t)p[n - 2] << 16 | (uint32_t)p[n - 1] << 24;
	if (size > cap)
		return hm_err_set(e, HM_EDATA,
				  "the gzip file says that it holds %u bytes; the limit is %zu (or it is cut "
				  "off)",
				  size, cap);
	if (hm_buf_reserve(out, size ? size : 1, e))
		return HM_EDATA;
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	if (!d)
		return hm_err_machine(e, "out of memory");
	enum libdeflate_result r =
		libdeflate_gzip_decompress_ex(d, p, n, out->data + out->len, size, &used, &got);
	libdeflate_free_decompressor(d);
	if (r != LIBDEFLATE_SUCCESS || used != n || got != size)
		return hm_err_set(e, HM_EDATA, "the gzip file is damaged or cut off");
	out->len += got;
	return 0;
}
