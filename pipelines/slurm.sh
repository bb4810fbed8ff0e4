#!/usr/bin/env bash
# slurm.sh submit|status|cancel: the graph of seed.mk or clip.mk as batch jobs of Slurm. Every job is a call of make for its own
# targets, so make decides what is left to do: a job that was requeued and a second submission do nothing twice. Which jobs
# there are stands in OUT/slurm/jobs, how each ended in OUT/slurm/NAME.rc, what it said in OUT/slurm/NAME.log.
set -euo pipefail
usage() {
	cat <<-'END'
	usage: slurm.sh submit [--sbatch OPTIONS] [--sbatch-gpu OPTIONS] -- MAKE-ARGUMENTS
	       slurm.sh status -- MAKE-ARGUMENTS
	       slurm.sh cancel -- MAKE-ARGUMENTS

	submit   one array of jobs that prepare and encode a shard each (SHARDS=N), one job that joins them, one job per row,
	         one job for the rest; each waits for those before it and is cancelled when one of them fails
	status   one line per stage; exit 1 if a stage failed or was cancelled
	cancel   takes what is left of it out of the queue

	--sbatch OPTIONS      for every job, as sbatch takes them: --sbatch '--partition=long --cpus-per-task=4 --time=2:00:00'
	--sbatch-gpu OPTIONS  further ones, for the jobs that encode, train and score: --sbatch-gpu '--gres=gpu:1'
	sbatch reads its environment (SBATCH_PARTITION and the like), too.

	MAKE-ARGUMENTS are those of make: -f pipelines/seed.mk all DATA=hateful_memes SHARDS=8. All three commands need the
	same ones, and the same folder. Goals are all or report; ROWS= says which rows. The folder, DATA and OUT must be seen by
	every node.
	END
}
die() { # STATUS SENTENCE
	echo "slurm.sh: error: $2" >&2
	exit "$1"
}

# What a job does: the target of its shard, or all of its targets; how make ended stands in a file afterwards. A job that
# Slurm ends (scancel, requeue, its time) leaves no such file.
job() { # FILE TARGET... -- MAKE-ARGUMENTS
	local file=$1 targets=() rc=0
	shift
	while [ "$1" != -- ]; do targets+=("$1") && shift; done
	[ -z "${SLURM_ARRAY_TASK_ID:-}" ] || { file+=-$SLURM_ARRAY_TASK_ID targets=("${targets[0]}-$SLURM_ARRAY_TASK_ID"); }
	rm -f "$file.rc"
	trap 'exit 143' TERM
	make --no-print-directory "${@:2}" "${targets[@]}" || rc=$?
	echo $rc >"$file.rc"
	exit $rc
}

# Options of make, among them the makefile and variables, and goals.
take_arguments() { # MAKE-ARGUMENTS
	local a value=
	for a; do
		case $value$a in
		-C* | --directory*) die 2 "call slurm.sh in the folder where make is to run, not with $a" ;;
		-f | -I | -o | -W | --file | --makefile) value=of: ;;
		-* | *=* | of:* | [0-9]*) value= ;;
		all | report) goals+=("$a") && continue ;;
		*) die 2 "$a: goals are all or report; ROWS='$a' is a run of that row" ;;
		esac
		options+=("$a")
	done
	[ ${#goals[@]} -gt 0 ] || goals=(all)
	plan=$(make -s --no-print-directory "${options[@]}" stages) || exit 2
	out=$(sed -n 's/^out //p' <<<"$plan") shards=$(sed -n 's/^shards //p' <<<"$plan")
	rows=($(sed -n 's/^row //p' <<<"$plan"))
}

# Sends a stage and notes it in OUT/slurm/jobs: its name, job, number of tasks (0: no array), and the stages that it needs.
send() { # NAME TASKS NEEDS SBATCH-OPTIONS -- TARGET...
	local name=$1 tasks=$2 needs=$3 to=() id
	shift 3
	while [ "$1" != -- ]; do to+=("$1") && shift; done
	shift
	if [ "$tasks" = 0 ]; then to+=("--output=$out/slurm/$name.log"); else to+=("--array=0-$((tasks - 1))" "--output=$out/slurm/$name-%a.log"); fi
	[ -z "$needs" ] || to+=("--dependency=afterok$(for n in ${needs//,/ }; do printf ':%s' "${job_of[$n]}"; done)" --kill-on-invalid-dep=yes)
	id=$(sbatch --parsable --requeue --open-mode=append --job-name="hm-$name" "${to[@]}" "$0" job "$out/slurm/$name" "$@" -- "${options[@]}") ||
		{ cancel_queued && die 1 "sbatch does not take the stage $name; what was submitted before it is cancelled"; }
	job_of[$name]=${id%%;*} # ID;CLUSTER
	echo "$name ${job_of[$name]} $tasks $needs" >>"$out/slurm/jobs"
}

submit() {
	local row all_rows
	[ -z "$(queued)" ] || die 1 "$out has jobs in the queue already: slurm.sh status, or cancel"
	make --no-print-directory "${options[@]}" settings || exit 1
	mkdir -p "$out/slurm"
	rm -f "$out"/slurm/jobs "$out"/slurm/*.rc
	send shards "$shards" "" "${sbatch[@]}" "${gpu[@]}" -- shard
	send join 0 shards "${sbatch[@]}" -- join
	for row in "${rows[@]}"; do send "$row" 0 join "${sbatch[@]}" "${gpu[@]}" -- "$row"; done
	all_rows=${rows[*]}
	send "${goals[0]}" 0 "${all_rows// /,}" "${sbatch[@]}" -- "${goals[@]}"
	echo "submitted: $shards shards, ${#rows[@]} rows; logs are in $out/slurm"
}

# Tasks in the queue: JOB TASK STATE REASON, those of this experiment.
queued() {
	[ -e "$out/slurm/jobs" ] || return 0
	squeue -h -r -u "$(id -un)" -o '%F %K %T %r' | awk 'NR == FNR { ours[$2]; next } $1 in ours { if ($2 == "N/A") $2 = 0; print }' "$out/slurm/jobs" -
}

# Why a task is neither in the queue nor noted as ended: in Slurm's words, as long as it knows.
fate() { # JOB[_TASK]
	local state
	state=$(scontrol -o show job "$1" 2>/dev/null | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p')
	[ -n "$state" ] || state=$(sacct -n -X -P -j "$1" -o State 2>/dev/null | head -n 1)
	echo "${state:-gone, Slurm does not know how}"
}

# One line: how many tasks are where, then what is wrong. bad[NAME] is the stage at fault: itself, or the one it waits for.
status_line() { # NAME JOB TASKS NEEDS
	local t file state why done=0 running=0 waiting=0 wrong= cause= n last=$(($3 ? $3 - 1 : 0))
	for n in ${4//,/ }; do cause=${cause:-${bad[$n]:-}}; done
	for ((t = 0; t <= last; t++)); do
		file=$out/slurm/$1 n=$2
		[ "$3" = 0 ] || { file+=-$t n+=_$t; }
		read -r state why < <(awk -v job="$2" -v task="$t" '$1 == job && $2 == task { print $3, $4 }' <<<"$queue") || :
		case $state:$why in
		PENDING:DependencyNeverSatisfied) wrong=" cancelled, because $cause failed" ;;
		PENDING:* | REQUEUE*) waiting=$((waiting + 1)) ;;
		RUNNING:* | CONFIGURING:* | SUSPENDED:*) running=$((running + 1)) ;;
		*)
			if [ "$(cat "$file.rc" 2>/dev/null)" = 0 ]; then done=$((done + 1))
			elif [ -e "$file.rc" ]; then wrong+=" failed: $file.log"
			elif [ -n "$cause" ]; then wrong=" cancelled, because $cause failed"
			elif [ "$state" = COMPLETING ]; then running=$((running + 1))
			else wrong+=" $(fate "$n"): $file.log"; fi ;;
		esac
	done
	[ -z "$wrong" ] || bad[$1]=${cause:-$1}
	printf '%-18s %s\n' "$1" "$(awk -v all=$((last + 1)) -v d=$done -v r=$running -v w=$waiting -v wrong="$wrong" 'BEGIN {
		s = (d ? ", " d " done" : "") (r ? ", " r " running" : "") (w ? ", " w " waiting" : "")
		print substr(s (wrong == "" ? "" : "," wrong), 3) }')"
}

status() {
	[ -e "$out/slurm/jobs" ] || die 1 "$out/slurm/jobs does not exist: nothing was submitted for this OUT"
	local name id tasks needs queue
	queue=$(queued)
	while read -r name id tasks needs; do status_line "$name" "$id" "$tasks" "$needs"; done <"$out/slurm/jobs"
	[ ${#bad[@]} = 0 ]
}

cancel() {
	[ -e "$out/slurm/jobs" ] || die 1 "$out/slurm/jobs does not exist: nothing was submitted for this OUT"
	cancel_queued
}
cancel_queued() {
	local ids
	ids=$(queued | awk '!n[$1]++ { print $1 }')
	[ -z "$ids" ] || scancel $ids
	echo "cancelled: $(wc -w <<<"$ids") jobs"
}

declare -A job_of=() bad=()
options=() goals=() sbatch=() gpu=() more=()
case ${1:-} in
job) shift && job "$@" ;;
-h | --help) usage && exit ;;
submit | status | cancel) command=$1 && shift ;;
*) usage >&2 && exit 2 ;;
esac
while [ "${1:---}" != -- ]; do
	[ $# -gt 1 ] && [ $command = submit ] || die 2 "$1: -- goes in front of make's arguments; see slurm.sh --help"
	read -ra more <<<"$2"
	case $1 in
	--sbatch) sbatch+=("${more[@]}") ;;
	--sbatch-gpu) gpu+=("${more[@]}") ;;
	*) die 2 "$1 is no option of slurm.sh; -- goes in front of make's arguments" ;;
	esac
	shift 2
done
[ $# -gt 1 ] || die 2 "make's arguments are missing: slurm.sh $command -- -f pipelines/seed.mk all DATA=..."
for p in sbatch squeue scontrol scancel make; do
	command -v $p >/dev/null || die 1 "$p is not installed: slurm.sh needs the commands of Slurm, on a machine that may submit jobs"
done
take_arguments "${@:2}"
$command
