"""The hand-made seeds of fuzz harnesses: sound streams, files of weights, tables and texts, in the form that each
harness takes. Writes tests/fuzz/corpus/NAME/. What else lies there was published, found by fuzzing, or kept of a
bug."""
import json
import os
import random
import struct
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CORPUS = os.path.join(ROOT, "tests", "fuzz", "corpus")
DIGEST = "0123456789abcdef0123456789abcdef"
ZEROS = "0" * 32


def text(o):
    return o if isinstance(o, bytes) else json.dumps(o, separators=(",", ":"), ensure_ascii=False).encode()


def put(name, parts, sep=b"\x01"):
    path = os.path.join(CORPUS, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(sep.join(text(p) for p in parts))


def npy(kind, shape, data, fortran=False):
    head = b"{'descr': '%s', 'fortran_order': %s, 'shape': %s, }" % (kind, str(fortran).encode(), shape)
    head += b" " * (-(11 + len(head)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def floats(*v):
    return struct.pack("<%df" % len(v), *v)


# ---- records: HEAD, then values (tests/fuzz/fuzzstream.h)

FORMAT = {"I32": "i", "U8": "B", "F32": "f", "F16": "e", "I64": "q", "BF16": "H", "BOOL": "B", "U16": "H"}


def stream(pg, schema, records, meta={}):
    out = text({"meta": meta, "pg": pg, "schema": schema}) + b"\x01"
    for r in records:
        for f, v in zip(schema, r):
            if f["dtype"] == "UTF8":
                v = v.encode()
                out += bytes([len(v)]) + v
                continue
            shape = f["shape"]
            if shape and shape[0] == -1:
                row = 1
                for d in shape[1:]:
                    row *= d
                out += bytes([len(v) // row])
            out += struct.pack("<%d%s" % (len(v), FORMAT[f["dtype"]]), *v)
    return out


def column(name, dtype, shape, **attributes):
    return dict(sorted(dict(attributes, dtype=dtype, name=name, shape=shape).items()))


ID = column("id", "UTF8", [])
LABEL = column("label", "I32", [])
TEXT = column("text", "UTF8", [])
PG = [{"options": {"root": "data"}, "tool": "hm-jsonl2rec", "version": "0.2.0"}]


def step(tool, version="0.2.0", **options):
    return {"options": {k.replace("_", "-"): v for k, v in options.items()}, "tool": tool, "version": version}


def columns():
    put("columns/features", [stream(PG, [
        ID, column("image_feature", "F32", [3], encoder=DIGEST, output="pooled", precision="f32", size="224x224",
                   fit="squash"),
        column("label", "I32", [], names=["no", "yes"]),
        column("text_feature", "F16", [2], encoder="other", output="pooler", vocab=DIGEST, cased=False)],
        [["1", [1, 2, 3], [0], [.5, 1]], ["2", [0, 2, -3], [1], [2, 1]], ["3", [1, 1, 3], [-1], [.25, 1]]])])
    put("columns/raw", [stream(PG, [
        column("error", "UTF8", []), ID, column("img", "UTF8", []), LABEL,
        column("pixels", "U8", [3, 2, 2], fit="crop", filter="bicubic", short=2, offset="floor"), TEXT,
        column("token_ids", "I32", [-1], kind="clip-bpe", vocab=DIGEST, merges=DIGEST, max_length=77)],
        [["", "a", "a.bmp", [0], list(range(12)), "x", [1, 2]],
         ["bad", "b", "../a.bmp", [1], [0] * 12, "\u00e4", []],
         ["", "c", "no/x.png", [1], [9] * 12, "y", [7]]], meta={"k": 1})])
    put("columns/grid", [stream([], [
        ID, column("image_grid", "BF16", [2, 3], encoder=DIGEST, output="grid", mean=[.5, .5, .5], std=[1, 1, 1]),
        LABEL, column("text_feature", "F32", [2], encoder=DIGEST, act="gelu", heads=2), column("n", "I64", []),
        column("t", "F32", [-1, 2])], [["1", [1] * 6, [0], [1, 2], [5], [1, 2, 3, 4]]])])
    put("columns/shard", [stream(PG + [step("hm-cat", shard="1/3"), step("hm-encode", "0.1.0", on_error="skip")],
                                 [ID], [["1"], ["2"]])])
    put("columns/jsonlshard", [stream([step("hm-jsonl2rec", shard="0/2", limit=3), step("x", "", shard="0/2")],
                                      [ID, column("b", "BOOL", []), column("u", "U16", [2, 0])],
                                      [["1", [1], []]])])
    for name, size in {"nosize": "0x0", "minus": "-1x-1", "notsquare": "2x3", "largest": "4097x4097"}.items():
        put("columns/" + name, [stream([], [ID, column("image_feature", "F32", [1], size=size, fit="crop", short=1),
                                            LABEL], [["1", [1], [0]]])])
    put("columns/shapes", [stream([], [ID, column("label", "I32", [1]), column("pixels", "U8", [2, 2]),
                                       column("text", "I32", []), column("token_ids", "I32", [3])],
                                  [["1", [1], [0] * 4, [1], [1, 2, 3]]])])
    put("columns/nothead", [b'{"meta":{}}\x01'])


def answers():
    prob = [column("error", "UTF8", []), column("g", "UTF8", []), ID, column("label", "I32", [], names=["no", "yes"]),
            column("prob", "F32", [2]), TEXT]
    rows = [["", "a", "1", [0], [.75, .25], "x"], ["", "b", "2", [1], [.5, .5], "y"],
            ["bad", "a", "3", [1], [0, 0], "z"], ["", "b", "4", [-1], [1, 0], ""]]
    csv = b"id,proba,label,g\n1,0.25,0,a\n2,0.5,1,b\n3,0.125,1,a\n4,0.75,0,b\n"
    records = stream(PG, prob, rows)
    two = lambda name, a, b: put("answers/" + name, [a, b], b"\x02")
    two("records", records, csv)
    two("csvs", csv, b"id;proba;label\n4;0.3;1\n1;0.25;\n2;0.5;1\n3;0,9;1\n")
    three = [ID, LABEL, column("logits", "F32", [3]), column("prob", "F32", [3])]
    two("three", stream(PG, three, [["1", [0], [1, 2, 3], [.5, .25, .25]], ["2", [2], [1, 2, 3], [.125, .125, .75]]]),
        b"id,proba_0,proba_1,proba_2,label\n1,.2,.3,.5,2\n2,1,0,0,0\n")
    near = [ID, column("image_feature", "F32", [2], encoder=DIGEST), LABEL,
            column("text_feature", "F16", [2], encoder=DIGEST)]
    two("near", stream(PG, near, [["1", [1, 0], [0], [1, 1]], ["2", [0, 1], [1], [2, 1]], ["3", [1, 1], [1], [1, 2]]]),
        stream(PG, near, [["q", [1, .5], [0], [1, 1]], ["r", [0, -1], [1], [0, 0]]]))
    head = [ID, column("image_feature", "F32", [2], encoder="mine"), LABEL,
            column("text_feature", "F32", [2], encoder="yours")]
    features = stream(PG, head, [[i, [1, .5], [k % 2], [k, -1]] for k, i in enumerate("123")])
    two("head", features, features)
    two("arrays", npy(b"<i4", b"(3,)", struct.pack("<3i", 1, -7, 4)),
        npy(b"<U3", b"(1,)", "a\u00e4".encode("utf-32-le") + b"\0" * 4))
    two("bytes", npy(b"|S3", b"(2,)", b"ab\0xyz"), npy(b">u8", b"(1,)", b"\xff" * 8))
    two("flatarrays", npy(b"<i4", b"(2, 1)", struct.pack("<2i", 1, 4)), npy(b"<f4", b"(1,)", floats(1)))
    two("nan", stream(PG, near, [["1", [1, float("nan")], [0], [1, 1]]]),
        stream(PG, near, [["1", [float("inf"), 1], [0], [1, 1]], ["2", [0, 0], [5], [0, 0]]]))
    two("ids", b"1\n2\n4\n", b'{"id":1,"label":0}\n{"id":"2","label":1}\n{"id":4,"label":null}\n')
    two("words", records, b"".join(b'{"id":"%d","label":"%s"}\n' % (i, [b"no", b"yes"][i % 2]) for i in range(1, 5)))
    two("pairs", b"a,b,kind\n1,2,image\n3,4,text\n", b"kind,b,a\ntext,1,1\n")


def join():
    other = [ID, column("x", "F32", [2], k=1)]
    two = lambda name, a, b: put("join/" + name, [a, b], b"\x02")
    mine = stream(PG, [ID, LABEL], [["1", [0]], ["2", [1]], ["3", [1]]])
    two("two", mine, stream(PG, other, [["3", [0, 1]], ["1", [1, 2]], ["2", [3, 4]]]))
    two("lacks", mine, stream(PG, other, [["3", [0, 1]], ["1", [1, 2]]]))
    two("same", mine, mine)
    cut = lambda i: PG + [step("hm-cat", shard="%d/2" % i)]
    two("shards", stream(cut(1), [ID, LABEL], [["2", [0]], ["4", [1]]]),
        stream(cut(0), [ID, LABEL], [["1", [0]], ["3", [1]], ["5", [1]]]))
    of = lambda i, n: stream(PG + [step("hm-cat", shard="%d/%d" % (i, n))], [ID, LABEL], [["%d" % i, [0]]])
    two("missing", of(0, 5), of(3, 5))
    two("doubled", of(1, 3), of(1, 3))
    two("mixed", of(0, 2), of(1, 3))
    two("order", stream(PG, [ID, LABEL], [["1", [0]], ["3", [1]]]), stream(PG, [ID, LABEL], [["2", [0]]]))
    two("later", stream(cut(0) + [step("hm-imgprep", size=48)], [ID, LABEL], [["1", [0]], ["3", [1]]]),
        stream(cut(1) + [step("hm-imgprep", size=32)], [ID, LABEL], [["2", [0]]]))


def sidefile():
    digest = column("pixels_digest", "U8", [16])
    put("sidefile/same", [stream([], [ID, TEXT, digest],
                                 [["0", "a", list(range(16))], ["1", "b", [0] * 16], ["2", "c", [1] * 16]])])
    put("sidefile/less", [stream([], [ID, TEXT, digest], [["0", "a", list(range(16))]])])
    put("sidefile/other", [stream([], [ID, digest, TEXT], [["0", list(range(16)), "a"]])])
    with open(os.path.join(ROOT, "formats", "golden", "pipeline.hmr"), "rb") as f:
        put("sidefile/raw", [b"\x00" + f.read()[:3000]])


# ---- weights: the header's JSON, then the numbers (tests/fuzz/fuzzweights.h)


def weights(name, meta, tensors, tail=b""):
    head, body = {}, b""
    if meta is not None:
        head["__metadata__"] = {k: v if isinstance(v, str) else text(v).decode() for k, v in meta.items()}
    for key, shape, numbers in tensors:
        more = floats(*numbers)
        head[key] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + len(more)]}
        body += more
    put(name, [head, body + tail])


def model():
    late = [("classifier.weight", [2, 5], [i / 8 for i in range(10)]), ("classifier.bias", [2], [1, -1])]
    said = {"fusion": "late", "classes": 2, "names": ["no", "yes"], "image_dim": 3, "text_dim": 2,
            "image_output": "pooled", "text_output": "pooler", "image_precision": "f32", "text_precision": "bf16",
            "image_columns": ["a", "b"], "image": {"fit": "squash", "size": "224x224"},
            "text": {"vocab": ZEROS, "cased": False}}
    weights("model/late", {"hm.digest": ZEROS, "hm.model": said, "hm.pg": [step("hm-fuse-train", lr=1)],
                           "hm.selected_on": "auroc, epoch 3", "hm.image_digest": DIGEST, "hm.text_digest": "f" * 32,
                           "hm.vocab": {"kind": "wordpiece"}}, late)
    weights("model/plain", None, late)
    for name, odd in {"nan": float("nan"), "infinite": float("inf")}.items():
        weights("model/" + name, None, [late[0], ("classifier.bias", [2], [1, odd])])
        weights("model/%sweight" % name, None, [("classifier.weight", [2, 5], [odd] * 10), late[1]])
    weights("model/one-output", {"hm.digest": ZEROS, "hm.model": {"classes": 2}},
            [("classifier.weight", [1, 5], [1, 2, 3, 4, 5]), ("classifier.bias", [1], [1])])
    weights("model/one-plain", None, [("classifier.weight", [1, 5], [1, 2, 3, 4, 5]), ("classifier.bias", [1], [1])])
    weights("model/flat", None, [("classifier.weight", [5], [1, 2, 3, 4, 5]), ("classifier.bias", [1, 1], [1])])
    weights("model/module", None, [("module." + n, s, v) for n, s, v in late])
    more = dict(said, image_encoder="mine", text_encoder="yours", image_family="vit", mean=[.5, .5, .5],
                std=[1, 1, 1], heads=2, eps=1e-5, act="gelu")
    weights("model/texts", {"hm.digest": ZEROS, "hm.model": more}, late)
    for name, wrong in {"names": {"names": ["no"]}, "long": {"image_output": "x" * 300}, "negative": {"text_dim": -2},
                        "huge": {"image_dim": 1 << 40, "text_dim": 5 - (1 << 40)}, "half": {"image_dim": 3, "text_dim": None},
                        "columns": {"image_columns": ["a"] * 9}, "longname": {"text_columns": ["a" * 80]}}.items():
        weights("model/" + name, {"hm.digest": ZEROS, "hm.model": {k: v for k, v in dict(said, **wrong).items()
                                                                   if v is not None}}, late)
    layers = [("image_map.0.weight", [4, 3], range(12)), ("image_map.0.bias", [4], [0] * 4),
              ("text_map.0.weight", [4, 2], range(8)), ("text_map.0.bias", [4], [0] * 4),
              ("output.weight", [2, 8], range(16)), ("output.bias", [2], [0, 1])]
    weights("model/concat", {"hm.digest": ZEROS, "hm.model": {"fusion": "concat", "classes": 2, "normalize": False,
                                                              "dropout": [.1, .2, .3], "image_dim": 3,
                                                              "text_dim": 2}}, layers)
    weights("model/early", None, [("classifier.weight", [2, 4], range(8)), ("classifier.bias", [2], [0, 1]),
                                  ("word_modality_embeddings", [4], range(4))])


def checkpoint():
    state = {"reason": "", "epoch": "3", "done": "77", "step": "12345", "stale": "2", "best_epoch": "2",
             "best_n": "500", "log_bytes": "98765", "sum": "0x1.8p+1", "seen": "77", "epoch_sum": "0x1p+0",
             "best_value": "-inf", "best_loss": "0x1p-3", "best_accuracy": "0.5", "best_auroc": "nan"}
    same = {"epochs": 9, "lr": 0.5, "name": "x"}
    blocks = [(n, [12], range(12)) for n in ("fusion.value", "fusion.moment0", "fusion.moment1", "kept")]

    def one(name, identity, kept=True, tail=b"", **other):
        weights("checkpoint/" + name, {"hm.digest": ZEROS, "hm.identity": identity, "hm.state": dict(state, **other)},
                blocks if kept else blocks[:3], tail)
    one("whole", same, tail=b"\x0212.5\n")
    one("grows", dict(same, epochs=3), tail=b"\x02-1")
    one("other", dict(same, lr=.25, more=True))
    one("nokept", same, False)
    one("negative", same, epoch="-3")
    one("negativelog", same, log_bytes="-1")
    one("long", same, reason="x" * 40)
    blocks[1] = ("fusion.moment0", [11], range(11))
    one("short", same)


# ---- texts


def runs():
    csv = lambda k: b"id,proba,label\n" + b"".join(b"%d,%.3f,%d\n" % (i, (i * k % 100) / 100, i * 7 % 3 % 2)
                                                   for i in range(12))
    a, b = csv(37), csv(53)
    log = b"\n".join(text(x) for x in [
        {"event": "step", "step": 1, "loss": .7}, {"event": "step", "step": 2, "loss": .6},
        {"event": "epoch", "epoch": 1, "train_loss": .65}, {"event": "eval", "epoch": 1, "loss": .5},
        {"event": "end", "steps": 2}]) + b"\n"
    history = [step("hm-fuse-train", lr=.1, x="y z")]
    stats = {"tool": "hm-fuse-train", "train_s": 1.5, "wall_s": 2, "records": 5, "peak_memory_bytes": 1000000}
    result = lambda name, auroc: {"name": name, "set": "dev", "where": "w", "auroc": auroc, "examples": 500,
                                  "positives": 250}
    whole = {"title": "T <b> & |x|", "data": {"name": "d", "train": 100, "dev": 12},
             "encoders": {"image": "resnet", "text": "bert"}, "baseline": {"text": "hm", "accuracy": .5},
             "about": ["one", "two *x*"],
             "rows": [{"name": "A", "title": "a <i>", "options": "--x", "note": "n", "part": 1, "selected": "auroc",
                       "published": {"accuracy": .6, "auroc": .7, "loss": .5, "seconds": 3, "examples": 500,
                                     "positives": 250},
                       "runs": [{"seed": 1, "predictions": "a.csv", "log": "log.jsonl", "history": "history.json",
                                 "stats": "stats.json", "command": "log.jsonl"}, {"seed": 2, "predictions": "b.csv"}]},
                      {"name": "B", "predictions": "b.csv", "seed": 3}],
             "claims_about": "x",
             "claims": [{"text": "c", "kind": "better", "pairs": [{"a": "A", "b": "B", "note": "n"}]},
                        {"text": "s", "kind": "same", "margin": .02, "pairs": [{"a": "B", "b": "A"}]},
                        {"text": "n", "kind": "not-worse", "margin": .1, "pairs": [{"a": "B", "b": "A"}]}],
             "stages": [{"name": "encode", "stats": "stats.json"}],
             "literature": {"results": [result("L", .7), result("M", .8)],
                            "pairs": [{"a": "L", "b": "M", "note": "x"}]}}
    files = [a, b, log, history, stats]
    put("runs/whole", [whole] + files)
    put("runs/made", [dict(whole, data={"name": "d", "made": True}, encoders={"image": "init:x", "text": "y"})] + files)
    one = {"name": "A", "predictions": "a.csv"}
    put("runs/small", [{"rows": [one]}, a, b])
    three = b"id,proba_0,proba_1,proba_2,label\n" + b"".join(b"%d,0.5,0.25,0.25,%d\n" % (i, i % 3) for i in range(9))
    put("runs/three", [{"rows": [one, {"name": "B", "predictions": "b.csv"}],
                        "claims": [{"text": "c", "kind": "better", "pairs": [{"a": "A", "b": "B"}]}]}, three, three])
    put("runs/margin", [{"rows": [one, {"name": "B", "predictions": "b.csv"}],
                         "claims": [{"text": "c", "kind": "same", "margin": 2, "pairs": [{"a": "A", "b": "B"}]}]}, a, b])
    put("runs/nolabels", [{"rows": [one]}, b"id,proba\n1,.5\n"])
    put("runs/failed", [{"rows": [one, {"name": "B", "runs": [{"predictions": "a.csv"}, {"predictions": "b.csv"}]}]},
                        a + b"12,.5,\n", (b + b"12,.5,\n").replace(b"3,0.590,", b"3,,")])
    back = b"".join(text({"event": "step", "step": s, "loss": .5}) + b"\n" for s in (3, 2, 1e300, 4))
    put("runs/back", [{"rows": [dict(one, log="log.jsonl")]}, a, b"", back])
    put("runs/outside", [{"rows": [{"name": "A", "predictions": "../a.csv"}]}, a])
    put("runs/sheet", [{"sheet": "b.csv", "sheet_of": "x", "rows": [one]}, a, b"\x89PNG\r\n\x1a\n"])


def sweep():
    put("sweep/three", [b'{"name":"a","lr":0.1}\n{"lr":1e-3,"name":"b","seed":3}\n\n'
                        b'{"name":"c \\"x\\"","class-weight":"1,2","no-decay":"norm,bias"}\n'])
    put("sweep/table", [b'{"name":"a"}\n{"name":"b"}\n',
                        b"name,train_loss,val_loss,accuracy,accuracy_lo,accuracy_hi,auroc,n,epoch,error\n"
                        b'"b",1,,,,,,,2,""\n"a",,,,,,,,,"step 3: bad"\n'])
    put("sweep/twice", [b'{"name":"a"}\n{"name":"a"}\n'])
    head = {"by": "accuracy", "call": {"x": 1}, "configurations": 2, "format": "hm sweep part 1", "keep": 0,
            "lines": DIGEST, "part": 0, "parts": 1, "sweep": "@"}
    rows = [{"accuracy": .5, "auroc": None, "error": None, "model": None, "n": 4, "name": "a", "row": '"a",1,""',
             "train_loss": .25, "val_loss": .5},
            {"error": "step 3: bad", "model": None, "name": "b", "row": '"b",,"step 3: bad"'}]
    put("sweep/part", [b'{"name":"a","fusion":"concat","map-dim":8,"head-dropout":"0,.1,.2"}\n{"name":"b"}\n', b"",
                       b"".join(text(x) + b"\n" for x in [head] + rows)])
    put("sweep/slash", [b'{"name":"a/b"}'])
    put("sweep/none", [b"\n \n"])
    put("sweep/values", [b'{"name":"a","no-shuffle":true,"lr":null}\n{"lr":[1],"name":"b"}'])


def config():
    clip = {"model_type": "clip",
            "text_config": {"num_attention_heads": 8, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
                            "eos_token_id": 2},
            "vision_config": {"num_attention_heads": 12, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
                              "image_size": 224}}
    openclip = {"model_cfg": {"embed_dim": 512, "quick_gelu": True,
                              "vision_cfg": {"image_size": 224, "layers": 12, "width": 768, "patch_size": 32,
                                             "head_width": 64},
                              "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8,
                                           "layers": 12}},
                "preprocess_cfg": {"mean": [.5, .5, .5], "std": [.3, .3, .3]}}
    pre = {"do_normalize": True, "image_mean": [.5, .5, .5], "image_std": [.25, .25, .25],
           "size": {"height": 224, "width": 224}}
    said = {"heads": 8, "eps": 1e-5, "text_eps": 1e-6, "act": "quick_gelu", "image_heads": 4, "text_heads": 2,
            "mean": [.1, .2, .3], "std": [1, 1, 1], "text_output": "cls", "image_output": "pooler"}
    put("config/bert", [{"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 768,
                         "num_attention_heads": 12, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
                         "position_embedding_type": "absolute", "is_decoder": False}, b"", b"", said])
    put("config/clip", [clip, b"", pre])
    put("config/openclip", [b"", openclip, b""])
    put("config/vit", [{"model_type": "vit", "num_attention_heads": 3, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
                        "qkv_bias": True}, b"", pre, {"image": {"mean": [.5, .5, .5]}}])
    put("config/dinov2", [{"model_type": "dinov2", "num_attention_heads": 6, "hidden_act": "gelu",
                           "use_swiglu_ffn": False}, b"", pre])
    put("config/roberta", [{"model_type": "roberta", "num_attention_heads": 12, "pad_token_id": 1,
                            "hidden_act": "gelu_new"}])
    put("config/distilbert", [{"model_type": "distilbert", "n_heads": 12, "activation": "gelu",
                               "sinusoidal_pos_embds": False}])
    put("config/resnet", [{"model_type": "resnet", "layer_type": "bottleneck", "hidden_act": "relu"}])


def args():
    def one(name, *words):
        put("args/" + name, [b"".join(w.encode() + b"\0" for w in words)])
    one("all", "-f", "-n", "12", "--bytes=64M", "--real", ".25", "--any", "1e3", "-tx", "--list", "a", "-lb", "--choice",
        "crop", "--shard", "1/3", "-o", "out", "-j", "4", "--level", "3", "--device", "ref", "in")
    one("wrong", "--choise", "x")
    one("near", "-choice", "corp")
    one("range", "--number", "9999")
    one("size", "--bytes", "1T")
    one("needs", "--text")
    one("flag", "--flag=1")
    one("operands", "a", "b", "c", "d")
    one("dashes", "--", "-f", "-")
    one("alone", "--alone", "x")
    one("help", "--help")
    one("completion", "--completion", "bash")
    one("line", "number", "12")
    one("linebad", "flag", "maybe")
    one("cluster", "-vqfn5")
    one("below", "--number", "-99")
    one("infinite", "--any", "inf")
    one("nan", "--real=nan")
    one("many", *["-lx"] * 300)


def optiontext():
    put("optiontext/array", [b"cimage_feature=f.npy,encoder=my,model,output=cls,precision=f32,size=224x224,"
                             b"mean=.5 .5 .5", npy(b"<f4", b"(2, 3)", floats(1, 2, 3, 4, 5, float("inf")))])
    put("optiontext/label", [b"clabel=l.npy,names=no yes", npy(b"<i8", b"(3,)", struct.pack("<3q", 0, -2, 1))])
    put("optiontext/double", [b"cx=f", npy(b">f8", b"(2, 1)", struct.pack(">2d", 1e300, 1))])
    put("optiontext/bool", [b"ub.npy", npy(b"|b1", b"(4,)", b"\0\1\2\1")])
    put("optiontext/half", [b"ctext_feature=a,b.npy,vocab=x,cased=true",
                            npy(b"<f2", b"(2, 2)", struct.pack("<4e", 1, 2, 3, 4), True)])
    put("optiontext/texts", [b"cx=f", npy(b"<U1", b"(1,)", b"a\0\0\0")])
    put("optiontext/scalar", [b"cx=f", npy(b"<f4", b"()", floats(1))])
    put("optiontext/empty", [b"cx=f", npy(b"<f4", b"(2, 0)", b"")])
    put("optiontext/dims", [b"cx=f", npy(b"<f4", b"(1, 1, 1, 1, 1, 1, 1, 1, 1)", floats(1))])
    put("optiontext/manylabels", [b"l" + b",".join(b"a%d" % i for i in range(1030))])
    for name, words in {"labels": "lno,yes,maybe", "numbers": "l0,1.5,2", "form": "fa b:i32 c:f32 d:utf8 e:x",
                        "names": "nimage_feature,other", "ablate": "aimage=zero", "shuffle": "atext=shuffle",
                        "shard": "s3/7", "device": "scuda:1",
                        "preset": "presnet-tiny:18446744073709551615"}.items():
        put("optiontext/" + name, [words.encode()])


def pth():
    """Files of other programs, which are refused by name."""
    for name, first in {"gguf": b"GGUF\3\0\0\0", "hdf5": b"\x89HDF\r\n\x1a\n", "tflite": b"\x1c\0\0\0TFL3",
                        "onnx": b"\x08\x07\x12\x07pytorch\x1a\x031.0", "savedmodel": b"\x08\x01\x12\x05serve",
                        "tfindex": b"\0" * 40 + b"W\xfb\x80\x8b$uG\xdb", "gzip": b"\x1f\x8b\x08", "index":
                        text({"weight_map": {"x": "a.safetensors"}}), "html": b"<!doctype html><html>",
                        "lfs": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
                        "emptyzip": b"PK\5\6" + b"\0" * 18}.items():
        put("pth/" + name, [first + b"\0" * 16])


def inflate():
    """Deflate streams: blocks of every kind, literals alone, matches, codes of very unequal lengths."""
    rng = random.Random(3)
    noise = bytes(rng.randrange(8) + rng.randrange(8) for _ in range(1500))
    words = [b"a picture ", b"of a cat "]
    mix = b"".join(rng.choice(words + [bytes([rng.randrange(256)]) * rng.randrange(1, 30)]) for _ in range(150))
    unequal = bytes(min(int(rng.expovariate(0.45)), 60) for _ in range(3000))
    for name, data, level, strategy in (
            ("literals", noise, 6, zlib.Z_HUFFMAN_ONLY), ("filtered", noise, 6, zlib.Z_FILTERED), ("matches", mix, 9, zlib.Z_DEFAULT_STRATEGY),
            ("fast", mix, 1, zlib.Z_DEFAULT_STRATEGY), ("fixed", mix[:300], 6, zlib.Z_FIXED), ("stored", noise[:200], 0, zlib.Z_DEFAULT_STRATEGY),
            ("runs", b"\0" * 5000 + b"\1\2\3" * 400, 6, zlib.Z_RLE), ("unequal", unequal, 6, zlib.Z_HUFFMAN_ONLY), ("empty", b"", 6, zlib.Z_DEFAULT_STRATEGY)):
        c = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
        put("inflate/" + name, [c.compress(data) + c.flush()])


for make in (pth, columns, answers, join, sidefile, model, checkpoint, runs, sweep, config, args, optiontext, inflate):
    make()
