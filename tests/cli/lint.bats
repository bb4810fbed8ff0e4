# The lint finds what it is there to find: each planted sin is named, with each of its words, and nothing beside them is.

load ../support/bats

setup() {
	rm -rf "$BATS_TEST_TMPDIR/tree"
	mkdir "$BATS_TEST_TMPDIR/tree"
	cd "$ROOT"
	git ls-files -co --exclude-standard | grep -vE "^(tests/(data|fuzz/corpus)|formats/golden)/" | tar -cf - -T - | tar -xf - -C "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	git init -q .
}

# The lines of standard input, in any order, are what the lint finds.
finds() {
	run tests/lint/run
	[ "$status" = 1 ] || fail "exit status $status: $output"
	diff <(sort) <(sed '/^lint: /d; s/ *$//' <<<"$output" | sort) || fail "other findings than expected (<)"
	expect 1 "^lint: [0-9]+ findings$"
}

@test "a clean tree is clean, and so are comments, strings and what only looks like a sin" {
	cat >lib/base/good.c <<'END'
/* strcpy(a) " */
#define LONG "exit(1) \
	abort()" /* puts(
	"read()" */
const char *s = "rand() \" gets(a) /* "; int quote = '"'; const char *t = "atoi(x)";
int other = '\''; const char *u = "\\"; // stdout \
	fsync(1)
const char *v = "// "; /* " */ const char *w = "write(1)";
int f(struct hm *x) { return x->read(1) + x.write(2) + hm_exit(3) + randomly(4) + ex/**/it(4); }
int stdout_of(int x);
END
	printf '/* x */\n#include "base/fd.h"\n#include <stdio.h>\n#include <sys/mman.h>\n#include <xxhash.h>\n' >lib/base/fine.c
	printf '/* x */\nint f(void) { read(1); cJSON_CreateNull(); exit(1); fputs("", stderr); }\n' >tests/unit/loud.c
	printf '#!/bin/sh\n\n# What for\n' >tests/fine.sh
	: >lib/base/deleted.c
	git add -A
	rm lib/base/deleted.c
	run tests/lint/run
	expect 0 'lint: clean'
}

@test "arrows" {
	mkdir lib/new lib/ops/new
	printf '/* x */\n' | tee lib/new/some.c >lib/ops/new/other.h
	printf '/* x */\n#include "rec/rec.h"\n # include "other.c"\n#include <wchar.h>\n' >lib/base/up.c
	printf '/* x */\n#include <png.h>\n#include "rec.h"\n' >lib/rec/p.h
	printf '/* x */\n#include "nn/bert.h"\n#include "ops/ref/ref.h"\n#include <cuda_fp16.h>\n' >lib/ops/cuda/k.cu
	printf '/* x */\n#include "cli/cli.h"\n#include <zstd.h>\n' | tee lib/train/t.c >tools/t2.c
	finds <<-'END'
		lib/base/up.c: lib/base may not include "rec/rec.h" (tests/lint/arrows)
		lib/base/up.c: includes the source file other.c
		lib/base/up.c: lib/base may not include <wchar.h> (tests/lint/arrows)
		lib/rec/p.h: lib/rec may not include <png.h> (tests/lint/arrows)
		lib/ops/cuda/k.cu: lib/ops/cuda may not include "nn/bert.h" (tests/lint/arrows)
		lib/ops/cuda/k.cu: lib/ops/cuda may not include "ops/ref/ref.h" (tests/lint/arrows)
		lib/ops/cuda/k.cu: lib/ops/cuda may not include <cuda_fp16.h> (tests/lint/arrows)
		lib/train/t.c: lib/train may not include "cli/cli.h" (tests/lint/arrows)
		lib/train/t.c: lib/train may not include <zstd.h> (tests/lint/arrows)
		tools/t2.c: tools may not include <zstd.h> (tests/lint/arrows)
		lib/new: not in tests/lint/arrows
		lib/ops/new/: not in tests/lint/arrows
	END
}

@test "calls, between comments and strings too" {
	banned='strcpy strcat sprintf vsprintf strtok atoi atol atoll atof rand srand gets alloca'
	calls='read write pread pwrite fsync flock'
	loud='exit _exit abort printf puts putchar perror'
	json='cJSON_AddItemToObject cJSON_CreateNull cJSON_Duplicate cJSON_InsertItemInArray cJSON_ReplaceItem'
	{
		echo '/* x */'
		for w in $banned $calls $loud $json; do printf '\tx = %s (1);\n' "$w"; done
	} | tee lib/nn/all.c lib/cli/all2.c tools/all3.h >tests/unit/all4.c
	cat >lib/base/between.c <<'END'
/* x */
int a = '"'; int b = strcpy(a); const char *s = "";
int c = '\''; int d = read	(a); int e = '\'';
#define LONG "a \
	b" ato\
i(1) /* c
	d */ gets /* e
	f */ (1);
const char *t = "\\"; /* "*/ puts(t); /*" */ const char *u = "/*"; flock(1); // */ x
FILE *f = stdout;
END
	printf '/* x */\nint a = gets(a); /* goes on' | tee lib/nn/ajar.c >tools/zlast.h # before all.c, and after all
	printf '/* x */\nFILE *f = stderr;\nFILE *g = stdout;\n' | tee lib/nn/says.c >lib/cli/says2.c
	printf 'int f(void) { write(1); rand(); }\n' >>lib/base/fd.c
	printf 'int f(void) { cJSON_AddNull(1); rand(); }\n' >>lib/json/build.c
	printf '/* x */\n#ifdef HM_CUDA\n#endif\n' | tee lib/nn/switch.c >tools/switch2.c
	sed -i '1i# -ffast-math' Makefile
	{
		for f in lib/nn/all.c lib/cli/all2.c tools/all3.h tests/unit/all4.c; do
			for w in $banned; do echo "$f: calls $w (banned)"; done
			case $f in tests/*) continue ;; esac
			for w in $calls; do echo "$f: calls $w (lib/base/fd.h has it)"; done
			for w in $json; do echo "$f: calls $w (json/build.h does it and remembers failure)"; done
			case $f in tools/* | lib/cli/*) continue ;; esac
			for w in $loud; do echo "$f: calls $w (only lib/cli and tools may)"; done
		done
		cat <<-'END'
			lib/base/between.c: calls strcpy (banned)
			lib/base/between.c: calls atoi (banned)
			lib/base/between.c: calls gets (banned)
			lib/base/between.c: calls read (lib/base/fd.h has it)
			lib/base/between.c: calls flock (lib/base/fd.h has it)
			lib/base/between.c: calls puts (only lib/cli and tools may)
			lib/base/between.c: names stdout or stderr (only lib/cli and tools may)
			lib/nn/ajar.c: calls gets (banned)
			tools/zlast.h: calls gets (banned)
			lib/nn/says.c: names stdout or stderr (only lib/cli and tools may)
			lib/base/fd.c: calls rand (banned)
			lib/json/build.c: calls rand (banned)
			HM_CUDA is tested in 2 files, one is the rule
			1:# -ffast-math
			Makefile: fast-math changes numbers
		END
	} | finds
}

@test "words of CUDA outside the one header" {
	words='__shared__ __global__ __device__ asm __expf __logf __fdividef rsqrtf __frsqrt_rn <<<'
	echo '/* x */' >lib/ops/cuda/bad.cu
	for w in $words; do printf 'x %s(1); /* __ldg */\n' "$w" >>lib/ops/cuda/bad.cu; done
	printf '/* __shared__ */\nint n = 1'"'"'000; asm("__device__"); int m = 2'"'"'000;\n' >lib/ops/cuda/bad2.c
	printf 'asm\n' >lib/ops/cuda/bad3.inc
	printf '#define asm asm\n' >>lib/ops/cuda/kernel.h
	{
		for w in $words; do echo "lib/ops/cuda/bad.cu: says $w (only kernel.h may, or no one)"; done
		for f in bad2.c bad3.inc; do echo "lib/ops/cuda/$f: says asm (only kernel.h may, or no one)"; done
	} | finds
}

@test "heads, names that come twice, sizes, marks, pages of tools" {
	printf 'int x;\n/* too late */\n' | tee lib/base/bare.c lib/nn/bare2.h lib/ops/cuda/bare3.cu >tests/unit/bare4.cpp
	: >lib/base/empty.h
	mkdir tests/some
	printf '#!/bin/sh\n\n\n# too late\n' | tee tests/some/bare.sh >tests/some/run
	printf 'import os\n' >tests/some/bare.py
	printf '/* x */\n' | tee lib/rec/ring.c >lib/ops/ref/launch.c # of base, and of a device: that is no finding
	head -c 102401 /dev/zero | tr '\0' x >formats/large.txt
	head -c 102400 /dev/zero | tr '\0' x >formats/fits.txt
	no= # splits these words here, where the lint looks for them too
	for w in TO${no}DO FIX${no}ME X${no}XX; do printf '# %s: later\n# %sX\n' "$w" "$w"; done >pipelines/marks.txt
	printf '/* x */\n' >tools/hm-pageless.c
	printf '.Dd x\n' >man/hm-nothing.1
	run tests/lint/run
	expect 1 '^mandoc: man/hm-nothing\.1:1:.*cannot parse date'
	printf '%s\n' '#!/bin/sh' '# Without what mandoc says, which differs by version' 'true' >mandoc
	chmod +x mandoc
	PATH=$PWD:$PATH finds <<-END
		lib/base/bare.c: begins without the comment that says what it is for
		lib/nn/bare2.h: begins without the comment that says what it is for
		lib/ops/cuda/bare3.cu: begins without the comment that says what it is for
		tests/unit/bare4.cpp: begins without the comment that says what it is for
		lib/base/empty.h: begins without the comment that says what it is for
		tests/some/bare.sh: begins without the comment that says what it is for
		tests/some/run: begins without the comment that says what it is for
		tests/some/bare.py: begins without the comment that says what it is for
		lib/base/ring.c lib/rec/ring.c have the same name
		formats/large.txt: 102401 bytes, 102400 is the limit
		pipelines/marks.txt:1:# TO${no}DO: later
		pipelines/marks.txt:3:# FIX${no}ME: later
		pipelines/marks.txt:5:# X${no}XX: later
		tools/hm-pageless.c: has no man/hm-pageless.1
		man/hm-nothing.1: has no tool
	END
}

@test "widths, what comments and pages name, words, names of functions" {
	printf '/* %0111d */\n' 0 >lib/base/wide.c
	printf '/* x */\n\t\t/* %091d */\n\t\t/* %088d */\n// %s\n' 0 0 "$(printf 'ü%.0s' {1..107})" >lib/base/tabs.h
	printf '%0133d\n| %0133d |\n```\n%0133d\n```\n\t%0133d\n%0132d\n' 0 0 0 0 0 >formats/wide.md
	printf '/* See lost.h, lib/rec/gone.c and formats/hmr.md, "Blocks" and "Blanks"; formats/columns.md §7. */\n' >lib/base/cites.c
	printf 'As in `missing.md`; "Adding a stone" in `tools/README.md`; [this](../lib/rec/rec.h), `rec.h`.\n' >formats/cites.md
	printf '/* It was told\n * so; the norm is none, there is none. */\nconst char *s = "parted by commas";\n' >lib/base/words.c
	printf "/* x */ int c = '\"'; /* likewise */\nconst char *t = \"x \\\\\n	beside\";\nint told; // the post x\n" >lib/base/words2.c
	printf 'This was told, in the post-war time.\n' >formats/words.md
	printf '/* x */\nstatic int take(int x)\n{\n\treturn x;\n}\nint (*f)(int) = take;\nHM_SIMD static void go(void)\n' >lib/base/gesture.c
	finds <<-'END'
		lib/base/wide.c:1: 117 columns, 110 is the width
		lib/base/tabs.h:2: 113 columns, 110 is the width
		formats/wide.md:1: 133 columns, 132 is the width
		lib/base/cites.c:1: names lost.h, which does not exist
		lib/base/cites.c:1: names lib/rec/gone.c, which does not exist
		formats/hmr.md has no section "Blanks", which is cited
		formats/columns.md has no section "7", which is cited
		formats/cites.md:1: names missing.md, which does not exist
		tools/README.md has no section "Adding a stone", which is cited
		lib/base/words.c:1:  It was told
		lib/base/words.c:2:  * so; the norm is none, there is none.
		lib/base/words.c:3: parted by commas
		lib/base/words2.c:1:  x   likewise
		lib/base/words2.c:3: 	beside
		lib/base/words2.c:4:  the post x
		formats/words.md:1:This was told, in the post-war time.
		lib/base/gesture.c:2: take does not say what it works on
		lib/base/gesture.c:7: go does not say what it works on
	END
}

@test "a lint that could not look does not say clean" {
	printf '%s\n' '#!/bin/sh' '# No awk' 'echo broken >&2; exit 1' >awk
	chmod +x awk
	PATH=$PWD:$PATH run tests/lint/run
	expect 1 'broken'
	rm -r awk .git
	GIT_CEILING_DIRECTORIES=$BATS_TEST_TMPDIR run tests/lint/run
	expect 1 'not a git repository'
}

@test "another version than the Makefile's" {
	sed -i 's/^version: .*/version: 9.9.9/' CITATION.cff
	sed -i 's/^## .*/## 9.9.9/' CHANGELOG.md
	v=$(sed -n 's/^VERSION := *\([^ #]*\).*/\1/p' Makefile)
	finds <<-END
		CITATION.cff: its version is not the Makefile's, $v
		CHANGELOG.md: its first version is not the Makefile's, $v
	END
}
