"""What the checks of towers share: tiny random models of transformers, and records whose end token has the highest id."""
import os
import subprocess
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
SIDE, PATCH = 64, 16
CLIP_COLOURS = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
IMAGENET, HALVES = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), ([0.5] * 3, [0.5] * 3)


def tool(bin, *args, status=0):
    p = subprocess.run([bin + "/" + args[0], "-q", *args[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if p.returncode != status:
        raise SystemExit(f"{args}: exit status {p.returncode}: {p.stderr}")
    return p.stderr


def column(bin, stream, name):
    tool(bin, "hm-view", "--npy", f"{name}=column.npy", "-o", "/dev/null", stream)
    return np.load("column.npy")


def records(bin, n, sides=(SIDE,)):
    """in64.hmr and so on with pixels and token ids whose end token has the highest id; the ids, the vocabulary's size."""
    tool(bin, "hm-synth", "--train", str(n), "--dev", "1", "--test", "1", "data")
    words = open("data/vocab.txt", encoding="utf-8").read().split("\n")[:-1]
    words.remove("[SEP]")
    with open("vocab.txt", "w", encoding="utf-8") as f:
        f.write("\n".join([*words, "[SEP]"]) + "\n")
    tool(bin, "hm-jsonl2rec", "-o", "l.hmr", "data/train.jsonl")
    tool(bin, "hm-tokenize", "--vocab", "vocab.txt", "-o", "t.hmr", "l.hmr")
    for side in sides:
        tool(bin, "hm-imgprep", "--root", "data/img", "--size", str(side), "-o", f"in{side}.hmr", "t.hmr")
    flat, offsets = column(bin, f"in{sides[0]}.hmr", "token_ids"), np.load("column.npy.offsets.npy")
    return [flat[a:b].tolist() for a, b in zip(offsets, offsets[1:])], len(words) + 1


def pixels(bin, side, colours, stream=None):
    px = torch.from_numpy(column(bin, stream or f"in{side}.hmr", "pixels")).float() / 255
    mean, std = (torch.tensor(c, dtype=torch.float32).view(1, 3, 1, 1) for c in colours)
    return ((px - mean) / std).double()


def padded(ids, pad):
    width = max(map(len, ids))
    batch = torch.tensor([i + [pad] * (width - len(i)) for i in ids])
    mask = torch.tensor([[1] * len(i) + [0] * (width - len(i)) for i in ids])
    return batch, mask


def randomize(model, seed=1):
    """Every parameter random and of a size that shows in the output; attention far from uniform."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name.lower() or "layrnorm" in name:
                p.normal_(1.0 if name.endswith("weight") else 0.0, 0.1)
            elif p.dim() >= 2 and "embedding" not in name and "token" not in name:
                p.normal_(0, 1.5 / p.shape[-1] ** 0.5 if p.dim() == 2 else 0.05)
            else:
                p.normal_(0, 0.3)
    return model.eval()


def openai_names(state, sizes=(SIDE, 40, 1)):
    """The same numbers as OpenAI's state dict has them. sizes: image, captions, words."""
    out, qkv = {}, {}
    layer = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj", "self_attn.out_proj": "attn.out_proj"}
    whole = {"embeddings.class_embedding": "class_embedding", "embeddings.patch_embedding.weight": "conv1.weight",
             "embeddings.token_embedding.weight": "token_embedding.weight", "embeddings.position_embedding.weight": "positional_embedding",
             "pre_layrnorm.weight": "ln_pre.weight", "pre_layrnorm.bias": "ln_pre.bias", "post_layernorm.weight": "ln_post.weight",
             "post_layernorm.bias": "ln_post.bias", "final_layer_norm.weight": "ln_final.weight", "final_layer_norm.bias": "ln_final.bias"}
    for name, t in state.items():
        t = t.contiguous()
        if name == "visual_projection.weight":
            out["visual.proj"] = t.T.contiguous()
        elif name == "text_projection.weight":
            out["text_projection"] = t.T.contiguous()
        elif name == "logit_scale":
            out[name] = t
        elif "position_ids" not in name:
            tower, rest = name.split(".", 1)
            at = "visual." if tower == "vision_model" else ""
            if rest in whole:
                out[at + whole[rest]] = t
                continue
            i, rest = rest.removeprefix("encoder.layers.").split(".", 1)
            at += f"transformer.resblocks.{i}."
            stem, kind = rest.rsplit(".", 1)
            if stem in layer:
                out[f"{at}{layer[stem]}.{kind}"] = t
            else:
                qkv.setdefault(f"{at}attn.in_proj_{kind}", {})[stem[10]] = t
    for name, part in qkv.items():
        out[name] = torch.cat([part["q"], part["k"], part["v"]])
    out["input_resolution"], out["context_length"], out["vocab_size"] = (torch.tensor(n) for n in sizes)
    return out


def clip(vocab, act, image=(64, 4), text=(48, 3)):
    """A CLIPModel, saved in the folder `clip`. image, text: hidden size and heads."""
    tower = dict(num_hidden_layers=3, projection_dim=24, hidden_act=act)
    sizes = lambda t: dict(hidden_size=t[0], intermediate_size=4 * t[0], num_attention_heads=t[1])
    config = transformers.CLIPConfig(
        vision_config=dict(**sizes(image), image_size=SIDE, patch_size=PATCH, **tower),
        text_config=dict(**sizes(text), vocab_size=vocab, max_position_embeddings=40,
                         eos_token_id=vocab - 1, bos_token_id=2, pad_token_id=0, **tower), projection_dim=24)
    model = randomize(transformers.CLIPModel(config))
    model.save_pretrained("clip")
    return model, config


def vit():
    config = transformers.ViTConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE,
                                    patch_size=PATCH)
    model = randomize(transformers.ViTModel(config))
    model.save_pretrained("vit")
    return model


def dinov2(registers):
    kind, extra = ("Dinov2WithRegisters", {"num_register_tokens": registers}) if registers else ("Dinov2", {})
    config = getattr(transformers, kind + "Config")(hidden_size=64, num_hidden_layers=3, num_attention_heads=4, image_size=SIDE,
                                                    patch_size=PATCH, **extra)
    model = randomize(getattr(transformers, kind + "Model")(config))
    model.save_pretrained("dino")
    return model


def roberta(vocab):
    config = transformers.RobertaConfig(hidden_size=64, intermediate_size=128, num_hidden_layers=3, num_attention_heads=4, vocab_size=vocab,
                                        max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5)
    model = randomize(transformers.RobertaModel(config))
    model.save_pretrained("roberta")
    return model


def distilbert(vocab):
    config = transformers.DistilBertConfig(dim=64, hidden_dim=128, n_layers=3, n_heads=4, vocab_size=vocab, max_position_embeddings=64)
    model = randomize(transformers.DistilBertModel(config))
    model.save_pretrained("distilbert")
    return model
