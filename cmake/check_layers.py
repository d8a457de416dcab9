#!/usr/bin/env python3
"""Fails when a header includes one of a higher layer, or when the core includes more than the standard library.

The table below is the order of the layers. A new edge goes there, with its reason beside it.
"""
import argparse
import pathlib
import re
import sys
import tempfile

CORE = ["base", "tensor", "ops", "context", "blocks", "heads", "models"]  # each may use those before it

ALLOWED = {layer: set(CORE[:i]) for i, layer in enumerate(CORE)}
ALLOWED |= {
    "train": set(CORE),
    "generate": set(CORE),
    "text": {"base"},
    "io": {"base", "tensor"},
    "pretrained": {"text", "io", "generate", *CORE},  # generate: models and tokenizers of folders that continue texts
    "hub": {"text", "io", "pretrained", *CORE},
    "data": {"text", "io", "pretrained", "train", "generate", *CORE},
    # A name with a suffix is that header alone. The concept that a backend fulfils, and its tables, stand in
    # context/backend.hpp; nothing else of context is a backend's business.
    "backends/reference": {"base", "tensor", "ops", "context/backend.hpp"},
    # Any other backend: also the reference, where it has no kernel of its own.
    "backends/*": {"base", "tensor", "ops", "context/backend.hpp", "backends/reference"},
    # Headers beside the folders, such as tessera.hpp: the core in one include.
    "": {*CORE, "train", "generate", "backends/reference"},
}

# Those that promise to need nothing but the standard library, whose headers have neither dot nor slash in their names.
STANDARD_ALONE = {*CORE, "train", "generate", "backends/reference", ""}

# Headers of the core's folders that belong to a target with a library of its own.
OWN_TARGET = {
    "base/thread_pool.hpp": "threads of the system; a header of its own, in no other",
    "train/mpi.hpp": "tessera::mpi",
    "train/nccl.hpp": "tessera::cuda",
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def layer_of(header: str) -> str:
    """The layer of a header named as in an include, below tessera/."""
    parts = header.split("/")
    if parts[0] == "backends":
        return "/".join(parts[:2]) if len(parts) > 2 else ""
    return parts[0] if len(parts) > 1 else ""


def allowed_for(layer: str):
    if layer in ALLOWED:
        return ALLOWED[layer]
    return ALLOWED["backends/*"] if layer.startswith("backends/") else None


def headers(root: pathlib.Path):
    """(name as included, path): the folder of backends stands beside include/ and is reached by a link in it."""
    for folder, prefix in ((root / "include" / "tessera", ""), (root / "backends", "backends/")):
        for path in sorted(folder.rglob("*.h*")):
            name = path.relative_to(folder).as_posix()
            if path.suffix in (".hpp", ".h") and not (prefix == "" and name.startswith("backends/")):
                yield prefix + name, path


def check(root: pathlib.Path):
    """Yields one sentence for each include that reaches up or out."""
    for name, path in headers(root):
        layer = layer_of(name)
        allowed = allowed_for(layer)
        if allowed is None:
            yield f"{name}: the folder {layer}/ is no known layer; add it to the table"
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, target = match.groups()
            if target.startswith("tessera/"):
                target = target.removeprefix("tessera/")
            elif quote == '"':  # beside the file
                target = (pathlib.PurePosixPath(name).parent / target).as_posix()
            else:
                if layer in STANDARD_ALONE and name not in OWN_TARGET and re.search(r"[./]", target):
                    yield f"{name}:{number}: the core uses the standard library alone, and this is <{target}>"
                continue
            other = layer_of(target)
            if other != layer and other not in allowed and target not in allowed:
                yield f"{name}:{number}: {layer or 'the top'} must not use {other or 'the top'} (<tessera/{target}>)"


def self_test() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)

        def put(name, text):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

        put("include/tessera/base/a.hpp", "#include <vector>\n#include <tessera/ops/up.hpp>\n")
        put("include/tessera/ops/up.hpp", "#include <tessera/base/a.hpp>\n#include <zlib.h>\n")
        put("include/tessera/text/t.hpp", '#include "u.hpp"\n#include <utf8proc.h>\n#include <tessera/io/x.hpp>\n')
        put("include/tessera/tessera.hpp", "#include <tessera/models/bert.hpp>\n")
        put("backends/reference/r.hpp", "#include <tessera/context/plan.hpp>\n")
        put("backends/cpu/d.hpp", "#include <tessera/context/backend.hpp>\n")
        put("backends/cpu/c.hpp", "#include <hwy/highway.h>\n#include <tessera/backends/reference/r.hpp>\n")
        found = list(check(root))
        expected = ["base/a.hpp:2", "ops/up.hpp:2", "text/t.hpp:3", "backends/reference/r.hpp:1"]
        assert [f.split(": ")[0] for f in found] == expected, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true", help="check the check")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        print("the layer check finds what it should")
        return 0
    found = list(check(arguments.root))
    print("\n".join(found) or f"{sum(1 for _ in headers(arguments.root))} headers keep to their layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
