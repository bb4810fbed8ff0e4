"""Makes tests/data/nets/ops.safetensors: operations with their gradients as float64 PyTorch computes them, values laid out
as tests/support/opcase.h's: CASE.in0.., CASE.y, CASE.dy, CASE.dy2, CASE.grad0.., CASE.state0.. (before) and CASE.after0..
Images are [i,h,w,c]. Seeded; usage: python make_ops.py [OUTDIR]"""
import pathlib, sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/nets")
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(5)
tensors = {}


def rand(*shape):
    return torch.randn(*shape).double()


def image(t):
    """[i,c,h,w] as [i,h,w,c]; others as they are."""
    return t.permute(0, 2, 3, 1) if t.ndim == 4 else t


def case(name, f, *inputs, dy2=False, keep=None):
    """f of the inputs (PyTorch's layout; None: absent) and its gradients; `keep` says what of the inputs is an image."""
    leaves = [None if x is None else x.clone().requires_grad_() for x in inputs]
    y = f(*leaves)
    dys = [rand(*y.shape).float().double() for _ in range(2 if dy2 else 1)]
    y.backward(sum(dys))
    parts = {"y": y, "dy": dys[0]} | ({"dy2": dys[1]} if dy2 else {})
    for k, x in enumerate(leaves):
        if x is not None:
            plain = k in (keep or ())
            parts[f"in{k}"] = x if plain else image(x)
            parts[f"grad{k}"] = x.grad if plain else image(x.grad)
    for part, t in parts.items():
        tensors[f"{name}.{part}"] = (t if part[0] in "ig" else image(t)).detach().float().contiguous()


def rounded(*shape):
    """What float32 holds: the C side starts from the same numbers."""
    return rand(*shape).float().double()


for name, (i, h, w, cin, cout, k, stride, pad) in {"conv3": (2, 7, 6, 4, 5, 3, 2, 1), "conv7": (1, 11, 10, 3, 4, 7, 2, 3),
                                                   "conv1": (2, 5, 4, 5, 4, 1, 2, 0)}.items():
    case(name, lambda x, f: F.conv2d(x, f, stride=stride, padding=pad), rounded(i, cin, h, w), rounded(cout, cin, k, k), keep=(1,))

for name, train, relu, res in (("bn-train", True, True, True), ("bn-eval", False, True, False), ("bn-plain", True, False, False)):
    c = 5
    mean, var = rounded(c), rounded(c).abs() + 0.5
    tensors[f"{name}.state0"], tensors[f"{name}.state1"] = mean.float(), var.float()

    def bn(x, r, g, b):
        y = F.batch_norm(x, mean, var, g, b, training=train, momentum=0.1, eps=1e-5)
        y = y + r if res else y
        return torch.relu(y) if relu else y

    case(name, bn, rounded(3, c, 4, 3), rounded(3, c, 4, 3) if res else None, rounded(c), rounded(c), dy2=res)
    tensors[f"{name}.after0"], tensors[f"{name}.after1"] = mean.float(), var.float()

ties = torch.randint(-2, 3, (2, 4, 7, 8)).double()
case("max-pool", lambda x: F.max_pool2d(x, 3, 2, 1), ties, dy2=True)
case("avg-pool", lambda x: x.mean((2, 3)), rounded(2, 5, 3, 4))
case("dense", F.linear, rounded(6, 10), rounded(7, 10), rounded(7))
case("gelu", F.gelu, 2 * rounded(1, 101))
case("tanh", torch.tanh, rounded(1, 101))

def add_norm(x, r, g, b):
    return F.layer_norm(x + r, x.shape[1:], g, b, 1e-5)

case("add-norm", add_norm, rounded(5, 12), rounded(5, 12), rounded(12), rounded(12), dy2=True)

HEADS, DIM, LENGTHS = 2, 6, (1, 2, 7, 13)


def attention(qkv):
    parts = []
    for s in qkv.split(LENGTHS):
        q, k, v = (t.reshape(len(s), HEADS, DIM).transpose(0, 1) for t in s.chunk(3, 1))
        parts.append(F.scaled_dot_product_attention(q, k, v).transpose(0, 1).reshape(len(s), HEADS * DIM))
    return torch.cat(parts)


case("attention", attention, rounded(sum(LENGTHS), 3 * HEADS * DIM))

ROWS, TABLE, SKIP = 12, 5, 4
row = torch.tensor([j * j % TABLE for j in range(ROWS)])
case("embedding", lambda y, t: y + F.embedding(row, t, padding_idx=SKIP), rounded(ROWS, 6), rounded(TABLE, 6))

save_file(tensors, out / "ops.safetensors")
print(f"{out}/ops.safetensors: {len(tensors)} tensors, {(out / 'ops.safetensors').stat().st_size} bytes")
