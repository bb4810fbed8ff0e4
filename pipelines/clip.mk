# clip.mk: heads on frozen CLIP features, as papers on Hateful Memes train them, as a graph of files: features once, then
# a head per row and random seed, the nearest memes' vote, the mean of the seeds, and a table with the literature's AUROC.
#
#   make -f pipelines/clip.mk all DATA=hateful_memes CLIP=clip-vit-large-patch14     a folder of Hugging Face or open_clip
#   make -f pipelines/clip.mk all DATA=hateful_memes CLIP=ViT-L-14.pt VOCAB=bpe_simple_vocab_16e6.txt.gz     OpenAI's
#   make -f pipelines/clip.mk all DATA=toy IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text VOCAB=tests/data/text/clip \
#       ENCODE='--vocab-size 797' EPOCHS=2                                           hm-synth's data, random weights
#   make -f pipelines/clip.mk list                                                   the rows and their options
#
# Every target is a file in OUT. If a row's options change, only this row trains again. A target's file is always complete.

DATA   ?=
CLIP   ?= clip-vit-large-patch14
IMAGE  ?= $(CLIP)
TEXT   ?= $(CLIP)
VOCAB  ?= $(CLIP)
PIXELS ?= $(if $(wildcard $(CLIP)/*.json),--like $(CLIP),--filter bicubic) --fit squash# how hm-imgprep makes squares
TOKENS ?=#   further options of hm-tokenize
ENCODE ?=#   further options of hm-encode
OUT    ?= clip-experiment
CACHE  ?= $(OUT)/cache
SEEDS  ?= 1 2 3
EPOCHS ?= 20

# ---- the table -----------------------------------------------------------------------------------------------------
# Hate-CLIPper's settings, whose published AUROC is in clip-published.csv. Its cross has maps 1024 wide, a million inputs
# for each example and a billion parameters; here they are 32 wide, as its own example has them.
common   := --optimizer adamw --lr 1e-4 --weight-decay 1e-4 --clip-norm 0.1 --batch-size 64 --head-dropout 0.2,0.4,0.1
late      = --fusion late --optimizer adamw --lr 1e-3 --batch-size 64
concat-1  = --fusion concat --pre-layers 1 $(common)
concat-3  = --fusion concat --pre-layers 3 $(common)
align-1   = --fusion align --pre-layers 1 $(common)
align-3   = --fusion align --pre-layers 3 $(common)
cross     = --fusion cross --map-dim 32 --pre-dim 1024 --pre-layers 1 $(common)

KNOWN := late concat-1 concat-3 align-1 align-3 cross
ROWS  ?= $(KNOWN)

# ---- wrong calls are reported before anything runs -------------------------------------------------------------------
override OUT := $(patsubst %/,%,$(OUT))
$(foreach r,$(or $(ROWS),''),$(if $(filter $r,$(KNOWN)),,$(error ROWS=$(ROWS): $r is not one of the rows: $(KNOWN))))
HERE  := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
export PATH := $(abspath $(HERE)/../build/bin):$(PATH)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
lines_train := $(DATA)/train.jsonl
lines_dev   := $(firstword $(wildcard $(DATA)/dev.jsonl $(DATA)/dev_seen.jsonl) $(DATA)/dev.jsonl)
file_of      = $(if $(filter init:%,$1),,$1)
ifneq ($(filter-out list help,$(or $(MAKECMDGOALS),all)),)
$(foreach s,train dev,$(if $(wildcard $(lines_$s)),,$(error DATA=$(DATA) holds no $s.jsonl: give the data set's folder as DATA=FOLDER; `hm-synth FOLDER` makes one to try)))
$(foreach f,$(call file_of,$(IMAGE)) $(call file_of,$(TEXT)) $(VOCAB),$(if $(wildcard $f),,$(error there is no $f: say CLIP=FOLDER, or IMAGE=SPEC TEXT=SPEC VOCAB=FILE)))
endif

.PHONY: all list help FORCE
all: $(OUT)/table.txt ## features, heads, votes, the table
	@cat $<

# Settings that change the result are kept in files, which are written when they differ.
settle = +@mkdir -p $(@D); printf '%s\n' '$1' | cmp -s - $@ || printf '%s\n' '$1' >$@
$(OUT)/data/settings: FORCE
	$(call settle,$(abspath $(DATA)) $(IMAGE) $(TEXT) $(VOCAB) $(PIXELS) $(TOKENS) $(ENCODE))
FORCE:

# ---- features of each split ------------------------------------------------------------------------------------------
define split
$(OUT)/data/$1.hmr: $(lines_$1) $(OUT)/data/settings $(wildcard $(DATA)/img/*.png)
	hm-jsonl2rec $$< | hm-imgprep --root $(DATA)/img $(PIXELS) | hm-tokenize --vocab $(VOCAB) $(TOKENS) | \
	    hm-encode --image $(IMAGE) --text $(TEXT) $(ENCODE) --cache $(CACHE) -o $$@
endef
$(foreach s,train dev,$(eval $(call split,$s)))
features := $(OUT)/data/train.hmr $(OUT)/data/dev.hmr

# ---- a head per row and seed; the mean of the seeds' probabilities is the row's answer ---------------------------------
define run
$(OUT)/runs/$1/$2.options: FORCE
	$$(call settle,$($1) --epochs $(EPOCHS) --seed $2)
$(OUT)/runs/$1/$2.safetensors: $(OUT)/runs/$1/$2.options $(features)
	hm-fuse-train $($1) --epochs $(EPOCHS) --seed $2 --select auroc --log $(OUT)/runs/$1/$2.jsonl \
	    --val $(OUT)/data/dev.hmr -o $$@ $(OUT)/data/train.hmr
$(OUT)/runs/$1/$2.csv: $(OUT)/runs/$1/$2.safetensors $(OUT)/data/dev.hmr
	hm-score --model $$< --csv $$@ $(OUT)/data/dev.hmr >$(OUT)/runs/$1/$2.txt
endef
$(foreach r,$(KNOWN),$(foreach s,$(SEEDS),$(eval $(call run,$r,$s))))
csvs = $(foreach s,$(SEEDS),$(OUT)/runs/$1/$s.csv)
define row
$(OUT)/runs/$1/seeds: FORCE
	$$(call settle,$(SEEDS))
$(OUT)/$1.json: $(call csvs,$1) $(OUT)/runs/$1/seeds
	$(if $(word 2,$(SEEDS)),hm-score --average mean,hm-score) --csv $(OUT)/$1.csv --json $$@ $(call csvs,$1) >$(OUT)/$1.txt
endef
$(foreach r,$(KNOWN),$(eval $(call row,$r)))

# No training at all: the twenty most similar memes of train vote. And the mean of all rows.
$(OUT)/knn.json: $(features)
	hm-nearest --train $(OUT)/data/train.hmr $(OUT)/data/dev.hmr -o $(OUT)/knn.hmr
	hm-score --csv $(OUT)/knn.csv --json $@ $(OUT)/knn.hmr >$(OUT)/knn.txt
$(OUT)/rows: FORCE
	$(call settle,$(ROWS))
$(OUT)/mean.json: $(ROWS:%=$(OUT)/%.json) $(OUT)/rows
	$(if $(word 2,$(ROWS)),hm-score --average mean,hm-score) --csv $(OUT)/mean.csv --json $@ $(ROWS:%=$(OUT)/%.csv) >$(OUT)/mean.txt

all_rows := $(ROWS) knn mean
$(OUT)/compare.txt: $(all_rows:%=$(OUT)/%.json)
	hm-score --compare $(all_rows:%=$(OUT)/%.csv) >$@.new && mv $@.new $@
$(OUT)/table.txt: $(all_rows:%=$(OUT)/%.json) $(OUT)/compare.txt $(HERE)/clip-table.sh $(HERE)/clip-published.csv
	$(HERE)/clip-table.sh $(OUT) $(all_rows) >$@.new
	@echo "The AUROC of a row is of the mean of its seeds; epochs were chosen by it, so it is too good as an estimate." >>$@.new
	@echo "Which rows differ by more than noise: $(OUT)/compare.txt" >>$@.new && mv $@.new $@

list: ## the rows and their options
	@$(foreach r,$(KNOWN),printf '%-10s %s\n' '$r' '$($r) --epochs $(EPOCHS)';)

help: ## this list
	@sed -n '1,/^$$/s/^# \{0,1\}//p' $(lastword $(MAKEFILE_LIST)); grep -hE '^[a-z]+:.*##' $(lastword $(MAKEFILE_LIST)) | sed 's/:[^#]*## /\t/' | expand -t 12
	@echo; echo "variables: DATA CLIP IMAGE TEXT VOCAB PIXELS TOKENS ENCODE OUT CACHE SEEDS EPOCHS ROWS, and each row's options by its name"
