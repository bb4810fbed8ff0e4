/* HEAD, the header of a stream: reading and checking it. See format.h and formats/hmr.md, "HEAD". */
#include "rec/format.h"
#include "base/xxh3.h"
#include "json/json.h"

#include <string.h>

enum { JSON_DEPTH = 8 };

/* The fixed part of a content of n bytes; everything but the JSON. */
static int check_fixed(const unsigned char *p, size_t n, struct hm_err *e)
{
	if (hm_get64(p + n - 8) != XXH3_64bits(p, n - 8))
		return hm_err_set(e, HM_EDATA, "the header is damaged (its hash differs)");
	if (hm_get16(p + 4) != HM_VERSION_MAJOR)
		return hm_err_set(e, HM_EDATA, "format version %u.%u, this program reads %u.x",
				  hm_get16(p + 4), hm_get16(p + 6), HM_VERSION_MAJOR);
	if (hm_get32(p + 8))
		return hm_err_set(e, HM_EDATA, "the header sets flags this version does not know (0x%x)",
				  hm_get32(p + 8));
	if (hm_get32(p + 16) != n - HM_HEAD_FIXED - 8 || hm_get32(p + 20))
		return hm_err_set(e, HM_EDATA, "the header's sizes contradict each other");
	return 0;
}

static int check_json(const char *text, size_t len, struct hm_head *h, struct hm_err *e)
{
	struct hm_buf again = {0};
	h->json = hm_json_parse(text, len, JSON_DEPTH, NULL, e);
	if (!h->json)
		return hm_err_prefix(e, "header");
	const cJSON *schema = cJSON_GetObjectItemCaseSensitive(h->json, "schema");
	int rc = hm_json_write(h->json, &again, e);
	if (!rc && (again.len != len || memcmp(again.data, text, len)))
		rc = hm_err_set(e, HM_EDATA, "the header's JSON is not in canonical form");
	if (!rc && (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(h->json, "meta")) ||
		    !cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(h->json, "pg")) ||
		    cJSON_GetArraySize(h->json) != 3))
		rc = hm_err_set(e, HM_EDATA, "the header does not hold meta, pg and schema, and these alone");
	if (!rc)
		rc = hm_schema_from_json(schema, &h->schema, e);
	if (!rc)
		rc = hm_json_write(schema, &h->text, e);
	hm_buf_clear(&again);
	return rc;
}

int hm_head_read(struct hm_source *in, struct hm_head *h, struct hm_err *e)
{
	static const char cut[] = "the stream ends within its header: it was cut, or its producer died";
	*h = (struct hm_head){0};
	int rc = hm_source_need(in, 1, e);
	if (!rc)
		return hm_err_set(e, HM_EDATA,
				  "the input is empty, not even a header: has its producer failed?");
	rc = rc < 0 ? rc : hm_source_need(in, 12, e);
	if (rc < 0)
		return rc;
	const unsigned char *p = hm_source_here(in);
	size_t left = hm_source_left(in);
	if (!rc && left >= 4 && hm_get32(p) == HM_SKIP_MAGIC)
		return hm_err_set(e, HM_EDATA, "%s", cut);
	if (!rc || hm_get32(p) != HM_SKIP_MAGIC || memcmp(p + 8, "HMRH", 4))
		return hm_head_refuse(p, left, e);
	uint32_t content = hm_get32(p + 4);
	if (content < HM_HEAD_FIXED + 8 || content > HM_HEAD_FIXED + 8 + HM_MAX_HEAD)
		return hm_err_set(e, HM_EDATA, "the header claims %u bytes, %d to 1 MiB are possible",
				  content, HM_HEAD_FIXED + 8);
	rc = hm_source_need(in, 8 + (size_t)content, e);
	if (rc <= 0)
		return rc < 0 ? rc : hm_err_set(e, HM_EDATA, "%s", cut);
	p = hm_source_here(in) + 8;
	rc = check_fixed(p, content, e);
	if (!rc)
		rc = check_json((const char *)p + HM_HEAD_FIXED, content - HM_HEAD_FIXED - 8, h, e);
	hm_source_skip(in, 8 + (size_t)content);
	return rc;
}

void hm_head_clear(struct hm_head *h)
{
	cJSON_Delete(h->json);
	hm_schema_clear(&h->schema);
	hm_buf_clear(&h->text);
	h->json = NULL;
}
