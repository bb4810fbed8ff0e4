#!/usr/bin/env bash
# deb.sh VERSION FOLDER: makes Debian packages of what `make deb` has staged: FOLDER/NAME holds the files of package NAME, and
# FOLDER gets NAME_VERSION-1_ARCH.deb. A package is a row of packages() and, below it, its description. Nothing needs root,
# and the same tree gives the same bytes: times are those of the last commit (SOURCE_DATE_EPOCH), owners are root.
set -euo pipefail
export LC_ALL=C
[ $# = 2 ] || { echo "usage: deb.sh VERSION FOLDER" >&2; exit 2; }
upstream=$1 version=$1-1 to=$2
for t in dpkg-deb dpkg-shlibdeps objdump strip; do
	command -v $t >/dev/null || { echo "make deb: $t is missing: apt-get install dpkg-dev" >&2; exit 2; }
done
arch=$(dpkg --print-architecture)
# Without git: of the newest version's notes.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)}
export SOURCE_DATE_EPOCH DPKG_DEB_THREADS_MAX=1
# The maintainer of a package is who built it. Policy wants an address; without DEBEMAIL it is one of example.org, which
# RFC 2606 keeps from ever being anybody's.
maintainer="${DEBFULLNAME:-the hm authors} <${DEBEMAIL:-hm@example.org}>"

# NAME|section|other fields than Depends: the rest follows from the files
packages() {
	cat <<-END
	hm|science|Recommends: gnuplot-nox, make|Suggests: hm-cuda, hm-mpi, python3-numpy, python3-zstandard, python3-xxhash, curl, slurm-client
	hm-cuda|contrib/science|Suggests: nvidia-driver
	hm-mpi|science|Recommends: openmpi-bin
	END
}
describe() { # NAME
	case $1 in
	hm)
		cat <<-'END'
		tools that classify image and caption pairs
		 Small Unix tools that classify pairs of an image and a caption, hateful memes
		 first: from JSON lines to a scored model, over pipes and files. They decode,
		 resize, tokenize, encode, train and score to the same numbers as Pillow,
		 Hugging Face, PyTorch and scikit-learn, without Python.
		 .
		 Features of frozen encoders are computed once and kept, heads on them train in
		 seconds, whole networks train too, and every score comes with its interval.
		END
		;;
	hm-cuda)
		cat <<-END
		CUDA device of the hm tools
		 The plug-in by which hm-encode, hm-fuse-train and hm-score compute on an NVIDIA
		 GPU: --device cuda.
		 .
		 It needs NVIDIA's driver and $(objdump -p "$to/hm-cuda/usr/lib/hm/libhm_cuda.so" | sed -n 's/^ *NEEDED *\(libcublasLt\.so[.0-9]*\)$/\1/p') of the CUDA toolkit.
		END
		;;
	hm-mpi)
		cat <<-'END'
		training in several processes for the hm tools
		 The plug-in by which hm-fuse-train trains one model in all processes that mpirun
		 or srun starts: --parallel mpi. The model is the same, byte for byte, for any
		 number of processes.
		END
		;;
	esac
}

shlibs() { # FOLDER: Depends of its programs and libraries, by the packages of what they are linked with
	local tmp elf=()
	tmp=$(mktemp -d)
	mkdir "$tmp/debian"
	printf 'Source: hm\n\nPackage: hm\nArchitecture: any\n' >"$tmp/debian/control"
	while read -r f; do elf+=("$f"); done < <(find "$(cd "$1" && pwd)/usr" -type f \( -path '*/bin/*' -o -name '*.so' \) | sort)
	# cuBLASLt may come from no package; everything else has to.
	(cd "$tmp" && dpkg-shlibdeps -O --ignore-missing-info ${cublas:+-l"$cublas"} "${elf[@]}" 2>"$tmp/said") | sed -n 's/^shlibs:Depends=//p'
	! grep -vE 'cublas|should not be linked against|^ *$|package could avoid a useless dependency' "$tmp/said" >&2 || exit 1
	rm -r "$tmp"
}

documents() { # NAME FOLDER: copyright and changelogs
	local doc=$2/usr/share/doc/$1
	mkdir -p "$doc"
	{
		printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: hm\n'
		[ "$1" != hm-cuda ] || printf 'Comment: NVIDIA'"'"'s CUDA runtime is linked in, under the licence of the CUDA toolkit.\n'
		printf '\nFiles: *\n'
		sed -n 's/^Copyright (c) /Copyright: /p' LICENSE
		echo 'License: Expat'
		sed '1,/^Permission/{/^Permission/!d}; s/^$/./; s/^/ /' LICENSE
	} >"$doc/copyright"
	rm -f "$doc/LICENSE"
	gzip -9n <CHANGELOG.md >"$doc/changelog.gz"
	# "## 0.1.0 (2026-11-28)"; the newest version has no date yet.
	sed -n 's/^## \([^ ]*\) *(*\([0-9-]*\).*/\1 \2/p' CHANGELOG.md | while read -r v day; do
		printf 'hm (%s-1) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- %s  %s\n\n' "$v" "$maintainer" \
			"$(date -u -R -d "${day:-@$SOURCE_DATE_EPOCH}")"
	done | gzip -9n >"$doc/changelog.Debian.gz"
	rm -f "$doc/CHANGELOG.md"
}

build_package() { # NAME SECTION FIELD...
	local name=$1 section=$2 root=$to/$1 out=$to/$1_${version}_$arch.deb depends source=''
	[ "$name" = hm ] || source="Source: hm"
	shift 2
	find "$root/usr" -type f \( -path '*/bin/*' -o -name '*.so' \) -exec strip --strip-unneeded --remove-section=.comment --remove-section=.note {} +
	if [ -d "$root/usr/share/man" ]; then find "$root/usr/share/man" -type f -exec gzip -9n {} +; fi
	documents "$name" "$root"
	mkdir "$root/DEBIAN" # by it dpkg-shlibdeps knows whose files it looks at
	depends=$(shlibs "$root")
	[ "$name" = hm ] || depends="hm (= $version)${depends:+, $depends}"
	(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
	{
		printf '%s\n' "Package: $name" ${source:+"$source"} "Version: $version" "Architecture: $arch" "Maintainer: $maintainer"
		printf '%s\n' "Installed-Size: $(find "$root/usr" -type f -printf '%s\n' | awk '{ n += int(($1 + 1023) / 1024) } END { print n }')"
		printf '%s\n' "Depends: $depends" "$@" "Section: $section" "Priority: optional"
		printf 'Description: '
		describe "$name"
	} >"$root/DEBIAN/control"
	find "$root" -exec chmod u=rwX,go=u-w {} +
	find "$root" -name '*.so' -exec chmod 644 {} +
	dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >/dev/null
	rm -r "$root"
	echo "$out"
}

cublas=$(command -v "${NVCC:-nvcc}" 2>/dev/null | sed 's|/bin/nvcc$|/lib64|') || cublas=
packages | while IFS='|' read -r name section fields; do
	[ -d "$to/$name" ] || continue # not part of this build
	IFS='|' read -r -a fields <<<"$fields"
	build_package "$name" "$section" "${fields[@]}"
done
