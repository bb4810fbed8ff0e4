"""formats/python/hmr.py against hm and the golden vectors: every good vector has the values of its .jsonl and is written again with
the same digest, every bad one is refused; random streams both ways, through hm-view --verify, --full, --npy, hm-npy2rec and hm-cat;
the same blocks as hm's writer; cut and flipped files, also with right hashes, are refused where hm refuses them; pipes; README's
example. usage: [PART=golden] check_python.py build/bin [streams]"""
import glob
import io
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import xxhash
import zstandard

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = os.path.abspath(sys.argv[1])
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 150
sys.path.insert(0, str(ROOT / "formats/python"))
import hmr

ENV = {**os.environ, "PATH": BIN + os.pathsep + os.environ["PATH"], "PYTHONPATH": str(ROOT / "formats/python")}
checked = 0


def check(right, what):
    global checked
    if not right:
        raise AssertionError(what)
    checked += 1


def hm(command, data=None):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], input=data, capture_output=True, env=ENV)
    if done.returncode:
        raise AssertionError(f"{command}: {done.stderr.decode()}")
    return done.stdout


def accepts(data):
    """Whether hm takes a stream."""
    return subprocess.run([f"{BIN}/hm-view", "--verify"], input=data, capture_output=True).returncode == 0


def reads(data):
    """Whether hmr.py does; anything but hmr.Error is a fault."""
    try:
        hmr.read(io.BytesIO(data))
        return True
    except hmr.Error:
        return False


def same(a, b):
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(x == y if isinstance(x, str) else same(x, y) for x, y in zip(a, b))
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


# ---- the golden vectors ----

def golden_value(v, dtype):
    """A value of the .jsonl, of which floats are bits, as what hmr.read gives."""
    if dtype == "UTF8":
        return v
    if dtype in ("F16", "F32", "F64", "BF16"):
        bits = np.array([int(x, 16) for x in v], {2: "<u2", 4: "<u4", 8: "<u8"}[np.dtype(hmr.DTYPES[dtype]).itemsize])
        return (bits.astype("<u4") << 16).view("<f4") if dtype == "BF16" else bits.view(hmr.DTYPES[dtype])
    return np.array(v, hmr.DTYPES[dtype]) != 0 if dtype == "BOOL" else np.array(v, hmr.DTYPES[dtype])


def golden():
    good = sorted(glob.glob(str(ROOT / "formats/golden/*.hmr")))
    for path in good:
        lines = [json.loads(line) for line in open(path[:-4] + ".jsonl")]
        columns, header = hmr.read(path)
        end = header.pop("end")
        check(header == lines[0], f"{path}: header")
        check(all(end[k] == lines[-1][k] for k in ("records", "skipped", "blocks", "digest")), f"{path}: end {end}")
        for c in header["schema"]:
            got = columns[c["name"]]
            check(len(got) == len(lines) - 2, f"{path}: {c['name']}")
            for g, line in zip(got, lines[1:-1]):
                want = golden_value(line[c["name"]], c["dtype"])
                check(g == want if isinstance(want, str) else np.asarray(g).tobytes() == want.tobytes(), f"{path}: {c['name']} {g!r} {want!r}")
        parts = list(hmr.blocks(path))
        check(len(parts) == end["blocks"] and sum(len(next(iter(p.values()))) for p in parts) == end["records"], f"{path}: blocks")
        some = header["schema"][-1]["name"]
        check(list(hmr.read(path, [some])[0]) == [some], f"{path}: one column")
        # written again: the same digest where the blocks are as a writer makes them
        if end["blocks"] <= 1 and not header["schema"][0]["name"] == "BOOL":
            hmr.write("again.hmr", columns, hmr.attributes(header), meta=header["meta"], pg=header["pg"])
            again = hmr.read("again.hmr")[1]
            check(again["end"]["digest"] == end["digest"], f"{path}: written again")
        hmr.write("again.hmr", columns, hmr.attributes(header), meta=header["meta"], pg=header["pg"], level=9)
        check(hm("hm-view --full again.hmr") == hm(f"hm-view --full {path}"), f"{path}: values written again")
        hm("hm-view --verify again.hmr")
    bad = sorted(glob.glob(str(ROOT / "formats/golden/failed/*.hmr")))
    check(len(good) >= 7 and len(bad) >= 48, "vectors are missing")
    for path in bad:
        check(not reads(open(path, "rb").read()), f"{path} is accepted")
        try:
            hmr.read(path)
        except hmr.Error as e:
            check(str(e).startswith(path), f"{path}: {e}")


# ---- random streams ----

TYPES = [np.dtype(t) for t in ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8")]
LETTERS = "ab \t\"\\/\n\0\x01\x7f\u0085éß€\u2028𝄞\U0010ffff"


def numbers(rng, dtype, shape):
    raw = rng.integers(0, 256, (int(np.prod(shape)) * dtype.itemsize,), np.uint8)
    return (raw > 128).reshape(shape) if dtype == "?" else raw.view(dtype).reshape(shape)


def text(rng):
    return "".join(rng.choice(list(LETTERS), rng.integers(0, 12)))


def column(rng, n):
    kind = rng.choice(["fixed", "ragged", "text", "bf16"])
    if kind == "text":
        return [text(rng) for _ in range(n)]
    row = tuple(rng.integers(0, 5, rng.integers(0, 4)))
    if kind == "bf16":
        return (numbers(rng, np.dtype("u2"), (n, *row)).astype("u4") << 16).view("f4")
    dtype = rng.choice(TYPES)
    if kind == "fixed":
        return np.asarray(numbers(rng, dtype, (n, *row)), order=rng.choice(["C", "F"]))
    row = tuple(d + 1 for d in row)
    return [numbers(rng, dtype, (int(rng.integers(0, 6)), *row)) for _ in range(n)]


def random_streams():
    for seed in range(ROUNDS):
        rng = np.random.default_rng(seed)
        n = int(rng.choice([0, 1, 2, 17, 300, 3000]))
        columns = {f"c{i} é": column(rng, n) for i in range(rng.integers(1, 7))}
        columns = {"id": [f"{i}" for i in range(n)], **columns}
        attr = {name: {"note": text(rng).replace("\0", ""), "x": [float(rng.normal()), int(rng.integers(1e15)), 1e300, -0.0, 1e15, True, None]}
                for name in columns if rng.random() < 0.3}
        for name, v in columns.items():
            if not isinstance(v, list) and v.dtype == "f4" and rng.random() < 0.5:
                columns[name] = (np.ascontiguousarray(v).view("u4") & 0xFFFF0000).view("f4")
                attr.setdefault(name, {})["dtype"] = "BF16"
            elif isinstance(v, list) and not v and name != "id":
                attr.setdefault(name, {}).update({"dtype": "I16", "shape": [-1, 3]} if rng.random() < 0.5 else {})
        size = int(rng.choice([1, 100, 4096, 1 << 20]))
        hmr.write("a.hmr", columns, attr, level=int(rng.integers(1, 6)), block_size=size, meta={"seed": seed})
        hm("hm-view --verify a.hmr")
        back, header = hmr.read("a.hmr")
        check(list(back) == list(columns) and all(same(back[k], columns[k]) for k in columns), f"seed {seed}: values")
        # hm's writer: the same records make the same blocks, so the same digest
        if size >= 4096:
            hm(f"hm-cat --block-size {size} -o b.hmr a.hmr")
            other, b = hmr.read("b.hmr")
            check(b["end"] == header["end"], f"seed {seed}: end {b['end']} {header['end']}")
            check(all(same(other[k], columns[k]) for k in columns), f"seed {seed}: values through hm-cat")
        # batch by batch is the same file
        with hmr.Writer("c.hmr", hmr.attributes(header), block_size=size, meta={"seed": seed}) as w:
            cuts = sorted({0, n, *map(int, rng.integers(0, n + 1, 3))}) if n else [0, 0]
            for i, j in zip(cuts, cuts[1:]):
                w.add({k: v[i:j] for k, v in columns.items()})
        check(hmr.read("c.hmr")[1]["end"] == header["end"], f"seed {seed}: in batches")
        if seed % 5:
            continue
        # arrays: hm-view --npy, and hm-npy2rec's streams
        for c, v in zip(header["schema"], columns.values()):
            if isinstance(v, list) and c["dtype"] == "UTF8":
                continue
            hm(f"hm-view --npy {c['name']!r}=x.npy a.hmr")
            flat = v if not isinstance(v, list) else np.concatenate(v) if v else np.load("x.npy")
            check(same(np.load("x.npy"), flat), f"seed {seed}: --npy {c}")
            if isinstance(v, list) or v.dtype == "f8" or (v.dtype.kind == "f" and not np.isfinite(v).all()):
                continue
            hm("hm-view --npy %r=x.npy a.hmr; hm-cat --columns id a.hmr | hm-npy2rec --ids - --column y=x.npy -o n.hmr" % c["name"])
            check(same(hmr.read("n.hmr")[0]["y"], v), f"seed {seed}: hm-npy2rec {c}")


# ---- enemies ----

def mend(data):
    """The stream with every hash of a frame made right again, so that what lies behind them is reached."""
    p = bytearray(data)
    at = 0
    while at + 20 <= len(p):
        magic, n = struct.unpack_from("<II", p, at)
        if magic != hmr.MAGIC or n < 12 or n > len(p) - at - 8:
            at += 1
            continue
        body = at + 8
        if p[body:body + 4] == b"HMRB" and n == 64:
            packed = int.from_bytes(p[body + 32:body + 36], "little")
            p[body + 48:body + 56] = xxhash.xxh3_64_intdigest(bytes(p[body + 64:body + 64 + packed])).to_bytes(8, "little")
        p[body + n - 8:body + n] = xxhash.xxh3_64_intdigest(bytes(p[body:body + n - 8])).to_bytes(8, "little")
        at += 8 + n
    return bytes(p)


def damaged():
    """Every cut and every byte's change is refused; what has right hashes is judged as hm judges it."""
    source = open(ROOT / "formats/golden/pipeline.hmr", "rb").read()
    for n in range(len(source)):
        check(not reads(source[:n]), f"cut at {n}")
    rng = np.random.default_rng(1)
    for at in range(len(source)):
        p = bytearray(source)
        p[at] ^= 1 << int(rng.integers(8))
        check(not reads(bytes(p)), f"flip at {at}")
    check(not reads(source + b"\0") and not reads(source + source), "behind the end")
    taken = 0
    for name in ("dtypes", "shapes", "pipeline", "empty"):
        source = open(ROOT / f"formats/golden/{name}.hmr", "rb").read()
        for k in range(ROUNDS):
            p = bytearray(source)
            for _ in range(rng.integers(1, 3)):
                at = int(rng.integers(len(p)))
                p[at] = int(rng.choice([p[at] ^ 1 << int(rng.integers(8)), 0, 255, int(rng.integers(256)), ord(rng.choice(list('"0,]1-.e')))]))
            p = mend(bytes(p))
            mine, theirs = reads(p), accepts(p)
            if mine != theirs:
                open("/tmp/differ.hmr", "wb").write(p)
            check(mine == theirs, f"{name} round {k}: hmr.py {mine}, hm {theirs}: /tmp/differ.hmr")
            taken += mine
    print(f"check_python: of {4 * ROUNDS} streams with right frame hashes both took {taken}")


def header_lies():
    """HEADs with JSON of every kind of fault: judged as hm judges them."""
    good = '{"meta":{},"pg":[],"schema":[{"dtype":"U8","name":"a","shape":[]}]}'
    column = '{"dtype":"U8","name":"a","shape":[]}'
    texts = [good, good[:-1], good + " ", " " + good, good.replace('"pg":[],', ""), good.replace('"pg":[]', '"pg":{}'),
             good.replace("{}", "[]"), good.replace('"meta":{}', '"meta":{"b":1,"a":2}'), good.replace('"meta":{}', '"meta":{"a":1,"a":2}'),
             good.replace("{}", '{"a":1.0}'), good.replace("{}", '{"a":1e400}'), good.replace("{}", '{"a":NaN}'), good.replace("{}", '{"a":01}'),
             good.replace("{}", '{"a":1e+15}'), good.replace("{}", '{"a":1000000000000000}'), good.replace("{}", '{"a":0.1}'),
             good.replace("{}", '{"a":0.10}'), good.replace("{}", '{"a":-0}'), good.replace("{}", '{"a":"\\u0000"}'),
             good.replace("{}", '{"a":"\\ud800"}'), good.replace("{}", '{"a":"\\u007f"}'), good.replace("{}", '{"a":"\x7f"}'),
             good.replace("{}", '{"a":"\\u0041"}'), good.replace("{}", '{"a":"\\/"}'), good.replace("{}", '{"a":"é\\n"}'),
             good.replace("{}", '{"a":' + "9" * 5000 + "}"), good.replace("{}", '{"a":5e-324}'), good.replace("{}", '{"a":1.7976931348623157e+308}'),
             good.replace("{}", '{"a":' + "[" * 6 + "]" * 6 + "}"), good.replace("{}", '{"a":' + "[" * 7 + "]" * 7 + "}"),
             good.replace("{}", '{"a":' + "[" * 50000 + "]" * 50000 + "}"), good.replace('"a"', '"' + "x" * 64 + '"'),
             good.replace('"a"', '"' + "x" * 65 + '"'), good.replace('"a"', '""'), good.replace('"a"', "1"), good.replace('"U8"', '"UTF8"'),
             good.replace('"U8"', "8"), good.replace("[]}]", "[-1]}]"), good.replace("[]}]", "[-2]}]"), good.replace("[]}]", "[3,-1]}]"),
             good.replace("[]}]", "[-1,0]}]"), good.replace("[]}]", "[0]}]"), good.replace("[]}]", "[2147483648]}]"), good.replace("[]}]", "[67108864]}]"),
             good.replace("[]}]", "[67108865]}]"), good.replace("[]}]", "[true]}]"), good.replace("[]}]", '["1"]}]'), good.replace("[]}]", "[1.5]}]"),
             good.replace("[]}]", "[1,1,1,1,1,1,1,1]}]"), good.replace("[]}]", "[1,1,1,1,1,1,1,1,1]}]"), good.replace('"shape":[]', '"shape":{}'),
             good.replace("[]}]", "[2147483647,0]}]"), good.replace("[]}]", "[2147483647,2147483647,2147483647]}]"),
             good.replace(column, f"{column},{column}"), good.replace(column, ""), good.replace(column, "1"), good.replace(column, "[]"),
             good.replace("]}]", ']}],"z":1'), good.replace('"U8","name"', '"U8","encoder":"x","name"'),
             good.replace(column, ",".join(column.replace('"a"', f'"{i:02}"') for i in range(64))),
             good.replace(column, ",".join(column.replace('"a"', f'"{i:02}"') for i in range(65)))]
    taken = 0
    for t in texts:
        raw = t.encode("utf-8", "surrogatepass")
        head = hmr._frame(b"HMRH" + struct.pack("<HHIIII", 1, 0, 0, 0, len(raw), 0) + raw)
        at = raw.find(b'"schema":') + 9
        schema = raw[at:raw.rfind(b"]") + 1]
        end = hmr._frame(b"HMRE" + struct.pack("<IQQQQQ", 0, 0, 0, 0, 0, 0) + xxhash.xxh3_128_digest(schema))
        mine, theirs = reads(head + end), accepts(head + end)
        check(mine == theirs, f"{t[:200]}: hmr.py {mine}, hm {theirs}")
        taken += mine
    check(10 < taken < len(texts) - 10, f"{taken} of {len(texts)} taken")


class Frames:
    """In the place of a compressor: frames that a change of a good one makes."""

    def __init__(self, change, **options):
        self.z, self.change = zstandard.ZstdCompressor(**{"write_checksum": True, "write_content_size": True, **options}), change

    def compress(self, payload):
        return self.change(self.z.compress(payload))


def zstd_frames():
    """Blocks whose zstd frame is not as the format wants it: right hashes, and refused as hm refuses them."""
    empty = zstandard.ZstdCompressor().compress(b"")
    for what, good, change, options in [
            ("as it is", True, bytes, {}), ("no checksum", False, bytes, {"write_checksum": False}), ("no size", False, bytes, {"write_content_size": False}),
            ("bit 4", False, lambda f: f[:4] + bytes([f[4] | 16]) + f[5:], {}), ("bit 3", False, lambda f: f[:4] + bytes([f[4] | 8]) + f[5:], {}),
            ("a second frame", False, lambda f: f + empty, {}), ("a byte behind", False, lambda f: f + b"\0", {}), ("cut", False, lambda f: f[:-1], {}),
            ("a skippable frame in front", False, lambda f: hmr._frame(b"HMRB") + f, {}), ("level 19", True, bytes, {"level": 19}),
            ("a wrong checksum", False, lambda f: f[:-1] + bytes([f[-1] ^ 1]), {}), ("dictionary 0", False, lambda f: f[:4] + bytes([f[4] | 1]) + f[5:6] + b"\0" + f[6:], {})]:
        for columns in ({"id": [f"{i}" for i in range(900)]}, {"x": np.zeros((3, 0), "f4")}):
            out = io.BytesIO()
            with hmr.Writer(out) as w:
                w._zstd = Frames(change, **options)
                w.add(columns)
            mine, theirs = reads(out.getvalue()), accepts(out.getvalue())
            check(mine == theirs == good, f"a frame with {what} of {list(columns)}: hmr.py {mine}, hm {theirs}")


# ---- the rest of what is promised ----

def refused(what, *args, **kw):
    kept = b"what was there"
    open("kept.hmr", "wb").write(kept)
    try:
        hmr.write("kept.hmr", *args, **kw)
    except hmr.Error:
        check(open("kept.hmr", "rb").read() == kept and not glob.glob(".hmr-*"), f"{what}: a file is left")
        return
    raise AssertionError(f"{what} is written")


def writing():
    f = np.zeros((3, 2), "f4")
    refused("lengths", {"id": ["a", "b"], "x": f})
    refused("objects", {"x": np.array([{}, None, 1], object)})
    refused("complex", {"x": f.astype("c8")})
    refused("surrogate", {"id": ["\ud800"]})
    refused("nothing", {})
    refused("name", {"x" * 65: f})
    refused("attributes of another column", {"x": f}, {"y": {"encoder": "e"}})
    refused("NaN in an attribute", {"x": f}, {"x": {"a": float("nan")}})
    refused("a large record", {"x": np.zeros((1, 64 << 20), "u1")})
    refused("ragged shapes", {"x": [f, f[:, :1]]})
    refused("a label", {"label": np.array([1, -2])})
    refused("float labels as I32", {"x": f}, {"x": {"dtype": "I32"}})
    hmr.write("l.hmr", {"id": np.array([7, -1, 2**63], dtype=object).astype(str), "label": np.array([0, 1, -1])}, {"label": {"names": ["no", "yes"]}})
    columns, header = hmr.read("l.hmr")
    check(columns["id"] == ["7", "-1", str(2**63)] and columns["label"].dtype == np.int32, "id and label")
    hmr.write("l.hmr", {"id": np.arange(3), "label": [True, False, True]})
    check(hm("hm-view l.hmr") == b'{"id":"0","label":1}\n{"id":"1","label":0}\n{"id":"2","label":1}\n', "ids of integers")
    # rounding to BF16 as hm-encode --store bf16 does it
    x = np.random.default_rng(0).integers(0, 2**32, 100000, np.uint32).view("f4")
    hmr.write("b.hmr", {"x": x}, {"x": {"dtype": "BF16"}})
    import torch
    want = torch.from_numpy(x.copy()).to(torch.bfloat16).float().numpy()
    got = hmr.read("b.hmr")[0]["x"]
    check(np.array_equal(got, want, equal_nan=True), "BF16 as PyTorch rounds")
    with hmr.Writer("big.hmr", block_size=1) as w:
        w.add({"x": np.zeros((0, 5), ">f4")})
        w.add({"x": np.arange(10, dtype=">f4").reshape(2, 5)})
    check(hmr.read("big.hmr")[1]["end"]["blocks"] == 2 and hmr.read("big.hmr")[0]["x"][1, 4] == 9, "big-endian, blocks of a record")


def pipes():
    script = "import hmr, sys, numpy as n; hmr.write('-', {'id': ['a', 'b'], 'x': n.eye(2, dtype='f4')})"
    out = hm(f"python3 -c \"{script}\" | hm-view --full".replace("python3", sys.executable))
    check(out == b'{"id":"a","x":[1,0]}\n{"id":"b","x":[0,1]}\n', out)
    back = hm(f"{sys.executable} -c \"import hmr; print(sum(len(b['id']) for b in hmr.blocks('-')))\"", open("a.hmr", "rb").read())
    check(int(back) == hmr.read("a.hmr")[1]["end"]["records"], "standard input")
    script = "import hmr, numpy as n; w = hmr.Writer('-'); w.__enter__(); w.add({'id': ['a']}); w.abort()"
    done = subprocess.run(["bash", "-c", f'{sys.executable} -c "{script}" | hm-view --verify'], capture_output=True, env=ENV)
    check(done.returncode == 1 and b"its producer gave up" in done.stderr, done.stderr)


def readme():
    page = (ROOT / "formats/python/README.md").read_text()
    code = re.findall(r"^```(python|sh)\n(.*?)^```", page, re.M | re.S)
    check([kind for kind, _ in code] == ["python", "sh", "python"], "the README's examples")
    for kind, text in code:
        open("example.py", "w").write("import hmr\n" + text)
        hm(f"{sys.executable} example.py" if kind == "python" else f"set -e; {text}")
    check(len(open("train.csv").readlines()) == 101, "train.csv")
    version = re.search(r'^version = "(.*)"', (ROOT / "formats/python/pyproject.toml").read_text(), re.M)[1]
    check(version == hmr.__version__, "versions")


def speed():
    rng = np.random.default_rng(0)
    columns = {"id": [f"{i}" for i in range(50000)], "x": rng.standard_normal((50000, 512)).astype("f4")}
    size = columns["x"].nbytes / 1e6

    def rate(what):
        start = time.perf_counter()
        what()
        return size / (time.perf_counter() - start)
    write, read = rate(lambda: hmr.write("s.hmr", columns)), rate(lambda: hmr.read("s.hmr"))
    cat, view = rate(lambda: hm("hm-cat -o t.hmr s.hmr")), rate(lambda: hm("hm-view --verify s.hmr"))
    print(f"check_python: of f32 features hmr.write {write:.0f} MB/s, hmr.read {read:.0f} MB/s; hm-cat {cat:.0f} MB/s, hm-view --verify {view:.0f} MB/s")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for part in [globals()[os.environ["PART"]]] if "PART" in os.environ else (golden, random_streams, damaged, header_lies, zstd_frames, writing, pipes, readme, speed):
        part()
print(f"check_python: {checked} comparisons equal")
