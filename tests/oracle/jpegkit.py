"""JPEG files of every kind, written by jpegmake.c, and what Pillow makes of a file. Shared by make_jpeg.py, check_jpeg.py and
bench_imgprep.py."""
import ctypes as c
import io
import os
import subprocess
import tempfile
import warnings

import numpy as np
from PIL import Image, ImageFile

warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
GREY, RGB, YCC, CMYK, YCCK = 1, 2, 3, 4, 5  # J_COLOR_SPACE
INTS = c.c_int * 4


class Make(c.Structure):
    _fields_ = [(n, c.c_int) for n in ("w", "h", "parts", "source", "to", "quality", "restart")] + [("across", INTS), ("down", INTS), ("id", INTS)] + \
               [(n, c.c_int) for n in ("progressive", "arithmetic", "optimize", "jfif", "adobe")] + [("scan", c.POINTER(c.c_int)), ("scans", c.c_int)]


def _library():
    folder = tempfile.mkdtemp()
    so = f"{folder}/jpegmake.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", so, f"{HERE}/jpegmake.c", "-ljpeg"], check=True)
    lib = c.CDLL(so)
    os.remove(so)
    os.rmdir(folder)
    return lib


_lib = _library()
_libc = c.CDLL(None)


def jpeg(a, to, quality=85, factors=None, restart=0, ids=None, progressive=False, arithmetic=False, optimize=False, jfif=-1, adobe=-1,
         scans=None):
    """A file of the samples a[h,w,parts]. factors: (across, down) of each component. scans: lists of (components, Ss, Se, Ah, Al)."""
    h, w, parts = a.shape
    source = {1: GREY, 3: RGB, 4: CMYK}[parts]
    numbers = [n for part, *rest in scans or [] for n in (len(part), *(list(part) + [0] * 4)[:4], *rest)]
    keep = (c.c_int * len(numbers))(*numbers)
    four = lambda v: INTS(*(list(v) + [0] * 4)[:4])
    m = Make(w, h, parts, source, to, quality, restart, four([f[0] for f in factors or []]), four([f[1] for f in factors or []]),
             four(ids or [-1] * 4), progressive, arithmetic, optimize, jfif, adobe, keep, len(scans or []))
    a = np.ascontiguousarray(a, np.uint8)
    out, n = c.POINTER(c.c_ubyte)(), c.c_ulong()
    _lib.jpegmake(c.byref(m), a.ctypes.data_as(c.POINTER(c.c_uint8)), c.byref(out), c.byref(n))
    data = c.string_at(out, n.value)
    _libc.free(out)
    return data


def segments(data):
    """(marker, position, length with its marker) of the segments up to the first scan's data."""
    at = 2
    while at + 4 <= len(data):
        n = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], at, n
        if data[at + 1] == 0xDA:
            return
        at += n


def without(data, marker):
    """The file without its segments of a marker."""
    out, last = b"", 0
    for m, at, n in segments(data):
        if m == marker:
            out, last = out + data[last:at], at + n
    return out + data[last:]


def with_segment(data, marker, content):
    """The file with one more segment behind its first marker."""
    return data[:2] + bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2, "big") + content + data[2:]


def pillow(data, damaged=False):
    """Pillow's pixels, or why there are none."""
    ImageFile.LOAD_TRUNCATED_IMAGES = damaged
    try:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    except Exception as x:
        return f"{type(x).__name__}: {x}"
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def photo(rng, w, h, parts=3):
    """Octaves of smooth noise, edges and some grain, as photographs have them."""
    a = np.zeros((h, w, parts), np.float32)
    for side in 2, 5, 13, 40:
        small = rng.integers(0, 256, (side, side, parts), dtype=np.uint8)
        for k in range(parts):
            a[:, :, k] += np.asarray(Image.fromarray(small[:, :, k]).resize((w, h), Image.BICUBIC), np.float32) / side**0.6
    a = (a - a.min()) / (a.max() - a.min() + 1e-9) * 255
    for _ in range(rng.integers(0, 6)):  # edges
        x, y = rng.integers(0, w), rng.integers(0, h)
        a[y : y + rng.integers(1, h + 1), x : x + rng.integers(1, w + 1)] += rng.integers(-90, 90, parts)
    return (a + rng.normal(0, rng.choice([0, 2, 12]), a.shape)).clip(0, 255).astype(np.uint8)


def noise(rng, w, h, parts=3):
    return rng.integers(0, 256, (h, w, parts), dtype=np.uint8)
