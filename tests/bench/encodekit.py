"""What the benches of encoders have in common: hm-encode's seconds with its start taken off, a peer's best setting, the
peers ONNX Runtime and OpenVINO, the matmul peak, and the row that compares them."""
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import torch

try:
    import openvino
except ImportError:
    openvino = None
try:
    import onnxruntime
except ImportError:
    onnxruntime = None

BIN = os.path.abspath(sys.argv[1])
ROUNDS, THREADS = 4, 2


def tool(*args):
    subprocess.run([BIN + "/" + args[0], "-q", *args[1:]], check=True)


def hm_seconds(stream, *options):
    """Seconds that the records beyond the first FEW take."""
    seconds = []
    for part in ("few-", ""):
        tool("hm-encode", "-j", str(THREADS), *options, "--stats", "stats.json", "-o", "/dev/null", part + stream)
        with open("stats.json", encoding="utf-8") as f:
            seconds.append(json.load(f)["wall_s"])
    return seconds


def seconds_of(call):
    start = time.perf_counter()
    with torch.inference_mode():
        call()
    return time.perf_counter() - start


def best_of(hm, peers, rounds=ROUNDS, kept=2):
    """hm: a function to (few, all) seconds; peers: name -> function, of which the `kept` fastest at first stay. Returns
    the difference of hm's bests and each peer's best seconds; a peer that does not run is left out."""
    few, full, peer = [], [], {}
    for name, call in peers.items():
        try:
            first = seconds_of(call)  # compiles, warms up
            if os.environ.get("BENCH_VERBOSE"):
                print(f"# {name}: first {first:.2f} s", flush=True)
            if "compiled" in name or not peer or first < 1.5 * min(s[0] for s in peer.values()):
                peer[name] = [seconds_of(call)]
        except Exception as err:  # a setting this PyTorch or machine has not
            print(f"# {name}: {type(err).__name__}: {str(err).splitlines()[0][:100]}", flush=True)
    for _ in range(rounds):
        a, b = hm()
        few.append(a)
        full.append(b)
        for name in sorted(peer, key=lambda n: peer[n][0])[:kept]:
            peer[name].append(seconds_of(peers[name]))
    return min(full) - min(few), {name: min(s) for name, s in peer.items()}


def wrap(call):
    """A module whose forward pass is `call` over one tensor, for the exporters."""
    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = call[0]

        def forward(self, x):
            return call[1](self.model, x)

    return Wrapped().eval()


def streams(make, run):
    """{suffix: function of a list of batches}: one session of THREADS threads, and THREADS sessions of one thread."""
    whole, parts = make(THREADS), [make(1) for _ in range(THREADS)]

    def split(batches):
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda k: [run(parts[k], b) for b in batches[k::THREADS]], range(THREADS)))

    return {"1 stream": lambda batches: [run(whole, b) for b in batches], f"{THREADS} streams": split}


def onnx(module, example, dynamic):
    if not onnxruntime:
        return {}
    torch.onnx.export(module, (example,), "peer.onnx", input_names=["x"], output_names=["y"], dynamo=False, opset_version=17,
                      dynamic_axes={"x": dict(enumerate(dynamic))})

    def make(threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        return onnxruntime.InferenceSession("peer.onnx", options, providers=["CPUExecutionProvider"])

    return {f"ONNX Runtime, {k}": f for k, f in streams(make, lambda s, b: s.run(None, {"x": b.numpy()})).items()}


def vino(module, example, precision, shapes):
    """OpenVINO over batches of the fixed `shapes` (its fastest), or of any where there are too many of them."""
    if not openvino:
        return {}
    model = openvino.convert_model(module, example_input=example)
    core, made = openvino.Core(), {}

    def compiled(n, shape):
        key = n, shape if shape in shapes else None
        if key not in made:
            model.reshape(openvino.PartialShape(list(shape) if shape in shapes else [-1] * len(shape)))
            made[key] = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": n,
                                                          "INFERENCE_NUM_THREADS": THREADS})
        return made[key]

    def run(n):
        def of(batches):
            queues = {}
            for b in batches:
                c = compiled(n, tuple(b.shape))
                q = queues.setdefault(id(c), openvino.AsyncInferQueue(c, n))
                q.start_async({0: b.numpy()})
            for q in queues.values():
                q.wait_all()
        return of

    return {f"OpenVINO, {n} stream{'s' * (n > 1)}": run(n) for n in (1, THREADS)}


def name_missing(*more):
    """A row lacks the peers that are not installed; they are named."""
    for name, module in (*more, ("OpenVINO", openvino), ("ONNX Runtime", onnxruntime)):
        if not module:
            print(f"# {name} is not installed in this environment, so it was not measured")


def peak(dtype):
    """GFLOP/s of a large matmul on THREADS threads, the best of PyTorch's own and oneDNN's."""
    best = 0
    for n in (1024, 2048, 4096):
        a, b = torch.randn(n, n, dtype=dtype), torch.randn(n, n, dtype=dtype)
        ways = [lambda: a @ b, lambda m=a.to_mkldnn(), w=b.to_mkldnn(): torch._C._nn.mkldnn_linear(m, w)]
        best = max(best, 2 * n**3 / min(seconds_of(way) for way in ways for _ in range(6)) / 1e9)
    return best


def row(name, rate, unit, peer_rate, peer, target, gflop, top):
    short = "" if rate / peer_rate >= target else " (short)"
    share = f", {100 * rate * gflop / top:.0f} % of {top:.0f} GFLOP/s"
    print(f"{name} | {rate:.3g} {unit}{share} | {peer_rate:.3g} {unit} ({peer}) | {rate / peer_rate:.2f} | {target}{short}",
          flush=True)
