# common.mk: what seed.mk and clip.mk share: checks of a call, where things are, files of settings, options of a row, shards.
# They include it behind their variables and rows, when these are set: SELF (the makefile), KNOWN (names of rows), settled
# (files of settings), endings (of a split's files), staged (rows that jobs make), and the user's DATA OUT CACHE IMAGE TEXT
# VOCAB SEEDS EPOCHS ROWS.
SHARDS  ?= 1# each split is prepared and encoded in so many files, which are joined at the end
RUN     ?=#   in front of every heavy command: RUN='srun --ntasks=1 --cpus-per-task=4'
RUN_GPU ?= $(RUN)# in front of those that use the device
.DEFAULT_GOAL := all
HERE := $(patsubst %/,%,$(dir $(SELF)))
# The tools of the tree that this file lies in; where it is installed, those in PATH.
export PATH := $(addsuffix :,$(abspath $(wildcard $(HERE)/../build/bin/.)))$(PATH)
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:

# ---- wrong calls are reported before anything runs ----------------------------------------------------------------------------
comma := ,
override OUT := $(patsubst %/,%,$(OUT))
matches = $(shell printf '%s\n' $2 | grep -vxqE '$1' || echo yes)# every word of $2
$(foreach v,DATA OUT CACHE IMAGE TEXT VOCAB,$(if $(word 2,$($v)),$(error $v=$($v): a space, which make takes for the end of a name)))
$(if $(OUT),,$(error OUT=: say which folder the experiment is to be in))
$(if $(call matches,0|[1-9][0-9]*,$(SEEDS)),,$(error SEEDS=$(SEEDS): one integer or several))
$(if $(filter $(words $(SEEDS)),$(words $(sort $(SEEDS)))),,$(error SEEDS=$(SEEDS): names one twice))
$(if $(EPOCHS),$(if $(call matches,[1-9][0-9]*,$(EPOCHS)),,$(error EPOCHS=$(EPOCHS): an integer from 1)))
$(if $(if $(word 2,$(SHARDS)),,$(call matches,[1-9][0-9]{0$(comma)2},$(SHARDS))),,$(error SHARDS=$(SHARDS): an integer from 1 to 999))
$(foreach r,$(or $(ROWS),''),$(if $(filter $r,$(KNOWN)),,$(error ROWS=$(ROWS): $r is not one of the rows: $(KNOWN))))

# The data set's newer release calls dev.jsonl dev_seen.jsonl.
lines_train := $(DATA)/train.jsonl
lines_dev   := $(firstword $(wildcard $(DATA)/dev.jsonl $(DATA)/dev_seen.jsonl) $(DATA)/dev.jsonl)
pictures    := $(wildcard $(DATA)/img/*.png)
file_of      = $(if $(filter init:%,$1),,$1)# nothing to depend on where weights are random
# What weights and vocabularies are read from: of a folder its files, of a file itself and what tools read that stands next to it.
beside       = config.json open_clip_config.json preprocessor_config.json processor_config.json tokenizer.json \
               tokenizer_config.json special_tokens_map.json added_tokens.json merges.txt
weights      = $(foreach e,$(filter-out init:%,$1),$(if $(wildcard $e/.),$(wildcard $(addprefix $e/*.,safetensors bin pt pth json txt gz)),$e $(wildcard $(addprefix $(dir $e),$(beside)))))
ifneq ($(filter-out list help check,$(or $(MAKECMDGOALS),all)),)
$(foreach s,train dev,$(if $(wildcard $(lines_$s)),,$(error DATA=$(DATA) holds no $s.jsonl: give the data set's folder as DATA=FOLDER; `$(HERE)/check-data.sh FOLDER` says what should be in it, `hm-synth FOLDER` makes one to try)))
$(foreach f,$(call file_of,$(IMAGE)) $(call file_of,$(TEXT)) $(VOCAB),$(if $(wildcard $f),,$(error there is no $f: $(without))))
# make never makes a file again that is newer than all it depends on, so one that a wrong clock dated would stay when its input changes.
ahead := $(if $(wildcard $(OUT)/.),$(shell find $(OUT) -name hm-cache -prune -o -type f -newermt '1 day' -print))
$(if $(ahead),$(error dated more than a day ahead, by a clock that was wrong: $(ahead): `touch` them if nothing has changed since then, else remove them))
endif

# A row's options; EPOCHS counts for every row.
options = $(if $(EPOCHS),$(shell printf %s '$(strip $($1))' | sed 's/--epochs [0-9]*/--epochs $(EPOCHS)/; t; s/$$/ --epochs $(EPOCHS)/'),$(strip $($1)))

# Settings that change the result are kept in files, which are written when they differ (also by make -n, which needs
# them to find what is out of date).
settle = +@mkdir -p $(@D); printf '%s\n' '$1' | cmp -s - $@ || printf '%s\n' '$1' >$@
# Paths in them are relative to this folder, so that toy, toy/ and ./toy are equal and the folder can be moved.
from_here = $(patsubst $(CURDIR)/%,%,$(abspath $1))
.PHONY: FORCE
FORCE:

# ---- shards ------------------------------------------------------------------------------------------------------------------
# Shard I of N has the records I, I + N, ... of a split. Its files are data/shards/SPLIT.IofN.ENDING. hm-cat --deal takes the
# records of all shards in turn, which gives the bytes of an unsharded run.
numbers := $(shell seq 0 $$(($(SHARDS) - 1)))
sharded := $(filter-out 1,$(SHARDS))
stem     = $(if $(sharded),shards/$1.$2of$(SHARDS),$1)# (SPLIT, NUMBER): what the shard's files are called, below data/
stems    = $(if $(sharded),$(foreach i,$(numbers),$(call stem,$1,$i)),$1)# (SPLIT)
# chains(NAME): the rules NAME(SPLIT, STEM, OPTION) of each split and shard
chains   = $(foreach s,train dev,$(foreach i,$(numbers),$(eval $(call $1,$s,$(call stem,$s,$i),$(if $(sharded), --shard $i/$(SHARDS))))))
# joined(SPLIT, ENDING, TOOLS): the rule that joins a split's files, and the times that TOOLS took for its shards
define joined
$(OUT)/data/$1.$2: $(patsubst %,$(OUT)/data/%.$2,$(call stems,$1))
	$$(RUN) hm-cat --deal -o $$@ $$^
	@$(foreach t,$3,{ cat $(OUT)/stats/$t-$1.{0..$(lastword $(numbers))}of$(SHARDS).json 2>/dev/null || :; } | awk -v shards=$(SHARDS) -f $(HERE)/stats.awk >$(OUT)/stats/$t-$1.json;)
endef
joins    = $(if $(sharded),$(foreach s,train dev,$(eval $(call joined,$s,$1,$2))))
# piped(PREFIX, COMMAND): a command of several in a pipe, behind a prefix
piped    = $(if $(strip $1),$1 bash -euo pipefail -c '$(subst ','\'',$2)',$2)
$(OUT)/data $(OUT)/data/shards $(OUT)/stats:
	@mkdir -p $@

# What slurm.sh makes jobs of: `settings` when it submits, shard-I for each shard, `join`, the rows by name, then the goals.
files_of = $(foreach e,$(endings),$(OUT)/data/$1.$e)# (STEM)
.PHONY: settings join stages $(numbers:%=shard-%)
settings: $(settled) | $(OUT)/data/shards $(OUT)/stats
$(foreach i,$(numbers),$(eval shard-$i: $(foreach s,train dev,$(call files_of,$(call stem,$s,$i)))))
join: $(call files_of,train) $(call files_of,dev)
stages:
	@printf '%s\n' 'out $(OUT)' 'shards $(SHARDS)' $(staged:%='row %')

# The history of the predictions: tools, versions, options, the model's digest.
$(OUT)/%history.json: $(OUT)/%dev.json
	hm-view --history $(<:.json=.hmr) >$@.new && mv $@.new $@

# rows.tsv: name, options, seeds, what was published of each row of ROWS. runs.sh makes the table for hm-report of it.
$(OUT)/rows.tsv: FORCE
	+@mkdir -p $(@D); { $(foreach r,$(ROWS),printf '%s\t%s\t%s\t%s\n' '$r' '$(call options,$r)' '$(call seeds,$r)' '$(call published,$r)';) } >$@.new; \
	cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(OUT)/report.html: $(OUT)/runs.json
	hm-report $<

help: ## this list
	@sed -n '1,/^$$/s/^# \{0,1\}//p' $(SELF) | sed 's|pipelines/\([a-z-]*\.[ms][kh]\)|$(HERE)/\1|g'; grep -hE '^[a-z0-9]+:.*##' $(SELF) $(HERE)/common.mk | sed 's/:[^#]*## /\t/' | expand -t 12
	@echo; echo "variables: $(variables) SHARDS RUN RUN_GPU, and each row's options by its name"
