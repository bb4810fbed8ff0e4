"""Makes tests/data/nets: tiny ResNets and a tiny BERT with inputs and PyTorch's float64 features, and steps of PyTorch's
heads and optimizers, each one .safetensors file. Seeded; usage: python make_nets.py [OUTDIR]"""
import pathlib, sys

import torch
import transformers
from safetensors.torch import save_file
from torchvision.models import resnet

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/nets")
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


class TinyResNet(torch.nn.Module):
    """torchvision's ResNet with a stem and widths of one's own; names are torchvision's."""

    def __init__(self, block, blocks, stem, widths):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(stem)
        cin = stem
        for s, (n, width) in enumerate(zip(blocks, widths)):
            stage = []
            for i in range(n):
                stride, cout = 2 if s and not i else 1, width * block.expansion
                down = None
                if stride != 1 or cin != cout:
                    down = torch.nn.Sequential(torch.nn.Conv2d(cin, cout, 1, stride, bias=False), torch.nn.BatchNorm2d(cout))
                stage.append(block(cin, width, stride, down))
                cin = cout
            setattr(self, f"layer{s + 1}", torch.nn.Sequential(*stage))

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.nn.functional.max_pool2d(x, 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


def make_resnet(name, block, blocks, stem, widths, h, w):
    m = TinyResNet(block, blocks, stem, widths).eval()
    for mod in m.modules():
        if isinstance(mod, torch.nn.BatchNorm2d):
            mod.weight.data.uniform_(0.5, 1.5)
            mod.bias.data.normal_(0, 0.3)
            mod.running_mean.normal_(0, 0.3)
            mod.running_var.uniform_(0.5, 1.5)
    t = {k: v.clone() for k, v in m.state_dict().items() if not k.endswith("num_batches_tracked")}
    pixels = torch.randint(0, 256, (3, 3, h, w), dtype=torch.uint8)
    x = (pixels.float() / 255 - MEAN[:, None, None]) / STD[:, None, None]
    with torch.no_grad():
        y = m.double()(x.double())
    t["pixels"] = pixels
    t["grid"] = y.flatten(2).transpose(1, 2).float().contiguous()
    t["pooled"] = y.mean((2, 3)).float()
    save_file(t, out / name)


def make_bert():
    c = transformers.BertConfig(vocab_size=60, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
                                intermediate_size=40, max_position_embeddings=40, layer_norm_eps=1e-12)
    m = transformers.BertModel(c).eval()
    for name, p in m.named_parameters():
        p.data = torch.randn_like(p) * (0.3 if p.ndim > 1 else 0.1) + (1 if name.endswith("LayerNorm.weight") else 0)
    t = {k: v.clone() for k, v in m.state_dict().items() if not k.endswith(("position_ids", "token_type_ids"))}
    length = [1, 2, 7, 15, 16, 17, 40, 5]
    ids = [torch.randint(0, 60, (n,)) for n in length]
    padded = torch.zeros(len(ids), max(length), dtype=torch.long)
    mask = torch.zeros_like(padded)
    for row, i in enumerate(ids):
        padded[row, : len(i)] = i
        mask[row, : len(i)] = 1
    with torch.no_grad():
        y = m.double()(input_ids=padded, attention_mask=mask).pooler_output
    t["ids"] = torch.cat(ids).int()
    t["len"] = torch.tensor(length, dtype=torch.int32)
    t["pooled"] = y.float()
    save_file(t, out / "bert-tiny.safetensors")


def make_head():
    """Cross-entropy with and without class weights, and its gradients through a linear layer."""
    x, w, b = torch.randn(7, 19), torch.randn(3, 19) * 0.3, torch.randn(3)
    label, weight = torch.tensor([0, 2, 1, 1, 0, 2, 2]), torch.tensor([0.5, 2.0, 1.25])
    t = {"x": x, "w": w, "b": b, "label": label.int(), "weight": weight}
    for name, cw in (("plain", None), ("weighted", weight)):
        p = [v.double().requires_grad_() for v in (x, w, b)]
        logits = torch.nn.functional.linear(*p)
        loss = torch.nn.functional.cross_entropy(logits, label, weight=cw.double() if cw is not None else None)
        grad = torch.autograd.grad(loss, p + [logits])
        t[name + ".loss"] = loss.detach().float().reshape(1)
        for g, k in zip(grad, ("x", "w", "b", "logits")):
            t[f"{name}.d{k}"] = g.float().contiguous()
    t["prob"] = torch.softmax(torch.nn.functional.linear(x.double(), w.double(), b.double()), 1).float()
    save_file(t, out / "head.safetensors")


def make_optimizers():
    """Five steps of each optimizer from the same start with the same gradients: parameters after every step."""
    n, steps = 200, 5
    start, grad = torch.randn(n), torch.randn(steps, n)
    t = {"start": start, "grad": grad}
    for name, make in {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
        "sgd-momentum-decay": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.01),
        "adam": lambda p: torch.optim.Adam(p, lr=0.001),
        "adam-decay": lambda p: torch.optim.Adam(p, lr=0.001, weight_decay=0.01),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.001, weight_decay=0.01),
    }.items():
        p = torch.nn.Parameter(start.clone())
        opt, after = make([p]), []
        for g in grad:
            p.grad = g.clone()
            opt.step()
            after.append(p.detach().clone())
        t[name] = torch.stack(after)
    save_file(t, out / "optimizers.safetensors")


make_resnet("resnet-basic.safetensors", resnet.BasicBlock, [1, 2, 1, 1], 6, [6, 8, 12, 17], 50, 37)
make_resnet("resnet-bottleneck.safetensors", resnet.Bottleneck, [2, 1, 1, 1], 5, [3, 4, 5, 6], 33, 64)
make_bert()
make_head()
make_optimizers()
