"""Makes tests/data/npy/*.npy as NumPy writes them: every type that is read, both orders of bytes and of elements, versions 1.0 to
3.0. A name says all: TYPE-SHAPE-ORDER-VERSION. Element k of an array, counted in row-major order, is value(k) of
tests/unit/test_npyread.c. Also tests/fuzz/corpus/npy. usage: make_npy.py [OUTDIR]"""
import pathlib
import shutil
import sys

import numpy as np

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/npy")
out.mkdir(parents=True, exist_ok=True)
WORDS = ["m1", "", "zwölf", "\U0001f642", "ab cd"]


def values(dtype, n):
    k = np.arange(n)
    if dtype.kind == "f":
        return (k % 17 - 8 + k % 4 * 0.25).astype(dtype)
    if dtype.kind == "b":
        return k % 3 == 0
    return (k * 31 % 120 - (60 if dtype.kind == "i" else 0)).astype(dtype)


def save(name, shape, order="C", version=1):
    dtype = np.dtype(name.replace("le", "<").replace("be", ">").replace("u0", ""))
    a = np.asarray(values(dtype, int(np.prod(shape))).reshape(shape), order=order)
    assert a.dtype == dtype and a.dtype.str == dtype.str, (a.dtype.str, name)
    path = out / f"{name}-{'x'.join(map(str, shape)) or 'scalar'}-{order}-{version}.npy"
    with open(path, "wb") as f:
        np.lib.format.write_array(f, a, version=(version, 0), allow_pickle=False)
    return path


corpus = []
for i, t in enumerate(["b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"]):
    for end in ["le", "be"] if t[1] != "1" else [""]:
        for order in "CF":
            corpus.append(save(end + t, (2, 3, 4), order, 1 + i % 3))
corpus = corpus[-8:]
for shape in [(), (0,), (5,), (7, 1), (3, 0), (0, 7), (2, 1, 2, 1, 2, 1, 2, 1, 2), (31, 5)]:
    for order in "CF" if len(shape) > 1 and 0 not in shape and shape != (7, 1) else "C":
        corpus.append(save("lef4", shape, order, 2))
for name, a in [("U", np.array(WORDS)), ("bigU", np.array(WORDS).astype(">U6")), ("S", np.array(["m1", "", "x y"]).astype("S"))]:
    np.save(out / f"{name}.npy", a)
    corpus.append(out / f"{name}.npy")
if len(sys.argv) < 2:
    for path in corpus:
        shutil.copy(path, pathlib.Path("tests/fuzz/corpus/npy") / path.stem)
