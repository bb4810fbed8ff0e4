"""Makes tests/data/train/head.safetensors: features, labels, a start, and what float64 PyTorch makes of them under each
optimizer of headkit.py. Seeded; usage: python make_head.py [OUTDIR]"""
import pathlib, sys

import torch
from safetensors.torch import save_file

import headkit

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/train")
out.mkdir(parents=True, exist_ok=True)
g = torch.Generator().manual_seed(7)
n, dim, batch, epochs = 90, 20, 32, 4
x = torch.randn(n, dim, generator=g) * torch.linspace(0.2, 3, dim)
y = ((x[:, :5].sum(1) + torch.randn(n, generator=g)) > 0).to(torch.int32)
start = {"weight": (torch.rand(2, dim, generator=g) - 0.5) / 2, "bias": (torch.rand(2, generator=g) - 0.5) / 2}
tensors = {"x": x, "label": y, "weight": start["weight"], "bias": start["bias"]}
for name, case in headkit.CASES.items():
    losses, w, b = headkit.run(case, x, y, start["weight"], start["bias"], batch, epochs)
    tensors[f"{name}.losses"] = torch.tensor(losses, dtype=torch.float64)
    tensors[f"{name}.weight"] = w.contiguous()
    tensors[f"{name}.bias"] = b.contiguous()
save_file(tensors, out / "head.safetensors")
print(f"{out}/head.safetensors: {len(headkit.CASES)} runs of {len(losses)} steps")
