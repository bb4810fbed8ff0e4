"""Whole networks on the GPU, bench_device (hm, device cuda, bf16) beside PyTorch at the best of its settings on the same
GPU in the same minutes: frozen ResNet18 and BERT-base, a late and an early training step of batch 128, a head. Both
sides have the same weights' shapes, captions of the same lengths, and images that lie on the device; hm's steps send
theirs over as in training. PyTorch's pixels are normalised beforehand in the steps. Every item of PyTorch's is a
process of its own (with --quick, which leaves most settings out, all are one) which tells what it measures as it goes
and is stopped when its share of the time is over, so a setting that compiles for ever costs that item's later settings
alone. Pure bf16 weights lose a step's small updates: their time is told, the ratio is to f32 weights under autocast.
No figure is asserted; the exit status is 1 where one is missing, 3 where there is no GPU. --tiny: small networks, with
--device cpu on both sides where there is none, to try this program.
usage: bench_cuda.py BIN [--budget SECONDS] [--quick] [--json FILE] [--tiny] [--device NAME]"""
import argparse
import gc
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
TRAIN, EPOCHS, BATCH, PAD = 8500, 30, 128, 88  # the experiment's; its captions are padded to 88
WARM, CALLS, ROUNDS = 3, 10, 3
COMPILED = ("reduce-overhead", "max-autotune-no-cudagraphs")
WEIGHT = {"resnet18": 2, "bert-base": 3, "late": 4, "early": 3, "head": 1}  # shares of the time
ROWS = [  # row, hm's work, the peer's item and order, target
    ("ResNet18 encode, 128 images", "resnet18", "resnet18", 1.0),
    ("BERT-base encode, 8,500 captions; peer's sorted by length", "bert-base", "bert-base", 1.3),
    ("the same; peer's as they come", "bert-base", "bert-base in order", None),
    ("late fusion step, batch 128", "late", "late", 1.1),
    ("early fusion step, batch 128", "early", "early", 2.0),
    ("early fusion step, grid cached; peer's trunk runs", "early, grid cached", "early", None),
    ("head, 5 epochs of 8,500 x 1,280", "head", "head", None),
]


# ---- PyTorch's side, a process an item


class Peer:
    """Sizes, device and made inputs of one item; `tell` prints what was measured."""

    def __init__(self, args):
        import torch

        sys.path.insert(0, os.path.join(HERE, "..", "oracle"))
        self.torch, self.tiny, self.quick = torch, args.tiny, args.quick
        self.cuda = torch.cuda.is_available()
        self.device = torch.device("cuda" if self.cuda else "cpu")
        self.low = torch.bfloat16 if self.cuda else torch.float32
        self.side, self.batch, self.vocab = (64, 8, 1000) if args.tiny else (224, BATCH, 30522)
        with open(args.lengths, encoding="utf-8") as f:
            self.lengths = json.load(f)
        self.ids = [[2, *random.Random(j).choices(range(5, self.vocab), k=n - 2), 3] for j, n in enumerate(self.lengths)]
        torch.backends.cudnn.benchmark = True
        torch.manual_seed(0)

    def sync(self):
        if self.cuda:
            self.torch.cuda.synchronize()

    def encoders(self):
        import modelkit
        import torchvision
        import transformers

        if self.tiny:
            image = modelkit.NarrowResNet(torchvision.models.resnet.BasicBlock, 4)
            c = transformers.BertConfig(vocab_size=self.vocab, hidden_size=128, num_hidden_layers=2, num_attention_heads=2,
                                        intermediate_size=512)
        else:
            image, c = torchvision.models.resnet18(weights=None), transformers.BertConfig()
        return image, transformers.BertModel(c)

    def padded(self, ids, least=0, multiple=1):
        n = max(least, *map(len, ids))
        n = (n + multiple - 1) // multiple * multiple
        rows = self.torch.tensor([v + [0] * (n - len(v)) for v in ids], device=self.device)
        mask = self.torch.tensor([[1] * len(v) + [0] * (n - len(v)) for v in ids], device=self.device)
        return rows, mask

    def tell(self, item, name, make, calls=CALLS, scale=1.0, warm=WARM):
        """make() returns a function; its time a call, times `scale`."""
        if self.stage and (self.stage == "compiled") != name.startswith(COMPILED):
            return
        torch, start = self.torch, time.perf_counter()
        line = {"item": item, "setting": name}
        try:
            call = make()
            for _ in range(warm):
                call()
            self.sync()
            rounds = []
            for _ in range(1 if self.quick else ROUNDS):
                at = time.perf_counter()
                for _ in range(calls):
                    call()
                self.sync()
                rounds.append((time.perf_counter() - at) / calls)
            line["ms"] = 1e3 * scale * statistics.median(rounds)
        except Exception as err:  # a setting that this PyTorch or machine has not
            line["error"] = (type(err).__name__ + ": " + str(err).strip().split("\n")[0])[:160]
        line["took_s"] = round(time.perf_counter() - start, 1)
        print(json.dumps(line), flush=True)
        call = None
        torch._dynamo.reset()
        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()

    def compiled(self, model, mode):
        return self.torch.compile(model, mode=mode) if mode else model

    def mark(self):
        """Before each call of what may have become CUDA graphs."""
        if self.cuda:
            self.torch.compiler.cudagraph_mark_step_begin()


def peer_resnet18(p):
    torch = p.torch

    def make(dtype, batch, mode, layout, autocast=False):
        model = p.encoders()[0].eval()
        model.fc = torch.nn.Identity()
        if not p.tiny:  # batch norm folded into the convolutions, as hm has it
            from torch.fx.experimental.optimization import fuse
            model = fuse(model)
        model = model.to(p.device, dtype=dtype, memory_format=layout)
        mean, std = (torch.tensor(v, device=p.device).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        scale, shift = (1 / 255 / std).to(dtype), (-mean / std).to(dtype)
        pixels = torch.randint(0, 256, (batch, 3, p.side, p.side), dtype=torch.uint8, device=p.device)
        pixels = pixels.to(memory_format=layout)
        forward = p.compiled(lambda u8: model(u8.to(dtype) * scale + shift), mode)

        def call():
            p.mark()
            with torch.inference_mode(), torch.autocast(p.device.type, torch.bfloat16, enabled=autocast):
                forward(pixels)
        return call

    last, plain, b = torch.channels_last, torch.contiguous_format, p.batch
    list_ = [("eager bf16, channels_last", p.low, b, None, last), ("eager bf16, channels_last, batch x2", p.low, 2 * b, None, last),
             ("reduce-overhead bf16, channels_last", p.low, b, COMPILED[0], last),
             ("max-autotune-no-cudagraphs bf16, channels_last, batch x2", p.low, 2 * b, COMPILED[1], last),
             ("reduce-overhead bf16, channels_last, batch x2", p.low, 2 * b, COMPILED[0], last),
             ("eager bf16", p.low, b, None, plain), ("eager autocast, channels_last", torch.float32, b, None, last, p.cuda)]
    for name, dtype, batch, *rest in list_[:3] if p.quick else list_:
        p.tell("resnet18", name, lambda d=dtype, n=batch, r=rest: make(d, n, *r), scale=b / batch)


def peer_bert(p):
    torch = p.torch

    def make(ids, batch, mode):
        model = p.encoders()[1].eval().to(p.device, dtype=p.low)
        forward = p.compiled(model, mode)
        batches = [p.padded(ids[i:i + batch], multiple=8 if mode else 1) for i in range(0, len(ids), batch)]
        for pair in batches if mode else ():
            for t in pair:
                torch._dynamo.maybe_mark_dynamic(t, 1)

        def call():
            with torch.inference_mode():
                for rows, mask in batches:
                    p.mark()
                    forward(input_ids=rows, attention_mask=mask).pooler_output
        return call

    by_length = sorted(p.ids, key=len)
    small, large = (16, 32) if p.tiny else (256, 1024)
    calls = 3
    p.tell("bert-base", f"eager bf16, batch {small}", lambda: make(by_length, small, None), calls)
    p.tell("bert-base", f"eager bf16, batch {large}", lambda: make(by_length, large, None), calls)
    p.tell("bert-base in order", f"eager bf16, batch {small}", lambda: make(p.ids, small, None), calls)
    for mode in COMPILED[:1] if p.quick else COMPILED:
        p.tell("bert-base", f"{mode} bf16, batch {large}, widths of 8", lambda m=mode: make(by_length, large, m), calls)
    if not p.quick:
        p.tell("bert-base", f"{COMPILED[0]} bf16, batch {small}, widths of 8", lambda: make(by_length, small, COMPILED[0]), calls)
        p.tell("bert-base in order", f"{COMPILED[0]} bf16, batch {small}, widths of 8", lambda: make(p.ids, small, COMPILED[0]), calls)


def peer_step(p, kind):
    torch, early = p.torch, kind == "early"
    import modelkit

    def make(mode, layout, pure):
        image, text = p.encoders()
        grid = math.ceil(p.side / 32) ** 2
        model = modelkit.MultimodalTransformer(image, text, 2, image.fc.in_features, grid) if early else modelkit.late(image, text, 2)
        model = model.to(p.device, dtype=p.low if pure else torch.float32, memory_format=layout).train()
        trained = [v for v in model.parameters() if v.requires_grad]
        optimizer = torch.optim.AdamW(trained, lr=5e-6, weight_decay=0, fused=True)
        forward = p.compiled(model, mode)
        order, batches = random.Random(1).sample(p.ids, len(p.ids)), []
        x = torch.randn(p.batch, 3, p.side, p.side, device=p.device, dtype=p.low if pure else torch.float32)
        x = x.to(memory_format=layout)
        label = torch.arange(p.batch, device=p.device) % 2
        for i in range(0, min(8 * p.batch, len(order) - p.batch + 1), p.batch):
            rows, mask = p.padded(order[i:i + p.batch], PAD if early else 0, 8 if mode and not early else 1)
            for t in (rows, mask) if mode and not early else ():
                torch._dynamo.maybe_mark_dynamic(t, 1)
            batches.append((rows, mask.to(x.dtype) if early else mask))
        at = iter(lambda: batches[next(count) % len(batches)], None)
        count = iter(range(1 << 30))

        def call():
            rows, mask = next(at)
            p.mark()
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(p.device.type, torch.bfloat16, enabled=p.cuda and not pure):
                y = forward(rows, mask, x)["logits"] if early else forward(x, rows, mask)
            torch.nn.functional.cross_entropy(y.float(), label).backward()
            if early:  # as the Trainer does
                torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
        call.batches = len(batches)
        return call

    last, plain = torch.channels_last, torch.contiguous_format
    list_ = [("eager, channels_last", None, last, False), ("eager", None, plain, False),
             ("reduce-overhead, channels_last", COMPILED[0], last, False),
             ("max-autotune-no-cudagraphs, channels_last", COMPILED[1], last, False),
             ("pure bf16, eager, channels_last", None, last, True)]
    for name, mode, layout, pure in (list_[:1] + list_[2:3]) if p.quick else list_:
        warm = 24 if mode and not early else WARM + 2  # graphs are recorded for every width
        item = kind + " pure bf16" if pure else kind
        p.tell(item, name if pure else name + ", autocast", lambda m=mode, f=layout, q=pure: make(m, f, q), warm=warm)


def peer_head(p):
    torch = p.torch
    n, epochs, batch = len(p.lengths), 5, 8 if p.tiny else 64
    width = 256 if p.tiny else 1280

    def make(mode):
        x, y = torch.rand(n, width, device=p.device), torch.arange(n, device=p.device) % 2
        head = torch.nn.Linear(width, 2).to(p.device)
        optimizer = torch.optim.AdamW(head.parameters(), lr=1e-3, weight_decay=0, fused=True)
        loss_of = p.compiled(lambda a, b: torch.nn.functional.cross_entropy(head(a), b), mode)

        def call():
            for _ in range(epochs):
                for at in torch.randperm(n, device=p.device).split(batch):
                    p.mark()
                    optimizer.zero_grad(set_to_none=True)
                    loss_of(x[at], y[at]).backward()
                    optimizer.step()
        return call

    p.tell("head", "eager", lambda: make(None), calls=1, warm=1)
    if not p.quick:
        p.tell("head", COMPILED[0], lambda: make(COMPILED[0]), calls=1, warm=1)


def peer_ceilings(p):
    """What the machine does at most: a large product, a copy (bytes read and written)."""
    torch = p.torch
    n, floats = (512, 1 << 20) if p.tiny else (8192, 1 << 30)
    a, b = (torch.randn(n, n, device=p.device, dtype=p.low) for _ in range(2))
    x, y = (torch.rand(floats, device=p.device) for _ in range(2))

    def rate(call, amount):
        seconds = []
        for _ in range(13):
            p.sync()
            at = time.perf_counter()
            call()
            p.sync()
            seconds.append(time.perf_counter() - at)
        return amount / statistics.median(seconds[3:])
    name = torch.cuda.get_device_name() if p.cuda else "the processor"
    print(json.dumps({"item": "ceilings", "cuda": p.cuda, "name": name, "torch": torch.__version__,
                      "tflop_per_s": rate(lambda: a @ b, 2 * n**3) / 1e12,
                      "gbyte_per_s": rate(lambda: y.copy_(x), 8 * floats) / 1e9}), flush=True)


def peer_main(args):
    warnings.filterwarnings("ignore")
    p = Peer(args)
    if not p.cuda and not p.tiny:
        sys.exit("PyTorch sees no GPU")
    items = {"ceilings": peer_ceilings, "resnet18": peer_resnet18, "bert-base": peer_bert, "head": peer_head,
             "late": lambda q: peer_step(q, "late"), "early": lambda q: peer_step(q, "early")}
    for p.stage in ("eager", "compiled") if args.quick else (None,):  # what is quick has been measured when time is over
        for item in args.peer.split(","):
            if item != "ceilings" or p.stage != "compiled":
                items[item](p)


# ---- both sides


class Bench:
    def __init__(self, args):
        self.args, self.end = args, time.monotonic() + args.budget
        built = os.path.join(args.bin, "..")
        with open(os.path.join(built, ".setting"), encoding="utf-8") as f:
            self.program = os.path.join(built, f.read().strip(), "tests", "bench", "bench_device")
        self.env = {"HM_CUDA_PLUGIN": os.path.abspath(os.path.join(args.bin, "libhm_cuda.so")), **os.environ}
        self.log = []  # every figure
        self.hm, self.peer, self.missing = {}, {}, []

    def left(self):
        return self.end - time.monotonic()

    def run_hm(self, words, seconds):
        """Exit status and lines of one run; what it says on stderr is shown."""
        tiny = ["--tiny", "--precision", "f32", "--batch", "8", "--captions", "64", "--repeat", "3"] if self.args.tiny else []
        try:
            r = subprocess.run([self.program, "--device", self.args.device, "--grid-cached", *tiny, *words], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.env, timeout=max(seconds, 5))
            out, err, rc = r.stdout, r.stderr, r.returncode
        except subprocess.TimeoutExpired as late:
            out, err, rc = late.stdout or "", "it was stopped when its time was over", 1
            out = out.decode() if isinstance(out, bytes) else out
        for line in err.split("\n"):
            if line:
                print(f"# hm: {line}", flush=True)
        if rc < 0:
            print(f"# hm: ended by signal {-rc}", flush=True)
        return rc, out

    def measure_hm(self, words, seconds):
        rc, out = self.run_hm(words, seconds)
        for line in out.split("\n"):
            if line.startswith("{"):
                v = json.loads(line)
                self.log.append(v)
                print(f"# hm, {v['work']}: {v['median_ms']:.2f} ms", flush=True)
                if v["work"] not in self.hm or v["median_ms"] < self.hm[v["work"]]["median_ms"]:
                    self.hm[v["work"]] = v
        return rc

    def measure_peer(self, items, seconds, lengths):
        """The lines of a process, which is ended, with the compilers that it started, when its time is over."""
        args = [sys.executable, os.path.abspath(__file__), self.args.bin, "--peer", items, "--lengths", lengths]
        args += ["--tiny"] * self.args.tiny + ["--quick"] * self.args.quick
        with open(lengths + ".err", "w+", encoding="utf-8") as err:
            p = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=err, text=True, start_new_session=True)
            over = threading.Event()

            def stop():
                if p.poll() is None:
                    os.killpg(p.pid, signal.SIGKILL)
            timer = threading.Timer(max(seconds, 1), lambda: (over.set(), stop()))
            timer.start()
            try:
                for line in p.stdout:
                    if line.startswith("{"):  # compilers print there, too
                        self.take_peer(json.loads(line))
                rc = p.wait()
            finally:  # also when this process is told to end
                timer.cancel()
                stop()
            err.seek(0)
            said = err.read().strip().split("\n")[-1][:200]
        if over.is_set():
            print(f"# PyTorch, {items}: stopped after {seconds:.0f} s", flush=True)
        elif rc:
            print(f"# PyTorch, {items}: exit {rc}: {said}", flush=True)

    def take_peer(self, v):
        self.log.append(v)
        if "ms" in v:
            print(f"# PyTorch, {v['item']}, {v['setting']}: {v['ms']:.2f} ms ({v['took_s']} s)", flush=True)
            if v["item"] not in self.peer or v["ms"] < self.peer[v["item"]]["ms"]:
                self.peer[v["item"]] = v
        elif "error" in v:
            print(f"# PyTorch, {v['item']}, {v['setting']}: {v['error']} ({v['took_s']} s)", flush=True)
        else:
            self.peer[v["item"]] = v
            print(f"# {v['name']}, PyTorch {v['torch']}: bf16 matmul {v['tflop_per_s']:.3g} TFLOP/s, copy "
                  f"{v['gbyte_per_s']:.0f} GB/s; shares count every layer's least, convolutions as written", flush=True)

    def table(self):
        top = self.peer.get("ceilings", {})
        print("name | hm | best PyTorch | ratio | target | of the matmul | of the copy")
        for name, work, item, target in ROWS:
            hm, peer = self.hm.get(work), self.peer.get(item)
            if not hm or not peer:
                self.missing.append(name)
            ratio = peer["ms"] / hm["median_ms"] if hm and peer else None
            short = " (short)" if target and ratio and ratio < target else ""
            cells = [name, f"{hm['median_ms']:.2f} ms" if hm else "missing",
                     f"{peer['ms']:.2f} ms ({peer['setting']})" if peer else "missing",
                     f"{ratio:.2f}" if ratio else "-", f"{target or '-'}{short}"]
            if hm and top:
                cells += [f"{100 * hm['gflop'] / hm['median_ms'] / top['tflop_per_s']:.0f} %",
                          f"{100 * hm['gbyte'] / hm['median_ms'] * 1e3 / top['gbyte_per_s']:.0f} %"]
            print(" | ".join(cells), flush=True)
        steps = TRAIN / BATCH
        for title, work, times, target in (("Part 2, 30 epochs, training alone", "early", EPOCHS, 180),
                                           ("Part 2 from cached grids", "early, grid cached", EPOCHS, None),
                                           ("an epoch of Part 1, training alone", "late", 1, 5)):
            if work in self.hm and not self.args.tiny:
                s = self.hm[work]["median_ms"] * steps * times / 1e3
                item = work.split(",")[0]
                beside = f", PyTorch {self.peer[item]['ms'] * steps * times / 1e3:.1f} s" if item in self.peer else ""
                short = " (short)" if target and s > target else ""
                print(f"{title}, extrapolated: {s:.1f} s{beside}" + (f", target {target} s{short}" if target else ""))

    def main(self):
        with tempfile.TemporaryDirectory() as folder:
            lengths = os.path.join(folder, "lengths.json")
            with open(lengths, "w", encoding="utf-8") as f:
                f.write(self.run_hm(["lengths"], 20)[1])
            works = ["resnet18", "bert-base", "late", "early", "head"]
            start = time.monotonic()
            if self.measure_hm(works, min(90, self.left() / 2)) == 3:
                print("no GPU: nothing is measured here")
                return 3
            for work in works:  # what one failure may have taken along
                if work not in self.hm:
                    self.measure_hm([work], 30)
            again = 0 if self.args.quick else time.monotonic() - start + 5
            weight = dict(WEIGHT)
            groups = [["ceilings", *works]] if self.args.quick else [["ceilings", works[0]], *([w] for w in works[1:])]
            for group in groups:
                part = sum(weight.pop(item, 0) for item in group)
                share = (self.left() - again - 3) * part / (part + sum(weight.values()))
                self.measure_peer(",".join(group), share, lengths)
            if again and self.left() > again:
                self.measure_hm(works, self.left() - 2)
            self.table()
        if self.args.json:
            with open(self.args.json, "w", encoding="utf-8") as f:
                json.dump(self.log, f, indent=1)
        if self.missing:
            print("missing: " + "; ".join(self.missing))
        return 1 if self.missing else 0


def main():
    a = argparse.ArgumentParser()
    a.add_argument("bin")
    a.add_argument("--budget", type=float, default=230)
    a.add_argument("--quick", action="store_true")
    a.add_argument("--json")
    a.add_argument("--tiny", action="store_true")
    a.add_argument("--device", default="cuda")
    a.add_argument("--peer", help=argparse.SUPPRESS)
    a.add_argument("--lengths", help=argparse.SUPPRESS)
    args = a.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(peer_main(args) if args.peer else Bench(args).main())


main()
