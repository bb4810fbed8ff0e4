"""Writes tests/data/text/folders.jsonl: small tokenizer folders, file by file, with the ids that the reference gives
some texts with them. A folder that tokenizer.json alone describes is read by tokenizers, any other one by
transformers.BertTokenizer. Run as `.venv/bin/python tests/oracle/make_folders.py`."""
import copy
import itertools
import json
import os
import tempfile

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from tokenizers import Tokenizer
from transformers import BertTokenizer

OUT = os.path.join(os.path.dirname(__file__), "..", "data", "text", "folders.jsonl")
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCAB = SPECIAL + "hello Hello café cafe Café 中 文 中文 ##文 [ cls ] user @ foo ##o fo İ i i̇ a ab ##b @@o".split()
LINES = "".join(t + "\n" for t in VOCAB)
TEXTS = ["Hello Café 中文 İ", "foofoo [cls] [CLS] @user a\x0bb\u200b hello", "xhellox [MASK]@user@userfoo\u2028\ufffd a\u3000b"]
CONFIG = {"tokenizer_class": "BertTokenizer"}


def added(content, number=None, **flags):
    token = {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **flags}
    return token if number is None else {"id": number, **token}


def template():
    single = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    tokens = {t: {"id": t, "ids": [VOCAB.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")}
    return {"type": "TemplateProcessing", "single": single, "pair": single, "special_tokens": tokens}


TOKENIZER = {
    "version": "1.0",
    "added_tokens": [added(t, i) for i, t in enumerate(SPECIAL)],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": template(),
    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
              "vocab": {t: i for i, t in enumerate(VOCAB)}},
}


def tokenizer(**changes):
    """tokenizer.json with members replaced: model__unk_token="foo"; added=[...] appends to added_tokens."""
    t = copy.deepcopy(TOKENIZER)
    t["added_tokens"] += changes.pop("added", [])
    for path, value in changes.items():
        *folders, last = path.split("__")
        place = t
        for f in folders:
            place = place[f]
        place[last] = value
    return t


def folders():
    three = {"none": {}, "null": {"strip_accents": None}, "yes": {"strip_accents": True}, "no": {"strip_accents": False}}
    for lower, strip, cjk in itertools.product(({}, {"do_lower_case": True}, {"do_lower_case": False}), three.values(), ({}, {"tokenize_chinese_chars": False})):
        yield {"vocab.txt": LINES, "tokenizer_config.json": {**lower, **strip, **cjk, "model_max_length": 512}}
    for n, (lower, strip, cjk, clean) in enumerate(itertools.product((True, False), (None, True, False), (True, False), (True, False))):
        if n % 2 == n // 2 % 2:
            norm = {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": cjk, "strip_accents": strip, "lowercase": lower}
            yield {"tokenizer.json": tokenizer(normalizer=norm)}
    yield {"tokenizer.json": tokenizer(normalizer=None)}
    yield {"tokenizer.json": tokenizer(normalizer={"type": "Sequence", "normalizers": [TOKENIZER["normalizer"]]})}
    yield {"tokenizer.json": tokenizer(model__continuing_subword_prefix="")}
    yield {"tokenizer.json": tokenizer(model__continuing_subword_prefix="@@")}
    yield {"tokenizer.json": tokenizer(model__max_input_chars_per_word=4)}
    yield {"tokenizer.json": tokenizer(model__unk_token="foo")}
    yield {"tokenizer.json": tokenizer(post_processor={"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["foo", VOCAB.index("foo")]})}
    yield {"tokenizer.json": tokenizer(truncation={"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0})}
    yield {"tokenizer.json": tokenizer(model__vocab={**TOKENIZER["model"]["vocab"], "xhellox": 40, "": 45})}
    yield {"tokenizer.json": tokenizer(added=[added("@user", 29)])}
    yield {"tokenizer.json": tokenizer(added=[added("@user", 29, special=False), added("@user@", 30)])}
    yield {"tokenizer.json": tokenizer(), "tokenizer_config.json": {**CONFIG, "do_lower_case": True, "strip_accents": None}}
    yield {"tokenizer.json": tokenizer(post_processor=None), "tokenizer_config.json": CONFIG}
    yield {"tokenizer.json": tokenizer(added_tokens=[]), "tokenizer_config.json": CONFIG}
    yield {"tokenizer.json": tokenizer(), "vocab.txt": LINES, "tokenizer_config.json": {**CONFIG, "model_max_length": 6}}
    untyped = tokenizer()
    del untyped["model"]["type"]
    yield {"tokenizer.json": untyped, "tokenizer_config.json": CONFIG}
    for text in (LINES.replace("\n", "\r\n"), LINES.rstrip("\n"), LINES + "\n\n\n", LINES.replace("café\n", "\n\ncafé\n"), "\n" + LINES, "\n\n\n" + LINES,
                 LINES.replace("hello\n", "hello \t\u3000\u2028\n").replace("##b\n", "\u00a0\n##b\n")):
        yield {"vocab.txt": text}
    for config in ({"max_len": 5}, {"model_max_length": 1000000000000000019884624838656}, {"split_special_tokens": True}, {"mask_token": None},
                   {"eos_token": "ab"}, {"image_token": "hello"}, {"extra_special_tokens": {"image_token": "hello"}},
                   {"additional_special_tokens": ["hello", "h"], "added_tokens_decoder": {"29": added("h")}},
                   {"cls_token": "foo", "sep_token": "hello", "unk_token": "user", "pad_token": "a"},
                   {"added_tokens_decoder": {"29": added("@user")}}, {"added_tokens_decoder": {"29": added("@user", lstrip=True, rstrip=True)}},
                   {"added_tokens_decoder": {"5": added("hello", special=False)}, "split_special_tokens": True},
                   {"never_split": ["[MASK]"], "do_basic_tokenize": True}):
        yield {"vocab.txt": LINES, "tokenizer_config.json": {**CONFIG, **config}}
    for file in ({"cls_token": "foo"}, {"cls_token": added("foo"), "mask_token": added("[MASK]", lstrip=True)}, {"additional_special_tokens": ["hello"]}):
        yield {"vocab.txt": LINES, "special_tokens_map.json": file}
    yield {"vocab.txt": LINES, "special_tokens_map.json": {"additional_special_tokens": ["@user"]}, "added_tokens.json": {"@user": 29}}


def reference(files):
    with tempfile.TemporaryDirectory() as d:
        for name, content in files.items():
            with open(os.path.join(d, name), "w", encoding="utf-8", newline="") as f:
                f.write(content if isinstance(content, str) else json.dumps(content))
        if list(files) == ["tokenizer.json"]:
            t = Tokenizer.from_file(os.path.join(d, "tokenizer.json"))
            return [t.encode(text).ids for text in TEXTS]
        t = BertTokenizer.from_pretrained(d)
        return [t(text, truncation=True)["input_ids"] for text in TEXTS]


def main():
    lines = [{"files": files, "ids": reference(files)} for files in folders()]
    with open(OUT, "w", encoding="ascii", newline="\n") as f:
        f.write(json.dumps({"texts": TEXTS}) + "\n")
        f.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    print(f"folders.jsonl: {len(lines)} folders, {len({json.dumps(line['ids']) for line in lines})} different answers, {os.path.getsize(OUT)} bytes")


main()
