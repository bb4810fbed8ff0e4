"""One training in two processes of one thread each (mpirun -n 2 hm-fuse-train --parallel mpi) against one process of two
threads, and against PyTorch's DistributedDataParallel over gloo in two processes of one thread: steps of late and early
fusion of ResNet18 + BERT-base, batch 32, AdamW, and heads on 1024 + 768 features: linear, and align (map 1024). Runs are
interleaved, a figure is the best of ROUNDS; memory is the peak of both processes together. usage: bench_parallel.py BIN"""
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
import numpy
import torch

from trainkit import BATCH, BIN, PAD, STEPS, headskit, hmrkit, make_data, normalized, peer_model

ROUNDS = 3
HEAD_N, HEAD_DIMS, MAP, HEAD_EPOCHS = 8704, (1024, 768), 1024, 4
HEADS = {"linear head, batch 64": ("late", 64), "align head, batch 64": ("align", 64), "align head, batch 256": ("align", 256)}
MPI = ["mpirun", "--allow-run-as-root", "--bind-to", "core", "-n", "2"]


def memory(processes):
    return sum(float(open(f"memory.{i}", encoding="utf-8").read()) for i in range(processes))


def hm(work, ranks):
    """Seconds per step and peak memory in GB."""
    if work in HEADS:
        kind, batch = HEADS[work]
        options = ["--fusion", kind, *(["--map-dim", str(MAP)] if kind == "align" else []), "head.hmr"]
        train = ["--batch-size", str(batch), "--epochs", str(HEAD_EPOCHS), "--lr", "1e-4"]
    else:
        options = {"late": ["--image", "image.safetensors", "--text", "text.safetensors", "train.hmr"],
                   "early": ["--fusion", "early", "--frozen-mode", "eval", "--text", "text.safetensors", "cached.hmr"]}[work]
        train = ["--batch-size", str(BATCH), "--epochs", "1", "--lr", "1e-5", "--no-shuffle"]
    here = os.path.dirname(os.path.abspath(__file__))
    call = [sys.executable, "-S", f"{here}/peakmemory.py", "memory", f"{BIN}/hm-fuse-train", "-q", *train, "--stats", "stats.json", "-o",
            "model.safetensors", *(["--parallel", "mpi", "-j", "1"] if ranks == 2 else ["-j", "2"]), *options]
    subprocess.run((MPI if ranks == 2 else []) + call, check=True)
    stats = json.load(open("stats.json", encoding="utf-8"))
    steps = HEAD_N // HEADS[work][1] * HEAD_EPOCHS if work in HEADS else STEPS
    return (stats["train_s"] - stats["first_step_s"]) / (steps - 1), memory(ranks), stats.get("sent_bytes", 0) / steps


def peer_main(work, rank):
    """One of two processes: prints seconds per step and its peak memory."""
    import resource
    import torch.distributed
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=os.environ["PORT"])
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    batch = (HEADS[work][1] if work in HEADS else BATCH) // 2
    if work in HEADS:
        image, text, label = torch.load("head.pt")
        if HEADS[work][0] == "align":
            model = headskit.Fusion("align", HEAD_DIMS, 2, MAP, 1, MAP, 1, True)
            forward = lambda net, i: net(image[i : i + batch], text[i : i + batch])
        else:
            both = torch.cat([image, text], 1)
            model = torch.nn.Linear(sum(HEAD_DIMS), 2)
            forward = lambda net, i: net(both[i : i + batch])
    else:
        model = peer_model(work)
        pixels = normalized(torch.from_numpy(numpy.load("pixels.npy")).float())
        label = torch.from_numpy(numpy.load("label.npy")).long()
        ids = json.load(open("ids.json", encoding="utf-8"))

        def forward(net, i):
            part = ids[i : i + batch]
            longest = PAD if work == "early" else max(map(len, part))
            rows = torch.tensor([v + [0] * (longest - len(v)) for v in part])
            mask = torch.tensor([[1] * len(v) + [0] * (longest - len(v)) for v in part])
            x = pixels[i : i + batch]
            return net(x, rows, mask) if work == "late" else net(rows, mask.float(), x)["logits"]

    net = torch.nn.parallel.DistributedDataParallel(model, static_graph=True)
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], lr=1e-5, weight_decay=0, fused=True)
    steps, warm = (HEAD_N // (2 * batch), 4) if work in HEADS else (STEPS, 1)
    for step in range(steps):
        if step == warm:
            start = time.perf_counter()
        i = (2 * step + rank) * batch
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(forward(net, i), label[i : i + batch]).backward()
        optimizer.step()
    seconds = (time.perf_counter() - start) / (steps - warm)
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, flush=True)
    torch.distributed.destroy_process_group()


def peer(work, port):
    call = [sys.executable, os.path.abspath(__file__), BIN, "peer", work]
    both = [subprocess.Popen(["taskset", "-c", str(r), *call, str(r)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             env={**os.environ, "PORT": str(port)}) for r in range(2)]
    lines = [p.communicate()[0].split() for p in both]
    return max(float(x[-2]) for x in lines), sum(float(x[-1]) for x in lines)


def make_head():
    g = numpy.random.default_rng(0)
    image, text = (g.standard_normal((HEAD_N, d), dtype=numpy.float32) for d in HEAD_DIMS)
    label = ((image[:, :8].sum(1) > 0) ^ (text[:, :8].sum(1) > 0)).astype(numpy.int32)
    made = {"encoder": "0" * 32}
    hmrkit.write("head.hmr", {"id": [str(i) for i in range(HEAD_N)], "label": label, "image_feature": image, "text_feature": text},
                 {"image_feature": made, "text_feature": made})
    torch.save((torch.tensor(image), torch.tensor(text), torch.tensor(label).long()), "head.pt")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_head()
        make_data()
        print("name | two ranks of one thread | beside it | ratio | target")
        port = 29500 + os.getpid() % 1000
        for work, target in (*((h, .8) for h in HEADS), ("early", .9), ("late", .9)):
            one, two, ddp = [], [], []
            for r in range(ROUNDS):
                one.append(hm(work, 1))
                two.append(hm(work, 2))
                ddp.append(peer(work, port + r))
            best = {k: min(x[0] for x in v) for k, v in (("one", one), ("two", two), ("ddp", ddp))}
            gb = {k: max(x[1] for x in v) for k, v in (("one", one), ("two", two), ("ddp", ddp))}
            row = lambda name, a, b, unit, of, ratio, aim, good: print(
                f"{work}{'' if work in HEADS else ' fusion'}, {name} | {a:.4g} {unit} | {b:.4g} {unit} ({of}) | {ratio:.2f} | {aim}{'' if good else ' (short)'}", flush=True)
            row("a step", best["two"], best["one"], "s", "one process of two threads", best["one"] / best["two"], target,
                best["one"] / best["two"] >= target)
            row("a step", best["two"], best["ddp"], "s", "PyTorch DDP, gloo", best["ddp"] / best["two"], 2, best["ddp"] / best["two"] >= 2)
            row("peak memory", gb["two"], gb["one"], "GB", "one process", gb["two"] / gb["one"], "1.6 or less",
                gb["two"] / gb["one"] <= 1.6)
            row("peak memory", gb["two"], gb["ddp"], "GB", "PyTorch DDP", gb["two"] / gb["ddp"], "-", True)
            print(f"# {work}: a rank sent {two[0][2] / 1e6:.1f} MB per step", flush=True)


if sys.argv[2:3] == ["peer"]:
    peer_main(sys.argv[3], int(sys.argv[4]))
else:
    main()
