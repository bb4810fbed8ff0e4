# The Debian packages: what is in them, what they say of themselves, the same bytes each time. make check-deb installs them.

load ../support/bats

setup_file() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	v=$(sed -n 's/^VERSION := *\([^ #]*\).*/\1/p' "$ROOT/Makefile")
	export v
	cd "$ROOT"
	for n in 1 2; do
		d=$BATS_FILE_TMPDIR/$n
		(
			umask $([ $n = 1 ] && echo 022 || echo 077) # that of whoever builds does not show
			make -s --no-print-directory CUDA=0 MPI=0 SAN="$SAN" ONEDNN="${ONEDNN:-1}" install DESTDIR="$d/hm" prefix=/usr
			for f in cuda mpi; do # stand-ins
				mkdir -p "$d/hm-$f/usr/lib/hm"
				echo 'int hm_plugin;' | cc -x c -g -shared -fPIC -o "$d/hm-$f/usr/lib/hm/libhm_$f.so" -
			done
			[ $n = 1 ] || [ "$(id -u)" != 0 ] || chown -R 1:1 "$d" # nor does who it is
			bash pipelines/deb.sh "$v" "$d"
		) >"$BATS_FILE_TMPDIR/log$n" 2>&1 || { cat "$BATS_FILE_TMPDIR/log$n" >&2; return 1; }
		sleep 1.1
	done
}

setup() {
	arch=$(dpkg --print-architecture)
	hm=$BATS_FILE_TMPDIR/1/hm_$v-1_$arch.deb cuda=$BATS_FILE_TMPDIR/1/hm-cuda_$v-1_$arch.deb
}

field() { dpkg-deb -f "$1" "$2"; } # DEB FIELD

@test "hm holds tools, pages, completions, pipelines and documents, all of root, and no plug-in" {
	cd "$ROOT"
	dpkg-deb -c "$hm" >"$BATS_TEST_TMPDIR/list"
	for f in tools/hm-*.c; do
		t=$(basename "$f" .c)
		for path in usr/bin/$t usr/share/man/man1/$t.1.gz usr/share/bash-completion/completions/$t usr/share/zsh/site-functions/_$t; do
			grep -qE " \./$path\$" "$BATS_TEST_TMPDIR/list" || fail "no $path"
		done
	done
	for path in share/man/man7/hm.7.gz share/hm/pipelines/seed.mk share/hm/pipelines/demo.sh share/hm/pipelines/clip-published.csv \
		share/doc/hm/README.md share/doc/hm/copyright share/doc/hm/changelog.gz share/doc/hm/changelog.Debian.gz share/doc/hm/formats/hmr.md; do
		grep -qE " \./usr/$path\$" "$BATS_TEST_TMPDIR/list" || fail "no $path"
	done
	refute grep -E 'libhm_(cuda|mpi)|deps\.sh|deb\.sh|headers\.sh|LICENSE|/local/' "$BATS_TEST_TMPDIR/list"
	refute grep -vE '^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) root/root ' "$BATS_TEST_TMPDIR/list"
	[ "$(sed -n 's|.* \./||p' "$BATS_TEST_TMPDIR/list" | grep -vE '^(usr/.*)?$' || true)" = "" ] || fail "outside usr"
}

@test "hm-cuda holds the plug-in where the tools of hm look for it, and needs that very hm" {
	dpkg-deb -c "$cuda" | grep -qE '^-rw-r--r-- root/root .* \./usr/lib/hm/libhm_cuda\.so$'
	[ "$(dpkg-deb -c "$cuda" | grep -c '^-')" = 4 ] # and three documents
	[[ "$(field "$cuda" Depends)" == "hm (= $v-1)"* ]]
	[ "$(field "$cuda" Source)" = hm ] && [ "$(field "$cuda" Section)" = contrib/science ]
}

@test "hm-mpi holds the plug-in, needs that very hm and recommends a launcher" {
	mpi=$BATS_FILE_TMPDIR/1/hm-mpi_$v-1_$arch.deb
	dpkg-deb -c "$mpi" | grep -qE '^-rw-r--r-- root/root .* \./usr/lib/hm/libhm_mpi\.so$'
	[[ "$(field "$mpi" Depends)" == "hm (= $v-1)"* ]]
	[ "$(field "$mpi" Recommends)" = openmpi-bin ] && [ "$(field "$mpi" Section)" = science ]
}

@test "control: dependencies with versions, recommendations, a maintainer that is nobody's address, sums that fit" {
	depends=$(field "$hm" Depends)
	for lib in libc6 libzstd1 libxxhash0 libpng16-16 libdeflate0 libcjson1; do
		grep -qE "(^|, )$lib(t64)? \(>= [0-9]" <<<"$depends" || fail "no $lib in: $depends"
	done
	[ "${ONEDNN:-1}" = 0 ] || grep -qE 'libdnnl[0-9]' <<<"$depends"
	[ "$(field "$hm" Package) $(field "$hm" Version) $(field "$hm" Architecture) $(field "$hm" Priority)" = "hm $v-1 $arch optional" ]
	[[ "$(field "$hm" Recommends)" == *gnuplot-nox* && "$(field "$hm" Suggests)" == *python3-numpy* ]]
	[[ "$(field "$hm" Maintainer)" == *"@example.org>" || -n "${DEBEMAIL:-}" ]]
	[ "$(field "$hm" Description | wc -l)" -gt 3 ]
	dpkg-deb -x "$hm" "$BATS_TEST_TMPDIR/x"
	dpkg-deb -e "$hm" "$BATS_TEST_TMPDIR/e"
	(cd "$BATS_TEST_TMPDIR/x" && md5sum --quiet -c ../e/md5sums)
	[ "$(wc -l <"$BATS_TEST_TMPDIR/e/md5sums")" = "$(find "$BATS_TEST_TMPDIR/x" -type f | wc -l)" ]
	[ "$(ls "$BATS_TEST_TMPDIR/e" | paste -sd ' ')" = "control md5sums" ] || fail "scripts in the package"
	gzip -dc "$BATS_TEST_TMPDIR/x/usr/share/doc/hm/changelog.Debian.gz" | head -n 1 | grep -qxF "hm ($v-1) unstable; urgency=medium"
	cmp <(gzip -dc "$BATS_TEST_TMPDIR/x/usr/share/man/man1/hm-score.1.gz") "$ROOT/man/hm-score.1"
	[ "$("$BATS_TEST_TMPDIR/x/usr/bin/hm-cat" --version | head -n 1)" = "$(hm-cat --version | head -n 1)" ]
	refute grep -qF "$ROOT" "$BATS_TEST_TMPDIR"/x/usr/bin/hm-cat
}

@test "the same tree gives the same bytes" {
	for f in "$BATS_FILE_TMPDIR"/1/*.deb; do cmp "$f" "$BATS_FILE_TMPDIR/2/${f##*/}"; done
	[ "$(ls "$BATS_FILE_TMPDIR"/1)" = "$(basename -a "$cuda" "$hm" "${hm/hm_/hm-mpi_}" | sort)" ] || fail "left over: $(ls "$BATS_FILE_TMPDIR"/1)"
}

@test "without a tool of Debian's: its package is named" {
	for f in bash env dirname; do ln -s "$(command -v $f)" "$BATS_TEST_TMPDIR/$f"; done
	PATH=$BATS_TEST_TMPDIR run bash "$ROOT/pipelines/deb.sh" 0.2.0 "$BATS_TEST_TMPDIR"
	expect 2 'make deb: dpkg-deb is missing: apt-get install dpkg-dev'
	run bash "$ROOT/pipelines/deb.sh" 0.2.0
	expect 2 'usage: deb\.sh VERSION FOLDER'
}
