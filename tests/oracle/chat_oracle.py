#!/usr/bin/env python3
"""Conversations that both mistral-common and Tramontane's templates write: the same control tokens and texts for every version,
the same ids with every vocabulary that mistral-common brings, and the same kinds of refusals.

    python tests/oracle/chat_oracle.py --build build/release [--conversations 20000] [--seed 0]
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import mistral_common
from chat_reference import VERSIONS, Reference
from mistral_common.protocol.fim.request import FIMRequest
from mistral_common.tokens.tokenizers.base import SpecialTokens, TokenizerVersion
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from published_examples import IDS, INFILLS
from random_chats import TEXTS, Chats

DATA = Path(mistral_common.__file__).parent / "data"
VOCABULARIES = {"tokenizer.model.v1": "v1", "mistral_instruct_tokenizer_240216.model.v2": "v2",
                "mistral_instruct_tokenizer_240323.model.v3": "v3", "mistral_instruct_tokenizer_241114.model.v7": "v7",
                "mistral_instruct_tokenizer_241114.model.v7m1": "v7", "tekken_240718.json": "v3", "tekken_240911.json": "v3"}
TEKKEN = "tekken_240911.json"  # whose vocabulary later versions share; the package has no file of theirs
TEKKEN_VERSIONS = ("v7", "v11", "v13", "v15")
EFFORT = {"type": "enum", "values": ["none", "low", "high"], "default": "none", "accepts_none": True}
SCHEMA = {"type": "json_schema", "accepts_none": False, "default": None}
RULES = {"v15": [None, {}, {"reasoning_effort": EFFORT}, {"json_schema": SCHEMA}, {"reasoning_effort": EFFORT, "json_schema": SCHEMA}]}


def ours(tool: Path, lines: list[str], *arguments: str) -> list[dict]:
    text = "".join(line + "\n" for line in lines)
    run = subprocess.run([tool, *arguments], input=text.encode(), stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.decode().split("\n")[:-1]]


def compare(title: str, inputs: list[str], expected: list[dict], found: list[dict]) -> list[str]:
    """A line about what was compared, and one for each difference."""
    assert len(inputs) == len(expected) == len(found), (len(inputs), len(expected), len(found))
    differences = []
    for line, theirs, mine in zip(inputs, expected, found):
        message = mine.pop("message", "")
        if theirs != mine:
            differences.append(f"  {line[:4000]}\n  mistral-common: {str(theirs)[:2000]}\n  tramontane:     {str(mine)[:2000]} {message}")
    outcomes = Counter(theirs.get("error", "a prompt") for theirs in expected)
    detail = ", ".join(f"{count} {kind}" for kind, count in outcomes.most_common())
    return [f"{title}: {len(inputs)} compared, {len(differences)} different ({detail})", *differences]


def check_pieces(tool: Path, version: str, count: int, seed: int) -> list[str]:
    chats = Chats(seed)
    references = [(rules, Reference(version, rules)) for rules in RULES.get(version, [None])]
    inputs, lines, expected = [], [], []
    for i in range(count):
        rules, reference = references[i % len(references)]
        text = json.dumps(chats.conversation(version), ensure_ascii=bool(i % 2))
        inputs.append(text)
        lines.append(f"{version}\t{'' if rules is None else json.dumps(rules)}\t{text}")
        expected.append(reference.answer(text))
    return compare(version, inputs, expected, ours(tool, lines))


def tokenizer_file(file: Path, version: str, folder: Path) -> Path:
    """A tokenizer as a model folder holds it: the file, or of tekken one of a later version made from it."""
    target = folder / ("tekken.json" if file.suffix == ".json" else "tokenizer.model")
    shutil.copy(file, target)
    if version in TEKKEN_VERSIONS and target.suffix == ".json":
        tekken = json.loads(target.read_text())
        tekken["config"]["version"] = version
        names = [token["token_str"] for token in Tekkenizer.DEPRECATED_SPECIAL_TOKENS]
        names += [token.value for token in SpecialTokens if token.value not in names]
        tekken["special_tokens"] = [{"rank": i, "token_str": name, "is_control": True} for i, name in enumerate(names)]
        more = max(0, len(names) - tekken["config"]["default_num_special_tokens"])
        tekken["config"]["default_num_special_tokens"] += more
        tekken["config"]["default_vocab_size"] += more
        if version == "v15":
            tekken["model_settings_builder"] = RULES["v15"][-1]
        target.write_text(json.dumps(tekken))
    return target


def check_ids(tool: Path, file: str, version: str, count: int, seed: int) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = tokenizer_file(DATA / file, version, Path(folder))
        tokenizer = Tekkenizer.from_file(path) if path.suffix == ".json" else SentencePieceTokenizer(path, TokenizerVersion(version))
        reference = Reference(version, tokenizer=tokenizer)
        chats = Chats(seed)
        inputs = [json.dumps(chats.conversation(version)) for _ in range(count)]
        expected = [reference.answer(text) for text in inputs]
        found = ours(tool, [f"{version}\t\t{text}" for text in inputs], "--tokenizer", folder)
        report = compare(f"{file} ({version})", inputs, expected, found)
        if version in ("v1", "v2"):  # no infilling, or no control tokens for it: mistral-common's is then made of <unk>
            return report
        pairs = [(a, b) for a in TEXTS for b in TEXTS] + INFILLS
        infills = [{"ids": reference.tokenizer.encode_fim(FIMRequest(prompt=a, suffix=b)).tokens} for a, b in pairs]
        lines = [f"{version}\tinfill\t{json.dumps(pair)}" for pair in pairs]
        return report + compare(f"{file} ({version}) infill", lines, infills, ours(tool, lines, "--tokenizer", folder))


def check_published(tool: Path) -> list[str]:
    """Ids as the package's documentation and tests print them."""
    inputs, expected, found = [], [], []
    for file, version, messages, ids in IDS:
        with tempfile.TemporaryDirectory() as folder:
            tokenizer_file(DATA / file, version, Path(folder))
            inputs.append(f"{version}\t\t{json.dumps(messages)}")
            expected.append({"ids": ids})
            found += ours(tool, inputs[-1:], "--tokenizer", folder)
    return compare("published examples", inputs, expected, found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--conversations", type=int, default=20000, help="per version, and a quarter per vocabulary")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tool = (options.build / "tramontane-chat-pieces").resolve()
    started = time.monotonic()
    jobs = [(check_published,), *((check_pieces, version, options.conversations, options.seed + i) for i, version in enumerate(VERSIONS))]
    jobs += [(check_ids, file, version, options.conversations // 4, options.seed + 100 + i)
             for i, (file, version) in enumerate([*VOCABULARIES.items(), *((TEKKEN, version) for version in TEKKEN_VERSIONS)])]
    wrong = 0
    with ProcessPoolExecutor(2) as pool:
        for report in [pool.submit(check, tool, *arguments) for check, *arguments in jobs]:
            titles = [line for line in report.result() if not line.startswith("  ")]
            differences = [line for line in report.result() if line.startswith("  ")]
            print("\n".join(titles + differences[:3]), flush=True)
            wrong += len(differences)
    print(f"chat_oracle: {wrong} differences, {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
