"""A sweep of heads on 8,500 x 1,280 features, 100 configurations (rates, decays, seeds), Adam, batch 64, 2 epochs: one
hm-fuse-train --sweep, reading and writing included, beside PyTorch on tensors in memory: a loop over the configurations
(one thread each in two processes, or two threads, fused Adam, whichever is faster), and all heads stacked into one matrix,
which gives up a shuffle of its own for each. hm's ten seeds make ten shuffles; a second row has one seed, so one shuffle too.
usage: python bench_sweep.py BIN"""
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor

import torch

from benchkit import features, sh

N, WIDE, BATCH, EPOCHS, COUNT = 8500, 1280, 64, 2, 100
CONFIGS = [dict(name=f"h{i}", lr=(1e-4, 3e-4, 1e-3, 3e-3, 1e-2)[i % 5], seed=i // 10, **{"weight-decay": (0, 1e-3)[i // 5 % 2]})
           for i in range(COUNT)]


def one(x, y, config):
    torch.manual_seed(config["seed"])
    head = torch.nn.Linear(WIDE, 2)
    optimizer = torch.optim.Adam(head.parameters(), lr=config["lr"], weight_decay=config["weight-decay"], fused=True)
    for _ in range(EPOCHS):
        for at in torch.randperm(N).split(BATCH):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(head(x[at]), y[at]).backward()
            optimizer.step()


def part(share):
    torch.set_num_threads(1)
    x, y = torch.load("x.pt"), torch.load("y.pt")
    start = time.perf_counter()
    for config in CONFIGS[share::2]:
        one(x, y, config)
    return time.perf_counter() - start


def stacked(x, y):
    """All heads as one layer of 2 * COUNT outputs; Adam by hand, for each has its own rate and decay."""
    torch.manual_seed(0)
    torch.set_num_threads(2)
    w, b = torch.empty(2 * COUNT, WIDE).uniform_(-0.028, 0.028), torch.zeros(2 * COUNT)
    lr = torch.tensor([c["lr"] for c in CONFIGS]).repeat_interleave(2)
    decay = torch.tensor([c["weight-decay"] for c in CONFIGS]).repeat_interleave(2)
    params, moments, t = [w, b], [(torch.zeros_like(p), torch.zeros_like(p)) for p in (w, b)], 0
    for _ in range(EPOCHS):
        for at in torch.randperm(N).split(BATCH):
            t += 1
            rows, label = x[at], y[at]
            z = (rows @ w.T + b).view(len(at), COUNT, 2)
            g = torch.softmax(z, 2)
            g[torch.arange(len(at)), :, label] -= 1
            g = g.view(len(at), -1) / len(at)
            for p, (m, v), d in zip(params, moments, (g.T @ rows, g.sum(0))):
                rate, wd = (lr[:, None], decay[:, None]) if p.dim() == 2 else (lr, decay)
                d = d.addcmul(p, wd)
                m.lerp_(d, 0.1)
                v.mul_(0.999).addcmul_(d, d, value=0.001)
                p.sub_(rate / (1 - 0.9**t) * m / ((v / (1 - 0.999**t)).sqrt() + 1e-8))


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        x, y = features(N)
        torch.save(x, "x.pt")
        torch.save(y, "y.pt")
        for name, seeds in (("ten", {}), ("one", {"seed": 0})):
            with open(f"{name}.jsonl", "w", encoding="utf-8") as f:
                f.writelines(json.dumps({**c, **seeds}) + "\n" for c in CONFIGS)
        best = {}
        for _ in range(3):
            for name in ("ten", "one"):
                s = sh(f"hm-fuse-train -q -j 2 --sweep {name}.jsonl --optimizer adam --batch-size {BATCH} --epochs {EPOCHS} "
                       f"-o {name} t.hmr")
                best[name] = min(s, best.get(name, 1e9))
            torch.set_num_threads(2)
            start = time.perf_counter()
            for config in CONFIGS[::5]:
                one(x, y, config)
            best["2 threads"] = min(5 * (time.perf_counter() - start), best.get("2 threads", 1e9))
            with ProcessPoolExecutor(2) as pool:
                best["2 processes"] = min(max(pool.map(part, range(2))), best.get("2 processes", 1e9))
            start = time.perf_counter()
            stacked(x, y)
            best["stacked"] = min(time.perf_counter() - start, best.get("stacked", 1e9))
    loop = min("2 threads", "2 processes", key=best.get)
    print("name | hm | peer | ratio | target")
    print(f"sweep of {COUNT} heads, whole command | {best['ten']:.2f} s | PyTorch loop {best[loop]:.2f} s ({loop}) | "
          f"{best[loop] / best['ten']:.2f} | -")
    for name in ("ten", "one"):
        print(f"sweep of {COUNT} heads, {name} seed{'s' * (name == 'ten')}, whole command | {best[name]:.2f} s | "
              f"PyTorch, stacked, one shuffle for all {best['stacked']:.2f} s | {best['stacked'] / best[name]:.2f} | 1.2")


if __name__ == "__main__":
    main()
