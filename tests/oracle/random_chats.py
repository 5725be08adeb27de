"""Random conversations in OpenAI's format, most of them valid: every role, tools, settings, and texts that look for trouble."""
import json
import random

TEXTS = ["", " ", "  ", "\n", "\t ", "Hi", "Hello, world!", " leading", "trailing  ", "two\n\nlines", "[INST] hi [/INST]", "</s>",
         "<s>[INST]", "[TOOL_CALLS][{\"name\"", "[THINK]no[/THINK]", "[SYSTEM_PROMPT]x[/SYSTEM_PROMPT]", "<unk>", "\u2581under",
         "naïve café", "日本語のテキスト", "👩‍👩‍👧‍👦 🏳️‍🌈", "e\u0301\u0323", "مرحبا", "שלום", "नमस्ते", "\u200b\ufeff", "\x00\x01\x7f",
         "\u2028\u2029", "tab\there", "quote\" and \\ slash /", "1234567890", "x" * 300, "word " * 200, "\r\n", "\U0010ffff",
         "def f(x):\n    return x ** 2\n", "   " * 20, "{}", "[]", "null", "[1, 2.50, 1e5]", "{\"a\": 1, \"a\": 2}"]
NUMBERS = ["0", "-0", "1", "-17", "123456789012345678901234567890", "0.1", "-0.0", "1.0", "2.50", "1e5", "1E-7", "1e16", "123456789.125e10",
           "1e22", "5e-324", "1e400", "-1e400", "1e-400", "NaN", "Infinity", "-Infinity", "0.0001", "0.00001", "9007199254740993.0",
           "1.7976931348623157e308", "100000000000000000.0", "9999999999999998.0", "3.14159265358979", "0e10", "10000000000000000"]
BROKEN = ["{", "{\"a\" 1}", "[1,]", "01", "1.", ".5", "+1", "'x'", "nul", "\"open", "{\"a\": 1} x", "\"\\x\"", "\"tab\there\"",
          "\ufeff{}", "-", "1e", "[1 2]", "{1: 2}", "{,}", "\u00a0{}", "tru", "-NaN", "\"\\u12g4\""]
SCHEMAS = [{}, {"type": "object", "properties": {}}, {"type": "strin"}, {"type": ["string", "null"]}, {"type": []},
           {"type": ["string", "string"]}, {"required": ["a", "a"]}, {"required": "a"}, {"minLength": -1}, {"minLength": 2.0},
           {"minLength": 1.5}, {"maxItems": True}, {"multipleOf": 0}, {"multipleOf": 0.5}, {"items": [True, {}]}, {"items": []},
           {"items": {"type": "nope"}}, {"properties": {"a": {"type": 3}}}, {"properties": {"a": False}}, {"properties": []},
           {"enum": [1, None, "x"]}, {"enum": 3}, {"anyOf": []}, {"anyOf": [{}]}, {"not": {"type": "x"}}, {"dependencies": {"a": ["b"]}},
           {"dependencies": {"a": ["b", "b"]}}, {"dependencies": {"a": {"type": "q"}}}, {"default": None, "const": {"type": "zzz"}},
           {"$ref": "#/definitions/a", "definitions": {"a": {"type": "integer"}}}, {"$schema": 3}, {"format": 3}, {"title": None},
           {"exclusiveMinimum": True}, {"minimum": 10 ** 30}, {"patternProperties": {"a": {"type": "object"}}}, {"readOnly": "yes"},
           {"if": {"type": "null"}, "then": 3}, {"additionalProperties": False}, {"contains": 1}, {"examples": {}}, {"maximum": 1e300}]
NAMES = ["get_weather", "f", "a-b_C9", "x" * 64, "x" * 65, "", "bad name", "line\n", "naïve", "a.b"]
EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Chats:
    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def text(self) -> str:
        pick = self.random.random()
        if pick < 0.05:
            return ""
        if pick < 0.6:
            return self.random.choice(TEXTS)
        if pick < 0.8:
            return "".join(self.random.choice(TEXTS) for _ in range(self.random.randint(2, 5)))
        alphabet = self.random.choice([range(32, 127), range(0x20, 0x250), range(0x370, 0x600), range(0x4e00, 0x4f00), range(0x1f300, 0x1f650)])
        return "".join(chr(self.random.choice(alphabet)) for _ in range(self.random.randint(1, 40)))

    def json_text(self, depth: int = 0) -> str:
        """JSON as someone may write it: spaces, escapes, numbers of every form."""
        space = self.random.choice(["", "", " ", "\n  "])
        pick = self.random.random() * (1 if depth < 3 else 0.6)
        if pick < 0.25:
            return space + self.random.choice(NUMBERS)
        if pick < 0.5:
            return space + json.dumps(self.text(), ensure_ascii=self.chance(0.5))
        if pick < 0.6:
            return space + self.random.choice(["null", "true", "false"])
        inner = [self.json_text(depth + 1) for _ in range(self.random.randint(0, 3))]
        if pick < 0.75:
            return f"{space}[{','.join(inner)}{space}]"
        keys = [json.dumps(self.random.choice(["a", "b", "location", "ü", "a b", "", "\n"])) for _ in inner]
        return space + "{" + ",".join(f"{key}{space}:{value}" for key, value in zip(keys, inner)) + space + "}"

    def arguments(self):
        pick = self.random.random()
        if pick < 0.5:
            return "{" + ", ".join(f"{json.dumps(key)}: {self.json_text(1)}" for key in "ab"[:self.random.randint(0, 2)]) + "}"
        if pick < 0.65:
            return self.json_text()
        if pick < 0.75:
            return self.random.choice(BROKEN)
        if pick < 0.85:
            return self.text()
        return self.random.choice([None, {}, {"x": 1.5, "ü": [None, True]}, {"nested": {"deep": [1e20, -0.0]}}, ""])

    def call_id(self) -> str:
        return "".join(self.random.choices(LETTERS, k=9))

    def part(self, role: str) -> dict:
        if role in ("assistant", "system") and self.chance(0.25):
            part = {"type": "thinking", "thinking": self.text()}
            if self.chance(0.4):
                part["closed"] = self.chance(0.5)
            return part
        return {"type": "text", "text": self.text()}

    def content(self, role: str, texts_only: bool = False):
        if self.chance(0.75):
            return self.text()
        parts = [self.part("user" if texts_only else role) for _ in range(self.random.randint(0, 4))]
        return parts

    def function(self) -> dict:
        name = self.random.choice(NAMES[:4]) if self.chance(0.97) else self.random.choice(NAMES)
        function = {"name": name}
        if self.chance(0.8):
            function["description"] = self.text() if self.chance(0.9) else None
        pick = self.random.random()
        if pick < 0.6:
            function["parameters"] = {"type": "object", "properties": {"a": {"type": "string", "description": self.text()}, "n": {"minimum": 0.5}},
                                      "required": ["a"]}
        elif pick < 0.8:
            function["parameters"] = self.random.choice(SCHEMAS)
        elif pick < 0.9:
            function["parameters"] = None
        if self.chance(0.2):
            function["strict"] = self.chance(0.5)
        return function

    def calls(self, count: int) -> list:
        calls = []
        for _ in range(count):
            call = {"id": self.call_id(), "type": "function", "function": {"name": self.random.choice(NAMES[:4]), "arguments": self.arguments()}}
            if self.chance(0.2):
                del call["type"]
            calls.append(call)
        return calls

    def messages(self, version: str) -> list:
        out = []
        for _ in range(self.random.choice([0, 0, 1, 1, 1, 2])):
            out.append({"role": self.random.choice(["system", "system", "developer"]), "content": self.content("system", version != "v13")})
        for _ in range(self.random.randint(1, 4)):
            for _ in range(self.random.choice([1, 1, 1, 2])):
                out.append({"role": "user", "content": self.content("user")})
            if self.chance(0.05) and version not in ("v1", "v2"):
                out.append({"role": "system", "content": self.content("system", True)})
                out.append({"role": "user", "content": self.content("user")})
            while self.chance(0.3 if version != "v1" else 0.03):
                self.add_calls(out, version)
            for _ in range(self.random.choice([1, 1, 1, 2])):
                out.append(self.answer(version))
        self.end(out, version)
        return out

    def add_calls(self, out: list, version: str) -> None:
        calls = self.calls(self.random.choice([1, 1, 2, 3]) if version != "v2" else 1)
        message = {"role": "assistant", "tool_calls": calls}
        if self.chance(0.3):
            message["content"] = None if self.chance(0.5) else ""
        elif version in ("v7", "v11", "v13", "v15") and self.chance(0.4):
            message["content"] = self.content("assistant", version == "v7")
        out.append(message)
        order = calls[:]
        if self.chance(0.5):
            self.random.shuffle(order)
        for call in order:
            result = {"role": "tool", "tool_call_id": call["id"], "content": self.arguments() if self.chance(0.6) else self.content("tool")}
            if not isinstance(result["content"], (str, list)):
                result["content"] = "{}"
            if self.chance(0.5):
                result["name"] = call["function"]["name"]
            out.append(result)

    def answer(self, version: str) -> dict:
        message = {"role": "assistant", "content": self.content("assistant", version not in ("v11", "v13", "v15"))}
        if self.chance(0.95) and not message["content"]:
            message["content"] = "ok"
        if version in ("v11", "v13", "v15") and self.chance(0.1):
            message[self.random.choice(["reasoning", "reasoning_content"])] = self.text()
        return message

    def end(self, out: list, version: str) -> None:
        pick = self.random.random()
        if pick < 0.7:
            while out and out[-1]["role"] == "assistant":
                out.pop()
        elif pick < 0.97:
            out[-1]["prefix"] = True

    def break_something(self, conversation: dict) -> None:
        """One thing that is perhaps not as it should be."""
        messages = conversation["messages"]
        if not messages:
            return
        at = self.random.randrange(len(messages))
        message = messages[at]
        calls = [call for m in messages for call in m.get("tool_calls") or []]
        choice = self.random.randrange(16)
        if choice == 0:
            messages.pop(at)
        elif choice == 1:
            messages.insert(at, self.random.choice(messages))
        elif choice == 2:
            self.random.shuffle(messages)
        elif choice == 3:
            message["role"] = self.random.choice(["system", "user", "assistant", "tool", "robot", None])
        elif choice == 4:
            message["content"] = self.random.choice([None, "", [], 3, {}, [{"type": "text"}], [{"text": "x"}], [{"type": "what"}], ["x"],
                                                     [{"type": "text", "text": ""}], [{"type": "thinking", "thinking": "hm"}]])
        elif choice == 5:
            message["prefix"] = True
        elif choice == 6:
            del messages[self.random.randint(1, len(messages)):]
        elif choice == 7 and calls:
            self.random.choice(calls)["id"] = self.random.choice(["null", "", "short", "abcdefghi\n", "abcdefgh!", "x" * 20, calls[0].get("id", "null"), None, 5])
        elif choice == 8 and calls:
            self.random.choice(calls).setdefault("function", {})["name"] = self.random.choice(NAMES)
        elif choice == 9 and message.get("role") == "tool":
            message["tool_call_id"] = self.random.choice([None, "", "null", "abcdefghi", "abcdefghi\n", "y"])
        elif choice == 10:
            message["name"] = self.random.choice(NAMES)
        elif choice == 11:
            message["tool_calls"] = self.random.choice([None, [], {}, self.calls(1), [{"id": "abcdefghi"}], [{"function": {"name": "f"}}]])
        elif choice == 12:
            message.pop(self.random.choice(list(message)))
        elif choice == 13:
            conversation["tools"] = self.random.choice([None, [], "x", [3], [{}], [{"type": "x", "function": {"name": "f"}}], [{"function": {}}]])
        elif choice == 14:
            message["reasoning"] = message["reasoning_content"] = "same"
        elif choice == 15:
            conversation["continue_final_message"] = True

    def conversation(self, version: str) -> dict:
        conversation = {"messages": self.messages(version)}
        if self.chance(0.35):
            conversation["tools"] = [{"type": "function", "function": self.function()} for _ in range(self.random.randint(0, 3))]
        if self.chance(0.5 if version == "v15" else 0.02):
            conversation["reasoning_effort"] = self.random.choice(EFFORTS + [None, "vast"])
        if self.chance(0.3 if version == "v15" else 0.02):
            conversation["response_format"] = self.random.choice([
                {"type": "text"}, {"type": "json_object"}, {"type": "json_schema"}, {"type": "xml"},
                {"type": "json_schema", "json_schema": {"name": "s", "schema": self.random.choice(SCHEMAS)}},
                {"type": "json_schema", "json_schema": {"name": "s", "strict": True, "schema": {"b": None, "a": {"type": "null"}}}}])
        for _ in range(self.random.choice([0, 0, 0, 1, 2])):
            self.break_something(conversation)
        return conversation if self.chance(0.97) else conversation["messages"]
