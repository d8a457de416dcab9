#!/usr/bin/env python3
"""Writes golden_case_data.hpp: the input of golden case bert-model-basic, and what the reference computed from it.

    tests/embed/make_golden_case.py > tests/embed/golden_case_data.hpp
"""
import json
import pathlib
import struct

case = pathlib.Path(__file__).parents[1] / "golden/models/bert-model-basic"
data = (case / "tensors.safetensors").read_bytes()
length = struct.unpack("<Q", data[:8])[0]
header = json.loads(data[8 : 8 + length])


def values(key):
    entry = header[key]
    first, last = (8 + length + offset for offset in entry["data_offsets"])
    kind = {"I64": "q", "F64": "d"}[entry["dtype"]]
    return struct.unpack(f"<{(last - first) // 8}{kind}", data[first:last])


def rows(numbers, text):
    lines = [numbers[i : i + 6] for i in range(0, len(numbers), 6)]
    return "".join("    " + ", ".join(text(x) for x in line) + ",\n" for line in lines)


print("// Input and output of golden case bert-model-basic, written by make_golden_case.py.\n// clang-format off\n#pragma once\n\n#include <cstdint>\n")
print("namespace bert_model_basic {")
ids = values("in.input_ids")
print(f"inline constexpr std::int32_t input_ids[{len(ids)}] = {{\n{rows(ids, str)}}};")
for output in json.loads((case / "case.json").read_text())["outputs"]:
    if output["name"] not in ("last_hidden_state", "pooler_output"):
        continue
    truth = values(output["key"])
    print(f"inline constexpr double {output['name']}[{len(truth)}] = {{\n{rows(truth, repr)}}};")
    # The rule of tests/golden: 4 times the reference's own float32 error, and 1e-6 of the scale.
    print(f"inline constexpr double {output['name']}_allowed = {4 * output['ref_err'] + 1e-6 * output['scale']!r};")
print("}  // namespace bert_model_basic")
