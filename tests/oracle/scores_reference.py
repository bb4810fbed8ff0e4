"""The reference's answers about predictions: scikit-learn for metrics, scipy for intervals and McNemar, DeLong from its
definition, pair by pair. Shared by make_scores.py and check_scores.py."""
import math
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics as sk

Z = 1.959963984540054
warnings.filterwarnings("ignore")


def clean(x):
    return None if x is None or math.isnan(x) else float(x)


def kernel(p, y):
    """psi[i,j] = 1 where positive i scores above negative j, 1/2 where equal."""
    a, b = p[y == 1][:, None], p[y == 0][None, :]
    return (a > b) + 0.5 * (a == b)


def delong_components(p, y):
    k = kernel(p, y)
    return k.mean(1), k.mean(0)


def metrics(p, y, threshold):
    """Binary: p of class 1, labels y."""
    both = 0 < y.sum() < len(y)
    answer = (p > threshold).astype(int)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(y, answer, average="binary", zero_division=0)
    bins = np.minimum(14, np.floor(15 * p)).astype(int)
    ece = sum((bins == b).sum() / len(y) * abs(p[bins == b].mean() - y[bins == b].mean()) for b in set(bins))
    eps = 2.0**-52
    return {
        "accuracy": sk.accuracy_score(y, answer),
        "auroc": sk.roc_auc_score(y, p) if both else None,
        "average_precision": sk.average_precision_score(y, p) if y.sum() else 0.0,
        "f1": f1,
        "precision": precision,
        "recall": recall,
        "log_loss": sk.log_loss(y, np.clip(p, eps, 1 - eps), labels=[0, 1]),
        "brier": sk.brier_score_loss(y, p) if both else float(np.mean((p - y) ** 2)),
        "ece": float(ece),
    }


def intervals(p, y, threshold):
    k, n = int(((p > threshold) == y).sum()), len(y)
    test = stats.binomtest(k, n)
    wilson, exact = test.proportion_ci(0.95, "wilson"), test.proportion_ci(0.95, "exact")
    out = {"wilson": [wilson.low, wilson.high], "exact": [exact.low, exact.high], "delong": None}
    if min(y.sum(), n - y.sum()) >= 2:
        v10, v01 = delong_components(p, y)
        se = math.sqrt(v10.var(ddof=1) / len(v10) + v01.var(ddof=1) / len(v01))
        out["delong"] = [max(0.0, v10.mean() - Z * se), min(1.0, v10.mean() + Z * se)]
    return out


def paired(p, q, y, threshold):
    a, b = (p > threshold) == y, (q > threshold) == y
    n10, n01, n = int((a & ~b).sum()), int((~a & b).sum()), len(y)
    u, v = (n10 + 1) / (n + 2), (n01 + 1) / (n + 2)
    half = Z * math.sqrt((u + v - (u - v) ** 2) / (n + 2))
    out = {
        "only_a": n10,
        "only_b": n01,
        "mcnemar_p": stats.binomtest(n10, n10 + n01).pvalue if n10 + n01 else 1.0,
        "accuracy_ci": [max(-1.0, u - v - half), min(1.0, u - v + half)],
        "auroc": None,
        "delong_p": None,
        "auroc_ci": None,
    }
    if 0 < y.sum() < n:
        (a10, a01), (b10, b01) = delong_components(p, y), delong_components(q, y)
        out["auroc"] = d = a10.mean() - b10.mean()
        if min(y.sum(), n - y.sum()) >= 2:
            var = (a10 - b10).var(ddof=1) / len(a10) + (a01 - b01).var(ddof=1) / len(a01)
            se = math.sqrt(var) if var > 1e-28 else 0.0  # what rounding leaves of 0
            if se or abs(d) < 1e-15:  # with variance 0 nothing is known of the error of a difference
                out["delong_p"] = 2 * stats.norm.sf(abs(d) / se) if se else 1.0
                out["auroc_ci"] = [max(-1.0, d - Z * se), min(1.0, d + Z * se)]
    return out


def guesser(n, classes):
    """Where the accuracy of guessing falls, in 95 % of all cases."""
    return [float(k) / n for k in stats.binom.interval(0.95, n, 1 / classes)]


def wilson(k, n):
    ci = stats.binomtest(k, n).proportion_ci(0.95, "wilson")
    return [ci.low, ci.high]


def fitted(p, y):
    """The best threshold by trying all: midpoints of neighbours, of the least and 0 unless it is 0, of the greatest and 1."""
    v = np.unique(p)
    low, high = np.concatenate(([0.0], v)), np.concatenate((v, [1.0]))
    mid = low + (high - low) / 2
    mid = np.where((mid >= high) & (high > low), low, mid)
    mid[-1] = max(mid[-1], v[-1])
    mid = mid[int(v[0] == 0) :]
    right = [int(((p > t) == y).sum()) for t in mid]
    return min(zip(right, mid), key=lambda rt: (-rt[0], abs(rt[1] - 0.5), rt[1]))


def groups(p, y, threshold, group):
    """One dictionary a value, in the order of the integers that they are."""
    out = []
    for g in np.unique(group):
        at = group == g
        both, interval = 0 < y[at].sum() < at.sum(), intervals(p[at], y[at], threshold)
        out.append({"value": str(g), "n": int(at.sum()), "accuracy": sk.accuracy_score(y[at], (p[at] > threshold).astype(int)),
                    "auroc": sk.roc_auc_score(y[at], p[at]) if both else None,
                    "accuracy_ci95": interval["wilson"], "auroc_ci95": interval["delong"],
                    "majority": max(y[at].mean(), 1 - y[at].mean())})
    return out


def bins(p, y):
    """scikit-learn's calibration_curve, with counts and intervals; None for an empty bin."""
    at = np.minimum(14, np.floor(15 * p)).astype(int)
    out = []
    for b in range(15):
        n, k = int((at == b).sum()), int(y[at == b].sum())
        out.append((n, float(p[at == b].mean()), k / n, wilson(k, n)) if n else (0, None, None, None))
    return out


def holm(p):
    order, out, least = np.argsort(p, kind="stable"), np.zeros(len(p)), 0.0
    for i, k in enumerate(order):
        least = max(least, min(1.0, (len(p) - i) * p[k]))
        out[k] = least
    return out.tolist()


def case(rng, n, kind):
    """Labels and two systems' probabilities of class 1."""
    y = rng.integers(0, 2, n)
    if kind == "zeros":
        y[:] = 0
    if kind == "ones":
        y[:] = 1
    out = []
    for strength in rng.uniform(0, 3, 2):
        p = 1 / (1 + np.exp(-strength * (y - 0.5) - rng.normal(size=n)))
        if kind == "ties":
            p = np.round(p, 1)
        if kind == "equal":
            p[:] = 0.3
        if kind == "extreme":
            p = rng.choice([0.0, 1.0, 1e-300, 1 - 2.0**-53, 0.5, 2.0**-52, 1e-17], n)
        if kind == "perfect":
            p = np.where(y == 1, 0.6 + 0.4 * p, 0.4 * p)
        out.append(p)
    return y, out[0], out[1]


def classes(y, p):
    """More than two classes: p [n, C]. None is undefined."""
    c = p.shape[1]
    answer, every = p.argmax(1), range(c)
    seen = np.isin(every, y) | np.isin(every, answer)
    precision, recall, f1, support = sk.precision_recall_fscore_support(y, answer, labels=every, zero_division=0)
    macro = sk.precision_recall_fscore_support(y, answer, average="macro", zero_division=0)
    auroc = [sk.roc_auc_score(y == k, p[:, k]) if 0 < (y == k).sum() < len(y) else None for k in every]
    mean = None if None in auroc else float(np.mean(auroc))
    if mean is not None and np.allclose(p.sum(1), 1):
        mean = sk.roc_auc_score(y, p, multi_class="ovr", average="macro", labels=every)
    each = [{"precision": a if s else None, "recall": b if s else None, "f1": d if s else None, "auroc": r, "support": int(n),
             "answered": int((answer == k).sum())}
            for k, a, b, d, r, n, s in zip(every, precision, recall, f1, auroc, support, seen)]
    eps = 2.0**-52
    own = np.clip(p[np.arange(len(y)), y], eps, 1 - eps)
    return {
        "accuracy": sk.accuracy_score(y, answer),
        "log_loss": float(np.mean(-np.log(own))),
        "weighted_f1": sk.f1_score(y, answer, average="weighted", zero_division=0),
        "macro": {"precision": macro[0], "recall": macro[1], "f1": macro[2], "auroc": mean},
        "classes": each,
        "confusion": sk.confusion_matrix(y, answer, labels=every).tolist(),
    }


def macro_f1(y, p):
    return sk.f1_score(y, p.argmax(1), average="macro", zero_division=0)


def class_case(rng, n, c, kind):
    """Labels and probabilities of more than two classes."""
    y = rng.integers(0, c, n)
    if kind == "absent":  # class 1 is nobody's label
        y[y == 1] = 0
    if kind == "single":
        y[:] = c - 1
    z = rng.normal(size=(n, c))
    z[np.arange(n), y] += rng.uniform(0, 3)
    if kind in ("never", "absent") and rng.random() < 0.7:  # ... and nobody's answer
        z[:, 1] = -30
    p = np.exp(z)
    p /= p.sum(1, keepdims=True)
    if kind == "ties":
        p = np.round(p, 1)
    if kind == "equal":
        p[:] = 1 / c
    if kind == "extreme":
        p = rng.choice([0.0, 1.0, 1e-300, 0.5, 2.0**-53], (n, c))
    return y, p


CLASS_KINDS = ["plain", "ties", "equal", "extreme", "absent", "never", "single"]
KINDS = ["plain", "ties", "equal", "extreme", "perfect", "zeros", "ones"]
