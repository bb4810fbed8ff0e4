# hm: one non-recursive makefile. `make help` lists the targets, `make config` what was found.
#
# Switches: CUDA=0|1, MPI=0|1, ONEDNN=0|1 (default: found or not), SAN=address,undefined|thread, DEBUG=1, prefix, DESTDIR, O=DIR.
# Objects of different settings never mix: build/<setting>/; build/bin/ holds the tools of the last one. O=DIR: a folder
# in place of build/.

VERSION := 0.2.0# the only place; the lint compares CITATION.cff and CHANGELOG.md
CC      ?= cc
prefix  ?= /usr/local
DESTDIR ?=
SAN     ?=
DEBUG   ?=
VENV    ?= .venv

# The CUDA device is a plug-in, next to the tools. It takes longer to build than everything else, so `make cuda` builds
# it, and check-cuda, install and deb do where CUDA is 1. CUDA_ARCH: the compute capabilities to compile for; the last
# one is kept as PTX too, for GPUs to come.
NVCC      ?= nvcc
CUDA      ?= $(shell command -v $(NVCC) >/dev/null 2>&1 && echo 1 || echo 0)
CUDA_ARCH ?= 80 90
# Training over several processes (--parallel mpi) is a plug-in, too. It is built with the tools where mpicc is found.
MPICC     ?= mpicc
MPI       ?= $(shell command -v $(MPICC) >/dev/null 2>&1 && echo 1 || echo 0)
hash      := \#
ONEDNN    ?= $(shell printf '$(hash)include <dnnl.h>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo 1 || echo 0)

# The headers of other libraries: HEADER:PACKAGE of Debian and Ubuntu:of Fedora:of Homebrew, a row each.
headers      := zstd.h:libzstd-dev:libzstd-devel:zstd \
                xxhash.h:libxxhash-dev:xxhash-devel:xxhash \
                png.h:libpng-dev:libpng-devel:libpng \
                jpeglib.h:libjpeg-dev:libjpeg-turbo-devel:jpeg-turbo \
                webp/decode.h:libwebp-dev:libwebp-devel:webp \
                webp/demux.h:libwebp-dev:libwebp-devel:webp \
                zlib.h:zlib1g-dev:zlib-ng-compat-devel:zlib \
                libdeflate.h:libdeflate-dev:libdeflate-devel:libdeflate \
                isa-l/igzip_lib.h:libisal-dev:isa-l-devel:isa-l \
                cjson/cJSON.h:libcjson-dev:cjson-devel:cjson
onednn_header := dnnl.h:libdnnl-dev:onednn-devel:onednn
test_headers := cmocka.h:libcmocka-dev:libcmocka-devel:cmocka
# What else the tests and the demo need, by Debian's names.
PACKAGES := $(sort $(foreach h,$(headers) $(onednn_header) $(test_headers),$(word 2,$(subst :, ,$h)))) \
            gnuplot-nox g++ bats mandoc zstd curl ca-certificates dpkg-dev
# What check-cluster needs on top of them.
CLUSTER_PACKAGES := slurm-wlm munge openmpi-bin libopenmpi-dev

comma   := ,
# Targets that build first and then do something else build with all processors, unless -j is given.
jobs     = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
setting := $(if $(filter 1,$(ONEDNN)),onednn,plain)$(if $(SAN),-san-$(subst $(comma),-,$(SAN)))$(if $(DEBUG),-debug)
O       := build
B       := $(O)/$(setting)

OPT     := $(if $(DEBUG),-O0 -g3,$(if $(SAN),-O1 -g,-O3 -g1))
WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wpointer-arith -Wundef -Wno-missing-field-initializers
CFLAGS  ?=
hm_cflags  := -std=c11 -D_GNU_SOURCE $(OPT) $(WARN) -ffp-contract=off -fno-math-errno -fno-omit-frame-pointer -pthread -fopenmp \
              -ffile-prefix-map=$(CURDIR)=. \
              -Ilib -I$(B) -DHM_VERSION='"$(VERSION)"' $(if $(CI),-Werror) \
              $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -DHM_SANITIZED=1)
hm_ldflags := -pthread -fopenmp $(if $(SAN),-fsanitize=$(SAN))
hm_libs    := -lzstd -lxxhash -lpng -ljpeg -lwebp -lwebpdemux -lz -ldeflate -lisal -lcjson -lm -ldl
ifeq ($(ONEDNN),1)
hm_cflags  += -DHM_ONEDNN=1
hm_libs    += -ldnnl
else
hm_cflags  += -DHM_ONEDNN=0
endif
# lib/ops/cpu/team.c is the OpenMP runtime of what gcc compiled: hm's loops and oneDNN. TEAM=0 leaves it to libgomp, and clang
# has its own.
TEAM       ?= $(if $(shell $(CC) --version 2>/dev/null | grep clang),0,1)
hm_cflags  += -DHM_TEAM=$(TEAM)

lib_src  := $(filter-out lib/ops/cuda/%,$(wildcard lib/*/*.c lib/ops/*/*.c))
tool_src := $(wildcard tools/hm-*.c)
unit_src := $(wildcard tests/unit/test_*.c tests/ops/test_*.c tests/model/test_*.c)
help_src := $(wildcard tests/support/*.c)
fuzz_src := $(wildcard tests/fuzz/fuzz_*.c)
rate_src := $(wildcard tests/bench/*.c)

css_src  := $(wildcard lib/*/*.css)
lib_obj  := $(lib_src:%.c=$(B)/%.o) $(css_src:%=$(B)/%.o)
help_obj := $(help_src:%.c=$(B)/%.o)
tools    := $(tool_src:tools/%.c=$(O)/bin/%)
units    := $(unit_src:%.c=$(B)/%)
replays  := $(fuzz_src:tests/fuzz/%.c=$(B)/tests/fuzz/%)

cuda_src := $(wildcard lib/ops/cuda/*.c lib/ops/cuda/*.cu) $(addprefix lib/base/,err.c mem.c tensor.c)
cuda_obj := $(cuda_src:%=$(B)/cuda/%.o)
sim_src  := $(filter-out tests/cudasim/selftest.cpp,$(wildcard tests/cudasim/*.cpp))
sim_obj  := $(cuda_src:%=$(B)/cudasim/%.o) $(sim_src:%=$(B)/cudasim/%.o)

.PHONY: all cuda nvcc-there without-mpi current-cuda tower-tools help config packages demo test check check-cuda check-cluster check-faults lint bench oracle fuzz fuzz-coverage install uninstall deb check-deb \
        clean deps FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(tools) $(if $(filter 1,$(MPI)),$(O)/bin/libhm_mpi.so,without-mpi) current-cuda ## build the tools into build/bin

cuda: nvcc-there $(tools) ## build the tools and, with nvcc, the CUDA plug-in: some minutes
	@$(MAKE) --no-print-directory $(plug_in)
nvcc-there:
	@[ -n "$(cuda_home)" ] || { echo "$(NVCC) is not found: install NVIDIA's CUDA toolkit, or say NVCC=PATH" >&2; exit 2; }

# The tools take the plug-in that lies next to them. One that `make cuda` would build anew is removed, so that no tool
# computes with old kernels; so is any under CUDA=0.
plug_in    := $(O)/bin/libhm_cuda.so
plug_needs  = $(cuda_src) $(wildcard lib/ops/cuda/*.h lib/ops/*.h lib/base/*.h) $(B)/.version
current-cuda: $(B)/.version
ifeq ($(CUDA),0)
	@rm -f $(plug_in)
else
	@[ ! -e $(plug_in) ] || { cmp -s $(plug_in) $(B)/bin/libhm_cuda.so && [ -z "$$(find $(plug_needs) -newer $(plug_in))" ]; } || \
	   { rm -f $(plug_in); echo "$(plug_in) was of other sources or settings and is removed: make cuda builds it"; }
endif

without-mpi:
	@rm -f $(O)/bin/libhm_mpi.so

# Before the first file is compiled: is every header there?
$(B)/.headers: Makefile pipelines/headers.sh
	@mkdir -p $(@D)
	@sh pipelines/headers.sh "$(CC)" $(if $(filter 1,$(ONEDNN)),$(onednn_header),$(if $(filter file,$(origin ONEDNN)),--without $(onednn_header))) $(headers)
	@touch $@
$(B)/.test-headers: Makefile pipelines/headers.sh
	@mkdir -p $(@D)
	@sh pipelines/headers.sh "$(CC)" $(test_headers)
	@touch $@

# Everything is compiled again for another VERSION.
$(B)/.version: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = "$(VERSION)" ] || echo "$(VERSION)" >$@

$(B)/libhm.a: $(lib_obj)
	@rm -f $@
	@ar rcs $@ $^

$(B)/%.o: %.c $(B)/.version | $(B)/.headers
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

# Tools of several files.
$(B)/bin/hm-fuse-train: $(addprefix $(B)/tools/,fuse_call.o fuse_ranks.o fuse_run.o fuse_shards.o fuse_sweep.o)
$(B)/bin/hm-score: $(B)/tools/score_call.o $(B)/tools/score_run.o $(B)/tools/score_write.o
$(B)/bin/hm-classify: $(B)/tools/classify_lines.o
$(B)/bin/hm-jsonl2rec $(B)/bin/hm-csv2rec: $(B)/tools/rows2rec.o

# build/bin/X follows the setting of the last make.
$(O)/bin/%: $(B)/bin/% $(O)/.setting
	@mkdir -p $(@D)
	@cp -f $< $@.new && mv -f $@.new $@

$(O)/.setting: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = "$(setting)" ] || echo "$(setting)" > $@

$(help_obj) $(unit_src:%.c=$(B)/%.o): | $(B)/.test-headers

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
$(B)/tests/tower/hm-fuse-train: $(addprefix $(B)/tools/,fuse_call.o fuse_ranks.o fuse_run.o fuse_shards.o fuse_sweep.o)
$(B)/tests/tower/hm-score: $(B)/tools/score_call.o $(B)/tools/score_run.o $(B)/tools/score_write.o
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

fuzz_help := $(addprefix $(B)/tests/fuzz/,fuzzstream.o hostile.o)
# The fault loops: what is preloaded into a tool, and the runner. Both have nothing of lib/.
fault_shim  := failalloc startmain syscalls
fault_loops := loops worker runtool casetable snapshot tracer judge syscalls
fault_flags  = $(filter-out -Ilib -fsanitize=% -fno-sanitize-recover=all,$(hm_cflags))
faults      := $(B)/tests/faults/shim.so $(B)/tests/faults/loops
$(B)/tests/faults/shim.so: $(fault_shim:%=tests/faults/%.c) $(wildcard tests/faults/*.h)
	@mkdir -p $(@D)
	@$(CC) $(fault_flags) $(CFLAGS) -fPIC -shared -o $@ $(filter %.c,$^) -ldl
$(B)/tests/faults/loops: $(fault_loops:%=tests/faults/%.c) $(wildcard tests/faults/*.h)
	@mkdir -p $(@D)
	@$(CC) $(fault_flags) $(CFLAGS) -o $@ $(filter %.c,$^)

# A fuzz harness with its replay driver: runs the corpus and seeded mutations of it, needs no fuzzer.
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(fuzz_help) $(B)/tests/fuzz/replay.o $(B)/libhm.a
	@mkdir -p $(@D)
	@$(CC) $(hm_ldflags) $(LDFLAGS) -o $@ $^ $(hm_libs)
# The same harness under libFuzzer: tests/fuzz/run calls this with clang.
$(B)/tests/fuzz/libfuzzer_%: $(B)/tests/fuzz/fuzz_%.o $(fuzz_help) $(B)/tests/fuzz/mutator.o $(B)/libhm.a
	@$(CC) $(hm_ldflags) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(hm_libs)

# The plug-in: the CUDA device and what it needs of lib/base, nothing of it seen from outside but one table. The
# CUDA runtime is linked in; cuBLASLt is a library of the machine.
cuda_home  = $(patsubst %/bin/nvcc,%,$(shell command -v $(NVCC)))
nvcc_flags = -std=c++17 -O3 -fmad=false -Ilib -Xcompiler -fPIC,-fvisibility=hidden,-Wall $(if $(CI),-Werror all-warnings) \
             $(foreach a,$(CUDA_ARCH),-gencode arch=compute_$a,code=sm_$a) \
             -gencode arch=compute_$(lastword $(CUDA_ARCH)),code=compute_$(lastword $(CUDA_ARCH))
plug_flags = $(filter-out -fopenmp,$(hm_cflags)) -fPIC -fvisibility=hidden

$(B)/cuda/%.c.o: %.c $(B)/.version | $(B)/.headers
	@mkdir -p $(@D)
	@echo "  CC      $< (CUDA)"
	@$(CC) $(plug_flags) -isystem $(cuda_home)/include $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/cuda/.arch: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = "$(CUDA_ARCH)" ] || echo "$(CUDA_ARCH)" >$@

$(B)/cuda/%.cu.o: %.cu $(B)/cuda/.arch
	@mkdir -p $(@D)
	@echo "  NVCC    $<"
	@$(NVCC) $(nvcc_flags) -MMD -MF $(@:.o=.d) -c -o $@ $<

# That of a package (below deb/) looks for cuBLASLt where the machine's own linker does, the other where nvcc has it.
$(cuda_obj): | nvcc-there
$(B)/bin/libhm_cuda.so $(B)/deb/libhm_cuda.so: $(cuda_obj)
	@mkdir -p $(@D)
	@echo "  LINK    $(@F)"
	@$(CC) -shared -pthread $(if $(SAN),-fsanitize=$(SAN),-Wl$(comma)-z$(comma)defs) $(LDFLAGS) -o $@ $^ -L$(cuda_home)/lib64 \
	   $(if $(filter %/deb,$(@D)),,-Wl$(comma)-rpath$(comma)$(cuda_home)/lib64) -lcudart_static -lcublasLt -lstdc++ -ldl -lrt -lm

# The MPI plug-in: nothing of it is seen from outside but one table.
mpi_src := lib/ranks/mpi/transport.c lib/base/err.c
mpi_obj := $(mpi_src:%=$(B)/mpi/%.o)
$(B)/mpi/%.c.o: %.c $(B)/.version | $(B)/.headers
	@mkdir -p $(@D)
	@echo "  MPICC   $<"
	@OMPI_CC="$(CC)" MPICH_CC="$(CC)" $(MPICC) $(plug_flags) $(CFLAGS) -MMD -MP -c -o $@ $<
$(B)/bin/libhm_mpi.so: $(mpi_obj)
	@mkdir -p $(@D)
	@echo "  LINK    $(@F)"
	@OMPI_CC="$(CC)" MPICH_CC="$(CC)" $(MPICC) -shared $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS) -o $@ $^

# The same sources for tests/cudasim, which runs kernels on the processor: no CUDA is needed.
CXX       ?= c++
sim_opt   := $(if $(SAN),-O1 -g -fsanitize=$(SAN) -fno-sanitize-recover=all,-O2 -g1)
sim_flags := -std=c++17 $(sim_opt) -Wall -Wextra -Wno-missing-field-initializers -Wno-unknown-pragmas -ffp-contract=off -fPIC -fvisibility=hidden -pthread -Ilib -Itests/cudasim \
             -Itests/cudasim/include $(if $(CI),-Werror)

# Little room for columns, so that small images too come in chunks.
$(B)/cudasim/%.c.o: %.c $(B)/.version | $(B)/.headers
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

-include $(cuda_obj:.o=.d) $(sim_obj:.o=.d) $(mpi_obj:.o=.d)
-include $(lib_obj:.o=.d) $(patsubst %.c,$(B)/%.d,$(wildcard tools/*.c tests/tower/*.c)) $(unit_src:%.c=$(B)/%.d) $(help_obj:.o=.d) $(fuzz_src:%.c=$(B)/%.d) $(fuzz_help:.o=.d) $(rate_src:%.c=$(B)/%.d)

config: ## print what was found and how it will be built
	@echo "version    $(VERSION)"
	@echo "compiler   $$($(CC) --version | head -n 1)"
	@echo "setting    $(setting)  (objects in $(B), tools in $(O)/bin)"
	@echo "CUDA       $(if $(filter 1,$(CUDA)),$$($(NVCC) --version | grep -o 'release [0-9.]*')$(comma) compute capabilities $(CUDA_ARCH) and PTX; $$([ -e $(plug_in) ] && echo "$(plug_in) is built" || echo "make cuda builds the plug-in"),no: --device cuda exits with 3)"
	@echo "MPI        $(if $(filter 1,$(MPI)),$$($(MPICC) --version | head -n 1)$(comma) libhm_mpi.so is built with the tools,no: --parallel mpi exits with 3)"
	@echo "oneDNN     $(if $(filter 1,$(ONEDNN)),yes,no: --device cpu falls back to plain loops, slow)"
	@for h in $(headers) $(onednn_header) $(test_headers); do printf '%-16s ' $${h%%:*}; sh pipelines/headers.sh "$(CC)" $$h 2>/dev/null && echo found || echo MISSING; done
	@for t in bats mandoc gnuplot zstd dpkg-shlibdeps; do printf '%-16s ' $$t; command -v $$t || echo MISSING; done

packages: ## print the Debian packages that the build, the tests and the demo need
	@echo $(PACKAGES)

deps: ## install the Debian packages that are missing (or print the line to run)
	@sh pipelines/deps.sh $(PACKAGES)

test: ## the whole suite: no GPU, no Python, ten to twenty minutes on two cores
	@$(MAKE) --no-print-directory deps
	@$(MAKE) $(jobs) --no-print-directory check

# After deps, so that what was just installed is found.
check: all $(units) $(replays) $(tower_tools) $(rate) $(B)/tests/formats/secondreader $(B)/tests/pipes/httpd $(B)/tests/pipes/nonblock $(B)/tests/pipes/terminal $(B)/tests/cli/oldkernel
	@B=$(B) SAN=$(SAN) ONEDNN=$(ONEDNN) MAKE="$(MAKE)" bash tests/run $(units)

check-cuda: ## every CUDA operation: on the GPU where there is one, else on the processor
	@$(MAKE) --no-print-directory deps
	@$(MAKE) $(jobs) --no-print-directory $(if $(filter 1,$(CUDA)),cuda,all)
	@B=$(B) MAKE="$(MAKE)" bash tests/cudasim/run

check-cluster: ## the pipelines in shards and as jobs of a Slurm that is started here, trainings of several processes (root)
	@$(MAKE) --no-print-directory deps PACKAGES="$(PACKAGES) $(CLUSTER_PACKAGES)"
	@$(MAKE) $(jobs) --no-print-directory all
	@B=$(B) bash tests/cluster/run

check-faults: ## faults injected: allocations and system calls that fail, crashes, full disks; ALL=1: every case, which takes long
	@$(MAKE) --no-print-directory deps
	@$(MAKE) $(jobs) --no-print-directory all fault-tools
	@B=$(B) MAKE="$(MAKE)" ALL=$(ALL) bash tests/faults/run

.PHONY: fault-tools
fault-tools: $(faults) $(B)/tests/faults/enemy

lint: ## arrows, banned calls, man pages
	@bash tests/lint/run

demo: ## data, features, training, both fusions, scores, pictures: about a minute
	@$(MAKE) --no-print-directory deps
	@$(MAKE) $(jobs) --no-print-directory all
	@bash pipelines/demo.sh

oracle: all $(units) ## compare with Pillow, tokenizers, torch, scikit-learn (PyPI, several GB, in $(VENV))
	@VENV=$(VENV) B=$(B) bash tests/oracle/run

bench: all $(rate) ## speed beside the peers, as ratios of one run (same virtual environment as oracle)
	@VENV=$(VENV) B=$(B) bash tests/bench/run

fuzz: ## fuzz every parser with clang's libFuzzer, FUZZ_SECONDS each (default 60)
	@FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) bash tests/fuzz/run

fuzz-coverage: ## the lines of every reader that corpora and unit tests reach (gcov)
	@bash tests/fuzz/coverage

# Completion scripts, as the tools print them.
$(B)/completions/bash/%: $(B)/bin/%
	@mkdir -p $(@D)
	@$< --completion bash >$@
$(B)/completions/zsh/_%: $(B)/bin/%
	@mkdir -p $(@D)
	@$< --completion zsh >$@

# What is installed: of each place its folder below prefix, its files, and their mode where it is not 644. The folders of
# bash and zsh are where both shells look for completions.
names     := $(tool_src:tools/%.c=%)
places    := bin man1 man5 man7 bash zsh scripts pipelines python doc formats about lib
bin       := bin
bin_files := $(names:%=$(B)/bin/%)
bin_mode  := 755
man1      := share/man/man1
man1_files := $(wildcard man/*.1)
man5      := share/man/man5
man5_files := $(wildcard man/*.5)
man7      := share/man/man7
man7_files := $(wildcard man/*.7)
bash      := share/bash-completion/completions
bash_files := $(names:%=$(B)/completions/bash/%)
zsh       := share/zsh/site-functions
zsh_files := $(names:%=$(B)/completions/zsh/_%)
scripts   := share/hm/pipelines
scripts_files := $(filter-out %/deps.sh %/headers.sh %/deb.sh %/check-deb.sh,$(wildcard pipelines/*.sh))
scripts_mode := 755
pipelines := share/hm/pipelines
pipelines_files := $(wildcard $(addprefix pipelines/*.,mk awk csv txt))
python    := share/hm/python
python_files := $(wildcard $(addprefix formats/python/*.,py toml md))
doc       := share/doc/hm
doc_files := README.md CHANGELOG.md CITATION.cff LICENSE
formats   := share/doc/hm/formats
formats_files := $(wildcard formats/*.md)
about     := share/doc/hm/pipelines
about_files := pipelines/README.md pipelines/AT-SCALE.md pipelines/report.png
lib       := lib/hm
all_plug_ins := libhm_cuda.so libhm_mpi.so
plug_ins  := $(if $(filter 1,$(CUDA)),libhm_cuda.so) $(if $(filter 1,$(MPI)),libhm_mpi.so)
lib_files := $(addprefix $(B)/bin/,$(plug_ins))
# Folders that are hm's alone, inner ones first.
own       := $(scripts) $(python) share/hm $(formats) $(about) $(doc) $(lib)

put = install -d '$(DESTDIR)$(prefix)/$($1)' && install -m $(or $($1_mode),644) $($1_files) '$(DESTDIR)$(prefix)/$($1)'
define line


endef
install: $(bin_files) $(bash_files) $(zsh_files) $(lib_files) ## into $(DESTDIR)$(prefix): tools, pages, completions, pipelines, documents
	@$(foreach p,$(places),$(if $($p_files),$(call put,$p)$(line)	@))
	@rm -f $(foreach p,$(filter-out $(plug_ins),$(all_plug_ins)),'$(DESTDIR)$(prefix)/$(lib)/$p') # of an earlier version
	@echo "installed into $(DESTDIR)$(prefix)$(if $(strip $(plug_ins)), with $(strip $(plug_ins)), without plug-ins)"

uninstall: ## take away what install put there
	@cd '$(DESTDIR)$(prefix)' && rm -f $(foreach p,$(places),$(addprefix $($p)/,$(notdir $($p_files)))) $(addprefix $(lib)/,$(all_plug_ins)) && \
	for d in $(own); do [ ! -d $$d ] || rmdir $$d 2>/dev/null || :; done

# In a package of its own, a plug-in needs what it is linked with.
deb: $(bin_files) $(bash_files) $(zsh_files) $(if $(filter 1,$(CUDA)),$(B)/deb/libhm_cuda.so) $(if $(filter 1,$(MPI)),$(B)/bin/libhm_mpi.so) ## Debian packages of hm, of the plug-ins where nvcc and mpicc are, into build/deb
	@rm -rf $(O)/deb
	@$(MAKE) -s --no-print-directory install DESTDIR=$(O)/deb/hm prefix=/usr CUDA=0 MPI=0 >/dev/null
	@$(if $(filter 1,$(CUDA)),install -D -m 644 $(B)/deb/libhm_cuda.so $(O)/deb/hm-cuda/usr/lib/hm/libhm_cuda.so)
	@$(if $(filter 1,$(MPI)),install -D -m 644 $(B)/bin/libhm_mpi.so $(O)/deb/hm-mpi/usr/lib/hm/libhm_mpi.so)
	@bash pipelines/deb.sh $(VERSION) $(O)/deb

check-deb: deb ## lintian, the demo in a bare system that has the packages (root, network; QUICK=1: the demo's first part)
	@bash pipelines/check-deb.sh $(if $(QUICK),--quick) $(O)/deb

clean: ## remove build/
	rm -rf build

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:[^#]*## /\t/' | expand -t 12
	@echo; echo 'switches: CUDA=0|1  CUDA_ARCH="80 90"  MPI=0|1  ONEDNN=0|1  SAN=address,undefined|thread  DEBUG=1  VENV=DIR  prefix=DIR  DESTDIR=DIR  O=DIR  HM_DEPS=no'
