#!/usr/bin/env python3
"""Writes tests/golden/output_parser.json: answers as mistral-common encodes them for every version of its tokenizers, for
tests/chat.

Run in an environment with mistral-common[sentencepiece]==1.13.1: python tests/oracle/make_output_golden.py
"""
import json
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from mistral_common.protocol.instruct.chunk import TextChunk, ThinkChunk
from mistral_common.protocol.instruct.messages import AssistantMessage
from mistral_common.protocol.instruct.tool_calls import FunctionCall, ToolCall
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

DATA = files("mistral_common") / "data"
SENTENCEPIECE = {"v1": "tokenizer.model.v1", "v2": "mistral_instruct_tokenizer_240216.model.v2",
                 "v3": "mistral_instruct_tokenizer_240323.model.v3", "v7": "mistral_instruct_tokenizer_241114.model.v7"}
TEKKEN = "tekken_240911.json"
TEKKEN_VERSIONS = ["v3", "v7", "v11", "v13", "v15"]
TEXTS = ["Hello, world.", "Zażółć 😀\n\n  two spaces, 雪", "[TOOL_CALLS][{\"name\": \"f\"}] [THINK]</s>"]
CALLS = [("get_weather", {"city": "Paris", "days": 3}, "abcDEF123"),
         ("a-b", {"text": "quotes \" \\ 😀 é [ARGS]{}", "deep": [[1.5, None, {"x": [True]}]]}, "000000001"),
         ("nothing", {}, "ZZZZZZZZZ")]


def tekken(number, folder):
    """The published tokenizer with that version and the version's special tokens."""
    text = json.loads((DATA / TEKKEN).read_text())
    text["config"]["version"] = number
    if int(number[1:]) > 7:
        names = [token["token_str"] for token in Tekkenizer.DEPRECATED_SPECIAL_TOKENS] + ["[ARGS]", "[CALL_ID]"]
        if int(number[1:]) >= 13:
            names += ["[THINK]", "[/THINK]", "[MODEL_SETTINGS]", "[/MODEL_SETTINGS]"]
        text["special_tokens"] = [{"rank": i, "token_str": name, "is_control": True} for i, name in enumerate(names)]
    path = Path(folder) / "tekken.json"
    path.write_text(json.dumps(text))
    return MistralTokenizer.from_file(str(path)).instruct_tokenizer


def spelled(tokenizer, token):
    """A control token as {"mark": name}; another as its piece, of tekken in hexadecimal."""
    if isinstance(tokenizer, Tekkenizer):
        if token < tokenizer.num_special_tokens:
            return {"mark": tokenizer.id_to_piece(token)}
        return tokenizer.id_to_byte_piece(token).hex()
    model = tokenizer._model
    return {"mark": model.id_to_piece(token)} if model.is_control(token) else model.id_to_piece(token)


def answers(number):
    """Messages as an encoder of the version takes them."""
    n = int(number[1:])
    calls = [ToolCall(id=id, function=FunctionCall(name=name, arguments=json.dumps(arguments, ensure_ascii=False)))
             for name, arguments, id in CALLS]
    for text in TEXTS:
        yield AssistantMessage(content=text)
    if n >= 2:
        yield AssistantMessage(tool_calls=calls[:1])
        yield AssistantMessage(tool_calls=calls)
    if n >= 7:
        yield AssistantMessage(content=TEXTS[1], tool_calls=calls)
    if n >= 13:
        yield AssistantMessage(content=[ThinkChunk(thinking=TEXTS[1]), TextChunk(text=TEXTS[0])])
        yield AssistantMessage(content=[ThinkChunk(thinking=TEXTS[0])], tool_calls=calls[:2])
        yield AssistantMessage(content=[ThinkChunk(thinking=TEXTS[2], closed=False)])


def golden(instruct, name, number):
    for message in answers(number):
        content = message.content or []
        if isinstance(content, str):
            content = [TextChunk(text=content)]
        yield {
            "tokenizer": name,
            "version": number,
            "tokens": [spelled(instruct.tokenizer, token) for token in instruct.encode_assistant_message(message, False)],
            "content": [{"think": part.thinking, "closed": part.closed} if isinstance(part, ThinkChunk)
                        else {"text": part.text} for part in content],
            "ids_encoded": 3 <= int(number[1:]) < 13,
            "calls": [{"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
                      for call in message.tool_calls or []],
        }


def main():
    cases = []
    for number, file in SENTENCEPIECE.items():
        cases += golden(MistralTokenizer.from_file(str(DATA / file)).instruct_tokenizer, "sentencepiece", number)
    with tempfile.TemporaryDirectory() as folder:
        for number in TEKKEN_VERSIONS:
            cases += golden(tekken(number, folder), "tekken", number)
    provenance = {"script": "tests/oracle/make_output_golden.py", "mistral_common": version("mistral-common")}
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path = Path(__file__).parent.parent / "golden" / "output_parser.json"
    path.write_text(f'{{"provenance": {json.dumps(provenance)},\n"cases": [\n{lines}\n]}}\n')
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
