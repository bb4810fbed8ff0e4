# clip.mk: heads on frozen CLIP features, as papers on Hateful Memes train them, as a graph of files: features once, then
# a head per row and random seed, the nearest memes' vote, the mean of the seeds; a table with the literature's AUROC, and
# a report with intervals.
#
#   make -f pipelines/clip.mk all DATA=hateful_memes              fetch the weights before: pipelines/get-weights.sh clip-vit-large-patch14
#   make -f pipelines/clip.mk all DATA=hateful_memes CLIP=weights/ViT-L-14.pt        OpenAI's file: get-weights.sh ViT-L-14
#   make -f pipelines/clip.mk all DATA=toy IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text VOCAB=tests/data/text/clip \
#       ENCODE='--vocab-size 797' EPOCHS=2                        hm-synth's data, random weights
#   make -f pipelines/clip.mk list                                the rows, their options, and the recipes of the literature
#
# Every target is a file in OUT. If a row's options change, only this row trains again. A target's file is always complete.
# SHARDS=N, RUN=, RUN_GPU=: see pipelines/README.md, "Many machines".

DATA   ?=
CLIP   ?= weights/clip-vit-large-patch14# a folder of Hugging Face or open_clip, or OpenAI's .pt
IMAGE  ?= $(CLIP)
TEXT   ?= $(CLIP)
VOCAB  ?= $(if $(filter %.pt,$(CLIP)),$(dir $(CLIP))bpe_simple_vocab_16e6.txt.gz,$(CLIP))
PIXELS ?= $(if $(wildcard $(CLIP)/*.json),--like $(CLIP),--filter bicubic) --fit squash# how hm-imgprep makes squares
TOKENS ?=#   further options of hm-tokenize
ENCODE ?=#   further options of hm-encode
OUT    ?= clip-experiment
CACHE  ?= $(OUT)/cache
SEEDS  ?= 1 2 3
EPOCHS ?=#   of every row; unless given, each row's own

# ---- the table -----------------------------------------------------------------------------------------------------
# What was published of each row is in clip-published.csv, what it leaves out in clip-recipes.txt. First Hate-CLIPper's
# settings. Its cross has maps 1024 wide, a million inputs for each example and a billion parameters; here they are 32
# wide, as its own example has them.
adamw         = --optimizer adamw --lr 1e-4 --weight-decay 1e-4
common        = $(adamw) --clip-norm 0.1 --batch-size 64 --head-dropout 0.2,0.4,0.1 --epochs 20
late          = --fusion late --optimizer adamw --lr 1e-3 --batch-size 64 --epochs 20
concat-1      = --fusion concat --pre-layers 1 $(common)
concat-3      = --fusion concat --pre-layers 3 $(common)
align-1       = --fusion align --pre-layers 1 $(common)
align-3       = --fusion align --pre-layers 3 $(common)
cross         = --fusion cross --map-dim 32 --pre-dim 1024 --pre-layers 1 $(common)
# What hm has of three other publications.
issues-like   = --fusion align --pre-layers 1 --no-normalize $(adamw) --clip-norm 0.1 --batch-size 64 --head-dropout 0.2,0.4,0.1 --epochs 60
memeclip-like = --fusion align --pre-layers 1 $(adamw) --batch-size 16 --head-dropout 0.1,0.4,0.2 --epochs 10
rgcl-like     = --fusion align --pre-layers 3 --optimizer adamw --lr 1e-4 --weight-decay 0.01 --clip-norm 0.1 --batch-size 64 --head-dropout 0.2,0.4,0.1 --epochs 30

KNOWN := late concat-1 concat-3 align-1 align-3 cross issues-like memeclip-like rgcl-like
ROWS  ?= $(KNOWN)
seeds  = $(if $(filter knn,$1),0,$(SEEDS))
# The published AUROCs of a row, in per cent: "81.2, 85.5".
published = $(shell awk -F, '$$1 == "$1" { print $$3 ", " $$4; n = 1 } END { if (!n) print "-, -" }' $(HERE)/clip-published.csv)

SELF  := $(lastword $(MAKEFILE_LIST))
variables := DATA CLIP IMAGE TEXT VOCAB PIXELS TOKENS ENCODE OUT CACHE SEEDS EPOCHS ROWS
without    = `$(HERE)/get-weights.sh clip-vit-large-patch14` fetches it into weights/; or say CLIP=FOLDER or CLIP=FILE.pt, or IMAGE=SPEC TEXT=SPEC VOCAB=FILE, with init:clip-tiny-image and init:clip-tiny-text to try (of a small vocabulary, ENCODE="--vocab-size N", too)
settled    = $(OUT)/data/settings
endings   := hmr
staged     = $(ROWS) knn
include $(dir $(SELF))common.mk

.PHONY: all report list help
all: $(OUT)/table.txt report ## features, heads, votes, the table, the report
	@cat $<
report: $(OUT)/report.html ## the report; rows that ROWS names

# ---- features of each split, or of each of its shards ----------------------------------------------------------------
$(OUT)/data/settings: FORCE
	$(call settle,$(call from_here,$(DATA) $(lines_dev) $(VOCAB)) $(IMAGE) $(TEXT) $(PIXELS) $(TOKENS) $(ENCODE))
# chain(SPLIT, STEM, OPTION): see chains in common.mk
define chain
$(OUT)/data/$2.hmr: $(lines_$1) $(OUT)/data/settings $(pictures) $(call weights,$(IMAGE) $(TEXT) $(VOCAB)) | $(if $3,$(OUT)/data/shards) $(OUT)/stats
	$$(call piped,$$(RUN_GPU),hm-jsonl2rec$3 --stats $(OUT)/stats/jsonl2rec-$(notdir $2).json $$< | \
	    hm-imgprep --root $(DATA)/img $$(PIXELS) --stats $(OUT)/stats/imgprep-$(notdir $2).json | \
	    hm-tokenize --vocab $(VOCAB) $$(TOKENS) --stats $(OUT)/stats/tokenize-$(notdir $2).json | \
	    hm-encode --image $(IMAGE) --text $(TEXT) $$(ENCODE) --cache $(CACHE) --stats $(OUT)/stats/encode-$(notdir $2).json -o $$@)
endef
$(call chains,chain)
$(call joins,hmr,jsonl2rec imgprep tokenize encode)
features := $(OUT)/data/train.hmr $(OUT)/data/dev.hmr

# ---- a head per row and seed; the mean of the seeds' probabilities is the row's answer ---------------------------------
# command(NAME, SEED, FOLDER): the whole command of a run, as the report shows it.
command = hm-fuse-train $(call options,$1) --seed $2 --select auroc --log $3/log.jsonl --stats $3/train.json --val $(OUT)/data/dev.hmr \
          -o $3/model.safetensors $(OUT)/data/train.hmr
define run
$3/command.txt: FORCE
	$$(call settle,$$(strip $$(call command,$1,$2,$3)))
$3/model.safetensors: $3/command.txt $(features)
	$$(RUN_GPU) $$(strip $$(call command,$1,$2,$3))
$3/dev.json: $3/model.safetensors $(OUT)/data/dev.hmr
	$$(RUN_GPU) hm-score --model $$< --stats $3/score.json --csv $3/dev.csv -o $3/dev.hmr --json $$@ $(OUT)/data/dev.hmr >$3/dev.txt
endef
$(foreach r,$(KNOWN),$(foreach s,$(SEEDS),$(eval $(call run,$r,$s,$(OUT)/runs/$r/$s))))

# No training at all: the twenty most similar memes of train vote.
$(OUT)/runs/knn/0/dev.json: $(features)
	@mkdir -p $(@D)
	$(RUN) hm-nearest --train $(OUT)/data/train.hmr $(OUT)/data/dev.hmr -o $(@D)/dev.hmr
	hm-score --csv $(@D)/dev.csv --json $@ $(@D)/dev.hmr >$(@D)/dev.txt

folders = $(foreach s,$(call seeds,$1),$(OUT)/runs/$1/$s)
average = $(if $(word 2,$1),hm-score --average mean,hm-score) --csv $(@:.json=.csv) --json $@ $1 >$(@:.json=.txt)
define row
$(OUT)/runs/$1/seeds: FORCE
	$$(call settle,$(call seeds,$1))
$(OUT)/$1.json: $(addsuffix /dev.json,$(call folders,$1)) $(OUT)/runs/$1/seeds
	$$(call average,$(addsuffix /dev.csv,$(call folders,$1)))
endef
$(foreach r,$(KNOWN) knn,$(eval $(call row,$r)))
.PHONY: $(KNOWN) knn
$(foreach r,$(KNOWN) knn,$(eval $r: $(OUT)/$r.json))
$(OUT)/mean.json: $(ROWS:%=$(OUT)/%.json) $(OUT)/rows.tsv
	$(call average,$(ROWS:%=$(OUT)/%.csv))

# ---- the table, the report ---------------------------------------------------------------------------------------------
all_rows := $(ROWS) knn mean
$(OUT)/compare.txt: $(all_rows:%=$(OUT)/%.json)
	hm-score --compare $(all_rows:%=$(OUT)/%.csv) >$@.new && mv $@.new $@
$(OUT)/table.txt: $(all_rows:%=$(OUT)/%.json) $(OUT)/compare.txt $(HERE)/clip-table.sh $(HERE)/clip-published.csv
	$(HERE)/clip-table.sh $(OUT) $(all_rows) >$@.new
	@echo "The AUROC of a row is of the mean of its seeds; epochs were chosen by it, so it is too good as an estimate." >>$@.new
	@echo "Which rows differ by more than noise: $(OUT)/compare.txt. With intervals, also of the literature: $(OUT)/report.html" >>$@.new
	@mv $@.new $@
reported = $(foreach r,$(ROWS) knn,$(call folders,$r))
$(OUT)/runs.json: $(OUT)/rows.tsv $(reported:%=%/dev.json) $(reported:%=%/history.json) $(OUT)/mean.json $(HERE)/clip-published.csv \
    $(HERE)/runs.sh $(HERE)/runs.awk $(HERE)/clip-runs.awk
	$(HERE)/runs.sh --data $(DATA) --image $(IMAGE) --text $(TEXT) clip $(OUT) >$@.new && mv $@.new $@

list: ## the rows: published AUROC on dev_seen and test_seen, and the options; the recipes of the literature
	@$(foreach r,$(KNOWN),printf '%-14s %-11s %s\n' '$r' '$(call published,$r)' '$(call options,$r)';)
	@echo; cat $(HERE)/clip-recipes.txt
