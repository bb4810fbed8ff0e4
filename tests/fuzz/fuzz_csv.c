/* Fuzz harness of the CSV reader: any bytes are rows or an error, and every number of a row is one. */
#include "prep/csv.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_csv c;
	struct hm_csv_row row;
	struct hm_err e = {0};
	char path[64];
	enum hm_csv_form form;
	const struct hm_filekind *other;
	int hold, fd = memfd_create("fuzz", 0);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (hm_csv_recognise(path, &form, &other, &hold, &e))
		abort();
	close(hold);
	int rc = hm_csv_open(&c, path, &e);
	while (!rc && (rc = hm_csv_next(&c, &row, &e)) == 1) {
		rc = 0;
		if (!*row.id || row.label < -1)
			abort();
		for (int k = 0; row.prob && k < c.classes; k++)
			if (isnan(row.prob[k]))
				abort();
	}
	if (rc && (!e.code || !e.text[0]))
		abort();
	hm_csv_close(&c);
	close(fd);
	return 0;
}
