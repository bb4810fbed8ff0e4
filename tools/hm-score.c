/* hm-score: scores the predictions of a model or of any other program, with intervals, and compares systems.
 * See score.h. */
#include "score.h"

static const struct hm_opt table[] = {
	{.group = "What is scored"},
	{"model", 0, HM_STR(model), "MODEL",
	 "model file to run on the input; without it the input has a column prob", .file = HM_FILE_IN},
	{"compare", 0, HM_FLAG(compare), NULL,
	 "the operands, each FILE or NAME=FILE, are predictions of several systems: test each pair"},
	{"average", 0, HM_CHOICE(average), "mean|rank",
	 "the operands are predictions of several systems: score their mean, or that of their ranks",
	 .given = HM_GIVEN(averaged)},
	{"threshold", 0, HM_STR(threshold), "P|fit:FILE",
	 "class 1 when its probability is above P (default 0.5), or above what is best on FILE's "
	 "predictions",
	 .file = HM_FILE_IN},
	{"labels", 0, HM_STR(labels), "FILE",
	 "the true labels, by id, instead of the input's: JSON lines, CSV or records", .file = HM_FILE_IN},
	{"by", 0, HM_STR(by), "COLUMN", "also score the records of each value of that column"},
	{"pairs", 0, HM_STR(pairs), "FILE.csv",
	 "columns a,b,kind: how often both records of a pair are right", .file = HM_FILE_IN},
	{"expect", 0, HM_STR(expect), "FILE.jsonl|N", "how many records there should be", .file = HM_FILE_IN},
	{"allow-missing", 0, HM_FLAG(allow_missing), NULL,
	 "score although records are missing, with best and worst case"},
	{.group = "What is written"},
	{"csv", 0, HM_STR(csv), "FILE", "write id,proba,label there", .file = HM_FILE_OUT},
	{"spreadsheet", 0, HM_FLAG(spreadsheet), NULL,
	 "let no id or word of --csv be a formula or a control character"},
	{"submission", 0, HM_STR(submission), "FILE",
	 "write id,proba,label there, the label being the answer, as the challenge's server takes it",
	 .file = HM_FILE_OUT},
	{"json", 0, HM_STR(json), "FILE", "write the scores there; - is standard output, without the report",
	 .file = HM_FILE_OUT},
	{"roc", 0, HM_STR(roc), "FILE",
	 "draw the ROC curve there, a .png, .svg or .pdf by its ending (needs gnuplot)", .file = HM_FILE_OUT,
	 .program = true},
	{"calibration", 0, HM_STR(calibration), "FILE",
	 "draw there how often each probability is right, with intervals; the same endings",
	 .file = HM_FILE_OUT, .program = true},
	{"latex", 0, HM_STR(latex), "FILE", "write the scores there as tables of LaTeX (booktabs)",
	 .file = HM_FILE_OUT},
	{"errors", 0, HM_INT(errors), "N", "list the N most confident wrong answers", .max = 1000000},
	{"sheet", 0, HM_STR(sheet), "FILE.png",
	 "draw the answers that --errors lists; the input must have pixels", .file = HM_FILE_OUT},
	{"output", 'o', HM_STR(out), "FILE",
	 "write records there; with - here or at another file the report goes to stderr",
	 .file = HM_FILE_OUT},
	{"keep", 0, HM_FLAG(keep), NULL,
	 "write all columns of the input with -o, not only those of a prediction"},
	{"replace", 0, HM_FLAG(replace), NULL, "replace logits and prob if they exist already"},
	{.group = "Running the model"},
	{"batch-size", 0, HM_INT(batch_size), "N", "images, captions or pairs computed at once", .min = 1,
	 .max = 4096},
	TOWER_ROWS,
	TOWER_OUTPUT_ROWS(TOWER_IMAGE,
			  "which vector of the image encoder the model takes, where the file does not say",
			  "the same of the text encoder"),
	{"image-feature", 0, HM_STR(columns[HM_IMAGE]), "NAME,...",
	 "the image's feature columns, one after the other, instead of those that the model names"},
	{"text-feature", 0, HM_STR(columns[HM_TEXT]), "NAME,...", "the same for the text"},
	{"no-normalize", 0, HM_FLAG(no_normalize), NULL,
	 "the model, which does not say, joins its maps as they are"},
	{"ablate", 0, HM_LIST(ablate), "image|text=zero|shuffle",
	 "give the model zeros or another record's input on that side", .temporary = true},
	{"allow-mismatch", 0, HM_FLAG(mismatch), NULL,
	 "score inputs that were prepared otherwise than the model's (size, fit, vocabulary, casing)"},
	{"allow-unknown-features", 0, HM_FLAG(unknown), NULL,
	 "take features that do not say which encoder made them"},
	{.group = "Intervals"},
	{"bootstrap", 0, HM_INT(bootstrap), "N",
	 "resamples of the bootstrap; 0: none, and no intervals from it", .max = 1000000},
	{"seed", 0, HM_INT(seed), "N", "random seed of the bootstrap and of --ablate's shuffling",
	 .max = INT64_MAX},
	{0}};

static const struct hm_tool tool = {.name = "hm-score",
				    .summary = "score predictions, with intervals and paired tests",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_JOBS | HM_CLI_REC | HM_CLI_DEVICE,
				    .max_operands = -1,
				    .backends = hm_device_backends,
				    .sandbox = HM_CLI_COMPUTE,
				    .joins = true};

int main(int argc, char **argv)
{
	static struct hm_score r = {.o = {.bootstrap = 2000, .tower = TOWER_WORDS}};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	hm_score_check(&r);
	int rc = hm_score_run(&r, &e);
	hm_score_clear(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
