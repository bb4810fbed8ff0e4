"""Towers through hm-encode against transformers in float64: CLIP's two towers in every layout that files have, ViT, DINOv2 with
and without registers (also at another image size than its positions), RoBERTa, DistilBERT. Random weights, enlarged queries and
keys; features to 2e-5 of the largest on ref and cpu. `.venv/bin/python tests/oracle/check_towers.py build/bin`."""
import json
import os
import shutil
import sys
import tempfile

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

import towerkit
from towerkit import CLIP_COLOURS, HALVES, IMAGENET, SIDE, padded

BIN = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "build/bin")
BOUND, RECORDS = 2e-5, 9
failed, checks = [], 0


def tool(*args, status=0):
    return towerkit.tool(BIN, *args, status=status)


def column(stream, name):
    return towerkit.column(BIN, stream, name)


def pixels(side, colours):
    return towerkit.pixels(BIN, side, colours)


def check(name, ok, why=""):
    global checks
    checks += 1
    if not ok:
        failed.append(name)
    print(f"{name}: {why if why else 'yes' if ok else 'no'}{'' if ok else '  FAILED'}", flush=True)


def same(name, got, want):
    want = want.detach().double().numpy()
    worst = np.abs(got.astype(np.float64) - want).max() / np.abs(want).max() if got.shape == want.shape else np.inf
    check(name, worst <= BOUND, f"max|d| {worst:.1e} of the largest" if got.shape == want.shape else f"{got.shape} {want.shape}")


def encode(side, spec, *options, size=SIDE, device="cpu", precision="f32"):
    tool("hm-encode", "--device", device, "--precision", precision, f"--{side}", spec, *options, "-o", "out.hmr", f"in{size}.hmr")


def compare(name, side, spec, want, *options, size=SIDE):
    """want: (option of --SIDE-output, column) -> tensor."""
    for device in ("ref", "cpu"):
        for (output, col), value in want.items():
            encode(side, spec, *([] if output == "own" else [f"--{side}-output", output]), *options, size=size, device=device)
            same(f"{name}, {output} {col} on {device}", column("out.hmr", col), value)


# ---- CLIP

def ask_clip(model, ids):
    model = model.double()
    with torch.no_grad():
        v = model.vision_model(pixels(SIDE, CLIP_COLOURS))
        batch, mask = padded(ids, 0)
        t = model.text_model(batch, mask)
        return ({("pooled", "image_feature"): v.pooler_output, ("grid", "image_grid"): v.last_hidden_state[:, 1:],
                 ("projected", "image_feature"): model.visual_projection(v.pooler_output)},
                {("pooled", "text_feature"): t.pooler_output, ("projected", "text_feature"): model.text_projection(t.pooler_output)})


def wide_heads(ids, vocab):
    """Heads as wide as those of H/14, g/14 and bigG/14."""
    for wide in (80, 88, 104):
        model, _ = towerkit.clip(vocab, "gelu", (2 * wide, 2), (2 * wide, 2))
        for side, want in zip(("image", "text"), ask_clip(model, ids)):
            compare(f"CLIP with heads of {wide}", side, "clip", want)


def clip(ids, vocab, act):
    model, config = towerkit.clip(vocab, act)
    state = model.state_dict()
    for kind, tower in (("vision", model.vision_model), ("text", model.text_model)):
        os.makedirs(f"flat-{kind}", exist_ok=True)
        save_file({k: v.contiguous() for k, v in tower.state_dict().items()}, f"flat-{kind}/model.safetensors")
        c = json.loads(getattr(config, f"{kind}_config").to_json_string())
        json.dump(c, open(f"flat-{kind}/config.json", "w"))
    theirs = towerkit.openai_names(state)
    torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in theirs.items()}}, "training.pt")
    save_file(theirs, "openai.safetensors")
    custom = {k if k.startswith("visual.") or k == "logit_scale" else "text." + k: v for k, v in theirs.items() if v.dim()}
    save_file(custom, "custom.safetensors")
    os.makedirs("open_clip", exist_ok=True)
    save_file(theirs, "open_clip/model.safetensors")
    json.dump({"model_cfg": {"embed_dim": 24, "quick_gelu": act == "quick_gelu", "vision_cfg": {"width": 64, "head_width": 16},
                             "text_cfg": {"width": 48, "heads": 3}},
               "preprocess_cfg": {"mean": CLIP_COLOURS[0], "std": CLIP_COLOURS[1]}}, open("open_clip/open_clip_config.json", "w"))
    image, text = ask_clip(model, ids)
    pick = lambda d, *k: {q: d[q] for q in d if q[0] in k}
    compare(f"CLIP {act}, folder", "image", "clip", image)
    compare(f"CLIP {act}, folder", "text", "clip", text)
    compare(f"CLIP {act}, tower alone", "image", "flat-vision", pick(image, "pooled", "grid"))
    compare(f"CLIP {act}, tower alone", "text", "flat-text", pick(text, "pooled"))
    for what in ("training.pt", "openai.safetensors", "custom.safetensors"):
        compare(f"CLIP {act}, {what}", "image", what, pick(image, "projected"), "--act", act, "--heads", "4")
        compare(f"CLIP {act}, {what}", "text", what, pick(text, "projected"), "--act", act, "--heads", "3")
    compare(f"CLIP {act}, open_clip's folder", "image", "open_clip", pick(image, "projected"))
    compare(f"CLIP {act}, open_clip's folder", "text", "open_clip", pick(text, "projected"))
    said = tool("hm-encode", "--image", "openai.safetensors", "-o", "out.hmr", f"in{SIDE}.hmr", status=2)
    check(f"CLIP {act}, what nothing says is asked for", "--act" in said, said.strip())


# ---- the others from the same layers

def vit():
    model = towerkit.vit()
    with torch.no_grad():
        out = model.double()(pixels(SIDE, HALVES))
    compare("ViT", "image", "vit", {("own", "image_feature"): out.pooler_output, ("cls", "image_feature"): out.last_hidden_state[:, 0],
                                    ("grid", "image_grid"): out.last_hidden_state[:, 1:]})


def dinov2(registers):
    model = towerkit.dinov2(registers)
    model = model.double()
    for side in (SIDE, 48):
        with torch.no_grad():
            out = model(pixels(side, IMAGENET))
        # interpolation is in float32 there
        compare(f"DINOv2, {registers} registers, {side} pixels", "image", "dino",
                {("pooled", "image_feature"): out.pooler_output, ("grid", "image_grid"): out.last_hidden_state[:, 1 + registers:]}, size=side)


def roberta(ids, vocab):
    model = towerkit.roberta(vocab)
    state = {"roberta." + k: v.contiguous() for k, v in model.state_dict().items()}
    save_file({**state, "lm_head.bias": torch.zeros(3)}, "bare-roberta.safetensors")
    model = model.double()
    with torch.no_grad():
        rows = [model(torch.tensor([i]), position_ids=torch.arange(2, 2 + len(i))[None]) for i in ids]
    want = {("pooler", "text_feature"): torch.cat([r.pooler_output for r in rows]),
            ("cls", "text_feature"): torch.cat([r.last_hidden_state[:, 0] for r in rows]),
            ("mean", "text_feature"): torch.cat([r.last_hidden_state.mean(1) for r in rows])}
    compare("RoBERTa", "text", "roberta", want)
    os.makedirs("alone", exist_ok=True)
    shutil.move("bare-roberta.safetensors", "alone/bare.safetensors")
    compare("RoBERTa by its prefix", "text", "alone/bare.safetensors", {("pooler", "text_feature"): want["pooler", "text_feature"]}, "--heads", "4")


def distilbert(ids, vocab):
    model = towerkit.distilbert(vocab)
    model = model.double()
    with torch.no_grad():
        rows = [model(torch.tensor([i])).last_hidden_state for i in ids]
    compare("DistilBERT", "text", "distilbert", {("cls", "text_feature"): torch.cat([r[:, 0] for r in rows]),
                                                 ("mean", "text_feature"): torch.cat([r.mean(1) for r in rows])})


def main():
    with tempfile.TemporaryDirectory() as d:
        os.chdir(d)
        ids, vocab = towerkit.records(BIN, RECORDS, (SIDE, 48))
        clip(ids, vocab, "quick_gelu")
        clip(ids, vocab, "gelu")
        wide_heads(ids, vocab)
        vit()
        dinov2(0)
        dinov2(4)
        roberta(ids, vocab)
        distilbert(ids, vocab)
    print(f"{checks - len(failed)} of {checks} checks passed")
    return 1 if failed else 0


sys.exit(main())
