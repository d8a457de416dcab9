#!/usr/bin/env python3
"""Sends models and tokenizers from pytorch-transformers 1.2.0 through this library and back.

    check_round_trip.py [--compiler g++] [--convert build/release/bin/convert]

Needs a Python with torch, safetensors and pytorch-transformers, and a compiler; round_trip.cpp beside this file is
compiled for it. For one class of each architecture: the reference saves a tiny model and a tokenizer, round_trip loads
and saves both, in both formats, and the reference loads what it wrote: every tensor has the same bits, the config says
the same, and the tokenizer gives the same ids. With --convert also what that program makes of the weights, in each of
its types. Fails at the first difference. Not part of the tests, which know recorded files.
"""
import argparse
import logging
import pathlib
import shutil
import subprocess
import tempfile
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
import torch
import pytorch_transformers as reference
import safetensors.torch

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TEXTS = ["The quick brown fox, 1,000 times!", "caf\u00e9 na\u00efve \u4f60\u597d", "a"]

load = torch.load
torch.load = lambda *a, **k: load(*a, **{"weights_only": False, **k})
# Tables of sines are filled in place into leaves, which later versions of torch refuse.
torch.set_grad_enabled(False)

CASES = [
    ("BertForPreTraining", "BertTokenizer", "bert", lambda n: reference.BertConfig(
        n, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=40)),
    ("OpenAIGPTLMHeadModel", "OpenAIGPTTokenizer", "openai_gpt", lambda n: reference.OpenAIGPTConfig(
        n, n_positions=24, n_ctx=24, n_embd=16, n_layer=2, n_head=2)),
    ("GPT2LMHeadModel", "GPT2Tokenizer", "gpt2", lambda n: reference.GPT2Config(n, n_positions=24, n_ctx=24, n_embd=16, n_layer=2, n_head=2)),
    ("TransfoXLLMHeadModel", "TransfoXLTokenizer", "transfo_xl", lambda n: reference.TransfoXLConfig(
        n, cutoffs=[n // 4, n // 2], d_model=16, d_embed=16, n_head=2, d_head=8, d_inner=32, div_val=2, n_layer=2, tgt_len=8, mem_len=8,
        tie_projs=[False, True, True])),
    ("XLNetLMHeadModel", "XLNetTokenizer", "xlnet", lambda n: reference.XLNetConfig(n, d_model=16, n_layer=2, n_head=2, d_inner=32)),
    ("XLMWithLMHeadModel", "XLMTokenizer", "xlm", lambda n: reference.XLMConfig(n, emb_dim=16, n_layers=2, n_heads=2, max_position_embeddings=32)),
    ("RobertaForMaskedLM", "RobertaTokenizer", "roberta", lambda n: reference.RobertaConfig(
        n, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=40)),
    ("DistilBertForMaskedLM", "DistilBertTokenizer", "bert", lambda n: reference.DistilBertConfig(
        n, max_position_embeddings=32, n_layers=2, n_heads=2, dim=16, hidden_dim=32, sinusoidal_pos_embds=True)),
]


def require(good, what):
    if not good:
        raise SystemExit(f"check_round_trip: {what}")


def same_tensors(expected, found, what, buffers=()):
    missing = [k for k in expected if k not in found and not k.endswith(buffers)] if buffers else [k for k in expected if k not in found]
    require(not missing, f"{what}: missing {missing}")
    require(all(k in expected for k in found), f"{what}: more than there was: {[k for k in found if k not in expected]}")
    for name, tensor in found.items():
        require(tensor.dtype == expected[name].dtype and tensor.shape == expected[name].shape, f"{what}: {name}: type or shape")
        require(torch.equal(tensor.contiguous().view(torch.uint8), expected[name].contiguous().view(torch.uint8)), f"{what}: {name}: bits")


def check(program, convert, name, tokenizer_name, vocabulary, make_config):
    torch.manual_seed(5)
    with tempfile.TemporaryDirectory() as folder:
        # The folder's name says which architecture it is, as the reference's own names do.
        a = pathlib.Path(folder) / (tokenizer_name.replace("Tokenizer", "").lower() + "-a")
        a.mkdir()
        source = pathlib.Path(folder) / "source"
        shutil.copytree(ROOT / "tests/golden/tokenizers" / vocabulary, source)
        tokenizer = getattr(reference, tokenizer_name).from_pretrained(str(source))
        tokenizer.add_tokens(["newtoken"])
        tokenizer.save_pretrained(str(a))
        (a / "info.json").write_text('{"class": "%s"}\n' % tokenizer_name)
        cls = getattr(reference, name)
        model = cls(make_config(len(tokenizer)))
        model.eval()
        model.save_pretrained(str(a))
        expected = model.state_dict()
        # Buffers that the model makes itself, and files do not need.
        buffers = (".pos_emb.inv_freq", ".position_ids")
        for kind in ("safetensors", "torch"):
            b = pathlib.Path(folder) / (tokenizer_name.replace("Tokenizer", "").lower() + "-" + kind)
            b.mkdir()
            ran = subprocess.run([program, name, str(a), str(b)] + (["torch"] if kind == "torch" else []), capture_output=True, text=True)
            require(ran.returncode == 0, f"{name}: {ran.stderr}")
            written = safetensors.torch.load_file(b / "model.safetensors") if kind == "safetensors" else torch.load(b / "pytorch_model.bin", weights_only=True)
            same_tensors(expected, written, f"{name} {kind}", buffers)
            if kind == "safetensors":
                torch.save(written, b / "pytorch_model.bin")
            again, report = cls.from_pretrained(str(b), output_loading_info=True)
            require(all(k.endswith(buffers) for k in report["missing_keys"]), f"{name}: missing {report['missing_keys']}")
            same_tensors(expected, {k: v for k, v in again.state_dict().items()}, f"{name} {kind}, loaded", buffers)
            before, after = model.config.to_dict(), again.config.to_dict()
            for key, value in before.items():
                require(after.get(key) == value, f"{name}: config {key}: {after.get(key)} instead of {value}")
            back = getattr(reference, tokenizer_name).from_pretrained(str(b))
            for text in TEXTS + ["a newtoken b"]:
                require(back.encode(text) == tokenizer.encode(text), f"{name}: the tokenizer's ids of {text!r}")
        if convert:
            for out, types in (("c.bin", ("", "bf16", "f16", "int8")), ("c.safetensors", ("", "bf16", "f16", "int8"))):
                for kind in types:
                    path = pathlib.Path(folder) / out
                    subprocess.run([convert, str(a / "pytorch_model.bin"), str(path), "--quiet"] + (["--type", kind] if kind else []), check=True)
                    found = torch.load(path, weights_only=True) if out.endswith("bin") else safetensors.torch.load_file(path)
                    for key, tensor in expected.items():
                        if kind == "":
                            same_tensors({key: tensor}, {key: found[key]}, f"{name} {out}")
                        elif kind != "int8":
                            wanted = tensor.to(torch.bfloat16 if kind == "bf16" else torch.float16) if tensor.dtype == torch.float32 else tensor
                            same_tensors({key: wanted}, {key: found[key]}, f"{name} {out} {kind}")
                        elif tensor.dim() >= 2:
                            scale = found[key + ".scale"].reshape([-1] + [1] * (tensor.dim() - 1))
                            require((found[key] * scale - tensor).abs().le(0.5001 * scale).all(), f"{name} {out} int8 {key}")
        print(f"{name}: {len(expected)} tensors, config and tokenizer, there and back")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--convert", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        program = folder + "/round_trip"
        subprocess.run([arguments.compiler, "-std=c++20", "-O0", "-I", str(ROOT / "include"), str(HERE / "round_trip.cpp"), "-o", program,
                        "-lz", "-lutf8proc"], check=True)
        for case in CASES:
            check(program, arguments.convert, *case)


if __name__ == "__main__":
    main()
