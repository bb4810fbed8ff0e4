"""Trainings that share the processors. A training of small networks on two threads, where regions of threads are short and
many: alone; two at once, as `make -j2` runs them, beside one after the other; and beside four processes that only compute,
where its fair share of two cores is a third of what it has alone. Rounds are interleaved, the best of each counts. PyTorch
trains the same two networks as its own peer: how much do two of its trainings at once lose? usage: python bench_busy.py BIN"""
import os
import subprocess
import sys
import tempfile
import time

from benchkit import BIN, sh

ROUNDS, LOAD = 3, 4
HM = [f"{BIN}/hm-fuse-train", "-q", "-j", "2", "--image", "init:resnet-tiny", "--text", "init:bert-tiny", "--epochs", "6",
      "--batch-size", "32", "-o", "/dev/null", "t.hmr"]
PEER = [sys.executable, os.path.abspath(__file__), BIN, "peer"]


def seconds(command, copies=1):
    """From the first start to the last end; a peer prints the seconds of its steps, of which the longest counts."""
    begin = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(copies)]
    said = [p.communicate()[0] for p in running]
    assert not any(p.returncode for p in running)
    return max(float(s) for s in said) if command is PEER else time.perf_counter() - begin


def beside_load(command):
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(LOAD)]
    try:
        return seconds(command)
    finally:
        for p in load:
            p.kill()
            p.wait()


def peer():
    """The same step in PyTorch: a small convolutional network and a transformer of two layers, two threads."""
    import torch
    from torch import nn
    torch.set_num_threads(2)
    torch.manual_seed(0)
    widths = [3, 16, 32, 64, 128]
    image = nn.Sequential(*(m for a, b in zip(widths, widths[1:]) for m in (nn.Conv2d(a, b, 3, 2, 1), nn.BatchNorm2d(b), nn.ReLU())),
                          nn.AdaptiveAvgPool2d(1), nn.Flatten())
    words = nn.Embedding(3000, 128)
    text = nn.TransformerEncoder(nn.TransformerEncoderLayer(128, 2, 512, batch_first=True, activation="gelu"), 2, enable_nested_tensor=False)
    head = nn.Linear(256, 2)
    optimizer = torch.optim.AdamW([p for m in (image, words, text, head) for p in m.parameters()], lr=1e-4, fused=True)
    x, ids, label = torch.rand(32, 3, 64, 64), torch.randint(0, 3000, (32, 16)), torch.randint(0, 2, (32,))

    def step():
        optimizer.zero_grad(set_to_none=True)
        y = head(torch.cat([image(x), text(words(ids))[:, 0]], 1))
        nn.functional.cross_entropy(y, label).backward()
        optimizer.step()

    step()
    begin = time.perf_counter()
    for _ in range(60):
        step()
    print(time.perf_counter() - begin)


def row(what, value, beside, target):
    short = " (short)" if target and value / beside > target else ""
    print(f"{what} | {value:.2f} s | {beside:.2f} s | {value / beside:.2f} | {f'<= {target}{short}' if target else '-'}", flush=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sh("hm-synth -q --train 400 --dev 1 --test 1 d; hm-jsonl2rec d/train.jsonl | hm-imgprep --root d/img --size 64 |"
           "hm-tokenize --vocab d/vocab.txt -o t.hmr")
        print("name | hm | beside it | ratio | target")
        for name, command in (("hm", HM), ("PyTorch", PEER)):
            alone, two, loaded, aimed = [], [], [], name == "hm"
            for _ in range(ROUNDS):
                alone.append(seconds(command))
                two.append(seconds(command, 2))
            for _ in range(2 if aimed else 1):  # the peer takes minutes
                loaded.append(beside_load(command))
            row(f"{name}: two trainings at once, beside one after the other", min(two), 2 * min(alone), 1.1 if aimed else None)
            row(f"{name}: a training beside {LOAD} busy processes, beside its fair share", min(loaded), (LOAD + 2) / 2 * min(alone),
                1.5 if aimed else None)


if sys.argv[2:] == ["peer"]:
    peer()
else:
    main()
