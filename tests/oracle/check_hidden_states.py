#!/usr/bin/env python3
"""The hidden states of a BERT with real weights, and the loss of an answer, beside pytorch-transformers 1.2.0.

    check_hidden_states.py MODEL [--compiler g++] [--library build/release/backends/cpu/libtessera_cpu.a]

What the reference's comparison notebooks measure: the standard deviation of the difference for each hidden layer, and
the difference of a SQuAD loss. MODEL is a folder with config.json, model.safetensors and vocab.txt of a BERT, such as
build/models/all-MiniLM-L6-v2, which `./dev demo` downloads; its answer head is drawn. Needs a Python with torch,
safetensors and pytorch-transformers, and a compiler; hidden_states.cpp beside this file is compiled for it. Not part of
the tests, which know recorded files.
"""
import argparse
import logging
import pathlib
import subprocess
import tempfile
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
import numpy
import pytorch_transformers as reference
import safetensors.torch
import torch

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
QUESTION = "How long did the river stay frozen in the winter of 1709?"
TEXT = (
    "In January of 1709 the temperature fell so quickly that the river froze within two days; it stayed frozen for nearly three"
    " months, and carts crossed it every day until the ice broke up in the last week of March."
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--library", type=pathlib.Path, default=ROOT / "build/release/backends/cpu/libtessera_cpu.a")
    options = parser.parse_args()

    config = reference.BertConfig.from_pretrained(str(options.model / "config.json"))
    config.output_hidden_states, config.num_labels = True, 2
    model = reference.BertForQuestionAnswering(config).eval()
    stored = safetensors.torch.load_file(str(options.model / "model.safetensors"))
    stored = {k if k.startswith("bert.") else f"bert.{k}": v for k, v in stored.items() if "position_ids" not in k}
    missing = model.load_state_dict(stored, strict=False).missing_keys
    if any(not k.startswith("qa_outputs") for k in missing):
        raise SystemExit(f"check_hidden_states: {options.model} lacks {missing}")
    torch.manual_seed(3)
    torch.nn.init.normal_(model.qa_outputs.weight, 0, 0.02)

    tokenizer = reference.BertTokenizer(str(options.model / "vocab.txt"))
    question, text = tokenizer.encode(QUESTION), tokenizer.encode(TEXT)
    ids = [101, *question, 102, *text, 102]
    types = [0] * (len(question) + 2) + [1] * (len(text) + 1)
    answer = [len(question) + 24, len(question) + 28]

    def evaluate(model):
        with torch.no_grad():
            out = model(
                torch.tensor([ids]), torch.tensor([types]), start_positions=torch.tensor(answer[:1]), end_positions=torch.tensor(answer[1:])
            )
        return out[0].item(), torch.cat(out[3]).double().numpy()

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        saved = folder / "bert-qa"
        saved.mkdir()
        model.save_pretrained(str(saved))
        single, double = evaluate(model), evaluate(model.double())
        for file, values in (("ids", ids), ("types", types), ("answer", answer)):
            numpy.array(values, numpy.int32).tofile(folder / file)
        program = folder / "hidden_states"
        subprocess.run(
            [options.compiler, "-std=c++20", "-O1", f"-I{ROOT / 'include'}", HERE / "hidden_states.cpp", options.library, "-lhwy", "-lz", "-o", program],
            check=True,
        )

        def show(what, loss, states):
            for against, (its_loss, its_states) in (("float32", single), ("float64", double)):
                spread = (states - its_states).reshape(len(its_states), -1).std(axis=1)
                print(
                    f"{what:10} to PyTorch in {against}: standard deviation by layer {' '.join(f'{s:.1e}' for s in spread)}, "
                    f"largest {abs(states - its_states).max():.1e}, loss {abs(loss - its_loss):.1e}"
                )

        print(f"{len(ids)} tokens, loss {double[0]:.7f}")
        for backend in ("reference", "cpu"):
            loss = subprocess.run([program, saved, backend, folder], check=True, capture_output=True, text=True).stdout
            states = numpy.fromfile(folder / f"hidden_states.{backend}", numpy.float32).reshape(double[1].shape)
            show(backend, float(loss), states.astype(numpy.float64))
        show("PyTorch", *single)


if __name__ == "__main__":
    main()
