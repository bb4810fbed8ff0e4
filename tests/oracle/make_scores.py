"""Makes tests/data/scores/cases.json, and classes.json for more than two classes: small predictions and what scikit-learn and
scipy say about them."""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(__file__))
import scores_reference as ref

rng = np.random.default_rng(7)
cases = []
for n in (1, 2, 3, 5, 8, 13, 40):
    for kind in ref.KINDS:
        y, p, q = ref.case(rng, n, kind)
        t = float(rng.choice([0.5, 0.3, 0.0, 1.0]))
        cases.append({"kind": kind, "threshold": t, "label": y.tolist(), "p": p.tolist(), "q": q.tolist(),
                      "metrics": {k: v if v is None else float(v) for k, v in ref.metrics(p, y, t).items()},
                      "intervals": ref.intervals(p, y, t), "paired": ref.paired(p, q, y, t)})
shares = [[k, n] + ref.intervals(np.r_[np.ones(k), np.zeros(n - k)], np.ones(n, int), 0.5)["exact"]
          for k, n in ((0, 1), (1, 1), (1, 2), (279, 500), (3, 5000), (4999, 5000), (123456, 250000), (1, 1000000))]
from scipy import special, stats
betas = [[a, b, x, float(special.betainc(a, b, x))]
         for a, b, x in ((.5, .5, .1), (1, 1, .7), (2, 30, .01), (200, 301, .4), (5000, 3000, .63), (1e-2, 4, .5))]
mcnemar = [[b, c, float(stats.binomtest(b, b + c).pvalue)]
           for b, c in ((1, 0), (3, 3), (10, 2), (0, 60), (400, 460), (2000, 2300), (1, 1100), (700, 0))]
p = rng.uniform(0, 1, 7) ** 4
doc = {"cases": cases, "shares": shares, "betas": betas, "mcnemar": mcnemar, "holm": [p.tolist(), ref.holm(p)]}
text = json.dumps(doc, indent=None, separators=(",", ":")).replace('{"kind"', '\n{"kind"') + "\n"
os.makedirs("tests/data/scores", exist_ok=True)
with open("tests/data/scores/cases.json", "w") as f:
    f.write(text)
print(f"tests/data/scores/cases.json: {len(cases)} cases, {len(text)} bytes")

rng = np.random.default_rng(8)
cases = []
for n in (1, 2, 5, 12, 30):
    for kind in ref.CLASS_KINDS:
        y, p = ref.class_case(rng, n, int(rng.integers(3, 6)), kind)
        p = np.round(p, 6) if kind != "extreme" else p
        cases.append({"kind": kind, "label": y.tolist(), "p": p.tolist(), **ref.classes(y, p)})
text = json.dumps({"cases": cases}, default=float, separators=(",", ":")).replace('{"kind"', '\n{"kind"') + "\n"
with open("tests/data/scores/classes.json", "w") as f:
    f.write(text)
print(f"tests/data/scores/classes.json: {len(cases)} cases, {len(text)} bytes")
