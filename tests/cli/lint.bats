# The lint finds what it is there to find: each planted sin is named.

load ../support/bats

setup() {
	rm -rf "$BATS_TEST_TMPDIR/tree"
	mkdir "$BATS_TEST_TMPDIR/tree"
	cd "$ROOT"
	git ls-files -co --exclude-standard | grep -vE "^(tests/(data|fuzz/corpus)|formats/golden)/" | tar -cf - -T - | tar -xf - -C "$BATS_TEST_TMPDIR/tree"
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

@test "widths, names that come twice, what comments and pages name, words, names of functions" {
	printf '/* %0111d */\n' 0 >lib/base/wide.c
	printf '%0133d\n| %0133d |\n' 0 0 >formats/wide.md
	printf '/* x */\n' | tee lib/rec/ring.c >lib/ops/ref/launch.c # of base, and of a device: that is no finding
	printf '/* See lost.h, lib/rec/gone.c and formats/hmr.md, "Blocks" and "Blanks"; formats/columns.md §7. */\n' >lib/base/cites.c
	printf 'As in `missing.md`; "Adding a stone" in `tools/README.md`; [this](../lib/rec/rec.h), `rec.h`.\n' >formats/cites.md
	printf '/* It was told\n * so; the norm is none, there is none. */\nconst char *s = "parted by commas";\n' >lib/base/words.c
	printf '/* x */\nstatic int take(int x)\n{\n\treturn x;\n}\nint (*f)(int) = take;\n' >lib/base/gesture.c
	run tests/lint/run
	expect 1 'lib/base/wide.c:1: 117 columns'
	expect 1 'formats/wide.md:1: 133 columns'
	expect 1 'lib/base/ring.c lib/rec/ring.c have the same name'
	expect 1 'lib/base/cites.c:1: names lost.h, which does not exist'
	expect 1 'lib/base/cites.c:1: names lib/rec/gone.c, which does not exist'
	expect 1 'formats/hmr.md has no section "Blanks"'
	expect 1 'formats/columns.md has no section "7"'
	expect 1 'formats/cites.md:1: names missing.md, which does not exist'
	expect 1 'tools/README.md has no section "Adding a stone"'
	expect 1 'lib/base/words.c:1: .*told'
	expect 1 'lib/base/words.c:2: .*is none'
	expect 1 'lib/base/words.c:3: .*parted by'
	expect 1 'lib/base/gesture.c:2: take does not say'
	expect 1 'lint: 13 findings'
}
