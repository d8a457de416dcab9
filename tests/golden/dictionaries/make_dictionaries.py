#!/usr/bin/env python3
"""Writes what is in this folder: a dump as XLM's own programs make them, a pickled corpus as Transformer-XL's own do, and
what pytorch-transformers 1.2.0 converts both into. Needs torch and pytorch-transformers; see tests/oracle."""
import collections
import json
import pathlib
import pickle
import sys
import tempfile
import types

import numpy
import torch

HERE = pathlib.Path(__file__).resolve().parent


def xlm_dump():
    generator = torch.Generator().manual_seed(7)
    model = collections.OrderedDict()
    for name, shape in [("position_embeddings.weight", (8, 4)), ("embeddings.weight", (20, 4)), ("layer_norm_emb.weight", (4,)),
                        ("attentions.0.q_lin.weight", (4, 4)), ("attentions.0.q_lin.bias", (4,)), ("ffns.0.lin1.weight", (16, 4)),
                        ("pred_layer.proj.bias", (20,))]:
        model[name] = torch.randn(shape, generator=generator)
    model["pred_layer.proj.weight"] = model["embeddings.weight"]
    words = ["<s>", "</s>", "<pad>", "<unk>"] + [f"<special{i}>" for i in range(10)] + ["the", "caf\u00e9", "sm@@", "all", "@@@@", "."]
    params = {"emb_dim": 4, "n_layers": 1, "n_heads": 2, "dropout": 0.1, "gelu_activation": True, "lgs": "en-fr", "n_words": 20,
              "id2lang": {0: "en", 1: "fr"}, "lang2id": {"en": 0, "fr": 1}, "clip_grad_norm": 5, "reload": None, "epoch_size": -1,
              "mono_list": ["en", "fr"], "pair": ("en", "fr"), "lr": 1e-4, "pred_probs": torch.tensor([0.8, 0.1, 0.1]),
              "counts": numpy.arange(5.0), "best": numpy.float64(0.5)}
    dump = {"model": model, "params": params, "dico_id2word": dict(enumerate(words)),
            "dico_word2id": {w: i for i, w in enumerate(words)}, "dico_counts": {w: 100 - i for i, w in enumerate(words)}}
    torch.save(dump, HERE / "xlm_dump.pth")


def transfo_xl_corpus():
    # The classes as the original's modules data_utils and vocabulary name them.
    data_utils, vocabulary = types.ModuleType("data_utils"), types.ModuleType("vocabulary")
    sys.modules["data_utils"], sys.modules["vocabulary"] = data_utils, vocabulary
    vocabulary.Vocab = type("Vocab", (), {"__module__": "vocabulary"})
    data_utils.Corpus = type("Corpus", (), {"__module__": "data_utils"})
    symbols = ["<eos>", "the", "caf\u00e9", "of", "<unk>", "="]
    vocab = vocabulary.Vocab()
    vocab.__dict__.update(counter=collections.Counter({"the": 5, "caf\u00e9": 2}), special=["<eos>"], min_freq=0, max_size=None,
                          lower_case=False, delimiter=None, vocab_file=None, idx2sym=symbols,
                          sym2idx=collections.OrderedDict((s, i) for i, s in enumerate(symbols)), unk_idx=4)
    corpus = data_utils.Corpus()
    corpus.__dict__.update(dataset="wt103", vocab=vocab, train=numpy.array([1, 2, 0, 255, 200, -3], dtype=numpy.int64),
                           valid=numpy.array([3, 0], dtype=numpy.int32), test=None, cutoffs=[2, 4], tie_projs=[False, True])
    with open(HERE / "corpus.pkl", "wb") as out:
        pickle.dump(corpus, out, protocol=2)


def plain(value):
    if isinstance(value, (torch.Tensor, numpy.ndarray)):
        return {"array": value.tolist()}
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def convert():
    real_load = torch.load
    torch.load = lambda *a, **k: real_load(*a, **{**k, "weights_only": False})
    from pytorch_transformers.convert_transfo_xl_checkpoint_to_pytorch import convert_transfo_xl_checkpoint_to_pytorch
    from pytorch_transformers.convert_xlm_checkpoint_to_pytorch import convert_xlm_checkpoint_to_pytorch
    with tempfile.TemporaryDirectory() as folder:
        convert_xlm_checkpoint_to_pytorch(str(HERE / "xlm_dump.pth"), folder)
        for name in ("config.json", "vocab.json"):
            (HERE / ("xlm_" + name)).write_bytes((pathlib.Path(folder) / name).read_bytes())
        weights = {k: v.tolist() for k, v in torch.load(folder + "/pytorch_model.bin").items()}
        (HERE / "xlm_weights.json").write_text(json.dumps(weights) + "\n")
        convert_transfo_xl_checkpoint_to_pytorch("", "", folder, str(HERE / "corpus.pkl"))
        found = {name: plain(torch.load(f"{folder}/{name}.bin")) for name in ("vocab", "corpus")}
        (HERE / "corpus.json").write_text(json.dumps(found, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    xlm_dump()
    transfo_xl_corpus()
    convert()
