"""Compiles what touches oneDNN against a 3.x's headers (PyPI's onednn-devel, whose run time is a SYCL build and is not
used), warnings as errors. `.venv/bin/python tests/oracle/check_dnnl3.py build/bin`."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import zipfile

SOURCES = sorted(glob.glob("lib/ops/cpu/*.c"))
FLAGS = "-std=c11 -D_GNU_SOURCE -DHM_ONEDNN=1 -fopenmp -fsyntax-only -Wall -Wextra -Wshadow -Werror -Ilib".split()

with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, "onednn-devel"], check=True)
    with zipfile.ZipFile(glob.glob(folder + "/*.whl")[0]) as wheel:
        wheel.extractall(folder, [n for n in wheel.namelist() if n.endswith(".h")])
    header = glob.glob(folder + "/**/oneapi/dnnl/dnnl_version.h", recursive=True)[0]
    version = ".".join(re.findall(r"define DNNL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", open(header, encoding="utf-8").read()))
    include = os.path.dirname(os.path.dirname(os.path.dirname(header)))
    bad = [f for f in SOURCES if subprocess.run([os.environ.get("CC", "cc"), *FLAGS, "-isystem", include, f]).returncode]

print(f"oneDNN {version}: {len(SOURCES) - len(bad)} of {len(SOURCES)} sources compile" + (": not " + ", ".join(bad) if bad else ""))
sys.exit(bool(bad) or not version.startswith("3."))
