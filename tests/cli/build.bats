# The makefile's promises to who builds: missing headers are named before anything is compiled, nothing is installed
# unannounced, nothing is compiled twice, nvcc runs for `make cuda` and not for `make`.

load ../support/bats

setup() {
	o=$BATS_TEST_TMPDIR/o # a build folder of its own
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	cd "$BATS_TEST_TMPDIR"
}

tree() { # COMMAND...: make in the tree, into $o
	env -u SAN -u ONEDNN -u CUDA -u MPI make --no-print-directory -C "$ROOT" O="$o" "$@"
}
cuda() { # ARGUMENT...: the same with the toolkit below; its kernels are not there to be linked
	tree -s ONEDNN=0 NVCC="$NVCC" CFLAGS=-O0 LDFLAGS=-Wl,--unresolved-symbols=ignore-all "$@"
}

# A compiler for which the headers named do not exist.
blind() { # HEADER...
	local h
	printf '#!/bin/sh\n' >bin/blind
	printf 'for last; do :; done\nif [ "$last" = - ]; then sed "' >>bin/blind
	for h; do printf 's|<%s>|<absent/%s>|g; ' "$h" "$h" >>bin/blind; done
	printf '" | cc "$@"; else exec cc "$@"; fi\n' >>bin/blind
	chmod +x bin/blind
	CC=$BATS_TEST_TMPDIR/bin/blind
}

@test "missing headers: one message with the packages of each system, before a file is compiled" {
	blind png.h cjson/cJSON.h
	run tree ONEDNN=0 CC="$CC" "$o/plain/lib/base/err.o"
	expect 2 '^hm cannot be built: headers are missing: cjson/cJSON\.h, png\.h\.'
	expect 2 '^  Debian, Ubuntu  apt-get install libcjson-dev libpng-dev$'
	expect 2 '^  Fedora          dnf install cjson-devel libpng-devel$'
	expect 2 '^  Homebrew        brew install cjson libpng$'
	refute grep -E '  CC  |error:' <<<"$output"
	refute test -e "$o/plain/lib/base/err.o"
	run tree ONEDNN=0 CC="$CC" -j4 "$o/plain/lib/base/err.o" "$o/plain/lib/base/mem.o"
	expect 2 'headers are missing'
	refute grep -E '  CC  |error:' <<<"$output"
	# Once they are there it goes on.
	run tree ONEDNN=0 "$o/plain/lib/base/err.o"
	expect 0 '^  CC      lib/base/err\.c$'
}

@test "what oneDNN and hm's loops ask of OpenMP is what lib/ops/cpu/team.c defines, and nothing else" {
	asked=
	if [ "$ONEDNN" = 1 ]; then
		dnnl=$(ldd "$HM_BIN/hm-encode" | sed -n 's/.*libdnnl[^ ]* => \([^ ]*\).*/\1/p')
		asked=$(nm -D --undefined-only "$dnnl" | sed -n 's/.* \(\(GOMP\|omp\)_[A-Za-z_]*\).*/\1/p')
		[ -n "$asked" ]
	fi
	for tool in hm-encode hm-fuse-train hm-score; do
		has=$(nm -D --defined-only "$HM_BIN/$tool" | sed -n 's/.* \(\(GOMP\|omp\)_[A-Za-z_]*\).*/\1/p')
		for name in $asked; do grep -qxF "$name" <<<"$has" || fail "$tool: oneDNN asks for $name; with libgomp's it would not know the threads of team.c"; done
		refute grep -E 'GOMP|omp_' <<<"$(nm -D --undefined-only "$HM_BIN/$tool")"
	done
}

@test "every header of another library that the sources include is in the table" {
	cd "$ROOT"
	rows=$(make -s --no-print-directory -f - rows <<<$'include Makefile\nrows:\n\t@echo $(headers) $(onednn_header) $(test_headers)')
	libc=$(printf '%s\n' alloca assert cpuid ctype dirent dlfcn elf endian errno fcntl fenv float getopt immintrin inttypes iso646 limits link locale malloc math \
		poll pthread pwd sched setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string strings termios \
		time unistd wchar wctype omp)
	for h in $(git ls-files 'lib/*.[ch]' 'tools/*.[ch]' | grep -vE "lib/(ops/cuda|ranks/mpi)/" | xargs sed -n 's/^ *# *include *<\([^>]*\)>.*/\1/p' | sort -u); do
		grep -qxF "${h%.h}" <<<"$libc" || [[ $h == sys/* || $h == linux/* || $h == arpa/* || $h == netinet/* ]] && continue
		case $h in dnnl*.h) h=dnnl.h ;; xxh3.h | xxh_x86dispatch.h) h=xxhash.h ;; zstd_errors.h) h=zstd.h ;; jerror.h) h=jpeglib.h ;; esac
		[[ " $rows" == *" $h:"* ]] || fail "$h: no row of headers in the Makefile names its packages"
	done
	for row in $rows; do
		[[ $row =~ ^[^:]+\.h:[a-z0-9.+-]+:[a-zA-Z0-9.+-]+:[a-z0-9.+-]+$ ]] || fail "$row: not HEADER:DEBIAN:FEDORA:BREW"
	done
}

@test "without oneDNN a notice says so, once; who says ONEDNN=0 gets none, who says ONEDNN=1 an error" {
	blind dnnl.h
	run tree CC="$CC" "$o/plain/lib/base/err.o"
	expect 0 '^oneDNN \(dnnl\.h\) is not there: building without it \(ONEDNN=0\)'
	expect 0 'apt-get install libdnnl-dev$'
	run tree CC="$CC" "$o/plain/lib/base/mem.o"
	expect 0
	refute grep oneDNN <<<"$output"
	rm -r "$o"
	run tree CC="$CC" ONEDNN=0 "$o/plain/lib/base/err.o"
	expect 0
	refute grep oneDNN <<<"$output"
	run tree CC="$CC" ONEDNN=1 "$o/onednn/lib/base/err.o"
	expect 2 'headers are missing: dnnl\.h\.'
}

# make fuzz builds with clang, which drops a target attribute of which it does not know a part.
@test "clang compiles what is written for some processors only" {
	command -v clang >/dev/null || skip "no clang"
	local f objects=()
	for f in "$ROOT"/lib/ops/cpu/*.c; do f=${f#"$ROOT"/} objects+=("$o/plain/${f%.c}.o"); done
	tree -s CC=clang ONEDNN=0 CUDA=0 MPI=0 CFLAGS=-O0 "${objects[@]}"
}

@test "no compiler" {
	run tree ONEDNN=0 CC=nosuchcompiler "$o/plain/lib/base/err.o"
	expect 2 'hm cannot be built: "nosuchcompiler" compiles no C'
	expect 2 'apt-get install gcc'
}

@test "what is there is not built again, but for another version" {
	run make --no-print-directory -C "$ROOT" SAN="$SAN" ONEDNN="${ONEDNN:-1}" build/bin/hm-view
	expect 0
	[ -z "$(grep -v 'is up to date' <<<"$output")" ] || fail "$output"
	tree -s ONEDNN=0 "$o/plain/lib/ops/ref/table.o"
	run tree -s ONEDNN=0 "$o/plain/lib/ops/ref/table.o"
	expect 0
	[ -z "$output" ] || fail "$output"
	run tree ONEDNN=0 VERSION=9.8.7 "$o/plain/lib/ops/ref/table.o"
	expect 0 '^  CC      lib/ops/ref/table\.c$'
	strings "$o/plain/lib/ops/ref/table.o" | grep -qx 9.8.7
}

# Stands for NVIDIA's toolkit: an nvcc that notes its calls and compiles nothing, with the host executor's headers.
toolkit() {
	mkdir -p cuda/bin cuda/lib64 "$o"
	ln -s "$ROOT/tests/cudasim/include" cuda/include
	cat >cuda/bin/nvcc <<-END
		#!/bin/sh
		for a; do case \$last in -o) out=\$a ;; -MF) echo >"\$a" ;; esac; last=\$a; done
		echo "\$*" >>"$BATS_TEST_TMPDIR/calls"
		exec cc -x c -fPIC -c -o "\$out" /dev/null
	END
	chmod +x cuda/bin/nvcc
	echo 'int x;' | cc -x c -fPIC -shared -o cuda/lib64/libcublasLt.so -
	echo 'int y;' | cc -x c -fPIC -c -o y.o -
	ar rcs cuda/lib64/libcudart_static.a y.o
	: >calls
	NVCC=$BATS_TEST_TMPDIR/cuda/bin/nvcc
}

@test "make does not run nvcc where it is found; make cuda, check-cuda, install and deb do" {
	toolkit
	tree -n ONEDNN=0 NVCC="$NVCC" all >said
	refute grep -E "$NVCC|NVCC  |\(CUDA\)" said
	grep -q "cc .*lib/base/err.c" said
	for goal in cuda install deb; do
		tree -n ONEDNN=0 NVCC="$NVCC" $goal >said
		n=$(grep -c "$NVCC .*\.cu\$" said)
		[ "$n" = "$(ls "$ROOT"/lib/ops/cuda/*.cu | wc -l)" ] || fail "$goal: $n of the kernels' files go to nvcc"
	done
	[ ! -s calls ]
	grep -A3 '^check-cuda:' "$ROOT/Makefile" | grep -qF '$(if $(filter 1,$(CUDA)),cuda,all)'
	for goal in install deb; do
		tree -n ONEDNN=0 NVCC="$NVCC" CUDA=0 $goal >said
		refute grep -E "$NVCC|NVCC  |\(CUDA\)|install .*libhm_cuda" said
	done
	run tree ONEDNN=0 NVCC=nonesuch cuda
	expect 2 "^nonesuch is not found: install NVIDIA's CUDA toolkit, or say NVCC=PATH$"
}

@test "a plug-in that make cuda would build anew is not left for the tools" {
	toolkit
	p=$o/bin/libhm_cuda.so
	cuda CUDA_ARCH=80 "$p" >/dev/null
	[ -s "$p" ]
	n=$(wc -l <calls)
	[ "$n" = "$(ls "$ROOT"/lib/ops/cuda/*.cu | wc -l)" ]
	run cuda CUDA_ARCH=80 "$p"
	[ "$(wc -l <calls)" = "$n" ] || fail "nvcc ran again for the same"
	cuda CUDA_ARCH=90 "$p" >/dev/null
	[ "$(wc -l <calls)" = $((2 * n)) ] || fail "nvcc did not run again for another CUDA_ARCH"
	grep -q compute_90 calls

	run cuda current-cuda
	expect 0
	[ -z "$output" ] && [ -s "$p" ]
	touch -d '2020-01-01' "$p" # older than its sources
	run cuda current-cuda
	expect 0 'libhm_cuda\.so was of other sources or settings and is removed: make cuda builds it'
	refute test -e "$p"
	cuda SAN=undefined current-cuda # this setting's files are older than the plug-in then
	cuda CUDA_ARCH=90 "$p" >/dev/null
	run cuda SAN=undefined current-cuda
	expect 0 'is removed'
	refute test -e "$p"
	cuda CUDA_ARCH=90 "$p" >/dev/null
	run cuda VERSION=9.8.7 current-cuda
	expect 0 'is removed'
	cuda CUDA_ARCH=90 "$p" >/dev/null
	run cuda CUDA=0 current-cuda
	expect 0
	refute test -e "$p"
}

# A machine that lacks two packages.
machine() { # USER-ID
	cat >bin/dpkg-query <<-'END'
		#!/bin/sh
		for last; do :; done
		case $last in absent-*) exit 1 ;; esac
		echo 'install ok installed'
	END
	printf '#!/bin/sh\necho "RAN apt-get $*" >&2\n' >bin/apt-get
	printf '#!/bin/sh\nexit 0\n' >bin/apt-cache
	printf '#!/bin/sh\necho %s\n' "$1" >bin/id
	chmod +x bin/*
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	unset HM_DEPS
}

@test "deps: as root it says what it will install, and how to prevent that, before apt-get runs" {
	machine 0
	run sh "$ROOT/pipelines/deps.sh" present-a absent-b absent-c
	expect 0 "^hm's build, tests and demo need packages that are not installed here\. As you are root, apt-get now installs them"
	expect 0 "HM_DEPS=no installs nothing\): absent-b absent-c$"
	expect 0 '^RAN apt-get install .* absent-b absent-c$'
	[ "$(grep -n 'HM_DEPS=no' <<<"$output" | cut -d: -f1)" -lt "$(grep -n 'RAN' <<<"$output" | head -n 1 | cut -d: -f1)" ] || fail "too late: $output"
	run sh "$ROOT/pipelines/deps.sh" present-a
	expect 0
	[ -z "$output" ] || fail "$output"
	HM_DEPS=no run sh "$ROOT/pipelines/deps.sh" absent-b
	expect 0
	[ -z "$output" ] || fail "$output"
}

@test "deps: without root, and without apt-get, it installs nothing and says what to do" {
	machine 1000
	run sh "$ROOT/pipelines/deps.sh" absent-b
	expect 2 '^  apt-get update && apt-get install -y --no-install-recommends absent-b$'
	expect 2 'HM_DEPS=no'
	refute grep -q RAN <<<"$output"
	rm bin/apt-get
	for f in sh grep; do ln -s "$(command -v $f)" bin/; done
	PATH=$BATS_TEST_TMPDIR/bin run sh "$ROOT/pipelines/deps.sh" absent-b
	expect 2 'no apt-get: install them with its own package manager, then run make with HM_DEPS=no'
	expect 2 ': absent-b$'
}

@test "make demo, test, check-cuda and check-cluster ask for packages before they build" {
	for goal in demo test check-cuda check-cluster; do
		grep -A1 "^$goal:" "$ROOT/Makefile" | tail -n 1 | grep -qE $'^\t@\\$\\(MAKE\\) --no-print-directory deps( PACKAGES="\\$\\(PACKAGES\\) .*")?$' || fail "$goal does not begin with deps"
		grep "^$goal:" "$ROOT/Makefile" | grep -qE "^$goal: ##" || fail "$goal builds something before"
	done
}
