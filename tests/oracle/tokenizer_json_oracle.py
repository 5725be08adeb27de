#!/usr/bin/env python3
"""Files of the kind tokenizer.json: random texts have the same ids in Hugging Face's tokenizers as here, and ids the same text.
tokenizer_json_oracle.py --build build/release --work build/oracle"""
import argparse
import json
import pathlib
import random
import time

import make_tokenizer_json as make
import sentencepiece
from tokenizer_oracle import CODE, DATA, SEED, WORDS, fail, random_texts, run_tool
from tokenizers import Tokenizer


def texts_for(tokenizer, count, seed):
    """With the contents of added tokens here and there, special or not, and white space about them."""
    rng = random.Random(seed)
    contents = [token.content for token in tokenizer.get_added_tokens_decoder().values()] + [token.content for token in make.ADDED]
    texts = random_texts(count, seed)
    for i in range(0, count, 2):
        for _ in range(rng.randint(1, 4)):
            at = rng.randint(0, len(texts[i]))
            inserted = rng.choice(["", " ", "\n \u00a0", "a", "_", "\u0301"]) + rng.choice(contents) + rng.choice(["", "", " ", " \t", "b", "é"])
            texts[i] = texts[i][:at] + inserted + texts[i][at:]
    return texts


def bytes_to_text(values):
    """U+FFFD for each byte that is part of no character."""
    text, rest = "", bytes(values)
    while rest:
        for size in range(1, 5):
            try:
                text, rest = text + rest[:size].decode(), rest[size:]
                break
            except UnicodeDecodeError:
                pass
        else:
            text, rest = text + "\ufffd", rest[1:]
    return text


def is_byte(piece):
    return len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">")


class Decoder:
    """The package's decoder, but for what include/tramontane/tokenizer.h promises: a space is kept where the first piece of all
    starts with one, and of a run of bytes the characters that are whole."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.special = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        decoder = json.loads(tokenizer.to_str())["decoder"]
        self.chain = [step["type"] for step in decoder.get("decoders", [decoder])]
        self.strips_all = decoder["type"] == "Metaspace" and decoder["prepend_scheme"] != "never"

    def __call__(self, ids):
        # The package shows a special token that is looked for in normalised text.
        theirs = self.tokenizer.decode([i for i in ids if i not in self.special])
        if self.chain == ["ByteLevel"]:
            return theirs
        pieces = [self.tokenizer.id_to_token(i) for i in ids if i not in self.special]
        keeps = bool(ids) and self.tokenizer.id_to_token(ids[0]).startswith("▁")
        if not keeps and self.strips_all and pieces:
            pieces[0] = pieces[0].replace("▁", "")
        text, run, broken = "", [], False
        for piece in [*pieces, ""]:
            if is_byte(piece) and "ByteFallback" in self.chain:
                run.append(int(piece[3:5], 16))
                continue
            broken = broken or "\ufffd" in bytes_to_text(run)
            text += bytes_to_text(run) + piece.replace("▁", " ")
            run = []
        if not keeps and "Strip" in self.chain:
            text = text.removeprefix(" ")
        if not keeps and not broken and text != theirs:
            raise AssertionError(f"this oracle's own reading: {ids}: {text!r}, the package's: {theirs!r}")
        return text


def check(tool, file, count):
    theirs = Tokenizer.from_file(str(file))
    theirs.encode_special_tokens = True  # control tokens are not read from text
    decode = Decoder(theirs)
    texts = texts_for(theirs, count, SEED)
    start = time.perf_counter()
    for text, found in zip(texts, run_tool(tool, file, texts), strict=True):
        ids = theirs.encode(text, add_special_tokens=False).ids
        if ids != found["ids"]:
            fail(file, "ids", text, ids, found["ids"])
        if decode(ids) != found["text"] or not found["streamed"]:
            fail(file, "decoding", ids, decode(ids), found["text"])
    rng = random.Random(SEED + 1)
    size = theirs.get_vocab_size()
    lists = [[rng.randrange(size if rng.random() < 0.5 else min(size, 300)) for _ in range(rng.randint(1, 12))] for _ in range(count // 5)]
    for ids, found in zip(lists, run_tool(tool, file, lists), strict=True):
        if decode(ids) != found["text"] or not found["streamed"]:
            fail(file, "decoding", ids, decode(ids), found["text"])
    print(f"{file.parent.name}/{file.name}: {len(texts)} texts have the same ids, and they and {len(lists)} random lists of ids "
          f"decode alike ({time.perf_counter() - start:.0f} s)", flush=True)


def write_files(work):
    for file in sorted(DATA.glob("*.model.v[13]")):
        processor = sentencepiece.SentencePieceProcessor(model_file=str(file))
        yield make.save(make.legacy(make.from_sentencepiece(processor)), work / f"{file.name}.legacy/tokenizer.json", merges_as_text=True)
        yield make.save(make.with_added(make.metaspace(make.from_sentencepiece(processor), "first", False)), work / f"{file.name}.first/tokenizer.json")
        yield make.save(make.with_added(make.metaspace(make.from_sentencepiece(processor), "always", True)), work / f"{file.name}.always/tokenizer.json")
    tekken = json.loads((DATA / "tekken_240911.json").read_text())
    yield make.save(make.from_tekken(tekken), work / "tekken/tokenizer.json")
    yield make.save(make.with_added(make.byte_level(make.from_tekken(tekken), make.LLAMA3_PATTERN)), work / "llama3/tokenizer.json", merges_as_text=True)
    for name, tokenizer in make.small([*WORDS, *CODE, " ".join(WORDS)] * 3).items():
        yield make.save(tokenizer, work / f"small_{name}/tokenizer.json")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--count", type=int, default=50000, help="texts for each tokenizer")
    args = parser.parse_args()
    for file in write_files(args.work / "tokenizer_json"):
        check(args.build / "tramontane-encode", file, args.count)


if __name__ == "__main__":
    main()
