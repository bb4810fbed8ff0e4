/* This file opens devices by name. */
#include "ops/backend.h"
#include "ops/cpu/team.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const precision_name[] = {"f32", "bf16", "tf32"};

const char *hm_precision_name(enum hm_precision p)
{
	return precision_name[p];
}

static int open_as(struct hm_device *d, const struct hm_backend *b, int index, struct hm_err *e)
{
	d->backend = b;
	return b ? b->open(d, index, e) : HM_EDEVICE;
}

/* CUDA where there is a GPU, otherwise the processor. */
static int open_auto(struct hm_device *d, struct hm_err *e)
{
	struct hm_err none = {0};
	return open_as(d, hm_plugin_cuda(&none), 0, &none) ? open_as(d, &hm_cpu_backend, 0, e) : 0;
}

static int open_named(struct hm_device *d, const char *name, struct hm_err *e)
{
	enum hm_device_name which;
	int index;
	if (!hm_device_parse(name, &which, &index))
		return hm_err_set(e, HM_EUSAGE, "\"%s\" is no device: auto, cpu, ref or cuda[:N]", name);
	switch (which) {
	case HM_NAME_AUTO:
		return open_auto(d, e);
	case HM_NAME_CPU:
		return open_as(d, &hm_cpu_backend, 0, e);
	case HM_NAME_REF:
		return open_as(d, &hm_ref_backend, 0, e);
	default:
		return open_as(d, hm_plugin_cuda(e), index, e);
	}
}

struct hm_device *hm_device_open(const char *name, enum hm_precision precision, struct hm_err *e)
{
	struct hm_device *d = hm_alloc(1, sizeof *d, e);
	if (d) {
		d->threads = 1;
		d->precision = precision;
	}
	if (d && open_named(d, name, e)) {
		free(d);
		return NULL;
	}
	return d;
}

int hm_device_use_threads(struct hm_device *d, int n, struct hm_err *e)
{
	int rc = hm_team_reserve(n, e);
	if (!rc)
		d->threads = n;
	return rc;
}

struct hm_device *hm_device_fork(const struct hm_device *from, struct hm_err *e)
{
	struct hm_device *d = hm_alloc(1, sizeof *d, e);
	if (!d)
		return NULL;
	*d = *from;
	d->threads = 1;
	d->ctx = NULL;
	d->err = (struct hm_err){0};
	if (from->ctx && from->backend->fork(d, from, e)) {
		free(d);
		return NULL;
	}
	return d;
}

void hm_device_close(struct hm_device *d)
{
	if (d && d->ctx)
		d->backend->close(d);
	free(d);
}

int hm_device_error(const struct hm_device *d, struct hm_err *e)
{
	return d->err.code ? hm_err_set(e, d->err.code, "%s", d->err.text) : 0;
}

float *hm_device_floats(struct hm_device *d, const float *x, size_t n)
{
	float *y = d->op->alloc(d, n * sizeof *y);
	if (y)
		d->op->upload(d, y, x, n * sizeof *y);
	return y;
}

float *hm_device_hold(struct hm_device *d, const float *x, size_t n, bool stay)
{
	return d->host && stay ? (float *)(uintptr_t)x : hm_device_floats(d, x, n); /* only read */
}

void hm_device_drop(struct hm_device *d, float *held, bool stay)
{
	if (!d->host || !stay)
		d->op->free(d, held);
}

char *hm_device_describe(const struct hm_device *d, char *out, size_t cap)
{
	snprintf(out, cap, "plain loops");
	if (d->backend->describe)
		d->backend->describe(out, cap);
	return out;
}

char *hm_device_backends(char *out, size_t cap)
{
	char cpu[64], cuda[128] = "absent";
	const struct hm_backend *plugin = hm_plugin_cuda(NULL);
	bool there = hm_plugin_there();
	hm_cpu_backend.describe(cpu, sizeof cpu);
	if (plugin)
		plugin->describe(cuda, sizeof cuda);
	snprintf(out, cap, "ref, cpu (%s)%s%s%s", cpu, there ? ", cuda (" : "", there ? cuda : "",
		 there ? ")" : "");
	return out;
}

uint64_t hm_device_processor(const struct hm_device *d)
{
	return d->backend->processor ? d->backend->processor() : 0;
}
