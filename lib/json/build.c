/* Building JSON trees with a sticky error. See build.h. */
#include "json/build.h"

/* `v` if it could be made, else the error. */
static cJSON *check_made(cJSON *v, struct hm_err *e)
{
	if (!v)
		hm_err_machine(e, "out of memory");
	return v;
}

cJSON *hm_json_object(struct hm_err *e)
{
	return e->code ? NULL : check_made(cJSON_CreateObject(), e);
}

cJSON *hm_json_array(struct hm_err *e)
{
	return e->code ? NULL : check_made(cJSON_CreateArray(), e);
}

cJSON *hm_json_copy(const cJSON *v, struct hm_err *e)
{
	return e->code ? NULL : check_made(cJSON_Duplicate(v, true), e);
}

/* Hands `v` over to `in` and returns it; NULL with `v` freed when that fails, or when something failed
 * before. */
static cJSON *add_item(cJSON *in, const char *key, cJSON *v, struct hm_err *e)
{
	if (!e->code && check_made(v, e)) {
		if (key ? cJSON_AddItemToObject(in, key, v) : cJSON_AddItemToArray(in, v))
			return v;
		hm_err_machine(e, "out of memory");
	}
	cJSON_Delete(v);
	return NULL;
}

void hm_json_add_str(cJSON *in, const char *key, const char *s, struct hm_err *e)
{
	if (!e->code)
		add_item(in, key, cJSON_CreateString(s), e);
}

void hm_json_add_num(cJSON *in, const char *key, double v, struct hm_err *e)
{
	if (!e->code)
		add_item(in, key, cJSON_CreateNumber(v), e);
}

void hm_json_add_bool(cJSON *in, const char *key, bool v, struct hm_err *e)
{
	if (!e->code)
		add_item(in, key, cJSON_CreateBool(v), e);
}

void hm_json_add_null(cJSON *in, const char *key, struct hm_err *e)
{
	if (!e->code)
		add_item(in, key, cJSON_CreateNull(), e);
}

cJSON *hm_json_add_object(cJSON *in, const char *key, struct hm_err *e)
{
	return e->code ? NULL : add_item(in, key, cJSON_CreateObject(), e);
}

cJSON *hm_json_add_array(cJSON *in, const char *key, struct hm_err *e)
{
	return e->code ? NULL : add_item(in, key, cJSON_CreateArray(), e);
}

/* Not cJSON_CreateDoubleArray: it gives a shorter array when memory runs out. */
void hm_json_add_nums(cJSON *in, const char *key, const double *v, int n, struct hm_err *e)
{
	cJSON *list = hm_json_add_array(in, key, e);
	for (int i = 0; i < n; i++)
		hm_json_add_num(list, NULL, v[i], e);
}

void hm_json_add_copy(cJSON *in, const char *key, const cJSON *v, struct hm_err *e)
{
	if (!e->code)
		add_item(in, key, cJSON_Duplicate(v, true), e);
}

void hm_json_add_tree(cJSON *in, const char *key, cJSON *v, struct hm_err *e)
{
	add_item(in, key, v, e);
}

void hm_json_add_text(cJSON *in, const char *key, const cJSON *v, struct hm_err *e)
{
	struct hm_buf b = {0};
	if (!e->code && check_made((cJSON *)(uintptr_t)v, e) && !hm_json_write(v, &b, e) &&
	    !hm_buf_add(&b, "", 1, e))
		hm_json_add_str(in, key, (char *)b.data, e);
	hm_buf_clear(&b);
}

cJSON *hm_json_whole(cJSON *tree, struct hm_err *e)
{
	if (!e->code && check_made(tree, e))
		return tree;
	cJSON_Delete(tree);
	return NULL;
}

int hm_json_line(cJSON *tree, struct hm_buf *out, struct hm_err *e)
{
	size_t from = out->len;
	tree = hm_json_whole(tree, e);
	int rc = tree ? hm_json_write(tree, out, e) : e->code;
	cJSON_Delete(tree);
	if (!rc)
		rc = hm_json_tame(out, from, e);
	return rc ? rc : hm_buf_add(out, "\n", 1, e);
}
