"""hm-fuse-train at full size (ResNet18, BERT-base, 224 x 224) against float64 PyTorch, both fusions: loss, every gradient,
running statistics, what must not move. A step of SGD with rate 1024 makes the gradient readable: (before - after)/1024.
Random weights, large enough for erf against tanh GELU and for attention to matter; captions of different lengths; no
dropout. ResNet18's biases keep nearly every ReLU far from its kink, at which two sound float32 programs part (with the
usual biases PyTorch's own gradients are 0.04 to 0.16 off float64's); what is left is bound by 1e-4 of the tensor's largest
gradient or, where attention's queries and keys cancel, three times what PyTorch's float32 misses by in either memory
format. Then tiny models over steps: mixed sides, class weights, clipping, schedules. usage: check_train.py BIN"""
import copy
import json
import os
import subprocess
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
import numpy
import torch
import torchvision
import transformers
from safetensors.torch import load_file, save_file

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import modelkit
from torchvision.models import resnet

BIN = os.path.abspath(sys.argv[1])
RATE, N = 1024., 4
worst, failures = {}, []


def run(*args):
    p = subprocess.run([f"{BIN}/{args[0]}", "-q", *args[1:]], capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"{' '.join(args)}: exit {p.returncode}: {p.stderr}")


def note(what, value, bound, where):
    worst[what] = max(worst.get(what, 0), value)
    if not value <= bound:
        failures.append(f"{where}: {what} {value:.3g}, at most {bound:.3g}")


def make_data(name, side, ids, labels, vocab):
    """Pictures of noise and captions of these token ids, through hm's own tools; pixels come back as numbers."""
    os.makedirs(f"{name}-img", exist_ok=True)
    from PIL import Image
    rng = numpy.random.default_rng(1)
    with open(f"{name}.vocab", "w", encoding="utf-8") as f:
        f.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(5, vocab)]) + "\n")
    with open(f"{name}.jsonl", "w", encoding="utf-8") as f:
        for i, (v, label) in enumerate(zip(ids, labels)):
            rough = rng.integers(0, 256, (side // 7 + 1, side // 7 + 1, 3), dtype=numpy.uint8)
            Image.fromarray(rough).resize((side, side), Image.BICUBIC).save(f"{name}-img/{i}.png")
            f.write(json.dumps({"id": i, "img": f"{i}.png", "label": label, "text": " ".join(f"w{t}" for t in v[1:-1])}) + "\n")
    run("hm-jsonl2rec", "-o", f"{name}.lines.hmr", f"{name}.jsonl")
    run("hm-imgprep", "--root", f"{name}-img", "--size", str(side), "-o", f"{name}.pixels.hmr", f"{name}.lines.hmr")
    run("hm-tokenize", "--vocab", f"{name}.vocab", "-o", f"{name}.hmr", f"{name}.pixels.hmr")
    run("hm-view", "--npy", "pixels=pixels.npy", f"{name}.pixels.hmr")
    return modelkit.normalized(torch.from_numpy(numpy.load("pixels.npy")).float()), *modelkit.padded(ids), torch.tensor(labels)


def forward(model, batch, dtype):
    x, rows, mask, _ = batch
    if isinstance(model, modelkit.FusionModel):
        return model(x.to(dtype), rows, mask)
    return model(rows, mask.to(dtype), x.to(dtype))["logits"]


def away_from_kinks(image):
    """Batch-norm leaves values near 0 with deviation about 1: biases of 7, or -7 in every fourth channel that only a ReLU reads."""
    for name, m in image.named_modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.weight.data.uniform_(0.5, 1.)
            m.bias.data.fill_(7.)
            if name.endswith("bn1"):
                m.bias.data[::4] = -7.
    return image


def gradients(model, batch, dtype, trunk_eval, layout=torch.contiguous_format, autocast=False):
    """Of the mean cross-entropy; loss, gradients by name, the state after the pass."""
    m = copy.deepcopy(model).to(dtype).to(memory_format=layout).train()
    if trunk_eval:
        m.image_encoder.eval()
    with torch.autocast("cpu", torch.bfloat16, autocast):
        logits = forward(m, (batch[0].to(memory_format=layout), *batch[1:]), dtype)
    loss = torch.nn.functional.cross_entropy(logits.to(dtype), batch[3])
    loss.backward()
    return loss.item(), {k: p.grad.double() for k, p in m.named_parameters() if p.grad is not None}, m.state_dict()


def hm_step(model, data, *options):
    """The file after one step from the model's."""
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, "init.safetensors")
    run("hm-fuse-train", "-j2", "--init", "init.safetensors", "--heads", str(model_heads(model)), "--optimizer", "sgd", "--lr",
        str(RATE), "--epochs", "1", "--batch-size", str(N), "--no-shuffle", "--dropout", "0", "--log-steps", "1", "--log",
        "log.jsonl", *options, "-o", "after.safetensors", data)
    with open("log.jsonl", encoding="utf-8") as f:
        loss = json.loads(f.readline())["loss"]
    return loss, load_file("after.safetensors")


def model_heads(model):
    bert = model.text_encoder if isinstance(model, modelkit.FusionModel) else model.transformer
    return bert.config.num_attention_heads


def compare(where, model, batch, data, *options, trunk_eval=False):
    before = model.state_dict()
    loss, want, state = gradients(model, batch, torch.float64, trunk_eval)
    single = [gradients(model, batch, torch.float32, trunk_eval, layout)[1]
              for layout in (torch.contiguous_format, torch.channels_last)]
    got_loss, after = hm_step(model, data, *options)
    note("loss", abs(got_loss - loss), 1e-5, where)
    for k, v in before.items():
        if "num_batches" in k or "position_ids" in k or "token_type_ids" in k:
            continue
        if "running_" in k:
            moved = (state[k] - v.double()).abs().max().item()
            off = (after[k].double() - state[k]).abs().max().item()
            note("running statistics", off / max(moved, v.abs().max().item(), 1e-30), 1e-5, f"{where}, {k}")
        elif k not in want:
            if not torch.equal(after[k], v):
                failures.append(f"{where}: {k} has moved")
        elif not k.endswith("key.bias"):  # whose true gradient is 0
            got, most = (v.double() - after[k].double()) / RATE, want[k].abs().max().item()
            off = (got - want[k]).abs().max().item() / most
            theirs = max((g[k] - want[k]).abs().max().item() for g in single) / most
            worst["PyTorch's own float32"] = max(worst.get("PyTorch's own float32", 0), theirs)
            note("gradients", off, max(1e-4, 3 * theirs), f"{where}, {k}")
    return loss, want


def bfloat16(where, data, batch, loss, want, model, *options, trunk_eval=False):
    """By cosine: at least .99, or an angle not much wider than between PyTorch's autocast and float64."""
    got_loss, after = hm_step(model, data, "--precision", "bf16", *options)
    _, peer, _ = gradients(model, batch, torch.float32, trunk_eval, autocast=True)
    apart = lambda a, b: 1 - torch.nn.functional.cosine_similarity(a.flatten(), b.flatten(), 0).item()
    note("bf16 loss", abs(got_loss - loss), 2e-2, where)
    for k, g in want.items():
        if g.numel() > 1 << 16 and not k.endswith("word_embeddings.weight"):
            theirs = apart(peer[k], g)
            worst["PyTorch's own bf16, 1 - cosine"] = max(worst.get("PyTorch's own bf16, 1 - cosine", 0), theirs)
            note("bf16 gradients, 1 - cosine", apart(model.state_dict()[k].double() - after[k].double(), g),
                 max(1e-2, 3 * theirs), f"{where}, {k}")


def full_size():
    torch.manual_seed(0)
    rng = numpy.random.default_rng(0)
    ids = [[2, *(int(i) for i in rng.integers(5, 30522, n - 2)), 3] for n in (5, 31, 12, 17)]
    batch = make_data("full", 224, ids, [0, 1, 1, 0], 30522)
    config = transformers.BertConfig(hidden_dropout_prob=0., attention_probs_dropout_prob=0., attn_implementation="eager")
    bert = transformers.BertModel(config)
    for name, p in bert.named_parameters():
        p.data = torch.randn_like(p) * (0.04 if p.ndim > 1 else 0.1) + (1 if name.endswith("LayerNorm.weight") else 0)
    image = away_from_kinks(torchvision.models.resnet18(weights=None))
    late = modelkit.late(copy.deepcopy(image), copy.deepcopy(bert), 2)
    bf16 = "avx512_bf16" in open("/proc/cpuinfo", encoding="utf-8").read()
    loss, want = compare("late", late, batch, "full.hmr")
    if bf16:
        bfloat16("late", "full.hmr", batch, loss, want, late)
    early = modelkit.randomize(modelkit.MultimodalTransformer(image, bert, 2, 512, 49))
    loss, want = compare("early, trunk in eval mode", early, batch, "full.hmr", "--frozen-mode", "eval", trunk_eval=True)
    if bf16:
        bfloat16("early", "full.hmr", batch, loss, want, early, "--frozen-mode", "eval", trunk_eval=True)
    compare("early, trunk in train mode", early, batch, "full.hmr", "--frozen-mode", "train")


def losses_of(model, batch, make, count, schedule=None, weight=None, clip=None, prepare=None):
    m = copy.deepcopy(model).double().train()
    if prepare:
        prepare(m)
    optimizer = make([p for p in m.parameters() if p.requires_grad])
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule) if schedule else None
    out = []
    for _ in range(count):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(forward(m, batch, torch.float64), batch[3], weight=weight)
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_([p for p in m.parameters() if p.grad is not None], clip)
        optimizer.step()
        if rates:
            rates.step()
        out.append(loss.item())
    return out


def hm_losses(model, data, *options):
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, "init.safetensors")
    run("hm-fuse-train", "--init", "init.safetensors", "--heads", str(model_heads(model)), "--batch-size", "6", "--no-shuffle",
        "--dropout", "0", "--log-steps", "1", "--log", "log.jsonl", *options, "-o", "after.safetensors", *data)
    with open("log.jsonl", encoding="utf-8") as f:
        return [e["loss"] for e in map(json.loads, f) if e["event"] == "step"]


def tiny():
    torch.manual_seed(3)
    rng = numpy.random.default_rng(3)
    ids = [[2, *(int(i) for i in rng.integers(5, 40, n - 2)), 3] for n in (4, 9, 3, 14, 6, 7)]
    batch = make_data("tiny", 64, ids, [0, 1, 1, 0, 1, 1], 40)
    image = lambda: modelkit.image_encoder(resnet.BasicBlock, 16)
    text = lambda: no_dropout(modelkit.text_encoder(40, 32, 2, 2, 32))
    cosine = transformers.get_cosine_schedule_with_warmup
    schedule = lambda warm, total: cosine(torch.optim.SGD([torch.zeros(1)], lr=1), warm, total).lr_lambdas[0]
    adamw = lambda p: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.1)
    early = modelkit.randomize(modelkit.MultimodalTransformer(image(), text(), 2, 32, 4))
    frozen = lambda m: (m.image_encoder.eval(), setattr(m.image_encoder, "train", lambda mode=True: m.image_encoder))
    cases = [
        ("early, AdamW, cosine, warm-up, clipped", early, 9, 1e-5,
         dict(make=adamw, schedule=schedule(3, 9), clip=1., prepare=frozen),
         ["--lr", "1e-3", "--weight-decay", "0.1", "--schedule", "cosine", "--warmup-steps", "3", "--clip-norm", "1"]),
        ("early, class weights", early, 9, 1e-5,
         dict(make=lambda p: torch.optim.SGD(p, lr=1e-2, momentum=.9), weight=torch.tensor([.5, 2.]).double(), prepare=frozen),
         ["--optimizer", "sgd", "--lr", "1e-2", "--momentum", "0.9", "--class-weight", "0.5,2"]),
    ]
    late = modelkit.late(image(), text(), 2)
    hold = lambda part: lambda m: [p.requires_grad_(False) for p in getattr(m, part).parameters()]
    cases += [
        ("late, text frozen in train mode", late, 3, 1e-5,
         dict(make=lambda p: torch.optim.SGD(p, lr=1e-2), prepare=hold("text_encoder")),
         ["--optimizer", "sgd", "--lr", "1e-2", "--freeze", "text", "--frozen-mode", "train"]),
        ("late, image frozen in train mode", late, 9, 1e-5,
         dict(make=lambda p: torch.optim.SGD(p, lr=1e-2), prepare=hold("image_encoder")),
         ["--optimizer", "sgd", "--lr", "1e-2", "--freeze", "image", "--frozen-mode", "train"]),
        ("late, Adam", late, 3, 2e-3, dict(make=lambda p: torch.optim.Adam(p, lr=1e-4, weight_decay=1e-2)),
         ["--optimizer", "adam", "--lr", "1e-4", "--weight-decay", "1e-2"]),
    ]
    for where, model, count, bound, theirs, ours in cases:
        want = losses_of(model, batch, count=count, **theirs)
        got = hm_losses(model, ["tiny.hmr"], "--epochs", str(count), *ours)
        note("losses over steps", max(abs(a - b) for a, b in zip(got, want)) if len(got) == count else 9., bound, where)
    mixed(late, batch)


def no_dropout(bert):
    for m in bert.modules():
        if isinstance(m, torch.nn.Dropout):
            m.p = 0.
    bert.config.attention_probs_dropout_prob = bert.config.hidden_dropout_prob = 0.
    for layer in bert.encoder.layer:
        for part in (layer.attention.self, layer.attention):
            if hasattr(part, "dropout_prob"):
                part.dropout_prob = 0.
    return bert


def mixed(late, batch):
    """A text encoder that is a cached column, beside an image encoder trained from pixels."""
    save_file({k: v.contiguous() for k, v in late.state_dict().items()}, "init.safetensors")
    run("hm-encode", "--text", "init.safetensors", "--heads", "2", "--keep", "-o", "tiny.text.hmr", "tiny.hmr")
    run("hm-cat", "--columns", "id,label,pixels,text_feature", "-o", "tiny.mixed.hmr", "tiny.text.hmr")
    freeze = lambda m: ([p.requires_grad_(False) for p in m.text_encoder.parameters()], m.text_encoder.eval())
    want = losses_of(late, batch, lambda p: torch.optim.SGD(p, lr=1e-2), 3, prepare=freeze)
    got = hm_losses(late, ["tiny.mixed.hmr"], "--epochs", "3", "--optimizer", "sgd", "--lr", "1e-2", "--freeze", "text")
    note("losses over steps", max(abs(a - b) for a, b in zip(got, want)), 1e-5, "late, cached text, trained image")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    tiny()
    full_size()
for f in failures[:20]:
    print(f)
print(f"check_train: {'ok' if not failures else f'{len(failures)} differ'}: "
      + ", ".join(f"{k} {v:.2g}" for k, v in worst.items()))
sys.exit(bool(failures))
