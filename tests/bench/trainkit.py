"""What the benches of whole networks in training have in common: the files of two encoders, made memes with captions of the
real ones' lengths, and the peer's models with the same weights."""
import json
import os
import subprocess
import sys

import numpy
import torch
import torchvision
import transformers
from safetensors.torch import load_file, save_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle"))
import headskit
import hmrkit
from modelkit import FusionModel, MultimodalTransformer, normalized

BIN = os.path.abspath(sys.argv[1])
BATCH, STEPS, PAD = 32, 4, 88
TOKENS_MEDIAN, TOKENS_P99 = 14, 45


def encoders():
    """ResNet18 and BERT-base of fixed random weights."""
    torch.manual_seed(0)
    return torchvision.models.resnet18(weights=None), transformers.BertModel(transformers.BertConfig())


def make_data():
    """STEPS batches of made memes at 224 x 224, with captions of the real ones' length distribution."""
    rng = numpy.random.default_rng(0)
    n, sigma = BATCH * STEPS, numpy.log(TOKENS_P99 / TOKENS_MEDIAN) / 2.326
    length = numpy.clip(numpy.exp(rng.normal(numpy.log(TOKENS_MEDIAN), sigma, n)).round().astype(int), 3, PAD)
    ids = [[2, *(int(i) for i in rng.integers(5, 30522, k - 2)), 3] for k in length]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    with open("vocab.txt", "w", encoding="utf-8") as f:
        f.write("\n".join(special + [f"w{i}" for i in range(30522 - len(special))]) + "\n")
    run = lambda *args: subprocess.run([f"{BIN}/{args[0]}", "-q", *args[1:]], check=True)
    run("hm-synth", "--train", str(n), "--dev", "1", "--test", "1", "data")
    with open("data/train.jsonl", encoding="utf-8") as f, open("lines.jsonl", "w", encoding="utf-8") as g:
        for line, v in zip(f, ids):
            g.write(json.dumps(json.loads(line) | {"text": " ".join(f"w{t - 5}" for t in v[1:-1])}) + "\n")
    run("hm-jsonl2rec", "-o", "lines.hmr", "lines.jsonl")
    run("hm-imgprep", "--root", "data/img", "-o", "pixels.hmr", "lines.hmr")
    run("hm-tokenize", "--vocab", "vocab.txt", "-o", "train.hmr", "pixels.hmr")
    run("hm-view", "--npy", "pixels=pixels.npy", "--npy", "label=label.npy", "pixels.hmr")
    image, text = encoders()
    save_file({k: v.contiguous() for k, v in image.state_dict().items()}, "image.safetensors")
    save_file({k: v.contiguous() for k, v in text.state_dict().items()}, "text.safetensors")
    run("hm-encode", "--image", "image.safetensors", "--image-output", "grid", "-o", "cached.hmr", "train.hmr")
    with open("ids.json", "w", encoding="utf-8") as f:
        json.dump(ids, f)
    return length


def peer_model(kind):
    """The late or early fusion of both files' encoders, in train mode."""
    image, text = encoders()
    image.load_state_dict(load_file("image.safetensors"))
    text.load_state_dict(load_file("text.safetensors"))
    if kind == "late":
        image.fc = torch.nn.Identity()
        return FusionModel(text, image, 2, 512, 768).train()
    return MultimodalTransformer(image, text, 2, 512, 49).train()
