#!/usr/bin/env python3
"""Dependencies point one way: every #include of our own goes to the same layer or to one below it."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What each folder of src/ may include, besides itself and the public headers.
ALLOWED = {
    "core": set(),
    "kernels": {"core"},
    "checkpoint": {"core", "kernels"},
    "quantize": {"core", "kernels"},
    "convert": {"core", "kernels", "checkpoint", "quantize", "model", "tokenizer"},
    "tokenizer": {"core", "checkpoint"},  # checkpoint: its JSON
    "chat": {"core", "checkpoint", "tokenizer"},  # checkpoint: its JSON
    "sampler": {"core"},
    "model": {"core", "kernels", "checkpoint"},
    "engine": {"core", "model"},
    "hub": {"core", "checkpoint"},  # checkpoint: its JSON
    "bench": {"core", "kernels", "checkpoint", "model", "engine"},
    "cli": {"chat", "core", "kernels", "checkpoint", "convert", "model", "engine", "bench", "hub"},
}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def main():
    wrong = []
    for file in sorted([*ROOT.glob("src/**/*.h"), *ROOT.glob("src/**/*.cc")]):
        layer = file.relative_to(ROOT / "src").parts[0]
        for included in INCLUDE.findall(file.read_text()):
            target = included.split("/")[0]
            if target not in {layer, "tramontane"} | ALLOWED[layer]:
                wrong.append(f"{file.relative_to(ROOT)}: src/{layer} must not include {included}")
    for file in sorted(ROOT.glob("include/**/*.h")):
        for included in INCLUDE.findall(file.read_text()):
            if not included.startswith("tramontane/"):
                wrong.append(f"{file.relative_to(ROOT)}: a public header must not include {included}")
    print("\n".join(wrong) or "layers: every include points downwards")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
