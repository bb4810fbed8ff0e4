/* Checkpoints of any metadata and tensors (fuzzweights.h), a byte 2, and the file of their seconds: refused
 * with a sentence that names the file, or a state that is written and read again as the same. */
#include "fuzzweights.h"
#include "nn/late.h"
#include "train/checkpoint.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A head on features of 3 and 2 numbers, with Adam: as tests/unit/test_checkpoint.c has it. */
static struct hm_checkpoint run;

static void make_run(void)
{
	static const char identity[] = "{\"epochs\":9,\"lr\":0.5,\"name\":\"x\"}";
	static struct hm_optim optim;
	struct hm_err e = {0};
	struct hm_params *trained;
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, &e);
	const struct hm_fusion_config c = {
		.kind = &hm_late_fusion, .classes = 2, .side = {{HM_USE_FEATURE, 3}, {HM_USE_FEATURE, 2}}};
	const struct hm_optim_config o = {.kind = HM_ADAM, .lr = .1, .total = 10};
	must(d && !hm_fusion_new(&run.fusion, &c, d, &e));
	trained = hm_fusion_params(run.fusion);
	must(!hm_params_init(trained, 3, 0, &e) && !hm_fusion_place(run.fusion, &e));
	must(!hm_optim_init(&optim, &o, &trained, NULL, 1, d, NULL, &e));
	run.optim = &optim;
	run.grows = "epochs";
	run.identity = hm_json_parse(identity, sizeof identity - 1, 2, NULL, &e);
	must(run.identity && (run.kept = calloc(hm_checkpoint_count(run.fusion), sizeof(float))));
}

static bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static void compare_states(const struct hm_train_state *a, const struct hm_train_state *b)
{
	must(a->epoch == b->epoch && a->done == b->done && a->step == b->step && a->stale == b->stale);
	must(a->best.epoch == b->best.epoch && a->best.n == b->best.n && a->log_bytes == b->log_bytes);
	must(same_number(a->sum, b->sum) && same_number(a->seen, b->seen));
	must(same_number(a->epoch_sum, b->epoch_sum) && same_number(a->best_value, b->best_value));
	must(same_number(a->best.loss, b->best.loss) && same_number(a->best.auroc, b->best.auroc));
	must(!strcmp(a->reason, b->reason));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[96];
	struct hm_train_state s, again;
	struct hm_err e = {0}, why = {0};
	struct hm_buf b = {0};
	double value;
	if (make_fuzz_folder()) {
		make_run();
		snprintf(path, sizeof path, "%s/run", fuzz_folder);
	}
	const uint8_t *clock = size ? memrchr(data, 2, size) : NULL;
	size_t n = clock ? (size_t)(clock - data) : size;
	build_weights(&b, data, n);
	put_file("run", b.data, b.len);
	put_file("run.seconds", clock ? clock + 1 : NULL, clock ? size - n - 1 : 0);
	hm_buf_clear(&b);
	run.path = path;
	if (hm_checkpoint_peek(path, "epochs", &value, &why))
		must_say(&why, path);
	if (hm_checkpoint_read(&run, &s, &e)) {
		must_say(&e, path);
		return 0;
	}
	must(s.epoch >= 0 && s.done >= 0 && s.step >= 0 && s.stale >= 0 &&
	     strlen(s.reason) < sizeof s.reason);
	must(isfinite(s.seconds) && s.seconds >= 0);
	must(!hm_checkpoint_write(&run, &s, &e));
	if (hm_checkpoint_read(&run, &again, &e)) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	compare_states(&s, &again);
	return 0;
}
