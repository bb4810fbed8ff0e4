# The lint finds what it is there to find: each planted sin is named.

load ../support/bats

setup() {
	rm -rf "$BATS_TEST_TMPDIR/tree"
	mkdir "$BATS_TEST_TMPDIR/tree"
	cd "$ROOT"
	git ls-files -co --exclude-standard lib tools man tests/lint Makefile | tar -cf - -T - | tar -xf - -C "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	git init -q .
}

@test "a clean tree is clean" {
	run tests/lint/run
	expect 0 'lint: clean'
}

@test "an arrow that runs upward" {
	printf '/* x */\n#include "rec/rec.h"\n' >lib/base/up.c
	run tests/lint/run
	expect 1 'lib/base may not include "rec/rec.h"'
}

@test "a library of the wrong folder" {
	printf '/* x */\n#include <png.h>\n' >lib/rec/p.c
	run tests/lint/run
	expect 1 'lib/rec may not include <png.h>'
}

@test "banned calls, but not in comments and strings" {
	printf '/* strcpy(a) */\nconst char *s = "rand()";\n' >lib/base/good.c
	run tests/lint/run
	expect 0
	printf '/* x */\nvoid f(char *a) { strcpy (a, a); }\n' >lib/base/bad.c
	run tests/lint/run
	expect 1 'lib/base/bad.c: calls strcpy'
}

@test "printing below the command line" {
	printf '/* x */\nvoid f(void) { fprintf(stderr, "x"); }\n' >lib/base/bad.c
	run tests/lint/run
	expect 1 'lib/base/bad.c: names stdout or stderr'
}

@test "a file without a head, a page without a tool" {
	printf 'int x;\n' >lib/base/bad.c
	printf '.Dd x\n' >man/hm-nothing.1
	run tests/lint/run
	expect 1 'bad.c: begins without'
	expect 1 'hm-nothing.1: has no tool'
}

@test "words of CUDA outside the one header" {
	printf '/* x */\n#include "ops/cuda/kernel.h"\nvoid f(void) { __shared__ int a[1]; asm(""); }\n' >lib/ops/cuda/bad.cu
	run tests/lint/run
	expect 1 'lib/ops/cuda/bad.cu: says __shared__'
	expect 1 'lib/ops/cuda/bad.cu: says asm'
}

@test "an arrow that runs upward out of a kernel" {
	printf '/* x */\n#include "nn/bert.h"\n' >lib/ops/cuda/bad.cu
	run tests/lint/run
	expect 1 'lib/ops/cuda may not include "nn/bert.h"'
}
