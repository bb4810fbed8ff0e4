"""Runs a command below mpirun or alone and writes its peak memory in GB to FILE.RANK. A process of its own, and a small one: a
child's peak begins with the memory of the process that forked it. usage: peakmemory.py FILE COMMAND..."""
import os
import sys

pid = os.fork()
if not pid:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(pid, 0)
with open(f"{sys.argv[1]}.{os.environ.get('OMPI_COMM_WORLD_RANK', '0')}", "w", encoding="utf-8") as f:
    f.write(str(usage.ru_maxrss / 1e6))
sys.exit(os.waitstatus_to_exitcode(status))
