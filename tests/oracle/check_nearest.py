"""hm-nearest against numpy in float64: neighbours, similarities, votes, duplicates, over random sizes, dtypes, equal and
nearly equal rows, rows of zeros; and the same bytes for any -j and on both devices. usage: check_nearest.py build/bin"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, os.path.dirname(__file__))
import hmrkit

BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
CASES = 150
worst = {"similarity": 0.0, "vote": 0.0, "logit": 0.0}


def tool(*args):
    return subprocess.run([f"{BIN}/{args[0]}", "-q", *args[1:]], check=True, capture_output=True).stdout


def unit(parts):
    e = [a.astype(np.float64) / np.maximum(np.linalg.norm(a.astype(np.float64), axis=1, keepdims=True), 1e-12) for a in parts]
    e = np.concatenate(e, 1)
    return e / np.maximum(np.linalg.norm(e, axis=1, keepdims=True), 1e-12)


def rows(rng, n, widths, kind):
    out = []
    for w in widths:
        a = rng.standard_normal((n, w)) * 10.0 ** rng.integers(-6, 7)
        if kind == "close":
            a = a[:1] + a * 1e-3
        if kind == "equal":
            a = a[rng.integers(max(1, n // 7), size=n)]
        if kind == "zeros":
            a[rng.random(n) < 0.2] = 0
        if kind == "outlier":
            a[:, 0] *= 1000
        out.append(a)
    return out


def judge(out, s, k, labels, ids):
    got = [json.loads(line) for line in tool("hm-view", out).splitlines()]
    tool("hm-view", "--npy", "prob=p.npy", "--npy", "logits=l.npy", out, "-o", "/dev/null")
    prob, logits = np.load("p.npy"), np.load("l.npy")
    for i, record in enumerate(got):
        near = json.loads(record["neighbours"]) if isinstance(record["neighbours"], str) else record["neighbours"]
        assert len(near) == min(k, len(ids)), "count"
        at = [ids.index(x["id"]) for x in near]
        assert len(set(at)) == len(at), "twice"
        assert [x["label"] for x in near] == [int(labels[j]) for j in at], "labels"
        said = np.array([x["similarity"] for x in near])
        assert (np.diff(said) <= 0).all(), "order"
        for j, b in zip(at, at[1:]):  # of equal ones, to the bits of f32 features, the earlier first
            assert s[i, j] > s[i, b] - 1e-7
        worst["similarity"] = max(worst["similarity"], np.abs(said - s[i, at]).max())
        rest = np.delete(s[i], at)
        assert not len(rest) or rest.max() <= s[i, at].min() + 1e-7, "a nearer one was missed"
        w = np.arange(len(at), 0, -1)
        v = (w * s[i, at] * (2 * labels[at] - 1)).sum() / w.sum()
        worst["vote"] = max(worst["vote"], abs(prob[i, 1] - (v + 1) / 2), abs(prob[i, 0] - (1 - v) / 2))
        with np.errstate(divide="ignore"):
            want = np.log(prob[i].astype(np.float64))
        fine = prob[i] > 0
        worst["logit"] = max(worst["logit"], np.abs(logits[i] - want)[fine].max())
        assert np.isfinite(logits[i]).all()


def one(rng, number):
    kind = ("random", "close", "equal", "zeros", "outlier")[number % 5]
    n, m = int(rng.integers(1, 2600 if number % 10 == 0 else 300)), int(rng.integers(1, 400 if number % 10 == 0 else 60))
    widths = [int(rng.integers(1, 200)) for _ in range(int(rng.integers(1, 4)))]
    names, dtype = [f"f{i}" for i in range(len(widths))], (np.float32, np.float16)[number % 3 == 2]
    train, test = rows(rng, n, widths, kind), rows(rng, m, widths, kind)
    if kind == "equal" and number % 2:
        test = [a[rng.integers(n, size=m)] for a in train]
    if dtype == np.float16:
        train, test = ([a / max(1e-30, np.abs(a).max()) for a in x] for x in (train, test))
    train, test = ([a.astype(dtype) for a in x] for x in (train, test))
    labels, k = rng.integers(0, 2, n).astype(np.int32), int(rng.integers(1, 40))
    ids = [f"t{i}é" for i in range(n)]
    hmrkit.write("train.hmr", {"id": ids, "label": labels, **dict(zip(names, train))})
    hmrkit.write("test.hmr", {"id": [f"q{i}" for i in range(m)], **dict(zip(names, test))})
    call = ["hm-nearest", "--no-pg", "--k", str(k), "--columns", ",".join(names), "--train", "train.hmr", "test.hmr"]
    same = [tool(*call, "-j", j, "--device", d) for j, d in (("1", "cpu"), ("3", "cpu"), ("2", "ref"))]
    assert same[0] == same[1] == same[2], "threads or devices differ"
    open("out.hmr", "wb").write(same[0])
    s = unit(test) @ unit(train).T
    judge("out.hmr", s, k, labels, ids)
    if kind == "equal":  # rows that are equal in the file are equal in every neighbour list, in their order
        whole = np.concatenate(train, 1)
        for line in tool("hm-view", "out.hmr").splitlines():
            near = json.loads(json.loads(line)["neighbours"])
            for a, b in zip(near, near[1:]):
                i, j = ids.index(a["id"]), ids.index(b["id"])
                if (whole[i] == whole[j]).all():
                    assert a["similarity"] == b["similarity"] and i < j, "a tie out of order"
    least = float(np.quantile(s, 0.98)) if s.size > 1 else 0.0
    least = round(least, 6)
    pairs = [json.loads(line) for line in tool("hm-nearest", "--duplicates", repr(least), *call[4:]).splitlines()]
    got = {(p["a"], p["b"]) for p in pairs}
    sure = {(f"q{i}", ids[j]) for i, j in zip(*np.nonzero(s > least + 1e-7))}
    may = {(f"q{i}", ids[j]) for i, j in zip(*np.nonzero(s > least - 1e-7))}
    assert sure <= got <= may and len(got) == len(pairs), "duplicates"
    said = [p["similarity"] for p in pairs]
    assert said == sorted(said, reverse=True), "order of duplicates"


def main():
    rng, failed = np.random.default_rng(0), 0
    for number in range(CASES):
        try:
            one(rng, number)
        except Exception as e:
            failed += 1
            print(f"case {number}: {type(e).__name__} {e}")
    print(f"check_nearest: {CASES} cases, {failed} differ; largest differences " + ", ".join(f"{k} {v:.1e}" for k, v in worst.items()))
    return int(failed > 0 or worst["similarity"] > 2e-7 or worst["vote"] > 2e-7 or worst["logit"] > 1e-6)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    sys.exit(main())
