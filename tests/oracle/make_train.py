"""Makes tests/data/train/{late,early}*.safetensors: tiny models of the seed's two classes with a batch, and what
float64 PyTorch makes of it in training without dropout: logits, loss, every gradient, steps of SGD and AdamW.
Weights are large enough for erf against tanh GELU and for attention to matter. Seeded; usage: make_train.py [OUTDIR]"""
import copy, pathlib, sys

import torch
import transformers
from safetensors.torch import save_file
from torchvision.models import resnet

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from modelkit import FusionModel, MultimodalTransformer

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/train")
out.mkdir(parents=True, exist_ok=True)
MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
WIDTHS, SIDE, N = [4, 4, 6, 8], 33, 6


def tiny_resnet(block):
    """torchvision's ResNet with narrow stages; its own constructor fixes the widths."""
    m = resnet.ResNet(block, [1, 1, 1, 1])
    for name, stage in (("conv1", torch.nn.Conv2d(3, 4, 7, 2, 3, bias=False)), ("bn1", torch.nn.BatchNorm2d(4))):
        setattr(m, name, stage)
    cin = 4
    for s, width in enumerate(WIDTHS):
        cout, stride = width * block.expansion, 2 if s else 1
        down = None
        if stride != 1 or cin != cout:
            down = torch.nn.Sequential(torch.nn.Conv2d(cin, cout, 1, stride, bias=False), torch.nn.BatchNorm2d(cout))
        setattr(m, f"layer{s + 1}", torch.nn.Sequential(block(cin, width, stride, down)))
        cin = cout
    for mod in m.modules():
        if isinstance(mod, torch.nn.BatchNorm2d):
            mod.weight.data.uniform_(0.5, 1.5)
            mod.bias.data.normal_(0, 0.3)
            mod.running_mean.normal_(0, 0.3)
            mod.running_var.uniform_(0.5, 1.5)
    return m, cin


def tiny_bert():
    m = transformers.BertModel(transformers.BertConfig(
        vocab_size=30, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=32, hidden_dropout_prob=0., attention_probs_dropout_prob=0., attn_implementation="eager"))
    for name, p in m.named_parameters():
        p.data = torch.randn_like(p) * (0.3 if p.ndim > 1 else 0.1) + (1 if name.endswith("LayerNorm.weight") else 0)
    return m


def batch():
    pixels = torch.randint(0, 256, (N, 3, SIDE, SIDE), dtype=torch.uint8)
    length = [1, 7, 3, 12, 5, 2]
    ids = [torch.randint(0, 30, (n,)) for n in length]
    ids[1][2] = 0  # a literal [PAD] inside a caption: it is read, but row 0 gets no gradient
    padded, mask = torch.zeros(N, max(length), dtype=torch.long), torch.zeros(N, max(length), dtype=torch.long)
    for row, i in enumerate(ids):
        padded[row, : len(i)], mask[row, : len(i)] = i, 1
    label = torch.tensor([0, 1, 1, 0, 1, 1])
    images = ((pixels.float() / 255 - MEAN[:, None, None]) / STD[:, None, None]).double()
    saved = {"pixels": pixels, "ids": torch.cat(ids).int(), "len": torch.tensor(length, dtype=torch.int32),
             "label": label.int()}
    return saved, images, padded, mask, label


def floats(d):
    return {k: v.detach().float().contiguous().clone() for k, v in d.items()}


def state(m):
    return {k: v for k, v in m.state_dict().items()
            if not k.endswith(("num_batches_tracked", "position_ids", "token_type_ids"))}


def steps(model, forward, label, make, count):
    """Losses of the steps, and the state after them."""
    m = copy.deepcopy(model)
    optimizer, losses = make([p for p in m.parameters() if p.requires_grad]), []
    for _ in range(count):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(forward(m), label)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses), state(m)


def make(name, model, forward, saved, label, sgd, adamw, count):
    model = model.double().train()
    first = {k: v for k, v in state(model).items()}
    m = copy.deepcopy(model)
    logits = forward(m)
    loss = torch.nn.functional.cross_entropy(logits, label)
    loss.backward()
    grads = {k: p.grad for k, p in m.named_parameters() if p.grad is not None}
    grads |= {k: v for k, v in state(m).items() if "running" in k}  # as the one forward pass left them
    save_file(floats(grads), out / f"{name}-grads.safetensors")
    first |= {"logits": logits, "loss": loss[None]}
    with torch.no_grad():
        first["eval"] = forward(copy.deepcopy(model).eval())
    save_file(saved | floats(first), out / f"{name}.safetensors")
    for kind, maker in (("sgd", sgd), ("adamw", adamw)):
        losses, after = steps(model, forward, label, maker, count)
        save_file(floats({"losses": losses} | after), out / f"{name}-{kind}.safetensors")


for name, block in (("late", resnet.BasicBlock), ("late-bottleneck", resnet.Bottleneck)):
    torch.manual_seed(1)
    image, channels = tiny_resnet(block)
    image.fc = torch.nn.Identity()
    model = FusionModel(tiny_bert(), image, 2, channels, 16)
    saved, images, ids, mask, label = batch()
    make(name, model, lambda m: m(images, ids, mask), saved, label,
         lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9), lambda p: torch.optim.AdamW(p, lr=1e-4, weight_decay=0.1), 3)

for name, training in (("early", False), ("early-train", True)):  # the trunk in eval mode, and as in the seed
    torch.manual_seed(2)
    image, channels = tiny_resnet(resnet.BasicBlock)
    saved, images, ids, mask, label = batch()
    model = MultimodalTransformer(image, tiny_bert(), 3, channels, 4)
    for p in (model.word_modality_embeddings, model.image_modality_embeddings, model.image_positional_embeddings.weight):
        p.data = p.data + 0.3 * torch.randn_like(p)
    saved["label"] = torch.tensor([0, 1, 2, 0, 1, 1], dtype=torch.int32)

    def forward(m, training=training, images=images, ids=ids, mask=mask):
        m.image_encoder.train(training and m.training)
        return m(ids, mask.double(), images)["logits"]

    make(name, model, forward, saved, saved["label"].long(),
         lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9), lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.1), 9)
