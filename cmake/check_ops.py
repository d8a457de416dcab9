#!/usr/bin/env python3
"""Fails when a block, head or model calls an op, or a block of its own, inside the arguments of another.

Ops are numbered in the order of their calls, and the order in which a compiler evaluates arguments is its own: g++ takes one
in constant expressions and another at run time. So each op is a statement. This check reads text, not C++: it knows the
ops by the functions that the headers of ops/ define outside of namespace detail, returning auto or a Tensor, and the blocks
by the members that the file's own visit() shows. A function there that is no op says so in its line: `// not an op`.
"""
import argparse
import pathlib
import re
import sys

FUNCTION = re.compile(
    r"^(?:template\s*<.*>\s*)?(?:\[\[nodiscard\]\]\s*|inline\s+|constexpr\s+|static\s+)*"
    r"(?:auto|(?:tessera::)?Tensor(?:<[^;{}]*>)?)\s+(\w+)\s*\("
)
MEMBER = re.compile(r'\bv\(\s*(?:"\w*"|\w+)\s*,\s*(\w+)\s*\)')
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def without_comments(text: str) -> str:
    """The same text, of the same length and lines, with comments and literals blank."""
    return COMMENT_OR_TEXT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def op_names(folder: pathlib.Path) -> set:
    names = set()
    for path in sorted(folder.rglob("*.hpp")):
        depth = 0  # of braces below a `namespace detail`, while inside one
        for line in path.read_text(encoding="utf-8").splitlines():
            code = without_comments(line)
            if depth or re.match(r"\s*namespace\s+(\w+::)*detail\b", code):
                depth += code.count("{") - code.count("}")
                continue
            match = FUNCTION.match(code)
            if match and "not an op" not in line:
                names.add(match.group(1))
    return names


def closing(text: str, start: int) -> int:
    """The place of the parenthesis that closes the one at start."""
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return len(text)


def check_text(text: str, names: set):
    """Yields (line, outer op or block, inner op or block)."""
    names = names | set(MEMBER.findall(text))
    if not names:
        return
    code = without_comments(text)
    # A call by plain or qualified name, or of one of an array; `x.name(` and `x->name(` are members of something else,
    # `auto name(` is a definition.
    call = re.compile(
        r"(?<![\w.>])(?:tessera::|ops::)*(" + "|".join(sorted(map(re.escape, names))) + r")\s*(?:\[[^\]]*\]\s*)?\("
    )
    for outer in call.finditer(code):
        if re.search(r"\b(auto|void|operator)\s*$", code[: outer.start()]):
            continue
        opening = outer.end() - 1
        inner = call.search(code, opening + 1, closing(code, opening))
        if inner:
            yield code.count("\n", 0, inner.start()) + 1, outer.group(1), inner.group(1)


def check(root: pathlib.Path):
    include = root / "include" / "tessera"
    names = op_names(include / "ops")
    for layer in ("blocks", "heads", "models"):
        for path in sorted((include / layer).rglob("*.hpp")):
            for line, outer, inner in check_text(path.read_text(encoding="utf-8"), names):
                name = path.relative_to(root).as_posix()
                yield f"{name}:{line}: {inner} is called in an argument of {outer}: give it a statement of its own"


def self_test() -> None:
    names = {"add", "gelu", "softmax"}
    bad = [
        "auto y = add(gelu(x), z);",
        "y = add(std::move(x),\n  tessera::softmax(z));",
        "return gelu(add(x, (y)));",
        'v("word", word); auto x = add(word(c, ids), z);',
        'v("norm", norm); v("dense", dense); return norm(dense(x));',
        'v("layer", layer); x = add(layer[i](x), x);',
    ]
    good = [
        "auto y = gelu(x);\n y = add(y, z);",
        "auto y = add(x, w.gelu(z)); // add(gelu(x))",
        "auto add(auto x) { return gelu(x); }",
        'tap("add(gelu(x))", gelu(x));',
        "x = regelu(add(x, y));",
        'v("word", word); auto w = word(c, ids); auto x = add(w, z);',
        'v("word", word); explicit E(C c) : word(c.rows(), c.width()) {}',
    ]
    for text in bad:
        assert list(check_text(text, names)), text
    for text in good:
        assert not list(check_text(text, names)), text
    assert FUNCTION.match("constexpr auto add(auto x, auto y) {").group(1) == "add"
    assert FUNCTION.match("template <class C> Tensor<C, 2> linear(const X& x) {").group(1) == "linear"
    assert not FUNCTION.match("constexpr bool same(int a) {")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true", help="check the check")
    parser.add_argument("--list", action="store_true", help="print the ops it knows")
    arguments = parser.parse_args()
    if arguments.self_test:
        self_test()
        print("the op check finds what it should")
        return 0
    names = op_names(arguments.root / "include" / "tessera" / "ops")
    if arguments.list:
        print("\n".join(sorted(names)))
        return 0
    found = list(check(arguments.root))
    print("\n".join(found) or f"{len(names)} ops, and the blocks: none is called inside the arguments of another")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
