"""Makes tests/data/models: a late and an early model as the experiment's PyTorch classes save them (no metadata), and the
logits of three records. Usage: python make_models.py [OUTDIR]"""
import pathlib
import sys

import torch
from safetensors.torch import save_file
from torchvision.models.resnet import BasicBlock, Bottleneck

import modelkit

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/models")
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
late = modelkit.late(modelkit.image_encoder(BasicBlock, 32, 7), modelkit.text_encoder(20, 8, 2, 2, 16), 2)
early = modelkit.randomize(modelkit.MultimodalTransformer(modelkit.image_encoder(Bottleneck, 64, 9),
                                                          modelkit.text_encoder(20, 8, 2, 2, 16), 2, 32, 4))
pixels = torch.randint(0, 256, (3, 3, 48, 40), dtype=torch.uint8)
ids = [[2, 5, 19, 3], [2, 3], [2, 7, 7, 11, 0, 1, 3]]
save_file(late.state_dict(), out / "late.safetensors")
(out / "late.safetensors").chmod(0o644)
torch.save(early.state_dict(), out / "early.pth")
save_file({"pixels": pixels, "ids": torch.tensor(sum(ids, []), dtype=torch.int32),
           "len": torch.tensor([len(i) for i in ids], dtype=torch.int32),
           "late": modelkit.logits(late, pixels, ids).float(), "early": modelkit.logits(early, pixels, ids).float()},
          out / "logits.safetensors")
(out / "logits.safetensors").chmod(0o644)
