"""hm-npy2rec against NumPy: random types, shapes, orders, versions and byte orders as numpy.save and safetensors write them, ids of
every kind; what comes back through hm-view --npy is NumPy's own conversion, to the last bit. And its refusals: what numpy.load does
not take without pickle, what is cut, what has another length. usage: check_npy.py build/bin [rounds]"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "formats/python"))
import hmr

BIN = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 300
TYPES = ["?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
checked = 0


def check(right, what):
    global checked
    if not right:
        raise AssertionError(what)
    checked += 1


def hm(*call, code=0, data=None):
    done = subprocess.run([f"{BIN}/{call[0]}", *call[1:]], input=data, capture_output=True)
    if done.returncode != code:
        raise AssertionError(f"{call}: exit {done.returncode}: {done.stderr.decode()}")
    return done.stderr.decode() if code else done.stdout


def numbers(rng, dtype, shape):
    n = int(np.prod(shape))
    raw = rng.integers(0, 256, (n * dtype.itemsize,), np.uint8)
    if dtype.kind == "b":
        return (raw > 128).reshape(shape)
    a = raw.view(dtype).reshape(shape)
    if dtype.kind != "f":
        return a
    a = a.copy()
    a[~np.isfinite(a)] = 0
    if dtype.itemsize == 8:  # within F32: NumPy's rounding is C's
        a = np.where(np.abs(a) < 3e38, a, rng.standard_normal(shape) * 10.0 ** rng.integers(-46, 38, shape))
    return a


def save(path, a, version):
    with open(path, "wb") as f:
        np.lib.format.write_array(f, a, version=version, allow_pickle=False)


def ids_of(rng, n, kind):
    """A file of ids and the texts that they are."""
    if kind == "ints":
        a = rng.permutation(10 * n + 10)[:n].astype(rng.choice(["u2", "i4", ">i8", "u8"]))
        np.save("ids.npy", a)
        return "ids.npy", [str(int(x)) for x in a]
    texts = [f"{i} {''.join(rng.choice(list('aé€🙂,;= '), 3))}x" for i in range(n)]
    if kind == "texts":
        np.save("ids.npy", np.array(texts).astype(rng.choice([">U20", "<U20"])) if rng.random() < 0.7 else np.array([t.encode() for t in texts]))
        return "ids.npy", texts
    if kind == "lines":
        open("ids.txt", "w").write("".join(f"{t}\n" for t in texts))
        return "ids.txt", texts
    if kind == "json":
        open("ids.jsonl", "w").write("".join(json.dumps({"id": t, "other": [1]}, ensure_ascii=bool(rng.integers(2))) + "\n" for t in texts))
        return "ids.jsonl", texts
    hmr.write("ids.hmr", {"id": texts, "more": np.arange(n)})
    return "ids.hmr", texts


def want(a, name):
    """What the column holds."""
    if name == "label":
        return a.astype("i4")
    return a.astype("<f4") if a.dtype.kind == "f" and a.dtype.itemsize == 8 else a.astype(a.dtype.newbyteorder("<"))


def rounds():
    for seed in range(ROUNDS):
        rng = np.random.default_rng(seed)
        n = int(rng.choice([1, 2, 7, 100, 600, 1300]))
        ids, texts = ids_of(rng, n, rng.choice(["ints", "texts", "lines", "json", "records"]))
        call, columns, tensors = [], {}, {}
        for k in range(rng.integers(1, 5)):
            dtype = np.dtype(rng.choice(["<", ">"]) + rng.choice(TYPES))
            shape = (n, *(int(d) for d in rng.integers(0, 6, rng.integers(0, 5))))
            a = np.asarray(numbers(rng, dtype, shape), dtype, order=rng.choice(["C", "F"]))
            columns[f"c{k}"] = a
            if rng.random() < 0.25:
                tensors[f"c{k}"] = np.ascontiguousarray(a.astype(dtype.newbyteorder("<")))
            else:
                save(f"c{k}.npy", a, (int(rng.integers(1, 4)), 0))
                call += ["--column", f"c{k}=c{k}.npy,encoder=e{k}, and, more" + (",output=o" if k else "")]
        if rng.random() < 0.3:
            columns["label"] = rng.integers(-1, 100, n).astype(rng.choice(["i1", ">i2", "i4", ">i8"]))
            np.save("label.npy", columns["label"])
            call += ["--column", "label=label.npy"]
        if tensors:
            save_file(tensors, "t.safetensors")
            call += ["--safetensors", "t.safetensors"]
        data = open(ids, "rb").read() if rng.random() < 0.3 and ids != "ids.npy" else None
        hm("hm-npy2rec", "-q", "--ids", "-" if data else ids, *call, "-o", "out.hmr", "-j", str(rng.integers(1, 5)), data=data)
        got, header = hmr.read("out.hmr")
        attr = hmr.attributes(header)
        check(got["id"] == texts, f"seed {seed}: ids")
        check(ids != "ids.hmr" or np.array_equal(got["more"], np.arange(n)), f"seed {seed}: other columns")
        for name, a in columns.items():
            w = want(a, name)
            check(got[name].dtype == w.dtype and got[name].shape == w.shape and got[name].tobytes() == w.tobytes(), f"seed {seed}: {name}")
            check(name in tensors or name == "label" or attr[name]["encoder"] == f"e{name[1]}, and, more", f"seed {seed}: attributes")
            hm("hm-view", "--npy", f"{name}=back.npy", "out.hmr")
            check(np.load("back.npy").tobytes() == w.tobytes(), f"seed {seed}: {name} through hm-view")
        if ids == "ids.jsonl" and "label" not in columns:
            check(set(got["label"]) == {-1}, f"seed {seed}: label")


def refusals():
    open("ids.txt", "w").write("a\nb\n")
    good = np.arange(6, dtype="f4").reshape(2, 3)
    np.save("good.npy", good)
    data = open("good.npy", "rb").read()
    for n in range(len(data)):
        open("cut.npy", "wb").write(data[:n])
        hm("hm-npy2rec", "--ids", "ids.txt", "--column", "x=cut.npy", "-o", "no.hmr", code=1)
        check(not os.path.exists("no.hmr"), f"cut at {n}")
    for what, a in {"objects": np.array([{}, 1], object), "dates": np.zeros(2, "M8[s]"), "complex": np.zeros(2, "c16"),
                    "structures": np.zeros(2, [("a", "f4")]), "long double": np.zeros(2, "g"), "bytes": np.zeros(2, "V4"),
                    "text": np.array(["a", "b"]), "scalar": np.float32(1), "rows": np.zeros((3, 2)), "fields": np.zeros((2, 1 << 25), "f4")}.items():
        np.save("bad.npy", a, allow_pickle=True)
        hm("hm-npy2rec", "--ids", "ids.txt", "--column", "x=bad.npy", "-o", "no.hmr", code=1)
        check(not os.path.exists("no.hmr"), what)
    np.savez("bad.npz", a=good)
    check("unzip" in hm("hm-npy2rec", "--ids", "ids.txt", "--column", "x=bad.npz", "-o", "no.hmr", code=1), "npz")
    for v in (np.nan, np.inf, -np.inf, 3.5e38, -1e300):
        wide = good.astype("f8")
        wide[1, 1] = v
        np.save("bad.npy", wide)
        message = hm("hm-npy2rec", "-q", "--ids", "ids.txt", "--column", "x=bad.npy", "-o", "no.hmr", code=1)
        check("record 1 (id b)" in message and "number 1" in message, message)
    # the largest that is rounded to a finite F32, and the first that is not
    first = np.float64(np.finfo("f4").max) + 2.0**103
    for v, code in ((np.nextafter(first, 0), 0), (first, 1)):
        np.save("edge.npy", np.array([v, 1.0]))
        hm("hm-npy2rec", "-q", "--ids", "ids.txt", "--column", "x=edge.npy", "-o", "edge.hmr", code=code)
    check(hmr.read("edge.hmr")[0]["x"][0] == np.finfo("f4").max, "the largest F32")


def heads():
    """Features of NumPy and of PyTorch train and are scored; another encoder's are refused."""
    rng = np.random.default_rng(0)
    n = 80
    label = np.arange(n) % 2
    x = (rng.standard_normal((n, 8)) + label[:, None]).astype("f4")
    np.save("x.npy", np.asfortranarray(x))
    torch.save({"image_feature": torch.from_numpy(x), "label": torch.from_numpy(label)}, "x.pt")
    open("ids.txt", "w").write("".join(f"m{i}\n" for i in range(n)))
    open("ids.jsonl", "w").write("".join(json.dumps({"id": f"m{i}", "label": int(y)}) + "\n" for i, y in enumerate(label)))
    for name, call in {"json": ["--ids", "ids.jsonl", "--column", "image_feature=x.npy,encoder=E"],
                       "torch": ["--ids", "ids.txt", "--safetensors", "x.pt,encoder=E"]}.items():
        hm("hm-npy2rec", *call, "-o", f"{name}.hmr")
        hm("hm-fuse-train", "-q", "--epochs", "2", "-o", f"{name}.safetensors", f"{name}.hmr")
        hm("hm-score", "-q", "--model", f"{name}.safetensors", "--csv", f"{name}.csv", f"{name}.hmr")
    check(open("json.csv").read() == open("torch.csv").read(), "the same scores")
    hm("hm-npy2rec", "--ids", "ids.jsonl", "--column", "image_feature=x.npy,encoder=F", "-o", "other.hmr")
    check("encoder F" in hm("hm-score", "--model", "json.safetensors", "other.hmr", code=1), "another encoder")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    rounds()
    refusals()
    heads()
print(f"check_npy: {checked} comparisons equal")
