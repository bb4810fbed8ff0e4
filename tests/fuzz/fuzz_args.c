/* A call's arguments, each ended by a byte 0, for a table with an option of every kind and the common ones:
 * a sentence of what is wrong, or values within their limits; as a sweep's line sets them, they are the same.
 */
#include "cli/private.h"
#include "fuzzinput.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARGS = 600 };

struct values {
	bool flag, given;
	int64_t number, bytes;
	double real, any;
	char *text;
	struct hm_strs list;
	int choice;
	struct hm_shard shard;
};

#define AT(MEMBER) offsetof(struct values, MEMBER)
static const struct hm_opt table[] = {
	{.group = "All kinds"},
	{"flag", 'f', HM_OPT_FLAG, AT(flag), NULL, "a flag"},
	{"number", 'n', HM_OPT_INT, AT(number), "N", "a number", .min = -5, .max = 1000,
	 .given = 1 + AT(given)},
	{"bytes", 0, HM_OPT_SIZE, AT(bytes), "N", "a size", .min = 1, .max = (int64_t)1 << 40},
	{"real", 0, HM_OPT_DOUBLE, AT(real), "X", "a number", .dmin = 0, .dmax = 1},
	{"any", 0, HM_OPT_DOUBLE, AT(any), "X", "any number"},
	{"text", 't', HM_OPT_STR, AT(text), "STR", "a text"},
	{"list", 'l', HM_OPT_LIST, AT(list), "STR", "texts (repeatable)"},
	{"choice", 0, HM_OPT_CHOICE, AT(choice), "squash|crop|pad", "a word"},
	{"shard", 0, HM_OPT_SHARD, AT(shard), "I/N", "a part"},
	{"alone", 0, HM_OPT_FLAG, AT(flag), NULL, "no operand with it", .no_operand = true},
	{0}};
static const struct hm_tool tool = {.name = "hm-test",
				    .summary = "all kinds of options",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC | HM_CLI_DEVICE,
				    .max_operands = 3};

static void check_values(const struct values *v)
{
	must(v->number >= -5 && v->number <= 1000 && v->bytes >= 1 && v->bytes <= (int64_t)1 << 40);
	must(v->real >= 0 && v->real <= 1 && isfinite(v->any) && v->choice >= 0 && v->choice <= 2);
	must(v->list.n >= 0 && v->list.n <= 256 && (!v->shard.n || v->shard.i < v->shard.n));
	must(v->given || v->number == 7);
}

static const struct values defaults = {.number = 7, .bytes = 1, .real = .5};

static void set_as_line(const struct hm_cli *c, char *name, char *value)
{
	char text[512];
	struct values v = defaults;
	const char *wrong = hm_cli_set(c, &v, name, value, text, sizeof text);
	must(!wrong || (wrong == text && *text && strlen(text) < sizeof text));
	check_values(&v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *argv[ARGS + 2], *operand[ARGS + 2];
	struct hm_cli_private priv = {.o = {.completion = -1, .jobs = 1, .level = 1, .block_size = 1 << 20}};
	struct hm_cli c = {.tool = &tool, .priv = &priv, .operands = operand};
	struct values v = defaults;
	char text[512];
	int argc = 1;
	char *copy = malloc(size + 1); /* its own block, which ends where the last argument does */
	must(copy != NULL);
	memcpy(copy, data, size);
	copy[size] = 0;
	argv[0] = "hm-test";
	for (size_t at = 0; at < size && argc <= ARGS; at += strlen(copy + at) + 1)
		argv[argc++] = copy + at;
	argv[argc] = NULL;
	hm_opt_rows(&c, &v);
	const char *wrong = hm_opt_parse(&c, argc, argv, text, sizeof text);
	check_values(&v);
	if (wrong) {
		must(wrong == text && *text && strlen(text) < sizeof text);
	} else if (!priv.o.help && !priv.o.version && priv.o.completion < 0) {
		must(c.n_operands >= 0 && c.n_operands <= 3);
		must(priv.o.jobs >= 1 && priv.o.jobs <= HM_CLI_JOBS_MOST && priv.o.level >= 1 &&
		     priv.o.level <= 22);
		for (int i = 0; i < c.n_operands; i++)
			must(operand[i] != NULL);
	}
	if (argc > 2)
		set_as_line(&c, argv[1], argv[2]);
	free(priv.row);
	free(copy);
	return 0;
}
