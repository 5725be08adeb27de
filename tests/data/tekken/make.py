#!/usr/bin/env python3
"""Makes tekken.json of this folder, a small tokenizer of its own, and tests/golden/tekken.json, what mistral-common does with
it. The merges are trained on the texts of tests/data/tokenizers/text.txt and of the project's documentation as byte pair
encoding goes: the pair that is most frequent first, the lowest bytes of equals. Run with mistral-common 1.13.1 (tiktoken
0.14.0), seed 15."""
import base64
import collections
import json
import pathlib
import random
import sys

import regex
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))
import tokenizer_oracle  # noqa: E402

MERGES = 1500
SPECIAL = 24
PATTERN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|"
           r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|"
           r"\s*[\r\n]+|\s+(?!\S)|\s+")


def train(text):
    words = collections.Counter(tuple(bytes([b]) for b in piece.encode()) for piece in regex.findall(PATTERN, text))
    tokens = [bytes([byte]) for byte in range(256)]
    while len(tokens) < 256 + MERGES:
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merged = collections.Counter()
        for word, count in words.items():
            parts = []
            for part in word:
                if parts and (parts[-1], part) == best:
                    parts[-1] += part
                else:
                    parts.append(part)
            merged[tuple(parts)] += count
        words = merged
        token = best[0] + best[1]
        if token not in tokens:
            tokens.append(token)
    return tokens


def main():
    text = (HERE.parent / "tokenizers/text.txt").read_text() * 4 + (ROOT / "docs/architecture.md").read_text()
    text += " " * 40 + "=" * 40 + "aaaaaaaaaaaaaaaa" * 4 + "😀 👍 é 漢字 " * 20
    tokens = train(text)
    config = {"pattern": PATTERN, "num_vocab_tokens": len(tokens), "default_vocab_size": SPECIAL + len(tokens) - 10,
              "default_num_special_tokens": SPECIAL, "version": "v3"}
    vocab = [{"rank": i, "token_bytes": base64.b64encode(t).decode(), "token_str": None} for i, t in enumerate(tokens)]
    file = HERE / "tekken.json"
    file.write_text('{"config": %s,\n"vocab": [\n%s\n]}\n' % (json.dumps(config), ",\n".join(map(json.dumps, vocab))))

    theirs = Tekkenizer.from_file(file)
    rng = random.Random(15)
    texts = tokenizer_oracle.random_texts(300, 15)
    lists = [[rng.randrange(theirs.n_words) for _ in range(rng.randint(1, 8))] for _ in range(200)]
    lists += [[rng.randrange(SPECIAL + 256) for _ in range(rng.randint(1, 8))] for _ in range(300)]
    golden = {"made_by": "tests/data/tekken/make.py, mistral-common 1.13.1, seed 15",
              "pieces": [theirs.id_to_piece(i) for i in range(theirs.n_words)],
              "encode": [[t, theirs.encode(t, bos=False, eos=False)] for t in texts],
              "decode": [[ids, theirs.decode(ids)] for ids in lists]}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items()]
    (ROOT / "tests/golden/tekken.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
