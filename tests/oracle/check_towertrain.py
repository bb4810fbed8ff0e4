"""Training of towers through hm-fuse-train against autograd in float64: every gradient of CLIP's two towers, ViT, DINOv2 with and
without registers, RoBERTa and DistilBERT under late fusion. A step of SGD with rate 1024 makes the gradient readable: (before -
after)/1024. Random weights; gradients to 1e-4 of each tensor's largest, on ref and cpu. `.venv/bin/python
tests/oracle/check_towertrain.py build/bin`."""
import json
import os
import re
import sys
import tempfile

import torch
from safetensors.torch import load_file

import towerkit
from towerkit import CLIP_COLOURS, HALVES, IMAGENET, SIDE, padded

BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
RATE, BOUND, RECORDS = 1024.0, 1e-4, 6
worst, failed = 0.0, []

# names that transformers 5 has in memory -> those of its files
MEMORY = [(r"^layers\.", "encoder.layer."), (r"attention\.q_proj\.", "attention.attention.query."), (r"attention\.k_proj\.", "attention.attention.key."),
          (r"attention\.v_proj\.", "attention.attention.value."), (r"attention\.o_proj\.", "attention.output.dense."),
          (r"(layer\.\d+\.)mlp\.fc1\.", r"\1intermediate.dense."), (r"(layer\.\d+\.)mlp\.fc2\.", r"\1output.dense.")]


def published(name, family):
    for old, new in MEMORY[: None if family == "vit" else -2]:
        name = re.sub(old, new, name) if family in ("vit", "dino") else name
    return name


def step(image, text, rate, device):
    towerkit.tool(BIN, "hm-fuse-train", "--image", image, "--text", text, "--optimizer", "sgd", "--lr", str(rate), "--epochs", "1",
                  "--batch-size", str(RECORDS), "--no-shuffle", "--dropout", "0", "--log-steps", "1", "--log", "log.jsonl", "--device", device,
                  "-o", "model.safetensors", f"in{SIDE}.hmr")
    with open("log.jsonl", encoding="utf-8") as f:
        loss = json.loads(f.readline())["loss"]
    return loss, load_file("model.safetensors")


def compare(image, text, models, forward, labels):
    """models: side -> (family, torch module in double); forward() -> the two features."""
    global worst
    for device in ("ref", "cpu"):
        _, before = step(image, text, 0, device)
        loss, after = step(image, text, RATE, device)
        head = torch.nn.Linear(before["classifier.weight"].shape[1], 2).double()
        with torch.no_grad():
            head.weight.copy_(before["classifier.weight"])
            head.bias.copy_(before["classifier.bias"])
        for _, m in models.values():
            m.zero_grad()
        want = torch.nn.functional.cross_entropy(head(torch.cat(forward(), 1)), labels)
        want.backward()
        where = f"{image} and {text} on {device}"
        most, count = abs(loss - want.item()), 0
        pairs = [(f"classifier.{k}", p.grad) for k, p in head.named_parameters()]
        for side, (family, m) in models.items():
            other = "text_model." if side == "image" else "vision_model."  # a CLIPModel has both
            pairs += [(f"{side}_encoder.{published(k, family)}", p.grad) for k, p in m.named_parameters() if not k.startswith(other)]
        for name, grad in pairs:
            if name not in before:
                if grad is not None and grad.abs().max() > 0:
                    failed.append(f"{where}: {name} is not in the model")
                continue
            if grad is None or name.endswith(("k_proj.bias", "key.bias", "k_lin.bias")):  # whose true gradient is 0
                continue
            got = (before[name].double() - after[name].double()) / RATE
            off = ((got - grad).abs().max() / grad.abs().max()).item()
            most, count = max(most, off), count + 1
            if not off <= BOUND:
                failed.append(f"{where}: {name}: {off:.3g} of the largest")
        worst = max(worst, most)
        print(f"{where}: {count} tensors, worst {most:.1e}", flush=True)


def main():
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        ids, vocab = towerkit.records(BIN, RECORDS)
        labels = torch.from_numpy(towerkit.column(BIN, f"in{SIDE}.hmr", "label")).long()
        px = {c: towerkit.pixels(BIN, SIDE, c_) for c, c_ in (("clip", CLIP_COLOURS), ("vit", HALVES), ("dino", IMAGENET))}
        batch, _ = padded(ids, 0)
        for act in ("quick_gelu", "gelu"):
            clip, _ = towerkit.clip(vocab, act)
            clip = clip.double()
            compare("clip", "clip", {"image": ("clip", clip), "text": ("clip", clip)},
                    lambda: (clip.vision_model(px["clip"]).pooler_output, clip.text_model(batch).pooler_output), labels)
        vit, roberta = towerkit.vit().double(), towerkit.roberta(vocab).double()
        rows = lambda m, **k: [m(torch.tensor([i]), **(dict(position_ids=torch.arange(2, 2 + len(i))[None]) if k else {})) for i in ids]
        compare("vit", "roberta", {"image": ("vit", vit), "text": ("roberta", roberta)},
                lambda: (vit(px["vit"]).pooler_output, torch.cat([r.pooler_output for r in rows(roberta, positions=1)])), labels)
        for registers in (0, 4):
            dino, distil = towerkit.dinov2(registers).double(), towerkit.distilbert(vocab).double()
            compare("dino", "distilbert", {"image": ("dino", dino), "text": ("distilbert", distil)},
                    lambda: (dino(px["dino"]).pooler_output, torch.cat([r.last_hidden_state[:, 0] for r in rows(distil)])), labels)
    for f in failed:
        print("FAILED", f)
    print(f"worst {worst:.1e}; {len(failed)} failed")
    return 1 if failed else 0


sys.exit(main())
