"""Makes tests/data/weights/torchscript: tiny archives of torch.jit.save and, beside each, the tensors that torch.jit.load
finds in it, as .safetensors. Usage: python make_torchscript.py [OUTDIR]"""
import io
import os
import pathlib
import sys
import zipfile

if os.environ.get("PYTHONHASHSEED") != "0":  # torch.jit.script writes a class's constants in the order of a set
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PYTHONHASHSEED": "0"})

import torch
from safetensors.torch import save_file

import torchscriptkit as kit

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/weights/torchscript")
out.mkdir(parents=True, exist_ok=True)


def save(net, path):
    """As torch writes it, each entry's bytes at a multiple of 64, but without what differs from machine to machine: the
    names of source files in the debugging tables."""
    buffer = io.BytesIO()
    torch.jit.save(net, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(path, "w") as new:
        for x in old.infolist():
            if x.filename.endswith(".debug_pkl") or x.filename.endswith("serialization_id"):
                continue
            entry = zipfile.ZipInfo(path.stem + x.filename[x.filename.index("/"):])
            entry.compress_type = x.compress_type
            pad = -(new.fp.tell() + 30 + len(entry.filename) + 4) % 64
            entry.extra = b"FB" + pad.to_bytes(2, "little") + b"Z" * pad
            new.writestr(entry, old.read(x))
    return torch.jit.load(str(path))


torch.manual_seed(0)
for name, net in ("clip", kit.traced(kit.Clip())), ("tree", kit.scripted()):
    state = kit.tensors(save(net, out / f"{name}.pt"))
    save_file({k: v.clone().contiguous() for k, v in state.items()}, out / f"{name}.safetensors")
save(torch.jit.freeze(torch.jit.trace(torch.nn.Linear(2, 2).eval(), torch.ones(1, 2))), out / "frozen.pt")
