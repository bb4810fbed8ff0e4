"""What the benches of encoders have in common: hm-encode's seconds with its start taken off, a peer's best setting, the
matmul peak, and the row that compares them."""
import json
import os
import subprocess
import sys
import time

import torch

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
