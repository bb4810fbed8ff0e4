/* The text of a model file's tokenizer (hm.vocab): any bytes are refused, or give a tokenizer whose ids its
 * vocabulary has. */
#include "prep/tokenpack.h"
#include "tokenizerfolder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] =
		"the [CLS] Caf\xc3\xa9 \xe4\xb8\xad\xe6\x96\x87 <s>@user playing, \xc4\xb0x";
	const struct hm_tokenizer_options o = {0};
	struct hm_token_folder f;
	struct hm_err e = {0};
	int rc = hm_token_unpack(&f, (const char *)data, size, "hm.vocab", &e);
	struct hm_tokenizer *t = rc ? NULL : hm_tokenizer_from(&f, &o, &e);
	hm_token_folder_clear(&f);
	if (!t != (e.code != 0))
		abort();
	if (t)
		use_tokenizer(t, text, sizeof text - 1, 0);
	hm_tokenizer_close(t);
	return 0;
}
