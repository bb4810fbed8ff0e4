"""hm-view and hm-synth as NumPy, Pillow and Python's json read them: every --npy file against --full, a digest and
the pixels' and features' own columns, pictures and contact sheets as PNG. usage: check_view.py build/bin"""
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import xxhash
from PIL import Image

BIN = os.path.abspath(sys.argv[1])
KINDS = {"BOOL": "?", "U8": "u1", "I32": "<i4", "F16": "<f2", "BF16": "<f4", "F32": "<f4"}
RECORDS, SIZE = 24, 64
checked = 0


def equal(got, want, what):
    global checked
    same = np.array_equal(got, want) if isinstance(got, np.ndarray) else got == want
    if not same:
        raise AssertionError(f"{what}: {got!r}, not {want!r}")
    checked += 1


def hm(command):
    path = BIN + os.pathsep + os.environ["PATH"]
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, env={**os.environ, "PATH": path})
    if done.returncode:
        raise AssertionError(f"{command}: {done.stderr.decode()}")
    return done.stdout.decode()


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def arrays(stream):
    """Each column of numbers as a .npy file, as --full and as --schema and the digest have it."""
    columns = json.loads(hm(f"hm-view --schema {stream}"))["columns"]
    short, full = lines(hm(f"hm-view {stream}")), lines(hm(f"hm-view --full {stream}"))
    for r in full:
        equal(list(r), [c["name"] for c in columns], f"{stream}: keys")
    for c in columns:
        name, shape, where = c["name"], c["shape"], f"{stream}: {c['name']}"
        hm(f"hm-view --npy {name}={name}.npy {stream}")
        a = np.load(f"{name}.npy", allow_pickle=False)
        if c["dtype"] == "UTF8":
            equal([a.dtype.kind, a.tolist()], ["U", [r[name] for r in full]], where)
            continue
        equal(a.dtype, np.dtype(KINDS[c["dtype"]]), where)
        if shape[:1] == [-1]:
            cuts = np.load(f"{name}.npy.offsets.npy", allow_pickle=False)
            equal([cuts.dtype, len(cuts), cuts[0], cuts[-1]], [np.dtype("<i8"), len(full) + 1, 0, len(a)], where)
            values = [a[i:j] for i, j in zip(cuts, cuts[1:])]
        else:
            equal(a.shape, (len(full), *shape), where)
            values = list(a)
        for v, s, f in zip(values, short, full, strict=True):
            equal(v, np.array(f[name], dtype=v.dtype), where)
            if not shape:
                equal(s[name], f[name], where)
                continue
            equal([s[name]["dtype"], s[name]["shape"]], [c["dtype"], list(v.shape)], where)
            if c["dtype"] == "BF16":
                bits = v.view("<u4")
                equal(bits & 0xFFFF, np.zeros_like(bits), f"{where}: widened from 16 bits")
                v = (bits >> 16).astype("<u2")
            equal(s[name]["xxh3"], xxhash.xxh3_128_hexdigest(v.tobytes()), where)
    return {c["name"] for c in columns}


def pictures(folder):
    """Every PNG of the made data set opens, is named by one line, and none comes twice."""
    told = [r for f in ("train", "dev", "test") for r in lines(open(f"{folder}/{f}.jsonl").read())]
    equal(sorted(os.path.basename(r["img"]) for r in told), sorted(map(os.path.basename, glob.glob(f"{folder}/img/*"))), "files")
    seen = set()
    for r in told:
        with Image.open(f"{folder}/{r['img']}") as im:
            im.load()
            equal([im.format, im.mode], ["PNG", "RGB"], r["img"])
            seen.add(im.tobytes())
        equal(f"{r['id']:05d}.png", os.path.basename(r["img"]), "id and file")
    equal(len(seen), len(told), "no picture twice")


def sheet(stream, n):
    """A sheet's thumbnail, of a side three times the picture's, holds each of its pixels nine times."""
    hm(f"hm-view --sheet sheet.png --sheet-count {n} --npy pixels=pixels.npy {stream}")
    with Image.open("sheet.png") as im:
        got = np.asarray(im.convert("RGB")).astype(int)
    want = np.load("pixels.npy").transpose(0, 2, 3, 1).repeat(3, 1).repeat(3, 2)
    side, gap = 3 * SIZE, 12
    below = (got.shape[0] - gap) // -(-n // min(n, 6))
    for i in range(n):
        x, y = gap + i % 6 * (side + gap), gap + i // 6 * below
        worst = np.abs(got[y : y + side, x : x + side] - want[i]).max()
        equal(int(worst), 0, f"{stream}: thumbnail {i} of {n}, how far off")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    hm(f"hm-synth -q --train {RECORDS} --dev 3 --test 2 d")
    pictures("d")
    hm(f"hm-jsonl2rec --keep-field image_concept:f32 d/train.jsonl | hm-imgprep --root d/img --size {SIZE} |"
       " hm-tokenize --vocab d/vocab.txt -o raw.hmr")
    names = arrays("raw.hmr")
    for store in ("f32", "f16", "bf16"):
        hm(f"hm-encode -q --image init:resnet-tiny --text init:bert-tiny --image-output both --store {store} -o {store}.hmr raw.hmr")
        names |= arrays(f"{store}.hmr")
    equal(names >= {"pixels", "token_ids", "label", "image_concept", "image_feature", "image_grid", "text_feature"}, True, str(names))
    hm("hm-jsonl2rec /dev/null -o none.hmr")
    arrays("none.hmr")
    for n in (1, 5, 6, 7, RECORDS):
        sheet("raw.hmr", n)
print(f"check_view: {checked} comparisons equal")
