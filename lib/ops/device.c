/* Devices by name. The only file that knows which ones are built in. */
#include "ops/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const precision_name[] = {"f32", "bf16", "tf32"};

const char *hm_precision_name(enum hm_precision p)
{
	return precision_name[p];
}

static bool is_cuda(const char *name)
{
	return !strncmp(name, "cuda", 4) &&
	       (!name[4] || (name[4] == ':' && name[5] && !name[5 + strspn(name + 5, "0123456789")]));
}

static int open_named(struct hm_device *d, const char *name, enum hm_precision precision, struct hm_err *e)
{
	if (!strcmp(name, "ref"))
		return hm_ref_open(d, precision, e);
	if (!strcmp(name, "cpu") || !strcmp(name, "auto"))
		return hm_cpu_open(d, precision, e);
	if (is_cuda(name))
		return hm_err_set(e, HM_EDEVICE, "device %s is not built in", name);
	return hm_err_set(e, HM_EUSAGE, "\"%s\" is no device: auto, cpu, ref or cuda[:N]", name);
}

struct hm_device *hm_device_open(const char *name, enum hm_precision precision, struct hm_err *e)
{
	struct hm_device *d = hm_alloc(1, sizeof *d, e);
	if (d) {
		d->threads = 1;
		d->precision = precision;
	}
	if (d && open_named(d, name, precision, e)) {
		free(d);
		return NULL;
	}
	return d;
}

struct hm_device *hm_device_fork(const struct hm_device *from, struct hm_err *e)
{
	struct hm_device *d = hm_alloc(1, sizeof *d, e);
	if (!d)
		return NULL;
	d->op = from->op;
	d->precision = from->precision;
	d->act = from->act;
	d->name = from->name;
	d->host = from->host;
	d->threads = 1;
	if (from->ctx && hm_cpu_fork(d, from, e)) {
		free(d);
		return NULL;
	}
	return d;
}

void hm_device_close(struct hm_device *d)
{
	if (d && d->ctx)
		hm_cpu_close(d);
	free(d);
}

int hm_device_error(const struct hm_device *d, struct hm_err *e)
{
	return d->err.code ? hm_err_set(e, d->err.code, "%s", d->err.text) : 0;
}

char *hm_device_backends(char *out, size_t cap)
{
	char cpu[64];
	hm_cpu_describe(cpu, sizeof cpu);
	snprintf(out, cap, "ref, cpu (%s)", cpu);
	return out;
}

uint64_t hm_device_processor(const struct hm_device *d)
{
	return d->ctx ? hm_cpu_processor() : 0;
}
