#!/usr/bin/env python3
"""Times encoding beside mistral-common, whose tokenizers call the SentencePiece library (C++) and tiktoken (Rust), and of a
tokenizer.json beside Hugging Face's tokenizers (Rust).

    build/oracle/venv/bin/python bench/tokenizer_bench.py --build build/release [--rounds 9] [FILE ...]

FILE is a tokenizer.model, tekken*.json or tokenizer.json; left out, one of each that mistral-common ships. The texts are this repository's
documents and sources, the translated messages of the programs that are installed (/usr/share/locale), emoji and random
characters, in prompts of --size characters. Both take turns, and what counts is the median of each one's processor time.
"""
import argparse
import gettext
import json
import pathlib
import random
import statistics
import subprocess
import time

import mistral_common
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path(mistral_common.__file__).parent / "data"
FILES = [DATA / "mistral_instruct_tokenizer_240323.model.v3", DATA / "tekken_240911.json"]
LANGUAGES = ["fr", "de", "ru", "el", "he", "ar", "hi", "th", "zh_CN", "ja", "ko"]
MOST = 200_000  # characters of each kind


def messages(language):
    found = {}  # in order, each once
    for file in sorted(pathlib.Path("/usr/share/locale", language, "LC_MESSAGES").glob("*.mo")):
        try:
            with file.open("rb") as opened:
                catalogue = gettext.GNUTranslations(opened)._catalog
        except (ValueError, IndexError):  # a file with a bad header
            continue
        found |= dict.fromkeys(text for key, text in catalogue.items() if key and isinstance(text, str))
    return "\n".join(found)


def all_texts():
    files = sorted(file for pattern in ["*.md", "docs/**/*.md"] for file in ROOT.glob(pattern))
    yield "documents", "\n".join(file.read_text() for file in files)
    yield "sources", "\n".join(file.read_text() for file in sorted(ROOT.glob("src/**/*.cc")))
    for language in LANGUAGES:
        yield language, messages(language)
    rng = random.Random(1)
    emoji = [chr(code) for code in range(0x1F300, 0x1F650)]
    yield "emoji", " ".join("".join(rng.choices(emoji, k=rng.randint(1, 4))) for _ in range(20000))
    characters = [*range(32, 0xD800), *range(0xE000, 0x20000)]
    yield "random", "".join(map(chr, rng.choices(characters, k=60000)))
    yield "a letter", "a" * MOST


def encoder_of(file):
    """Of their package."""
    if file.name == "tokenizer.json":
        tokenizer = Tokenizer.from_file(str(file))
        return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    tokenizer = Tekkenizer.from_file(file) if file.suffix == ".json" else SentencePieceTokenizer(file)
    return lambda text: tokenizer.encode(text, bos=False, eos=False)


def time_theirs(encode, prompts):
    start = time.process_time()
    for prompt in prompts:
        encode(prompt)
    return time.process_time() - start


def time_ours(tool, file, prompts, rounds):
    lines = "".join(json.dumps(prompt) + "\n" for prompt in prompts)
    done = subprocess.run([tool, file, "--time", str(rounds)], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line)["seconds"] for line in done.stdout.splitlines()][1:]  # the first warms up, as theirs was


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", type=int, default=4000, help="characters in a prompt")
    parser.add_argument("--only", nargs="*", help="of these kinds of text")
    parser.add_argument("files", nargs="*", type=pathlib.Path, default=FILES)
    args = parser.parse_args()
    texts = {name: text[:MOST] for name, text in all_texts() if text and (not args.only or name in args.only)}
    for file in args.files:
        encode = encoder_of(file)
        label = file.parent.name if file.name == "tokenizer.json" else file.name
        for name, text in texts.items():
            prompts = [text[at:at + args.size] for at in range(0, len(text), args.size)]
            megabytes = len(text.encode()) / 1e6
            time_theirs(encode, prompts)
            theirs, ours = [], []
            for _ in range(args.rounds):
                theirs.append(time_theirs(encode, prompts))
                ours += time_ours(args.build / "tramontane-encode", file, prompts, 4)
            theirs, ours = statistics.median(theirs), statistics.median(ours)
            print(f"{label[-20:]:20} {name:10} {megabytes:5.2f} MB: {megabytes / theirs:6.1f} MB/s theirs "
                  f"{megabytes / ours:6.1f} ours, {theirs / ours:5.1f} times", flush=True)


if __name__ == "__main__":
    main()
