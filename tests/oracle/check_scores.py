"""hm-score against scikit-learn and scipy: thousands of random cases (ties, all equal, one class, extreme and perfect
scores, up to 5,000 records), every metric and interval, pairs and Holm; more than two classes. usage: check_scores.py build/bin [CASES]"""
import json
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

sys.path.insert(0, os.path.dirname(__file__))
import scores_reference as ref

TOLERANCE = 1e-12
tool = os.path.join(sys.argv[1], "hm-score")
cases = int(sys.argv[2]) if len(sys.argv) > 2 else 3000
MORE = 210
worst = {}


def compare(what, got, want, slack=1.0):
    """Absolute below 1, relative above; None equals None."""
    if want is not None and not isinstance(want, (list, tuple)) and math.isnan(want):
        want = None
    if (got is None) != (want is None):
        raise AssertionError(f"{what}: {got}, the reference says {want}")
    if want is None:
        return
    if isinstance(want, (list, tuple)):
        for g, w in zip(got, want, strict=True):
            compare(what, g, w, slack)
        return
    error = abs(got - want) / max(1.0, abs(want))
    worst[what] = max(worst.get(what, 0.0), error)
    if not error <= TOLERANCE * slack:
        raise AssertionError(f"{what}: {got!r}, the reference says {want!r}")


def write(path, p, y):
    with open(path, "w") as f:
        f.write("id,proba,label\n")
        f.writelines(f"{i},{float(a)!r},{b}\n" for i, (a, b) in enumerate(zip(p, y)))


def run(*args):
    return json.loads(subprocess.run([tool, "-j1", "--json", "-", *args], check=True, capture_output=True).stdout)


def parts(rng, paths, p, q, y, t):
    """--threshold fit, --by, --pairs, --calibration's numbers."""
    n = len(y)
    right, best = ref.fitted(q, y)
    got = run("--bootstrap", "0", "--threshold", "fit:" + paths[1], paths[0])
    compare("threshold", got["threshold"], best)
    compare("threshold_fit", got["threshold_fit"]["accuracy"], right / n)
    compare("accuracy, fitted", got["accuracy"], ((p > best) == y).mean())
    group = rng.integers(-3, 8, n)
    pair = {tuple(sorted(map(int, rng.choice(n + 2, 2, replace=False)))) + (str(rng.choice(["image", "text"])),) for _ in range(20)}
    by, pairs = paths[0] + ".by", paths[0] + ".pairs"
    with open(by, "w") as f:
        f.write("id,proba,label,g\n")
        f.writelines(f"{i},{float(a)!r},{b},{g}\n" for i, (a, b, g) in enumerate(zip(p, y, group)))
    with open(pairs, "w") as f:
        f.write("a,b,kind\n")
        f.writelines(f"{a},{b},{k}\n" for a, b, k in pair)
    got = run("--bootstrap", "0", "--threshold", repr(t), "--by", "g", "--pairs", pairs, "--calibration", by + ".png", by)
    for g, w in zip(got["by"]["values"], ref.groups(p, y, t, group), strict=True):
        assert (g["value"], g["n"]) == (w["value"], w["n"])
        for key in ("accuracy", "accuracy_ci95", "auroc", "auroc_ci95", "majority"):
            compare("by " + key, g[key], w[key])
    both = {(a, b, k): bool(((p > t) == y)[[a, b]].all()) for a, b, k in pair if max(a, b) < n}
    assert got["pairs"]["n_absent"] == len(pair) - len(both)
    for g, kind in [(got["pairs"], None)] + [(g, g["kind"]) for g in got["pairs"]["kinds"]]:
        own = [v for (_, _, k), v in both.items() if kind in (None, k)]
        assert (g["n"], g["right"]) == (len(own), sum(own))
        compare("pairs", g["accuracy"], sum(own) / len(own) if own else None)
        compare("pairs, interval", g["accuracy_ci95"], ref.wilson(sum(own), len(own)) if own else None)
    for g, w in zip(got["calibration"], ref.bins(p, y), strict=True):
        assert g["n"] == w[0]
        for key, want in zip(("p", "share", "share_ci95"), w[1:]):
            compare("calibration " + key, g[key], want)
    for path in (by, pairs, by + ".png"):
        os.unlink(path)


def average(paths, systems, y, t):
    """--average: the mean of probabilities, and of scipy's ranks."""
    from scipy.stats import rankdata

    n = len(y)
    want = {"mean": sum(systems) / len(systems), "rank": sum((rankdata(s) - 0.5) / n for s in systems) / len(systems)}
    for how, p in want.items():
        got = run("-q", "--bootstrap", "0", "--threshold", repr(t), "--average", how, *paths)
        for key, value in ref.metrics(p, y, t).items():
            compare(f"{key}, {how} of systems", got[key], value)


def one(number, folder):
    rng = np.random.default_rng(number)
    kind = ref.KINDS[number % len(ref.KINDS)]
    n = int(rng.integers(1, 12)) if number % 3 == 0 else int(np.exp(rng.uniform(0, math.log(5000 if number % 20 == 0 else 400))))
    y, p, q = ref.case(rng, n, kind)
    t = float(rng.choice([0.5, 0.5, 0.3, 0.9, 0.0, 1.0]))
    paths = [os.path.join(folder, f"{number}.{s}.csv") for s in "abc"]
    systems = [p, q, rng.permutation(p)]
    for path, s in zip(paths, systems):
        write(path, s, y)
    where = f"case {number} ({kind}, n = {n})"
    try:
        got = run("--bootstrap", "0", "--threshold", repr(t), paths[0])
        for key, want in ref.metrics(p, y, t).items():
            compare(key, got[key], want)
        want = ref.intervals(p, y, t)
        compare("accuracy_ci95", got["accuracy_ci95"], want["wilson"])
        compare("accuracy_ci95_exact", got["accuracy_ci95_exact"], want["exact"])
        compare("auroc_ci95", got["auroc_ci95"], want["delong"])
        compare("majority", got["majority"], max(y.mean(), 1 - y.mean()))
        compare("random_ci95", got["random_ci95"], ref.guesser(n, 2))
        parts(rng, paths, p, q, y, t)
        if number % 4 == 1:
            average(paths, systems, y, t)
        if number % 2 == 0:
            pairs = run("--bootstrap", "0", "--threshold", repr(t), "--compare", *paths)["pairs"]
            wants = [ref.paired(systems[a], systems[b], y, t) for a, b in ((0, 1), (0, 2), (1, 2))]
            for g, w in zip(pairs, wants, strict=True):
                assert (g["only_a"], g["only_b"]) == (w["only_a"], w["only_b"])
                compare("mcnemar_p", g["mcnemar_p"], w["mcnemar_p"])
                compare("accuracy_difference_ci95", g["accuracy_difference_ci95"], w["accuracy_ci"])
                compare("auroc_difference", g["auroc_difference"], w["auroc"])
                compare("auroc_difference_ci95", g["auroc_difference_ci95"], w["auroc_ci"])
                # the reference's own rounding moves z by 1e-16 / se
                compare("delong_p", g["delong_p"], w["delong_p"], 100)
            for key in ("mcnemar_p", "delong_p"):
                if pairs[0][key] is not None:
                    for g, w in zip(pairs, ref.holm([g[key] for g in pairs]), strict=True):
                        compare(key + "_holm", g[key + "_holm"], w)
    except Exception as e:
        return f"{where}: {e}"
    finally:
        for path in paths:
            os.unlink(path)
    return None


def write_classes(path, p, y, column=None):
    with open(path, "w") as f:
        f.write("id," + ",".join(f"proba_{k}" for k in range(p.shape[1])) + ",label" + (",g\n" if column is not None else "\n"))
        f.writelines(f"{i}," + ",".join(repr(float(v)) for v in p[i]) + f",{y[i]}" + (f",{column[i]}" if column is not None else "")
                     + "\n" for i in range(len(y)))


def resampled(got, y, p, where):
    """The bootstrap's intervals hold what they estimate, nearly always, and are about as wide as numpy's own bootstrap says."""
    rng = np.random.default_rng(0)
    draws = [ref.classes(y[at], p[at]) for at in (rng.integers(0, len(y), len(y)) for _ in range(100))]
    for key in ("precision", "recall", "f1", "auroc"):
        values = [d["macro"][key] for d in draws if d["macro"][key] is not None]
        if len(values) < 90 or got["macro"][key + "_ci95"] is None:
            continue
        lo, hi = np.percentile(values, [2.5, 97.5])
        width = max(hi - lo, 0.02)
        for g, w in zip(got["macro"][key + "_ci95"], (lo, hi)):
            assert abs(g - w) < 0.5 * width, f"{where}: macro {key} {got['macro'][key + '_ci95']}, numpy's bootstrap {lo, hi}"


def more_classes(number, folder):
    """More than two classes: each class, the averages, the confusion matrix; --by, --compare, --average mean."""
    rng = np.random.default_rng(number)
    kind = ref.CLASS_KINDS[number % len(ref.CLASS_KINDS)]
    c = 200 + number if number % 50 == 49 else int(rng.integers(3, 40 if number % 10 == 9 else 8))
    n = int(rng.integers(1, 12)) if number % 3 == 0 else int(np.exp(rng.uniform(0, math.log(400))))
    y, p = ref.class_case(rng, n, c, kind)
    path, other = os.path.join(folder, f"c{number}.csv"), os.path.join(folder, f"d{number}.csv")
    group = rng.integers(0, 4, n)
    q = rng.permutation(p)
    write_classes(path, p, y, group)
    write_classes(other, q, y)
    try:
        got, want = run("--bootstrap", "0", "--by", "g", path), ref.classes(y, p)
        for key in ("accuracy", "log_loss", "weighted_f1"):
            compare(f"{key}, C > 2", got[key], want[key])
        for key, value in want["macro"].items():
            compare(f"macro {key}", got["macro"][key], value)
        for g, w in zip(got["classes"], want["classes"], strict=True):
            assert (g["support"], g["answered"]) == (w["support"], w["answered"])
            for key in ("precision", "recall", "f1", "auroc"):
                compare(f"{key} of a class", g[key], w[key])
        assert got["confusion"] == (want["confusion"] if c <= 200 else None)
        assert got["auroc"] is None and got["f1"] is None and got["random"] == 1 / c
        interval = ref.intervals((p.argmax(1) == y).astype(float), np.ones(n, int), 0.5)
        compare("accuracy_ci95, C > 2", got["accuracy_ci95"], interval["wilson"])
        compare("accuracy_ci95_exact, C > 2", got["accuracy_ci95_exact"], interval["exact"])
        for g, k in zip(got["by"]["values"], np.unique(group), strict=True):
            compare("by macro_f1", g["macro_f1"], ref.macro_f1(y[group == k], p[group == k]))
        both = run("--bootstrap", "0", "--compare", path, other)
        compare("macro f1 of the second", both["systems"][1]["macro"]["f1"], ref.macro_f1(y, q))
        a, b = p.argmax(1) == y, q.argmax(1) == y
        pair = both["pairs"][0]
        assert (pair["only_a"], pair["only_b"]) == (int((a & ~b).sum()), int((~a & b).sum())) and pair["delong_p"] is None
        mean = run("--bootstrap", "0", "--average", "mean", path, other)
        compare("macro f1 of a mean", mean["macro"]["f1"], ref.macro_f1(y, (p + q) / 2))
        if n >= 100 and c < 6 and number % 3 == 1:
            resampled(run(path), y, p, f"case {number}")
    except Exception as e:
        return f"classes, case {number} ({kind}, n = {n}, C = {c}): {e}"
    finally:
        os.unlink(path)
        os.unlink(other)
    return None


def apart(check, folder, number):
    """In a process of its own, which has its own `worst`; the reference takes more time than hm-score."""
    worst.clear()
    return check(number, folder), dict(worst)


def no_pictures(folder):
    """--calibration draws what is compared as numbers, by a gnuplot a case: here one that draws nothing, for nobody looks."""
    path = os.path.join(folder, "gnuplot")
    with open(path, "w") as f:
        f.write("#!/bin/sh\nexec echo no picture\n")
    os.chmod(path, 0o755)
    os.environ["PATH"] = folder + ":" + os.environ["PATH"]


def main():
    bad, most = [], {}
    with tempfile.TemporaryDirectory() as folder:
        no_pictures(folder)
        with ProcessPoolExecutor() as pool:
            for check, count in ((one, cases), (more_classes, MORE)):
                for why, errors in pool.map(partial(apart, check, folder), range(count), chunksize=20):
                    bad += [why] if why else []
                    most = {k: max(errors.get(k, 0.0), most.get(k, 0.0)) for k in errors | most}
    for b in bad[:20]:
        print(b)
    at = max(most, key=most.get)
    print(f"check_scores: {cases + MORE} cases, {len(bad)} differ; largest difference {most[at]:.1e} ({at}), metrics and "
          f"intervals at {TOLERANCE:g}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
