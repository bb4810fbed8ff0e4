"""Entries of tests/data/{png,jpeg,webp}/*.vec, which tests/unit/pngvec.h reads: a line `NAME WIDTH HEIGHT CRC32 BYTES`, then so
many bytes of the file and a newline. CRC32 is of the RGB bytes; width 0 marks a file that must be refused."""
import io
import os
import zlib

import numpy as np
from PIL import Image

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")


def pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def entry(name, data, rgb=None):
    rgb = pillow(data) if rgb is None else rgb
    return f"{name} {rgb.shape[1]} {rgb.shape[0]} {zlib.crc32(rgb.tobytes())} {len(data)}\n".encode() + data + b"\n"


def refused(name, data):
    return f"{name} 0 0 0 {len(data)}\n".encode() + data + b"\n"


def write(kind, files):
    """files: (NAME, entries) for tests/data/KIND/NAME.vec."""
    os.makedirs(os.path.join(DATA, kind), exist_ok=True)
    for name, data in files:
        assert len(data) <= 100_000, (name, len(data))
        with open(os.path.join(DATA, kind, name + ".vec"), "wb") as f:
            f.write(data)
    print(f"{kind} vectors: {len(files)} files in tests/data/{kind}")
