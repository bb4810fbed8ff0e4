"""Makes tests/data/nearest/case*.json: rows, queries, and what numpy in float64 says are the nearest. Some rows
are equal, some are zeros; others are never so alike that f32 features could not tell them apart. usage: make_nearest.py [OUTDIR]"""
import json
import pathlib
import sys

import numpy as np

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/nearest")
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(0)


def unit(parts):
    e = np.concatenate([a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-12) for a in parts], 1)
    return e / np.maximum(np.linalg.norm(e, axis=1, keepdims=True), 1e-12)


for number, (n, m, widths, k) in enumerate([(40, 6, (5,), 7), (70, 8, (9, 4), 20), (3, 5, (2, 1, 3), 20)]):
    train = [rng.standard_normal((n, w)).round(2) for w in widths]
    for a in train:
        a[n // 2 :: 3] = a[: len(a[n // 2 :: 3])]  # equal rows
        a[1] = 0
    test = [rng.standard_normal((m, w)).round(2) for w in widths]
    test[0][0] = 0
    labels = rng.integers(0, 2, n)
    s = unit(test) @ unit(train).T
    order = np.argsort(-np.round(s, 9), axis=1, kind="stable")[:, : min(k, n)]
    w = np.arange(order.shape[1], 0, -1)
    near = np.take_along_axis(s, order, 1)
    vote = (w * near * (2 * labels[order] - 1)).sum(1) / w.sum()
    case = {"k": int(order.shape[1]), "widths": list(widths), "train": [a.ravel().tolist() for a in train], "labels": labels.tolist(),
            "test": [a.ravel().tolist() for a in test], "nearest": order.ravel().tolist(), "similarity": near.ravel().tolist(), "vote": vote.tolist()}
    (out / f"case{number}.json").write_text(json.dumps(case) + "\n")
