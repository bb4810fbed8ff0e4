#!/usr/bin/env python3
"""Both filters against Pillow, and the five numbers (fit, filter, size, short, offset) against the preprocessors that they
describe: torchvision as OpenAI's CLIP uses it, transformers' PIL processors of CLIP, BiT (DINOv2), ViT and SigLIP, open_clip where
it is installed. Then hm-imgprep --like on the files that these write. Equal bit for bit. usage: check_squares.py BIN."""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from torchvision import transforms
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

sys.path.insert(0, os.path.dirname(__file__))
import imagekit
import pngkit as k

try:
    import open_clip
except ImportError:
    open_clip = None

BIN = os.path.abspath(sys.argv[1])
RESIZES, SQUARES, REFERENCES, FILES = 2000, 2500, 40, 40
HOW = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
MODE = {"bilinear": transforms.InterpolationMode.BILINEAR, "bicubic": transforms.InterpolationMode.BICUBIC}
rng = np.random.default_rng(21)
bad = []


def fail(what):
    bad.append(what)
    if len(bad) <= 10:
        print("check_squares: " + what)


def picture(i, most):
    """Random sides, a tenth of them 1×N or N×1; a third is noise of 0 and 255, where negative weights overshoot most."""
    w, h = (int(v) for v in rng.integers(1, most, 2))
    if i % 10 == 0:
        w, h = (1, int(rng.integers(1, 3000))) if i % 20 else (int(rng.integers(1, 3000)), 1)
    if i % 3 == 0:
        return (rng.integers(0, 2, (h, w, 3)) * 255).astype(np.uint8)
    return k.random_samples(rng, h, w, 2, 8).astype(np.uint8)


def check_resizes(lib):
    for i in range(RESIZES):
        ow, oh = (int(v) for v in rng.integers(1, 400 if i % 2 else 300, 2))
        a = picture(i, 700 if i % 2 else 60)
        for filter, how in HOW.items():
            if not np.array_equal(lib.resize(a, ow, oh, filter), np.asarray(Image.fromarray(a).resize((ow, oh), how))):
                fail(f"{filter}: {a.shape[1]}x{a.shape[0]} to {ow}x{oh}: other pixels than Pillow's")


def numbers():
    size = int(rng.choice([1, 7, 32, 56, 112, 224])) if rng.random() < 0.7 else int(rng.integers(1, 260))
    fit, filter = imagekit.FITS[rng.integers(3)], imagekit.FILTERS[rng.integers(2)]
    short = size + int(rng.choice([0, size * 32 // 224, rng.integers(0, 60)]))
    return size, fit, filter, short, imagekit.OFFSETS[rng.integers(2)]


def check_squares(lib):
    for i in range(SQUARES):
        a, n = picture(i, 500 if i % 2 else 60), numbers()
        if max(a.shape) > 60 * min(a.shape[:2]) and n[1] == "crop" and n[3] > 60:
            continue  # Pillow computes all of it, which takes minutes
        want = np.asarray(imagekit.pillow_square(Image.fromarray(a), *n)).transpose(2, 0, 1)
        if not np.array_equal(lib.square(a, imagekit.square(*n)), want):
            fail(f"{a.shape[1]}x{a.shape[0]} by {n}: other pixels than Pillow's")


def torchvision_steps(size, fit, filter, short):
    steps = [transforms.Resize((size, size), MODE[filter])] if fit == "squash" else [transforms.Resize(short, MODE[filter])]
    return transforms.Compose([*steps, transforms.CenterCrop(size), transforms.PILToTensor()])


def hugging_face(cls, **size):
    """The processor, and a function from picture to planes of u8."""
    p = cls(do_rescale=False, do_normalize=False, **size)
    return p, lambda image: np.asarray(p(image, return_tensors="np")["pixel_values"][0])


def open_clip_steps(size, mode, filter):
    steps = open_clip.image_transform(size, is_train=False, mean=(0, 0, 0), std=(1, 1, 1), resize_mode=mode, interpolation=filter)
    return transforms.Compose([*(s for s in steps.transforms if type(s).__name__ not in ("ToTensor", "Normalize", "MaybeToTensor")),
                               transforms.PILToTensor()])


def references():
    """Name, five numbers, function from picture to planes."""
    for size, filter in (224, "bicubic"), (336, "bicubic"), (64, "bilinear"), (57, "bicubic"):
        for short in size, size * 256 // 224:
            steps = torchvision_steps(size, "crop", filter, short)
            yield "torchvision", (size, "crop", filter, short, "even"), lambda im, s=steps: s(im).numpy()
            resample = 3 if filter == "bicubic" else 2
            for cls in CLIPImageProcessorPil, BitImageProcessorPil:
                _, f = hugging_face(cls, size={"shortest_edge": short}, crop_size=size, resample=resample)
                yield cls.__name__, (size, "crop", filter, short, "floor"), f
        steps = torchvision_steps(size, "squash", filter, 0)
        yield "torchvision", (size, "squash", filter, size, "even"), lambda im, s=steps: s(im).numpy()
        for cls in ViTImageProcessorPil, SiglipImageProcessorPil:
            _, f = hugging_face(cls, size={"height": size, "width": size}, resample=resample)
            yield cls.__name__, (size, "squash", filter, size, "floor"), f
        for mode, fit in (("shortest", "crop"), ("squash", "squash"), ("longest", "pad")) if open_clip else ():
            steps = open_clip_steps(size, mode, filter)
            yield f"open_clip {mode}", (size, fit, filter, size, "even"), lambda im, s=steps: s(im).numpy()


def check_references(lib):
    n = 0
    for name, five, f in references():
        for i in range(REFERENCES):
            a = picture(i, 500 if i % 2 else 90)
            if max(a.shape) > 40 * min(a.shape[:2]):
                a = a[:40, :40]
            n += 1
            if not np.array_equal(lib.square(a, imagekit.square(*five)), f(Image.fromarray(a))):
                fail(f"{name} {five}: {a.shape[1]}x{a.shape[0]} differs")
    return n


def configs():
    """Name of a file, its text, function from picture to planes."""
    for cls, size in ((CLIPImageProcessorPil, {}), (CLIPImageProcessorPil, {"size": {"shortest_edge": 100}, "crop_size": 96}),
                      (BitImageProcessorPil, {"size": {"shortest_edge": 256}}), (ViTImageProcessorPil, {}),
                      (ViTImageProcessorPil, {"resample": 3, "size": {"height": 65, "width": 65}}), (SiglipImageProcessorPil, {})):
        p, f = hugging_face(cls, **size)
        yield "preprocessor_config.json", p.to_json_string(), f
    for mode in ("shortest", "squash", "longest") if open_clip else ():
        for filter in HOW:
            text = {"model_cfg": {"vision_cfg": {"image_size": 64}}, "preprocess_cfg": {"resize_mode": mode, "interpolation": filter}}
            yield "open_clip_config.json", json.dumps(text), lambda im, s=open_clip_steps(64, mode, filter): s(im).numpy()


def check_like(folder):
    images = []
    with open(f"{folder}/x.jsonl", "w") as f:
        for i in range(FILES):
            a = picture(i, 300)
            if max(a.shape) > 100 * min(a.shape[:2]):
                a = a[:60, :60]  # open_clip fails where a side rounds to 0
            images.append(Image.fromarray(a))
            images[-1].save(f"{folder}/{i}.png")
            f.write(json.dumps({"id": i, "img": f"{i}.png", "text": "", "label": 0}) + "\n")
    n = 0
    for name, text, reference in configs():
        like = f"{folder}/like{n}"
        os.mkdir(like)
        open(f"{like}/{name}", "w").write(text)
        subprocess.run(f"{BIN}/hm-jsonl2rec {folder}/x.jsonl | {BIN}/hm-imgprep -q --like {like} --root {folder} | "
                       f"{BIN}/hm-view --npy pixels={folder}/x.npy - >{folder}/view", shell=True, check=True)
        got, n = np.load(f"{folder}/x.npy"), n + 1
        for i, im in enumerate(images):
            if not np.array_equal(got[i], reference(im)):
                fail(f"hm-imgprep --like {name}: picture {i} ({im.size}) differs: {text}")
    return n


with tempfile.TemporaryDirectory() as folder:
    hm = imagekit.Library(folder)
    check_resizes(hm)
    check_squares(hm)
    compared = check_references(hm)
    files = check_like(folder)
print(f"check_squares: {2 * RESIZES} resizes, {SQUARES} squares, {compared} pictures by other programs' preprocessors "
      f"({'open_clip too' if open_clip else 'open_clip is not installed, its pads are not compared'}), {files} files of theirs x "
      f"{FILES} pictures through hm-imgprep: {len(bad)} differ")
sys.exit(bool(bad))
