"""Training align heads (map 1024, one layer behind the joint, normalised) on 8,500 x (1024 + 768) features, batch 64, AdamW:
one head for 20 epochs, and a sweep of 24 for SWEEP epochs each. hm-fuse-train's loop and its whole command, reading and
writing included, against PyTorch's loop on f32 tensors in memory at the best of its settings (1 or 2 threads, plain, foreach
or fused AdamW); the sweep against the loop over the best of those, and over two processes of one thread. In turn, best of
ROUNDS. usage: python bench_heads.py BIN [quick]"""
import json, os, subprocess, sys, tempfile, time
from concurrent.futures import ProcessPoolExecutor

import numpy, torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import hmrkit, headskit

BIN = os.path.abspath(sys.argv[1])
QUICK = len(sys.argv) > 2
N, DIMS, BATCH, MAP, COUNT = 8500, (1024, 768), 64, 1024, 24
EPOCHS, SWEEP, ROUNDS = (2, 1, 1) if QUICK else (20, 2, 1)


def sh(line):
    subprocess.run(["bash", "-euo", "pipefail", "-c", line], check=True, env={**os.environ, "PATH": BIN + ":" + os.environ["PATH"]})


def features():
    g = numpy.random.default_rng(0)
    image, text = (g.standard_normal((N, d), dtype=numpy.float32) for d in DIMS)
    label = ((image[:, :8].sum(1) > 0) ^ (text[:, :8].sum(1) > 0)).astype(numpy.int32)
    made = {"encoder": "0" * 32}
    hmrkit.write("t.hmr", {"id": [str(i) for i in range(N)], "label": label, "image_feature": image, "text_feature": text},
                 {"image_feature": made, "text_feature": made})
    return torch.tensor(image), torch.tensor(text), torch.tensor(label).long()


def train(data, epochs, seed=0, kind={"fused": True}):
    torch.manual_seed(seed)
    image, text, label = data
    head = headskit.Fusion("align", DIMS, 2, MAP, 1, MAP, 1, True)
    opt = torch.optim.AdamW(head.parameters(), lr=1e-4, **kind)
    start = time.perf_counter()
    for _ in range(epochs):
        for at in torch.randperm(N).split(BATCH):
            opt.zero_grad()
            torch.nn.functional.cross_entropy(head(image[at], text[at]), label[at]).backward()
            opt.step()
    return time.perf_counter() - start


def share(i):
    torch.set_num_threads(1)
    data = torch.load("data.pt")
    start = time.perf_counter()
    train(data, SWEEP, i)
    return time.perf_counter() - start


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        data = features()
        torch.save(data, "data.pt")
        with open("c.jsonl", "w", encoding="utf-8") as f:
            f.writelines(json.dumps({"name": f"h{i}", "seed": i, "fusion": "align", "map-dim": MAP}) + "\n" for i in range(COUNT))
        peer = {}
        for t in (1, 2):  # which of its settings is best: two epochs
            torch.set_num_threads(t)
            for kind in ({}, {"foreach": True}, {"fused": True}):
                peer[t, next(iter(kind), "plain")] = train(data, 1, kind=kind)
        best = min(peer, key=peer.get)
        kind = {} if best[1] == "plain" else {best[1]: True}
        options = f"--fusion align --map-dim {MAP} --lr 1e-4 --batch-size {BATCH}"
        torch.set_num_threads(best[0])
        out = {}
        keep = lambda name, s: out.__setitem__(name, min(s, out.get(name, s)))
        for _ in range(ROUNDS):
            keep("peer", train(data, EPOCHS, kind=kind))
            sh(f"hm-fuse-train -q {options} --epochs {EPOCHS} --stats s.json -o m.safetensors t.hmr")
            stats = json.load(open("s.json"))
            keep("loop", stats["train_s"])
            keep("whole", stats["wall_s"])
            start = time.perf_counter()
            sh(f"hm-fuse-train -q -j 2 {options} --epochs {SWEEP} --sweep c.jsonl -o out t.hmr")
            keep("sweep", time.perf_counter() - start)
            some = 2  # heads that are measured of the loop over PyTorch
            keep("peer sweep", COUNT / some * sum(train(data, SWEEP, i, kind) for i in range(some)))
            with ProcessPoolExecutor(2) as pool:
                keep("peer two processes", COUNT / 2 * max(pool.map(share, range(2))))
    loop = min("peer sweep", "peer two processes", key=out.get)
    print("name | hm | peer | ratio | target")
    row = lambda name, hm, other, target: print(f"{name} | {out[hm]:.2f} s | PyTorch {out[other]:.2f} s ({best[0]} threads, {best[1]}"
                                                f"{', ' + other if 'sweep' in hm else ''}) | {out[other] / out[hm]:.2f} | {target}")
    row(f"align head, {EPOCHS} epochs, loop", "loop", "peer", "3")
    row(f"align head, {EPOCHS} epochs, whole command", "whole", "peer", "-")
    row(f"sweep of {COUNT} align heads, {SWEEP} epochs each, whole command", "sweep", loop, "5")


if __name__ == "__main__":
    main()
