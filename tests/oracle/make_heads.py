"""Makes tests/data/train/heads.safetensors: small fusions with hidden layers of each joint, a batch, and what float64
PyTorch makes of it: logits in evaluation and in training with hm's dropout masks, loss, the gradient of every parameter
and of both sides. Seeded; usage: python make_heads.py [OUTDIR]"""
import pathlib, sys

import torch
from safetensors.torch import save_file

import headskit

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/train")
# name: joint, classes, map_dim, map_layers, pre_dim, pre_layers, normalize, dropout; the same table stands in
# tests/model/test_heads.c
CASES = {
    "a": ("align", 2, 6, 1, 4, 1, True, (0.1, 0.4, 0.2)),
    "b": ("align", 3, 5, 3, 5, 0, False, (0, 0, 0)),
    "c": ("concat", 2, 4, 1, 6, 2, True, (0, 0, 0)),
    "d": ("concat", 2, 5, 2, 3, 1, False, (0.3, 0.2, 0.1)),
    "e": ("cross", 2, 5, 1, 4, 1, True, (0.2, 0.4, 0.1)),
    "f": ("cross", 3, 4, 2, 4, 0, True, (0, 0, 0)),
    "g": ("align-concat", 2, 4, 2, 5, 2, True, (0.2, 0.1, 0.3)),
    "h": ("align-concat", 2, 3, 1, 4, 1, False, (0, 0, 0)),
}
N, DIMS, SEED, STEP = 7, (9, 6), 42, 3

torch.manual_seed(5)
tensors = {}
for name, (joint, classes, map_dim, map_layers, pre_dim, pre_layers, normalize, dropout) in CASES.items():
    model = headskit.Fusion(joint, DIMS, classes, map_dim, map_layers, pre_dim, pre_layers, normalize, dropout)
    for p in model.parameters():
        p.data = torch.randn_like(p) * 0.7
    image, text = torch.randn(N, DIMS[0]), torch.randn(N, DIMS[1])
    label = torch.arange(N) % classes
    tensors |= {f"{name}.{k}": v.clone() for k, v in model.state_dict().items()}
    tensors |= {f"{name}.image": image, f"{name}.text": text, f"{name}.label": label.int()}
    model.double()
    image, text = image.double().requires_grad_(), text.double().requires_grad_()
    with torch.no_grad():
        tensors[f"{name}.eval"] = model.eval()(image, text).float()
    logits = model.forward_with_masks(image, text, SEED, STEP, dropout)
    loss = torch.nn.functional.cross_entropy(logits, label)
    loss.backward()
    tensors |= {f"{name}.train": logits.detach().float(), f"{name}.loss": loss.detach().float()[None],
                f"{name}.dimage": image.grad.float(), f"{name}.dtext": text.grad.float()}
    tensors |= {f"{name}.d.{k}": p.grad.float().contiguous() for k, p in model.named_parameters()}
save_file(tensors, out / "heads.safetensors")
print(f"{out}/heads.safetensors: {len(CASES)} fusions")
