# hm: one non-recursive makefile. `make help` lists the targets, `make config` what was found.
#
# Switches: CUDA=0|1, ONEDNN=0|1 (default: found or not), SAN=address,undefined|thread, DEBUG=1, prefix, DESTDIR.
# Objects of different settings never mix: build/<setting>/; build/bin/ holds the tools of the last one.

VERSION := 0.1.0
CC      ?= cc
prefix  ?= /usr/local
DESTDIR ?=
SAN     ?=
DEBUG   ?=
VENV    ?= .venv

# The CUDA device is a plug-in, beside the tools: built where nvcc is found, CUDA=0 turns it off. CUDA_ARCH: the
# compute capabilities to compile for; the last one is kept as PTX too, for GPUs to come.
NVCC      ?= nvcc
CUDA      ?= $(shell command -v $(NVCC) >/dev/null 2>&1 && echo 1 || echo 0)
CUDA_ARCH ?= 80 90
ONEDNN  ?= $(shell printf '\#include <dnnl.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo 1 || echo 0)

PACKAGES := libzstd-dev libxxhash-dev libpng-dev libjpeg-dev libwebp-dev zlib1g-dev libdeflate-dev libcjson-dev libdnnl-dev \
            gnuplot-nox libcmocka-dev g++ bats mandoc zstd curl ca-certificates

comma   := ,
setting := $(if $(filter 1,$(ONEDNN)),onednn,plain)$(if $(SAN),-san-$(subst $(comma),-,$(SAN)))$(if $(DEBUG),-debug)
B       := build/$(setting)

OPT     := $(if $(DEBUG),-O0 -g3,$(if $(SAN),-O1 -g,-O3 -g1))
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef -Wno-missing-field-initializers
CFLAGS  ?=
hm_cflags  := -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -ffp-contract=off -fno-math-errno -fno-omit-frame-pointer -pthread -fopenmp \
              -Ilib -I$(B) -DHM_VERSION='"$(VERSION)"' $(if $(CI),-Werror) \
              $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
hm_ldflags := -pthread -fopenmp $(if $(SAN),-fsanitize=$(SAN))
hm_libs    := -lzstd -lxxhash -lpng -ljpeg -lwebp -lwebpdemux -lz -ldeflate -lcjson -lm -ldl
ifeq ($(ONEDNN),1)
hm_cflags  += -DHM_ONEDNN=1
hm_libs    += -ldnnl
else
hm_cflags  += -DHM_ONEDNN=0
endif

lib_src  := $(filter-out lib/ops/cuda/%,$(wildcard lib/*/*.c lib/ops/*/*.c))
tool_src := $(wildcard tools/hm-*.c)
unit_src := $(wildcard tests/unit/test_*.c tests/ops/test_*.c tests/model/test_*.c)
help_src := $(wildcard tests/support/*.c)
fuzz_src := $(wildcard tests/fuzz/fuzz_*.c)
rate_src := $(wildcard tests/bench/*.c)

css_src  := $(wildcard lib/*/*.css)
lib_obj  := $(lib_src:%.c=$(B)/%.o) $(css_src:%=$(B)/%.o)
help_obj := $(help_src:%.c=$(B)/%.o)
tools    := $(tool_src:tools/%.c=build/bin/%)
units    := $(unit_src:%.c=$(B)/%)
replays  := $(fuzz_src:tests/fuzz/%.c=$(B)/tests/fuzz/%)

cuda_src := $(wildcard lib/ops/cuda/*.c lib/ops/cuda/*.cu) $(addprefix lib/base/,err.c mem.c tensor.c)
cuda_obj := $(cuda_src:%=$(B)/cuda/%.o)
sim_src  := $(filter-out tests/cudasim/selftest.cpp,$(wildcard tests/cudasim/*.cpp))
sim_obj  := $(cuda_src:%=$(B)/cudasim/%.o) $(sim_src:%=$(B)/cudasim/%.o)

.PHONY: all without-cuda tower-tools help config demo test check check-cuda lint bench oracle fuzz install uninstall clean deps FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(tools) $(if $(filter 1,$(CUDA)),build/bin/libhm_cuda.so,without-cuda) ## build the tools into build/bin

# What an earlier make with CUDA left there would be taken.
without-cuda:
	@rm -f build/bin/libhm_cuda.so

$(B)/libhm.a: $(lib_obj)
	@rm -f $@
	@ar rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(hm_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

# A style sheet becomes an array of its bytes and a NUL: style.css is hm_style_css. It is ASCII.
$(B)/%.css.o: %.css
	@mkdir -p $(@D)
	@echo "  CSS     $<"
	@{ echo 'extern const char hm_$(*F)_css[]; const char hm_$(*F)_css[] = {'; \
	   LC_ALL=C od -An -v -tx1 $< | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '0};'; } >$(@:.o=.c)
	@$(CC) $(hm_cflags) $(CFLAGS) -c -o $@ $(@:.o=.c)

$(B)/bin/%: $(B)/tools/%.o $(B)/libhm.a
	@mkdir -p $(@D)
	@echo "  LINK    $(@F)"
	@$(CC) $(hm_ldflags) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(hm_libs)

# A tool of several files.
$(B)/bin/hm-fuse-train: $(B)/tools/fuse_run.o $(B)/tools/fuse_sweep.o

# build/bin/X follows the setting of the last make.
build/bin/%: $(B)/bin/% build/.setting
	@mkdir -p $(@D)
	@cp -f $< $@.new && mv -f $@.new $@

build/.setting: FORCE
	@mkdir -p build
	@[ "$$(cat $@ 2>/dev/null)" = "$(setting)" ] || echo "$(setting)" > $@

$(B)/tests/%: $(B)/tests/%.o $(help_obj) $(B)/libhm.a
	@mkdir -p $(@D)
	@$(CC) $(hm_ldflags) $(LDFLAGS) -o $@ $^ -lcmocka $(hm_libs)

# The tools with one more tower: its file, and its row in the list (tests/cli/tower.bats).
tower_tools := $(addprefix $(B)/tests/tower/,hm-encode hm-fuse-train hm-score hm-view)
$(B)/tests/tower/towers.c: lib/nn/towers.c
	@mkdir -p $(@D)
	@sed 's/^static const .* kinds\[\] = {/extern const struct hm_tower_kind hm_mean_tower;\n&\n\t\&hm_mean_tower,/' $< >$@
$(B)/tests/tower/towers.o: $(B)/tests/tower/towers.c
	@$(CC) $(hm_cflags) $(CFLAGS) -c -o $@ $<
$(B)/tests/tower/hm-fuse-train: $(B)/tools/fuse_run.o $(B)/tools/fuse_sweep.o
tower-tools: $(tower_tools)
$(tower_tools): $(B)/tests/tower/hm-%: $(B)/tools/hm-%.o $(B)/tests/tower/towers.o $(B)/tests/tower/meantower.o $(B)/libhm.a
	@$(CC) $(hm_ldflags) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(hm_libs)

rate := $(B)/tests/bench/bench_device
$(rate): $(rate_src:%.c=$(B)/%.o) $(B)/libhm.a
	@$(CC) $(hm_ldflags) $(LDFLAGS) -o $@ $^ $(hm_libs)

# The second reader of the format: its own file and three libraries, nothing of lib/.
$(B)/tests/formats/secondreader: tests/formats/secondreader.c
	@mkdir -p $(@D)
	@$(CC) $(filter-out -Ilib,$(hm_cflags)) $(CFLAGS) $(hm_ldflags) $(LDFLAGS) -o $@ $< -lzstd -lxxhash -lcjson -lm

# A fuzz harness with its replay driver: runs the corpus and seeded mutations of it, needs no fuzzer.
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(B)/libhm.a
	@mkdir -p $(@D)
	@$(CC) $(hm_ldflags) $(LDFLAGS) -o $@ $^ $(hm_libs)

# The plug-in: the CUDA device and what it needs of lib/base, nothing of it seen from outside but one table. The
# CUDA runtime is linked in; cuBLASLt is a library of the machine.
cuda_home  = $(patsubst %/bin/nvcc,%,$(shell command -v $(NVCC)))
nvcc_flags = -std=c++17 -O3 -fmad=false -Ilib -Xcompiler -fPIC,-fvisibility=hidden,-Wall $(if $(CI),-Werror all-warnings) \
             $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$a,code=sm_$a) \
             -gencode arch=compute_$(lastword $(CUDA_ARCH)),code=compute_$(lastword $(CUDA_ARCH))
plug_flags = $(filter-out -fopenmp,$(hm_cflags)) -fPIC -fvisibility=hidden

$(B)/cuda/%.c.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $< (CUDA)"
	@$(CC) $(plug_flags) -isystem $(cuda_home)/include $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/cuda/%.cu.o: %.cu
	@mkdir -p $(@D)
	@echo "  NVCC    $<"
	@$(NVCC) $(nvcc_flags) -MMD -MF $(@:.o=.d) -c -o $@ $<

$(B)/bin/libhm_cuda.so: $(cuda_obj)
	@mkdir -p $(@D)
	@echo "  LINK    $(@F)"
	@$(CC) -shared -pthread $(if $(SAN),-fsanitize=$(SAN),-Wl$(comma)-z$(comma)defs) $(LDFLAGS) -o $@ $^ -L$(cuda_home)/lib64 -Wl,-rpath,$(cuda_home)/lib64 -lcudart_static \
	   -lcublasLt -lstdc++ -ldl -lrt -lm

# The same sources for tests/cudasim, which runs kernels on the processor: no CUDA is needed.
CXX       ?= c++
sim_opt   := $(if $(SAN),-O1 -g -fsanitize=$(SAN) -fno-sanitize-recover=all,-O2 -g1)
sim_flags := -std=c++17 $(sim_opt) -Wall -Wextra -Wno-missing-field-initializers -Wno-unknown-pragmas -ffp-contract=off -fPIC -fvisibility=hidden -pthread -Ilib -Itests/cudasim \
             -Itests/cudasim/include $(if $(CI),-Werror)

# Little room for columns, so that small images too come in chunks.
$(B)/cudasim/%.c.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(plug_flags) -DHM_CUDA_COLUMNS=8192 -Itests/cudasim/include $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/cudasim/%.cu.o: %.cu
	@mkdir -p $(@D)
	@echo "  CXX     $< (host)"
	@$(CXX) -x c++ $(sim_flags) -MMD -MP -c -o $@ $<

# The executor itself is not for sanitizers to look into: it tells them about fibres.
$(B)/cudasim/%.cpp.o: %.cpp
	@mkdir -p $(@D)
	@$(CXX) $(filter-out -fsanitize=% -fno-sanitize-recover=all,$(sim_flags)) -MMD -MP -c -o $@ $<

$(B)/cudasim/libhm_cuda.so: $(sim_obj)
	@echo "  LINK    $(@F) (host)"
	@$(CXX) -shared -pthread $(if $(SAN),-fsanitize=$(SAN),-Wl$(comma)-z$(comma)defs) -o $@ $^

# The operations' table in one program of its own, for sanitizers: what it needs of lib/ is compiled in no time.
check_src := tests/ops/test_ops_devices.c $(wildcard tests/support/op*.c lib/base/*.c lib/ops/*.c lib/ops/ref/*.c lib/ops/cpu/*.c)
$(B)/cudasim/test_ops_devices: $(check_src:%.c=$(B)/%.o)
	@mkdir -p $(@D)
	@$(CC) $(hm_ldflags) $(LDFLAGS) -o $@ $^ -lcmocka -lxxhash -lm -ldl $(if $(filter 1,$(ONEDNN)),-ldnnl)

-include $(cuda_obj:.o=.d) $(sim_obj:.o=.d)
-include $(lib_obj:.o=.d) $(patsubst %.c,$(B)/%.d,$(wildcard tools/*.c tests/tower/*.c)) $(unit_src:%.c=$(B)/%.d) $(help_obj:.o=.d) $(fuzz_src:%.c=$(B)/%.d) $(rate_src:%.c=$(B)/%.d)

config: ## print what was found and how it will be built
	@echo "compiler   $$($(CC) --version | head -n 1)"
	@echo "setting    $(setting)  (objects in $(B), tools in build/bin)"
	@echo "CUDA       $(if $(filter 1,$(CUDA)),$$($(NVCC) --version | grep -o 'release [0-9.]*')$(comma) compute capabilities $(CUDA_ARCH) and PTX,no: --device cuda exits with 3)"
	@echo "oneDNN     $(if $(filter 1,$(ONEDNN)),yes,no: --device cpu falls back to plain loops, slow)"
	@for h in zstd.h xxhash.h png.h jpeglib.h webp/decode.h webp/demux.h zlib.h libdeflate.h cjson/cJSON.h cmocka.h; do \
	   printf '%-16s ' $$h; printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdio.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' $$h | $(CC) -E -x c - >/dev/null 2>&1 && echo found || echo MISSING; done
	@for t in bats mandoc gnuplot zstd; do printf '%-16s ' $$t; command -v $$t || echo MISSING; done

deps: ## install the Debian packages that are missing (or print the line to run)
	@sh pipelines/deps.sh $(PACKAGES)

test: ## the whole suite: no GPU, no Python, a few minutes
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory check

# After deps, so that what was just installed is found.
check: all $(units) $(replays) $(tower_tools) $(rate) $(B)/tests/formats/secondreader $(B)/tests/pipes/httpd $(B)/tests/pipes/nonblock $(B)/tests/pipes/terminal
	@B=$(B) SAN=$(SAN) ONEDNN=$(ONEDNN) MAKE="$(MAKE)" bash tests/run $(units)

check-cuda: ## every CUDA operation: on the GPU where there is one, else on the processor
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@B=$(B) MAKE="$(MAKE)" bash tests/cudasim/run

lint: ## arrows, banned calls, man pages
	@bash tests/lint/run

demo: ## data, features, training, both fusions, scores, pictures: about a minute
	@$(MAKE) --no-print-directory deps
	@$(MAKE) --no-print-directory all
	@bash pipelines/demo.sh

oracle: all $(units) ## compare with Pillow, tokenizers, torch, scikit-learn (PyPI, several GB, in $(VENV))
	@VENV=$(VENV) B=$(B) bash tests/oracle/run

bench: all $(rate) ## speed beside the peers, as ratios of one run (same virtual environment as oracle)
	@VENV=$(VENV) B=$(B) bash tests/bench/run

fuzz: ## fuzz every parser with clang's libFuzzer, FUZZ_SECONDS each (default 60)
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) bash tests/fuzz/run

# Where both shells look of themselves.
bash_completions := $(prefix)/share/bash-completion/completions
zsh_completions  := $(prefix)/share/zsh/site-functions

install: all ## into $(DESTDIR)$(prefix)
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/share/man/man1 $(DESTDIR)$(prefix)/share/man/man5 $(DESTDIR)$(prefix)/share/man/man7
	install -d $(DESTDIR)$(bash_completions) $(DESTDIR)$(zsh_completions)
	install -m 755 $(tools) $(DESTDIR)$(prefix)/bin
	$(if $(filter 1,$(CUDA)),install -D -m 644 build/bin/libhm_cuda.so $(DESTDIR)$(prefix)/lib/hm/libhm_cuda.so)
	for s in 1 5 7; do install -m 644 man/*.$$s $(DESTDIR)$(prefix)/share/man/man$$s || exit 1; done
	for t in $(tools:build/bin/%=%); do \
	   build/bin/$$t --completion bash > $(DESTDIR)$(bash_completions)/$$t && \
	   build/bin/$$t --completion zsh > $(DESTDIR)$(zsh_completions)/_$$t || exit 1; done

uninstall: ## take away what install put there
	rm -f $(tools:build/bin/%=$(DESTDIR)$(prefix)/bin/%) $(DESTDIR)$(prefix)/lib/hm/libhm_cuda.so
	rm -f $(tools:build/bin/%=$(DESTDIR)$(bash_completions)/%) $(tools:build/bin/%=$(DESTDIR)$(zsh_completions)/_%)
	for s in 1 5 7; do for f in man/*.$$s; do rm -f $(DESTDIR)$(prefix)/share/man/man$$s/$${f#man/}; done; done

clean: ## remove build/
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:[^#]*## /\t/' | expand -t 12
	@echo; echo "switches: CUDA=0|1  CUDA_ARCH="80 90"  ONEDNN=0|1  SAN=address,undefined|thread  DEBUG=1  VENV=DIR  prefix=DIR  DESTDIR=DIR  HM_DEPS=no"
