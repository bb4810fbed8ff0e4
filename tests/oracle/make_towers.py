"""Makes tests/data/towers: per family a folder as transformers saves it, of a tiny network with random weights, and FAMILY.safetensors
with inputs, outputs and the gradient of every parameter in float64, rounded to f32. openai.safetensors has CLIP's numbers under
OpenAI's names. `.venv/bin/python tests/oracle/make_towers.py`."""
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torch
import transformers
from safetensors.torch import load_file, save_file

import towerkit
from towerkit import CLIP_COLOURS, HALVES, IMAGENET

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/towers")
SIDE, PATCH, VOCAB, N = 16, 8, 20, 3
IDS = [[1, 7, 19], [1, 4, 9, 12, 3, 19], [19]]
IMAGE = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=PATCH)
KEEP = ("architectures", "model_type", "hidden_act", "layer_norm_eps", "num_attention_heads", "num_hidden_layers", "n_heads", "n_layers",
        "activation", "vision_config", "text_config", "use_swiglu_ffn")


def keep(config):
    return {k: keep(v) if isinstance(v, dict) else v for k, v in config.items() if k in KEEP}


def save(name, model):
    """The folder; names of transformers' memory -> names of the file, by their values."""
    with tempfile.TemporaryDirectory() as d:
        model.save_pretrained(d)
        saved = load_file(d + "/model.safetensors")
        config = json.load(open(d + "/config.json", encoding="utf-8"))
    os.makedirs(f"{OUT}/{name}", exist_ok=True)
    save_file({k: saved[k] for k in sorted(saved)}, f"{OUT}/{name}/model.safetensors")
    with open(f"{OUT}/{name}/config.json", "w", encoding="utf-8") as f:
        f.write(json.dumps(keep(config), sort_keys=True) + "\n")
    names = {}
    for k, v in model.state_dict().items():
        same = [s for s, t in saved.items() if t.shape == v.shape and torch.equal(t, v)]
        assert len(same) == 1, (name, k, same)
        names[k] = same[0]
    return names


def expect(name, model, names, inputs, forward, own=lambda k: True):
    """forward(): named outputs, `pooled` first; the gradient is that of the sum of slope * pooled."""
    model = model.double()
    out = forward(model)
    torch.manual_seed(9)
    slope = torch.randn_like(out["pooled"])
    model.zero_grad()
    (out["pooled"] * slope).sum().backward()
    grads = {"grad." + names[k]: p.grad.float() for k, p in model.named_parameters() if p.grad is not None and own(k)}
    tensors = {**inputs, **{k: v.detach().float().contiguous() for k, v in out.items()}, "slope": slope.float(), **grads}
    save_file({k: tensors[k].contiguous() for k in sorted(tensors)}, f"{OUT}/{name}.safetensors")


def normalized(px, colours):
    mean, std = (torch.tensor(c, dtype=torch.float32).view(1, 3, 1, 1) for c in colours)
    return ((px.float() / 255 - mean) / std).double()


def positions():
    """A table of 5x5 positions, its first row the class's, and what it becomes for grids of fewer and of more rows and columns: plain, and
    as DINOv2 with registers smooths it."""
    table = torch.randn(26, 3, generator=torch.Generator().manual_seed(5))
    out = {"table": table}
    for down, across in [(2, 3), (3, 7), (8, 4), (1, 1)]:
        for smooth in [False, True]:
            x = torch.nn.functional.interpolate(table[1:].double().T.reshape(1, 3, 5, 5), size=(down, across), mode="bicubic", align_corners=False,
                                                antialias=smooth)
            out[f"{'smooth' if smooth else 'plain'}.{down}x{across}"] = x[0].permute(1, 2, 0).reshape(-1, 3).float().contiguous()
    return out


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    os.makedirs(OUT)
    torch.manual_seed(4)
    px = torch.randint(0, 256, (N, 3, SIDE, SIDE), dtype=torch.uint8)
    wide = torch.randint(0, 256, (N, 3, 24, 24), dtype=torch.uint8)
    tall = torch.randint(0, 256, (N, 3, 40, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
    ids = {"ids": torch.tensor(sum(IDS, []), dtype=torch.int32), "len": torch.tensor([len(i) for i in IDS], dtype=torch.int32)}
    rows = lambda m, **k: [m(torch.tensor([i]), **(dict(position_ids=torch.arange(2, 2 + len(i))[None]) if k else {})) for i in IDS]

    tower = dict(projection_dim=6, num_hidden_layers=2, num_attention_heads=2, hidden_act="quick_gelu")
    config = transformers.CLIPConfig(
        vision_config=dict(hidden_size=16, intermediate_size=32, image_size=SIDE, patch_size=PATCH, **tower),
        text_config=dict(hidden_size=12, intermediate_size=24, vocab_size=VOCAB, max_position_embeddings=10, eos_token_id=VOCAB - 1,
                         bos_token_id=1, pad_token_id=0, **tower), projection_dim=6)
    clip = towerkit.randomize(transformers.CLIPModel(config))
    names = save("clip", clip)
    theirs = towerkit.openai_names(clip.state_dict())
    save_file({k: theirs[k].contiguous() for k in sorted(theirs)}, f"{OUT}/openai.safetensors")
    batch, mask = towerkit.padded(IDS, 0)

    def see(m):
        v = m.vision_model(normalized(px, CLIP_COLOURS))
        return {"pooled": v.pooler_output, "grid": v.last_hidden_state[:, 1:], "projected": m.visual_projection(v.pooler_output)}

    def read(m):
        t = m.text_model(batch, mask).pooler_output
        return {"pooled": t, "projected": m.text_projection(t)}

    expect("clip-image", clip, names, {"pixels": px}, see, lambda k: k.startswith("vision_model"))
    expect("clip-text", clip, names, ids, read, lambda k: k.startswith("text_model"))

    vit = towerkit.randomize(transformers.ViTModel(transformers.ViTConfig(intermediate_size=32, **IMAGE)))
    names = save("vit", vit)

    def patches(m, colours, first, x=px):
        o = m(normalized(x, colours))
        return {"pooled": o.pooler_output, "grid": o.last_hidden_state[:, first:]}

    expect("vit-image", vit, names, {"pixels": px}, lambda m: patches(m, HALVES, 1))
    dino = towerkit.randomize(transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(mlp_ratio=2, num_register_tokens=2, **IMAGE)))
    names = save("dinov2", dino)

    def sizes(m):
        out = patches(m, IMAGENET, 3)
        for name, x in ("wide", wide), ("tall", tall):
            out.update({f"{name}_{k}": v for k, v in patches(m, IMAGENET, 3, x).items()})
        return out

    expect("dinov2-image", dino, names, {"pixels": px, "wide_pixels": wide, "tall_pixels": tall}, sizes)
    save_file(positions(), f"{OUT}/positions.safetensors")
    roberta = towerkit.randomize(transformers.RobertaModel(transformers.RobertaConfig(
        hidden_size=12, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, vocab_size=VOCAB, max_position_embeddings=12,
        type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)))
    names = save("roberta", roberta)

    def robertas(m):
        o = rows(m, positions=True)
        return {"pooled": torch.cat([r.pooler_output for r in o]), "cls": torch.cat([r.last_hidden_state[:, 0] for r in o])}

    expect("roberta-text", roberta, names, ids, robertas)
    distil = towerkit.randomize(transformers.DistilBertModel(transformers.DistilBertConfig(dim=12, hidden_dim=24, n_layers=2, n_heads=2, vocab_size=VOCAB,
                                                                                           max_position_embeddings=10)))
    names = save("distilbert", distil)

    def distils(m):
        o = rows(m)
        return {"pooled": torch.cat([r.last_hidden_state[:, 0] for r in o]), "mean": torch.cat([r.last_hidden_state.mean(1) for r in o])}

    expect("distilbert-text", distil, names, ids, distils)


if __name__ == "__main__":
    main()
