"""Training a head for 5 epochs on 8,500 x 1,280 features, batch 64, Adam, shuffled: hm-fuse-train's loop, and its whole
command with reading, against PyTorch's loop on tensors in memory at the best of its own settings (1 or 2 threads,
default, foreach or fused Adam, compiled or not). Best of 5, in turn. usage: python bench_head.py BIN"""
import json, os, tempfile, time

import torch

from benchkit import features, sh

N, EPOCHS, BATCH, ROUNDS = 8500, 5, 64, 5


def train(x, y, make, compiled):
    torch.manual_seed(0)
    head = torch.nn.Linear(x.shape[1], 2)
    opt = make(head.parameters())
    loss_of = lambda a, b: torch.nn.functional.cross_entropy(head(a), b)
    if compiled:
        loss_of = torch.compile(loss_of)
        loss_of(x[:BATCH], y[:BATCH]).backward()  # compile before the clock
        loss_of(x[:len(x) % BATCH], y[:len(x) % BATCH]).backward()
    start = time.perf_counter()
    for _ in range(EPOCHS):
        for at in torch.randperm(len(x)).split(BATCH):
            opt.zero_grad()
            loss_of(x[at], y[at]).backward()
            opt.step()
    return time.perf_counter() - start


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        x, y = features(N)
        adam = torch.optim.Adam
        settings = [(t, kind, c) for t in (1, 2) for kind in ({}, {"foreach": True}, {"fused": True}) for c in (False, True)]
        peer, loop, whole = {}, [], []
        for _ in range(ROUNDS):
            for t, kind, c in settings:
                torch.set_num_threads(t)
                s = train(x, y, lambda p: adam(p, lr=1e-3, **kind), c)
                key = f"{t} threads, {next(iter(kind), 'default')}{', compiled' if c else ''}"
                peer[key] = min(s, peer.get(key, s))
            sh(f"hm-fuse-train -q --optimizer adam --lr 1e-3 --epochs {EPOCHS} --batch-size {BATCH} --stats s.json -o m.safetensors t.hmr")
            stats = json.load(open("s.json"))
            loop.append(stats["train_s"])
            whole.append(stats["wall_s"])
    best = min(peer, key=peer.get)
    print("name | hm | peer | ratio | target")
    for name, hm in (("head training, loop", min(loop)), ("head training, whole command with reading", min(whole))):
        print(f"{name} | {1e3 * hm:.0f} ms | PyTorch {1e3 * peer[best]:.0f} ms ({best}) | {peer[best] / hm:.2f} | "
              + ("5" if "loop" in name else "-"))


main()
