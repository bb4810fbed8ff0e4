/* The table of picture formats: whatever the file, it is decoded or refused with a reason that is valid
 * UTF-8, and its kind is found within its bytes. */
#include "base/filekind.h"
#include "json/json.h"
#include "prep/image.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_image_decoder *d = hm_image_decoder_new(NULL);
	const struct hm_filekind *k = hm_filekind_find(data, size);
	for (int again = 0; again < 4; again++) { /* each way twice, by one decoder */
		const struct hm_image_options o = {.limits = {.pixels = 1 << 20, .side = 2000},
						   .damaged = again % 2};
		struct hm_image im = {0};
		struct hm_err e = {0};
		if (!d)
			abort();
		int rc = hm_image_decode(d, data, size, &o, &im, &e);
		if (rc ? rc != HM_EDATA || !*e.text : !im.rgb || im.w < 1 || im.h < 1 || !k)
			abort();
		if (hm_utf8_check(e.text, strlen(e.text)) != strlen(e.text))
			abort();
	}
	hm_image_decoder_free(d);
	return 0;
}
