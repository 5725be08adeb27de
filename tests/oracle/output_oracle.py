#!/usr/bin/env python3
"""Answers of models: what mistral-common encodes of a message is that message again, however its bytes are cut into tokens;
and of answers that were cut off or garbled, mistral-common's decoder and Tramontane's read the same ones as the same messages.

    python tests/oracle/output_oracle.py --build build/release [--messages 4000] [--seed 0]
"""
import argparse
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import groupby
from pathlib import Path

from chat_oracle import DATA, TEKKEN, ours, tokenizer_file
from mistral_common.experimental.think import _split_content_and_think_chunks
from mistral_common.experimental.tools import _decode_tool_calls, _split_content_and_tool_calls
from mistral_common.protocol.instruct.chunk import TextChunk, ThinkChunk
from mistral_common.protocol.instruct.messages import AssistantMessage
from mistral_common.protocol.instruct.tool_calls import FunctionCall, ToolCall
from mistral_common.tokens.tokenizers.base import SpecialTokenPolicy
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from random_chats import NUMBERS, TEXTS, Chats

FILES = [("mistral_instruct_tokenizer_240323.model.v3", "v3"), ("mistral_instruct_tokenizer_241114.model.v7", "v7"),
         *((TEKKEN, version) for version in ("v3", "v7", "v11", "v13", "v15"))]
NAMES = ["f", "get_weather", "a-b", "X" * 64, "0", "not a name", "", "X" * 65, "naïve"]
MARKS = {"v3": ["[TOOL_CALLS]"], "v7": ["[TOOL_CALLS]"], "v11": ["[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"],
         "v13": ["[TOOL_CALLS]", "[ARGS]", "[THINK]", "[/THINK]"]}
MARKS["v15"] = MARKS["v13"]
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Answers:
    """Random messages of one version, and what may become of their tokens."""

    def __init__(self, instruct, version: str, seed: int):
        self.instruct, self.tokenizer, self.version = instruct, instruct.tokenizer, version
        self.random, self.chats = random.Random(seed), Chats(seed)
        self.is_tekken = isinstance(self.tokenizer, Tekkenizer)
        self.marks = [self.tokenizer.get_special_token(mark) for mark in MARKS[version]]
        self.others = [self.tokenizer.get_special_token(name) for name in ("<s>", "[INST]", "[/INST]")]
        self.special = self.tokenizer.num_special_tokens if self.is_tekken else self.marks[-1] + 1

    def text(self) -> str:
        text = "".join(self.random.choice(TEXTS) for _ in range(self.random.randint(1, 3)))
        return text if self.is_tekken else text.replace("\u2581", "")  # which SentencePiece cannot tell from a space

    def arguments(self) -> dict:
        def value(depth: int):
            kind = self.random.randrange(7 if depth else 5)
            if kind == 0:
                return self.text()
            if kind == 1:
                return self.random.choice([True, False, None, [], {}])
            if kind in (2, 3):
                return json.loads(self.random.choice(NUMBERS[:8]))
            if kind == 4:
                return self.random.randrange(10 ** 6) / 64
            if kind == 5:
                return [value(depth - 1) for _ in range(self.random.randint(0, 3))]
            return {self.text(): value(depth - 1) for _ in range(self.random.randint(0, 3))}
        return {self.random.choice(["a", "city", self.text()]): value(2) for _ in range(self.random.randint(0, 3))}

    def message(self) -> AssistantMessage:
        calls = [ToolCall(id="".join(self.random.choices(DIGITS, k=9)),
                          function=FunctionCall(name=self.random.choice(NAMES[:5]), arguments=json.dumps(self.arguments(), ensure_ascii=False)))
                 for _ in range(self.random.choice([0, 0, 1, 1, 2, 3]))]
        if calls and (self.version == "v3" or self.random.random() < 0.5):
            return AssistantMessage(tool_calls=calls)
        content = self.text().rstrip(" ") or "ok"  # the templates leave off final spaces
        if self.version in ("v13", "v15") and self.random.random() < 0.6:
            closed = bool(calls) or self.random.random() < 0.8
            content = [ThinkChunk(thinking=self.text(), closed=closed), *([TextChunk(text=content)] if closed else [])]
        return AssistantMessage(content=content, tool_calls=calls or None)

    def cut(self, ids: list[int]) -> list[int]:
        """The same bytes in other tokens: some become those of their bytes."""
        if not self.is_tekken:
            return ids
        out = []
        for id in ids:
            if id >= self.special and self.random.random() < 0.5:
                out += [self.special + byte for byte in self.tokenizer.id_to_byte_piece(id)]
            else:
                out.append(id)
        return out

    def garbled(self, ids: list[int]) -> list[int]:
        """With a few tokens more, fewer or elsewhere, often marks."""
        ids = ids[:]
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(ids) + 1)
            kind = self.random.randrange(6)
            if kind <= 1:
                ids.insert(at, self.random.choice(self.marks))
            elif kind == 2 and len(ids) > 1:
                del ids[min(at, len(ids) - 1)]
            elif kind == 3:
                ids.insert(at, self.random.randrange(self.tokenizer.n_words))
            elif kind == 4:
                ids[at:at] = self.tokenizer.encode(self.random.choice(['{"a": 1}', "}", '"', ",", "]", "f", " ", "NaN", *NAMES]), False, False)
            else:
                begin = self.random.randrange(len(ids) + 1)
                ids[at:at] = ids[begin:begin + self.random.randint(1, 8)]
        return ids


def content_of(message: AssistantMessage) -> list[dict]:
    if not message.content:
        return []
    if isinstance(message.content, str):
        return [{"text": message.content}]
    return [{"think": part.thinking, "closed": part.closed} if isinstance(part, ThinkChunk) else {"text": part.text}
            for part in message.content]


def spelled(message: AssistantMessage, has_ids: bool) -> dict:
    """As Tramontane's tool prints it; ids only where the version writes them."""
    calls = [[call.id if has_ids else "", call.function.name, json.loads(call.function.arguments)] for call in message.tool_calls or []]
    return {"content": content_of(message), "calls": calls}


def found(line: dict, has_ids: bool) -> dict:
    return {"content": line["content"], "calls": [[id if has_ids else "", name, json.loads(arguments)] for id, name, arguments in line["calls"]]}


def decode(instruct, ids: list[int], version: str) -> AssistantMessage | None:
    """mistral-common's own reading of an answer; None: it refuses it."""
    tokenizer = instruct.tokenizer
    try:
        content, calls = _split_content_and_tool_calls(ids, tokenizer.get_special_token("[TOOL_CALLS]"))
        if version in ("v13", "v15"):
            parts = _split_content_and_think_chunks(content, instruct.BEGIN_THINK, instruct.END_THINK)
            chunks = [ThinkChunk(thinking=tokenizer.decode(part), closed=part[-1] == instruct.END_THINK) if is_think
                      else TextChunk(text=tokenizer.decode(part)) for part, is_think in parts]
        else:
            chunks = [TextChunk(text=tokenizer.decode(content))]
        chunks = [part for part in chunks if isinstance(part, ThinkChunk) or part.text]
        return AssistantMessage(content=chunks or None, tool_calls=_decode_tool_calls(calls, tokenizer))
    except (ValueError, RecursionError):
        return None


def comparable(ids: list[int], answers: Answers) -> bool:
    """Whether both mean to read it alike: mistral-common drops marks where they mean nothing, and puts all that follows a call into it."""
    marks = {mark: answers.tokenizer.get_special_token(mark) for mark in MARKS[answers.version]}
    if re.search(r'"id":\s*[^\s"]', answers.tokenizer.decode(ids)):  # no text, which it refuses and which is replaced here
        return False
    first = ids.index(marks["[TOOL_CALLS]"]) if marks["[TOOL_CALLS]"] in ids else len(ids)
    thinks = {marks.get("[THINK]"), marks.get("[/THINK]")} - {None}
    inside = {marks.get("[ARGS]"), marks.get("[CALL_ID]")} - {None}
    if any(id in inside for id in ids[:first]) or any(id in thinks for id in ids[first:]):
        return False
    for begin in [i for i, id in enumerate(ids) if id == marks["[TOOL_CALLS]"]]:  # [ARGS] before [CALL_ID], which it drops
        order = [id for id in ids[begin:] if id in (*inside, marks["[TOOL_CALLS]"])][1:3]
        if order == [marks.get("[ARGS]"), marks.get("[CALL_ID]")]:
            return False
    opened = [id for id in ids[:first] if id in thinks]
    return not (opened and opened[-1] == marks.get("[THINK]") and first < len(ids))  # a call inside of reasoning


def trimmed(text: str, version: str) -> str:
    """Of the fields between marks, white space around them is not counted."""
    return text if version in ("v3", "v7") else text.strip(" \n\r\t")


def is_acceptable(message: AssistantMessage, ids: list[int], answers: Answers) -> bool:
    """What Tramontane asks beyond mistral-common's decoder: names that templates take, objects as arguments, no empty list."""
    calls = message.tool_calls or []
    if ids.count(answers.tokenizer.get_special_token("[TOOL_CALLS]")) > len(calls):
        return False
    names = [trimmed(call.function.name, answers.version) for call in calls]
    return (all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)
            and all(isinstance(json.loads(call.function.arguments), dict) for call in calls))


def loses(line: dict, ids: list[int], answers: Answers) -> bool:
    """Whether an answer that is all content has not all of the text, marks spelled out, in it."""
    if not answers.is_tekken or line["calls"] or any("think" in part for part in line["content"]):
        return False
    text = ""
    for is_special, group in groupby(ids, lambda id: id < answers.special):
        if is_special:
            text += "".join(answers.tokenizer.id_to_piece(id) for id in group if id in answers.marks)
        else:
            text += answers.tokenizer.decode(list(group))
    return text != "".join(part["text"] for part in line["content"])


def same(theirs: dict, mine: dict, version: str) -> bool:
    """As text, in which NaN equals itself; ids that are none are replaced here."""
    for call, other in zip(theirs["calls"], mine["calls"]):
        call[0], call[1] = trimmed(call[0], version), trimmed(call[1], version)
        if not re.fullmatch(r"[a-zA-Z0-9]{9}", call[0]):
            call[0] = other[0]
    return json.dumps(theirs) == json.dumps(mine)


def check(tool: Path, file: str, version: str, count: int, seed: int) -> tuple[str, list[str]]:
    """A line about what was compared, and the differences."""
    with tempfile.TemporaryDirectory() as folder:
        path = tokenizer_file(DATA / file, version, Path(folder))
        instruct = MistralTokenizer.from_file(str(path if path.suffix == ".json" else DATA / file)).instruct_tokenizer
        answers = Answers(instruct, version, seed)
        has_ids = version in ("v3", "v7", "v11")
        cases = []
        for _ in range(count):
            message = answers.message()
            ids = instruct.encode_assistant_message(message, False)
            cases.append(("encoded", ids, message))
            cases.append(("cut", answers.cut(ids), message))
            for kind, made in [("truncated", answers.cut(ids)[:answers.random.randrange(len(ids) + 1)]), ("garbled", answers.garbled(ids))]:
                cases.append((kind, made, decode(instruct, made, version)))
        lines = ours(tool, [f"{version}\tanswer\t{ids}" for _, ids, _ in cases], "--tokenizer", folder)
        outcomes, differences = Counter(), []
        for (kind, ids, message), line in zip(cases, lines, strict=True):
            expects_message = kind in ("encoded", "cut")
            if not expects_message and not loses(line, ids, answers) and not comparable(ids, answers):
                outcomes["incomparable"] += 1
                continue
            if message is not None and (expects_message or is_acceptable(message, ids, answers)):
                theirs = spelled(message, has_ids)
                right = line["malformed"] == 0 and same(theirs, found(line, has_ids), version)
            else:
                theirs, right = "malformed", line["malformed"] > 0
            outcomes[kind if theirs != "malformed" else "malformed"] += 1
            if not right or loses(line, ids, answers):
                differences.append(f"  {kind} {instruct.tokenizer.decode(ids, SpecialTokenPolicy.KEEP)!r}\n  mistral-common: {theirs}\n  tramontane:     {line}")
    detail = ", ".join(f"{number} {kind}" for kind, number in outcomes.most_common())
    return f"{file} ({version}): {len(cases)} answers, {len(differences)} different ({detail})", differences


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--messages", type=int, default=4000, help="per vocabulary, each as four answers")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tool = (options.build / "tramontane-chat-pieces").resolve()
    started = time.monotonic()
    wrong = 0
    with ProcessPoolExecutor(2) as pool:
        for report in [pool.submit(check, tool, file, version, options.messages, options.seed + i) for i, (file, version) in enumerate(FILES)]:
            title, differences = report.result()
            print("\n".join([title, *differences[:3]]), flush=True)
            wrong += len(differences)
    print(f"output_oracle: {wrong} differences, {time.monotonic() - started:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
