#!/usr/bin/env python3
"""Writes tests/golden/chat.json: what mistral-common makes of conversations, for tests/chat.

Run in an environment with requirements.txt installed: python tests/oracle/make_chat_golden.py
"""
import json
import tempfile
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from chat_oracle import RULES, tokenizer_file
from chat_reference import VERSIONS, Reference
from mistral_common.protocol.fim.request import FIMRequest
from mistral_common.tokens.tokenizers.base import TokenizerVersion
from mistral_common.tokens.tokenizers.sentencepiece import SentencePieceTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from mistral_common.utils.json_utils import validate_json_schema_by_draft7
from published_examples import CONVERSATIONS, INFILLS
from random_chats import BROKEN, NUMBERS, SCHEMAS, Chats

SEED = 6
TESTS = Path(__file__).resolve().parent.parent
LONGEST = 600  # characters of a conversation


def small_conversations(chats: Chats, name: str, count: int):
    """Conversations of at most LONGEST characters: in JSON, every second with \\u escapes."""
    while count:
        text = json.dumps(chats.conversation(name), ensure_ascii=count % 2 == 0)
        if len(text) <= LONGEST:
            count -= 1
            yield text


def piece_cases(name: str) -> list[dict]:
    """A few of each outcome."""
    references = [(rules, Reference(name, rules)) for rules in RULES.get(name, [None])]
    cases, seen = [], Counter()
    for i, text in enumerate(small_conversations(Chats(SEED), name, 1000)):
        rules, reference = references[i % len(references)]
        answer = reference.answer(text)
        outcome = answer.get("error", f"prompt {i % len(references)}")
        seen[outcome] += 1
        if seen[outcome] <= (2 if "error" in answer else 12 if len(references) == 1 else 4):
            cases.append({"template": name, "rules": None if rules is None else json.dumps(rules), "conversation": text, **answer})
    return cases


def published_cases(name: str) -> list[dict]:
    rules = RULES.get(name, [None])[-1]
    reference = Reference(name, rules)
    texts = [json.dumps(conversation) for conversation in CONVERSATIONS]
    return [{"template": name, "rules": None if rules is None else json.dumps(rules), "conversation": text, **reference.answer(text)}
            for text in texts]


def vocabulary_cases(name: str, model: Path) -> list[dict]:
    reference = Reference(name, tokenizer=SentencePieceTokenizer(model, TokenizerVersion(name)))
    answers = ((text, reference.answer(text)) for text in small_conversations(Chats(SEED), name, 12))
    return [{"template": name, "conversation": text, **answer} for text, answer in answers if "ids" in answer]


def tekken_cases(name: str) -> list[dict]:
    """With the small tekken.json as one of that version: its special tokens, its settings, and ids."""
    with tempfile.TemporaryDirectory() as folder:
        path = tokenizer_file(TESTS / "data" / "tekken" / "tekken.json", name, Path(folder))
        file = json.loads(path.read_text())
        reference = Reference(name, tokenizer=Tekkenizer.from_file(path))
    answers = ((text, reference.answer(text)) for text in small_conversations(Chats(SEED), name, 16))
    head = {"config": file["config"], "special_tokens": [token["token_str"] for token in file["special_tokens"]],
            "model_settings_builder": file.get("model_settings_builder")}
    head["config"].pop("pattern")
    return [{"template": name, **head, "cases": [{"conversation": text, **answer} for text, answer in answers if "ids" in answer]}]


def infill_cases(model: Path) -> list[dict]:
    reference = Reference("v3", tokenizer=SentencePieceTokenizer(model, TokenizerVersion.v3))
    pairs = [("def f(", "return x"), ("", ""), ("a", ""), ("", " b"), ("x = ", "  \n"), ("é", "日本"), *INFILLS]
    return [{"prefix": prefix, "suffix": suffix, "ids": reference.tokenizer.encode_fim(FIMRequest(prompt=prefix, suffix=suffix)).tokens}
            for prefix, suffix in pairs]


def json_case(text: str) -> list:
    """[text, what json writes for what it reads, or null]"""
    try:
        return [text, json.dumps(json.loads(text), ensure_ascii=False)]
    except json.JSONDecodeError:
        return [text, None]


def is_schema(schema: dict) -> bool:
    try:
        validate_json_schema_by_draft7(schema)
    except ValueError:
        return False
    return True


def main() -> None:
    chats = Chats(SEED)
    model = TESTS / "data" / "tokenizers" / "instruct.model"
    golden = {
        "script": "tests/oracle/make_chat_golden.py",
        "mistral_common": version("mistral-common"),
        "sentencepiece": version("sentencepiece"),
        "seed": SEED,
        "pieces": [case for name in VERSIONS for case in piece_cases(name)],
        "published": [case for name in VERSIONS for case in published_cases(name)],
        "ids": [case for name in ("v2", "v3", "v7") for case in vocabulary_cases(name, model)],
        "tekken": [case for name in ("v11", "v13", "v15") for case in tekken_cases(name)],
        "infill": infill_cases(model),
        "json": [json_case(text) for text in NUMBERS + BROKEN + [chats.json_text() for _ in range(40)]],
        "schemas": [[json.dumps(schema), is_schema(schema)] for schema in SCHEMAS],
    }
    lines = []
    for key, value in golden.items():
        rows = ",\n".join("  " + json.dumps(row) for row in value) if isinstance(value, list) else json.dumps(value)
        lines.append(f'"{key}": [\n{rows}]' if isinstance(value, list) else f'"{key}": {rows}')
    (TESTS / "golden" / "chat.json").write_text("{\n" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
