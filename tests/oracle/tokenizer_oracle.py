#!/usr/bin/env python3
"""Every tokenizer that mistral-common ships, and variants of them as model folders hold them: random texts have the same ids
there and here, and the same text comes back. tokenizer_oracle.py --build build/release --work build/oracle"""
import argparse
import functools
import json
import pathlib
import random
import subprocess
import sys
import time
import unicodedata

import mistral_common
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

DATA = pathlib.Path(mistral_common.__file__).parent / "data"
SEED = 20240718
WORDS = """the of and a to in is you that it he was for on are as with his they I at be this have from or one had by word but
not what all were we when your can said there use an each which she do how their if Don't WE'LL I'm o'clock naïve Zürich
Straße œuvre Ελλάδα Москва привет שלום العربية हिन्दी ภาษาไทย 日本語 中文字符 한국어 ქართული አማርኛ [INST] [/INST] <s> </s> <unk>
[TOOL_CALLS] [SYSTEM_PROMPT] [REF] [/REF] [REFERENCE_DOC_12] <SPECIAL_20> <0x0A> ▁ ▁the camelCaseName HTMLParser snake_case_name __init__ iPhone X-ray""".split()
CODE = """int main() { return 0; }|for (size_t i = 0; i < n; i++) {\n    sum += a[i];\n}|def f(x):\n\treturn x ** 2\n|
SELECT * FROM t WHERE a >= 10;|<div class="x">&nbsp;</div>\r\n|{"key": [1, 2.5, null], "other": "\\u00e9"}|#!/bin/sh\n\nset -eu\n|
https://example.org/path?q=1&r=%20#top|$\\sum_{i=0}^{\\infty} x_i$|0x1F600 1e-9 3.14159 1_000_000 --flag=/usr/local/bin""".split("|")
EMOJI = ["😀", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇫🇷", "👍🏽", "❤️", "☃", "🫠", "🪿", "1️⃣"]
SPACES = [" ", "  ", "   ", "\n", "\r\n", "\t", "\n\n", " \n ", "\u00a0", "\u3000", "\u200b", "\u2028", "\u180e", "\x85", "\v", "\f"]


@functools.cache
def alphabets():
    """Characters by block of 256 code points, so that a text stays in a script for a while; unassigned ones too."""
    blocks = {}
    for code in range(0x110000):
        if not 0xD800 <= code <= 0xDFFF:
            blocks.setdefault(code >> 8, []).append(chr(code))
    assigned = [b for b in blocks.values() if any(unicodedata.category(c) not in ("Cn", "Co") for c in b)]
    marks = [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)).startswith("M")]
    return assigned, list(blocks.values()), marks


def random_part(rng):
    assigned, blocks, marks = alphabets()
    kind = rng.randrange(12)
    if kind <= 2:
        return " ".join(rng.choices(WORDS, k=rng.randint(1, 6)))
    if kind == 3:
        return rng.choice(CODE)
    if kind == 4:
        return "".join(rng.choices(rng.choice(assigned), k=rng.randint(1, 12)))
    if kind == 5:
        return "".join(rng.choices(rng.choice(blocks), k=rng.randint(1, 4)))
    if kind == 6:
        return "".join(c + rng.choice(marks) * rng.randint(0, 2) for c in rng.choices("aeiouAEIOUнक", k=rng.randint(1, 5)))
    if kind == 7:
        return "".join(rng.choices(EMOJI, k=rng.randint(1, 3)))
    if kind == 8:
        return str(rng.randrange(10 ** rng.randint(1, 20)))
    if kind == 9:
        return rng.choice(SPACES) * rng.randint(1, 20)
    if kind == 10:
        return "".join(chr(rng.randrange(128)) for _ in range(rng.randint(1, 20)))
    return rng.choice("aA.,-=_/\n é漢") * rng.randint(1, 60)


def random_texts(count, seed):
    rng = random.Random(seed)
    texts = ["", " ", "\0", "a\0b", "\n"]
    while len(texts) < count:
        text = "".join(random_part(rng) + rng.choice(["", " ", " "]) for _ in range(rng.randint(1, 8)))
        texts.append(text.strip() if rng.random() < 0.2 else text)
    return texts


def replaced_texts(count, seed):
    """Texts whose bytes were garbled: sequences that form no character were replaced by U+FFFD, as readers of text do. (Bytes that
    are not UTF-8 themselves are refused here, and mistral-common takes no bytes.)"""
    rng = random.Random(seed)
    for text in random_texts(count, seed):
        encoded = bytearray(text.encode())
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(encoded) + 1)
            encoded[at:at + rng.randint(0, 2)] = bytes(rng.randrange(128, 256) for _ in range(rng.randint(0, 3)))
        yield encoded.decode(errors="replace")


def run_tool(tool, file, lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([tool, file], input=text, capture_output=True, text=True, check=False, encoding="utf-8")
    if done.returncode != 0:
        sys.exit(f"{file}: {done.stderr}")
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def fail(file, what, given, expected, found):
    sys.exit(f"{file.name}: {what} of {given!r}:\nexpected {expected!r}\nfound    {found!r}")


def check_vocabulary(tool, file, theirs):
    about = json.loads(subprocess.run([tool, file, "--describe"], capture_output=True, text=True, check=True).stdout)
    pieces = [theirs.id_to_piece(id) for id in range(theirs.n_words)]
    for name, expected, found in [("pieces", pieces, about["pieces"]), ("bos_id", theirs.bos_id, about["bos_id"]),
                                  ("eos_id", theirs.eos_id, about["eos_id"])]:
        if expected != found:
            fail(file, name, file, expected, found)
    return about


def decoded(theirs, ids):
    """SentencePiece strips a leading space, which here is kept so that chunks join up."""
    text = theirs.decode(ids)
    keeps = isinstance(theirs, SentencePieceTokenizer) and ids and theirs.id_to_piece(ids[0]).startswith("▁")
    return " " + text if keeps else text


def check(tool, file, count):
    theirs = Tekkenizer.from_file(file) if file.suffix == ".json" else SentencePieceTokenizer(file)
    about = check_vocabulary(tool, file, theirs)
    if about["version"] not in (theirs.version.value, ""):
        fail(file, "version", file, theirs.version.value, about["version"])
    texts = random_texts(count, SEED) + list(replaced_texts(count // 20, SEED + 2))
    start = time.perf_counter()
    for text, found in zip(texts, run_tool(tool, file, texts), strict=True):
        ids = theirs.encode(text, bos=False, eos=False)
        if ids != found["ids"]:
            fail(file, "ids", text, ids, found["ids"])
        if decoded(theirs, ids) != found["text"] or not found["streamed"]:
            fail(file, "decoding", ids, decoded(theirs, ids), found["text"])
        if file.suffix == ".json" and found["text"] != text:
            fail(file, "round trip", text, text, found["text"])
    rng = random.Random(SEED + 1)
    lists = [[rng.randrange(theirs.n_words) if rng.random() < 0.5 else rng.randrange(1300) for _ in range(rng.randint(1, 12))]
             for _ in range(count // 5)]
    for ids, found in zip(lists, run_tool(tool, file, lists), strict=True):
        if decoded(theirs, ids) != found["text"] or not found["streamed"]:
            fail(file, "decoding", ids, decoded(theirs, ids), found["text"])
    print(f"{file.name}: {about['kind']} {about['version'] or 'of no version'}: {len(texts)} texts have the same ids, and "
          f"they and {len(lists)} random lists of ids decode alike ({time.perf_counter() - start:.0f} s)", flush=True)


def write_variants(work):
    """The versions of tekken.json that the package has no file for: the later ones list their special tokens."""
    work.mkdir(parents=True, exist_ok=True)
    original = json.loads((DATA / "tekken_240911.json").read_text())
    listed = [dict(token) for token in Tekkenizer.DEPRECATED_SPECIAL_TOKENS]
    for name in ["[AUDIO]", "[BEGIN_AUDIO]", "[ARGS]", "[CALL_ID]", "[THINK]", "[/THINK]", "[MODEL_SETTINGS]"]:
        listed.append({"rank": len(listed), "token_str": name, "is_control": True})
    for version in ["v7", "v13", "v15"]:
        original["config"]["version"] = version
        if version != "v7":
            original["special_tokens"] = listed
        file = work / f"tekken_{version}.json"
        file.write_text(json.dumps(original))
        yield file


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=50000, help="texts for each tokenizer")
    args = parser.parse_args()
    tool = args.build / "tramontane-encode"
    for file in sorted([*DATA.glob("tekken*.json"), *DATA.glob("*.model.*")]):
        check(tool, file, args.count)
    for file in write_variants(args.work / "tokenizers"):  # the same but for their special tokens
        check(tool, file, args.count // 10)


if __name__ == "__main__":
    main()
