/* Fuzz harness of the file of labels: any bytes are labels by id or an error that names the file, and what
 * was read fits predictions or is refused. */
#include "score/truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Three records, the last of an id that no file has; the second class has a word when asked for. */
static void fill_predictions(struct hm_predictions *p, bool words)
{
	static const char *const id[] = {"1", "b", "nobody"}, *const word[] = {"no", "yes"};
	struct hm_err e = {0};
	*p = (struct hm_predictions){.name = "p", .classes = 2};
	for (int i = 0; i < 3; i++)
		if (hm_predictions_add(p, id[i], strlen(id[i]), NULL, 0, -1, (double[]){.5, .5}, (uint64_t)i,
				       &e))
			abort();
	if (words && hm_predictions_call(p, word, 2, &e))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hm_truth t;
	struct hm_err e = {0};
	char path[64];
	size_t missing;
	int fd = memfd_create("fuzz", 0);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	int rc = hm_truth_read(&t, path, NULL, &e);
	if (rc && (!e.code || !strstr(e.text, path)))
		abort();
	for (int words = 0; !rc && words < 2; words++) {
		struct hm_predictions p;
		struct hm_err why = {0};
		fill_predictions(&p, words);
		if (hm_truth_apply(&t, &p, true, &missing, &why) && !why.text[0])
			abort();
		if (!why.code && (missing > t.n || p.item[2].label != -1))
			abort();
		for (size_t i = 0; !why.code && i < p.n; i++)
			if (p.item[i].label < -1 || p.item[i].label > 1)
				abort();
		hm_predictions_clear(&p);
	}
	hm_truth_clear(&t);
	close(fd);
	return 0;
}
