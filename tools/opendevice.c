/* See opendevice.h. */
#include "opendevice.h"

struct hm_device *open_asked_device(struct hm_cli *c, struct hm_err *e)
{
	struct hm_device *d = hm_device_open(c->device, (enum hm_precision)c->precision, e);
	if (!d)
		return NULL;
	bool chosen = c->precision == HM_PREC_AUTO;
	c->precision = (int)d->precision;
	hm_cli_device(c, d->name);
	if (chosen)
		hm_cli_notice(c, "--precision auto: %s", hm_precision_name(d->precision));
	double gain = chosen ? 0 : hm_device_bf16_gain(d);
	if (gain > 0 && gain < HM_BF16_WORTH)
		hm_cli_notice(
			c,
			"--precision bf16: on this processor bf16 products run at %.1f times the speed of "
			"f32's; --precision auto takes bf16 only where it gains",
			gain);
	return d;
}
