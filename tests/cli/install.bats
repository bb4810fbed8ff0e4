# make install and uninstall, and what is installed at work far from the sources.

load ../support/bats

tree() { # COMMAND...: make in the tree, with the setting that is tested, without nvcc and mpicc
	make -s --no-print-directory -C "$ROOT" CUDA=0 MPI=0 SAN="$SAN" ONEDNN="${ONEDNN:-1}" "$@"
}

setup() {
	d=$BATS_TEST_TMPDIR/stage
}

@test "install puts every tool, page, completion, pipeline and document there, and uninstall takes just that" {
	mkdir -p "$d/opt/hm/lib/hm"
	for f in cuda mpi; do echo old >"$d/opt/hm/lib/hm/libhm_$f.so"; done # of an earlier version, which this one may not load
	run tree install DESTDIR="$d" prefix=/opt/hm
	expect 0 "^installed into $d/opt/hm without plug-ins$"
	cd "$ROOT"
	for f in tools/hm-*.c; do
		t=$(basename "$f" .c)
		[ -x "$d/opt/hm/bin/$t" ] || fail "$t is not installed"
		cmp "man/$t.1" "$d/opt/hm/share/man/man1/$t.1"
		"$d/opt/hm/bin/$t" --version >/dev/null
		"$d/opt/hm/bin/$t" --completion bash | cmp - "$d/opt/hm/share/bash-completion/completions/$t"
		"$d/opt/hm/bin/$t" --completion zsh | cmp - "$d/opt/hm/share/zsh/site-functions/_$t"
	done
	for f in man/hm.7 man/hm-stream.5; do cmp $f "$d/opt/hm/share/man/man${f##*.}/${f#man/}"; done
	for f in pipelines/*.mk pipelines/*.sh pipelines/*.awk pipelines/*.csv pipelines/*.txt; do
		case $f in */deps.sh | */headers.sh | */deb.sh | */check-deb.sh) # of the build
			refute test -e "$d/opt/hm/share/hm/$f"
			continue
			;;
		esac
		cmp "$f" "$d/opt/hm/share/hm/$f"
		[ "$(stat -c %a "$d/opt/hm/share/hm/$f")" = "$([[ $f = *.sh ]] && echo 755 || echo 644)" ] || fail "$f: wrong mode"
	done
	for f in README.md CHANGELOG.md CITATION.cff LICENSE formats/*.md pipelines/README.md pipelines/AT-SCALE.md pipelines/report.png; do
		cmp "$f" "$d/opt/hm/share/doc/hm/$f"
	done
	for f in formats/python/*.py; do [ ! -e "$f" ] || cmp "$f" "$d/opt/hm/share/hm/python/${f##*/}"; done
	refute test -e "$d/opt/hm/lib/hm/libhm_cuda.so"
	refute test -e "$d/opt/hm/lib/hm/libhm_mpi.so"
	[ "$(find "$d" -type f ! -perm 644 ! -perm 755)" = "" ] || fail "odd modes"

	echo mine >"$d/opt/hm/share/hm/pipelines/mine.mk"
	tree uninstall DESTDIR="$d" prefix=/opt/hm
	[ "$(find "$d" -type f)" = "$d/opt/hm/share/hm/pipelines/mine.mk" ] || fail "left behind: $(find "$d" -type f)"
	rm "$d/opt/hm/share/hm/pipelines/mine.mk"
	tree uninstall DESTDIR="$d" prefix=/opt/hm
	[ -z "$(find "$d" -type f -o -name hm ! -path "$d/opt/hm")" ] || fail "left behind: $(find "$d")"
}

@test "an installed tool prints the version of the Makefile" {
	v=$(sed -n 's/^VERSION := *\([^ #]*\).*/\1/p' "$ROOT/Makefile")
	cd "$ROOT"
	for f in tools/hm-*.c; do
		t=$(basename "$f" .c)
		[ "$("$t" --version | head -n 1)" = "$t $v" ] || fail "$t says $("$t" --version | head -n 1)"
	done
}

@test "installed pipelines take the tools in PATH and write into the folder of the call" {
	tree install DESTDIR="$d" prefix=/opt/hm
	share=$d/opt/hm/share/hm
	PATH=$d/opt/hm/bin:${PATH//"$ROOT/build/bin:"/}
	[ "$(command -v hm-view)" = "$d/opt/hm/bin/hm-view" ]
	find "$d" | sort >"$BATS_TEST_TMPDIR/before"
	mkdir "$BATS_TEST_TMPDIR/user"
	cd "$BATS_TEST_TMPDIR/user"
	hm-synth -q --train 24 --dev 12 --test 4 toy
	run make -f "$share/pipelines/seed.mk" all DATA=toy IMAGE=init:resnet-tiny TEXT=init:bert-tiny EPOCHS=1 SIZE=32 ROWS='all-frozen-cached freeze-text'
	expect 0
	[ -s experiment/report.html ]
	run make -f "$share/pipelines/clip.mk" all DATA=toy IMAGE=init:clip-tiny-image TEXT=init:clip-tiny-text \
		VOCAB="$ROOT/tests/data/text/clip" ENCODE='--vocab-size 797' EPOCHS=1 SEEDS=1 ROWS='late align-1'
	expect 0
	[ -s clip-experiment/report.html ]
	run make -s -f "$share/pipelines/clip.mk" help
	expect 0 "make -f $share/pipelines/clip.mk all DATA"
	run "$share/pipelines/check-data.sh" toy
	expect 0 'toy is complete'
	find "$d" | sort | diff "$BATS_TEST_TMPDIR/before" -
	[ "$(ls)" = "clip-experiment
experiment
toy" ] || fail "$(ls)"
}

@test "demo.sh: installed, without gnuplot, into a folder that nobody else made" {
	tree install DESTDIR="$d" prefix=/opt/hm
	demo=$d/opt/hm/share/hm/pipelines/demo.sh
	mkdir "$BATS_TEST_TMPDIR/user" "$BATS_TEST_TMPDIR/few"
	cd "$BATS_TEST_TMPDIR/user"
	for f in bash cat cp dirname env expr grep head mkdir mv rm sed sort tail tee tr wc; do ln -s "$(command -v $f)" ../few; done
	PATH=$d/opt/hm/bin:$BATS_TEST_TMPDIR/few run "$demo" --quick
	expect 0 '^training curve  not drawn: gnuplot is not installed$'
	expect 0 '^  both  *accuracy 0\.[0-9]*'
	[ "$(ls)" = demo ] && [ -s demo/sheet.png ]
	mkdir other
	echo precious >other/file
	for name in other . ../user; do
		PATH=$d/opt/hm/bin:$BATS_TEST_TMPDIR/few run "$demo" --quick $name
		expect 1 "demo.sh: $name is there and was not made by this script"
	done
	[ "$(cat other/file)" = precious ]
	PATH=$BATS_TEST_TMPDIR/few run "$demo"
	expect 1 'hm-synth is not in PATH'
	for wrong in '-x' 'a b' '$(x)'; do
		run "$demo" "$wrong"
		expect 2 'usage: demo.sh'
	done
	run "$demo" a b
	expect 2 'usage: demo.sh'
}
