# A Slurm of its own for a test file: munged, slurmctld and slurmd on this machine, as root and without systemd, everything in
# one temporary folder. Loaded by each .bats file that needs jobs: load slurm. start_slurm in setup_file, stop_slurm in
# teardown_file; in between sbatch, srun and the like find it by SLURM_CONF.
#
# The node has as many processors as two nodes of two would have, whatever the machine has. Nothing is confined: Debian's
# slurmd takes one node name per machine, and cgroups may not be ours. No other munged or slurmd is touched.

free_port() { # a TCP port that nobody listens to
	local port
	while port=$((20000 + RANDOM % 12000)); do
		{ : <>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || break
	done
	echo $port
}

# Ends the test file with the reason, if Slurm cannot run here: a check that could not check has failed.
need_slurm() {
	local p
	for p in munged slurmctld slurmd; do
		type -p $p >/dev/null || { echo "$p is not installed: make check-cluster installs it" >&2; return 1; }
	done
	[ "$(id -u)" = 0 ] || { echo "slurmd must be root to start jobs: run make check-cluster as root" >&2; return 1; }
	[ -d /sys/devices/system/cpu ] || { echo "slurmd reads /sys, which is not mounted here" >&2; return 1; }
}

write_slurm_conf() { # FOLDER
	local host
	host=$(uname -n)
	host=${host%%.*}
	cat >"$1/slurm.conf" <<-END
		ClusterName=hm
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=$(free_port)
		SlurmdPort=$(free_port)
		AuthType=auth/munge
		CredType=cred/munge
		AuthInfo=socket=$1/munge.socket
		SlurmUser=root
		SlurmdUser=root
		StateSaveLocation=$1/state
		SlurmdSpoolDir=$1/spool
		SlurmctldPidFile=$1/slurmctld.pid
		SlurmdPidFile=$1/slurmd.pid
		SlurmctldLogFile=$1/slurmctld.log
		SlurmdLogFile=$1/slurmd.log
		SlurmdParameters=config_overrides
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		JobAcctGatherType=jobacct_gather/none
		SelectType=select/cons_tres
		SelectTypeParameters=CR_CPU
		SchedulerType=sched/backfill
		SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,bf_interval=1
		ReturnToService=2
		KillWait=2
		CompleteWait=0
		MpiDefault=none
		NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
		PartitionName=all Nodes=$host Default=YES MaxTime=60 State=UP
	END
}

# In the foreground, so that $! is the daemon, which ends with this shell, however that ends; away from bats' descriptors, which
# bats would wait for.
start_daemon() { # COMMAND...
	setpriv --pdeathsig KILL "$@" </dev/null >"$HM_SLURM/$1.out" 2>&1 3>&- &
	echo $! >>"$HM_SLURM/started"
}

start_slurm() {
	need_slurm || return 1
	unset "${!SLURM_@}" "${!SBATCH_@}" "${!SRUN_@}" # the tests may run in a job of another Slurm
	HM_SLURM=$(mktemp -d /tmp/hm-slurm.XXXXXX)
	export HM_SLURM SLURM_CONF=$HM_SLURM/slurm.conf
	chmod 755 "$HM_SLURM" # munged's socket is for every user
	mkdir "$HM_SLURM/state" "$HM_SLURM/spool"
	(umask 077 && head -c 1024 /dev/urandom >"$HM_SLURM/munge.key")
	write_slurm_conf "$HM_SLURM"
	start_daemon munged --force --foreground --num-threads=2 --key-file="$HM_SLURM/munge.key" --socket="$HM_SLURM/munge.socket" \
		--pid-file="$HM_SLURM/munged.pid" --seed-file="$HM_SLURM/munge.seed" --log-file="$HM_SLURM/munged.log"
	start_daemon slurmctld -D -i
	start_daemon slurmd -D
	local i
	for ((i = 0; i < 300; i++)); do
		[ "$(sinfo -h -o %t 2>/dev/null)" != idle ] || return 0
		xargs kill -0 <"$HM_SLURM/started" 2>/dev/null || break # one has ended
		sleep 0.1
	done
	echo "Slurm did not start. What its daemons said last:" >&2
	tail -n 20 "$HM_SLURM"/*.out >&2
	return 1
}

empty_slurm() { # no job is left
	local i
	scancel -u root 2>/dev/null || :
	for ((i = 0; i < 100; i++)); do [ -n "$(squeue -h 2>/dev/null)" ] || return 0; sleep 0.1; done
}

stop_slurm() {
	[ -n "${HM_SLURM:-}" ] || return 0
	empty_slurm
	local pid i
	while read -r pid; do
		kill "$pid" 2>/dev/null || :
		for ((i = 0; i < 100; i++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
		kill -KILL "$pid" 2>/dev/null || :
	done < <(tac "$HM_SLURM/started")
	rm -rf "$HM_SLURM"
}
