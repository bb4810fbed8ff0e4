#!/bin/sh
# headers.sh CC [--without ROW] ROW...: are the headers there that hm is compiled with? A ROW is HEADER:DEBIAN:FEDORA:BREW,
# the header and its package in each of them. What is missing is named in one message, with the commands to paste, and
# ends the call with 2. --without: a library that hm does without; a notice says so. Called by make, once per setting.
set -eu
cc=$1
shift
without=
if [ "${1-}" = --without ]; then
	without=$2
	shift 2
fi
# shellcheck disable=SC2086
if ! printf '#include <stdint.h>\n' | $cc -E -x c - >/dev/null 2>&1; then
	echo "hm cannot be built: \"$cc\" compiles no C. Install a compiler, or name one with CC=NAME:" >&2
	echo "  Debian, Ubuntu  apt-get install gcc libc6-dev
  Fedora          dnf install gcc glibc-devel
  Homebrew        brew install gcc" >&2
	exit 2
fi

rows() { # NUMBER: that field of the rows that are missing, in one line
	printf '%s\n' $missing | cut -d : -f "$1" | sort -u | paste -sd ' ' -
}
commands() {
	echo "  Debian, Ubuntu  apt-get install $(rows 2)
  Fedora          dnf install $(rows 3)
  Homebrew        brew install $(rows 4)"
}
# One run of the preprocessor for all: a header that is not there leaves its row.
# shellcheck disable=SC2086
missing=$(for row; do printf '#if !__has_include(<%s>)\nmissing %s\n#endif\n' "${row%%:*}" "$row"; done |
	$cc -E -P -x c - | sed -n 's/^missing //p' | tr -d ' ')
if [ -n "$missing" ]; then
	{
		echo "hm cannot be built: headers are missing: $(rows 1 | sed 's/ /, /g'). Install their packages, then run make again:"
		commands
	} >&2
	exit 2
fi
if [ -n "$without" ]; then
	missing=$without
	echo "oneDNN ($(rows 1)) is not there: building without it (ONEDNN=0), so that encoders are plain loops, slow. It comes with:"
	commands
fi
