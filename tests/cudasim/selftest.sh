#!/usr/bin/env bash
# tests/cudasim/selftest.sh BUILD_DIR: does the host executor find bugs that were planted, each in the mode that should
# find it, and none in the same programs without them? A line a bug, `ok NAME` or `not ok NAME: why`; 1 on any miss.
set -uo pipefail
cd "$(dirname "$0")/../.."
B=${1:?usage: selftest.sh BUILD_DIR} here=tests/cudasim
mkdir -p "$B" || exit 1
parts=(cudasim memory streams runtime blas)
objects=("${parts[@]/#/$B/}") && objects=("${objects[@]/%/.o}")
flags=(-std=c++17 -Wall -Wextra -Werror -Ilib -I$here -I$here/include)

# The executor is built once, without sanitizers: it finds them when the program has them.
build() {
	local f mode
	for f in "${parts[@]}"; do
		"${CXX:-g++}" "${flags[@]}" -O2 -g -c $here/$f.cpp -o "$B/$f.o" || return 1
	done
	for mode in O2 address thread; do
		case $mode in
		O2) f=(-O2) ;;
		address) f=(-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all) ;;
		thread) f=(-O1 -g -fsanitize=thread) ;;
		esac
		"${CXX:-g++}" "${flags[@]}" "${f[@]}" -x c++ $here/planted.cu $here/selftest.cpp -x none \
			"${objects[@]}" -o "$B/selftest-$mode" || return 1
	done
	"${CC:-gcc}" -std=c11 -Wall -Wextra -Werror -Ilib -I$here/include -O2 -c $here/example.c -o "$B/example.o" &&
		"${CXX:-g++}" "${flags[@]}" -O2 -x c++ $here/example.cu -x none "$B/example.o" "${objects[@]}" \
			-o "$B/example"
}

export ASAN_OPTIONS=detect_leaks=1 TSAN_OPTIONS=halt_on_error=1
misses=0

# run MODE[,ORDER|VARIABLE=VALUE]... NAME: the output, and what it ended with.
run() {
	local mode=${1%%,*} word words=()
	for word in $(tr , ' ' <<<"$1" | cut -s -d' ' -f2-); do
		case $word in
		*=*) words+=("$word") ;;
		*) words+=("HM_SIM_ORDER=$word") ;;
		esac
	done
	env "${words[@]}" timeout 60 "$B/selftest-$mode" "$2" 2>&1
	echo "ended with $?"
}

# planted NAME [RUN PATTERN]...: each run of the program must show the pattern, and not end well.
planted() {
	local name=$1 out why=
	shift
	while (($#)); do
		out=$(run "$1" "$name")
		if ! grep -qE -- "$2" <<<"$out" || [[ $out == *"ended with 0" ]]; then
			why="$why $1 does not show '$2' but '$(head -c 300 <<<"$out" | tr '\n' ' ')'"
		fi
		shift 2
	done
	[[ -z $why ]] && echo "ok $name" || { echo "not ok $name:$why" && misses=1; }
}

# sound RUN: nothing is found where nothing is wrong.
sound() {
	local out
	out=$(run "$1" sound)
	[[ $out == "ended with 0" ]] && echo "ok sound $1" || { echo "not ok sound $1: $out" && misses=1; }
}

build || { echo "not ok build: the self-test does not compile" && exit 1; }

race='WARNING: ThreadSanitizer: data race'
"$B/example" && echo 'ok example' || { echo 'not ok example: wrong sums' && misses=1; }
for order in forward reverse random random,HM_SIM_SEED=7 deep; do
	sound O2,$order,HM_SIM_LEAKS=1
done
sound O2,HM_SIM_DEFER=1,HM_SIM_NO_EPILOGUE=1
sound O2,random,HM_SIM_DEFER=2
sound address,random,HM_SIM_DEFER=1
sound address,deep
sound thread,forward
sound thread,deep,HM_SIM_DEFER=1

planted missing_barrier O2,forward 'wrong result' O2,reverse 'wrong result' O2,random 'wrong result' \
	O2,deep 'wrong result' thread "$race"
planted second_barrier O2,reverse 'wrong result' O2,random 'wrong result' O2,deep 'wrong result' thread "$race"
planted helper O2,deep 'wrong result' thread "$race"
planted warp O2,forward 'wrong result' O2,reverse 'wrong result' O2,random 'wrong result' thread "$race"
planted shuffle_order thread "$race"
planted block_race thread "$race"
planted same_write thread "$race"
planted global_bounds address 'use-after-poison'
planted shared_bounds address 'use-after-poison'
planted dynamic_bounds address 'use-after-poison'
planted freed address 'use-after-poison'
planted misaligned address 'misaligned address'
planted unwritten_shared O2 'wrong result'
planted unwritten_global O2 'wrong result'
planted stale_shared O2 'wrong result' thread 'wrong result'
at='at tests/cudasim/planted.cu:[0-9]+' block='kernel planted_[a-z]+, block \([0-9]+,0,0\)'
planted divergent \
	O2 "$block: thread [0-9]+ waits in __syncthreads $at, but thread [0-9]+ waits in __syncthreads $at" \
	O2,reverse "waits in __syncthreads $at, but thread [0-9]+ waits in __syncthreads $at"
planted return O2 "$block: thread [0-9]+ waits in __syncthreads $at, but thread 5 has returned"
planted dead_lanes O2 'thread [0-9]+ waits in __shfl_xor_sync at .*kernel.h:[0-9]+, but thread 16 has returned'
planted mask O2 "__shfl_sync $at has mask 0xffff, not all 32 lanes"
planted deadlock O2 "waits in __sync(warp|threads) $at, but thread [0-9]+ waits in __sync(threads|warp) $at"
planted staging O2,HM_SIM_DEFER=1 'wrong result'
planted early_read O2,HM_SIM_DEFER=1 'wrong result'
planted two_streams O2,HM_SIM_DEFER=1 'wrong result'
planted copy_ahead O2,HM_SIM_DEFER=2 'wrong result'
planted graph O2 'operation not permitted when stream is capturing'
planted host_pointer O2 'cudaMemcpy: the destination is not device memory'
planted long_copy O2 'cudaMemcpy: the destination is not device memory of so many bytes'
planted host_read O2 'the host touches device memory' address 'the host touches device memory'
planted leak O2,HM_SIM_LEAKS=1 'leak: 1 device allocations of 100 bytes'
planted memory O2,HM_SIM_MEMORY=10000 'out of memory'
planted zero_grid O2 'invalid configuration argument'
planted huge_block O2 'invalid configuration argument'
planted wide_block O2 'blocks of 512 threads, not a multiple of 32 up to 256'
planted null_argument O2 "$block, thread [0-9]+ touches bad memory" address 'null pointer'
planted fit_block O2 'blocks of 64 threads, not a multiple of 32 up to 32'
planted ragged_block O2 'not a multiple of 32'
planted much_shared O2 'uses 52000 bytes of shared memory'
planted much_dynamic O2 'invalid argument'
planted no_kernel O2 'invalid device function'
planted failing O2,HM_SIM_FAIL=2 'an illegal memory access'
planted no_device O2,HM_SIM_NO_DEVICE=1 'no CUDA-capable device'
planted product O2 'cublasLtMatmul: a is not device memory'
exit $misses
