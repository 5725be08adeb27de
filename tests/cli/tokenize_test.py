"""`tramontane tokenize`, as a user runs it."""
import json
import os
import pathlib
import shutil
import subprocess

from support import STORIES, TRAMONTANE, CommandTest, run

TESTS = pathlib.Path(__file__).parent.parent
INSTRUCT = TESTS / "data/tokenizers/instruct.model"  # a vocabulary of v7
GOLDEN = json.loads((TESTS / "golden/chat.json").read_text())  # what mistral-common makes of conversations with it

TEXT = "Once upon a  time\n\u96ea \U0001f600 <s>\x00\t"


def tokenize(*args, **kwargs):
    return run("tokenize", "--model-path", STORIES, *args, **kwargs)


def instruct(*args, **kwargs):
    return run("tokenize", "--model-path", INSTRUCT, *args, **kwargs)


class TokenizeTest(CommandTest):
    def test_prints_ids_and_pieces(self):
        result = tokenize(stdin="Once upon a time\n雪".encode())
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        self.assertEqual(result.stdout.decode().splitlines(),
                         ["1\t<s>", "403\t▁Once", "407\t▁upon", "261\t▁a", "378\t▁time", "13\t<0x0A>", "236\t<0xE9>", "158\t<0x9B>", "173\t<0xAA>"])

    def test_the_text_comes_from_anywhere(self):
        file = self.folder / "text"
        file.write_text(TEXT)
        expected = tokenize(stdin=TEXT.encode()).stdout
        self.assertEqual(tokenize("--file", file).stdout, expected)
        self.assertEqual(tokenize("--text", TEXT.replace("\x00", "")).stdout, tokenize(stdin=TEXT.replace("\x00", "").encode()).stdout)

    def test_only_the_tokenizer_is_needed(self):
        shutil.copy(STORIES + "/tokenizer.model", self.folder)
        expected = tokenize("--text", "a").stdout
        self.assertEqual(run("tokenize", "--model-path", self.folder, "--text", "a").stdout, expected)
        self.assertEqual(run("tokenize", "--model-path", self.folder / "tokenizer.model", "--text", "a").stdout, expected)

    def test_decodes_what_it_encoded(self):
        for text in [TEXT, "", " ", "  two", "a", "\n"]:
            for bos in [(), ("--no-bos",)]:
                ids = tokenize(*bos, "--ids", stdin=text.encode())
                self.assertEqual(tokenize("--decode", stdin=ids.stdout).stdout.decode(), text)
        self.assertEqual(tokenize("--decode", "--text", "[1, 403,407\n261]").stdout, b"Once upon a")

    def test_json_is_the_same_both_ways(self):
        encoded = json.loads(tokenize("--json", stdin=TEXT.encode()).stdout)
        self.assertEqual(encoded["text"], TEXT)
        self.assertEqual(encoded["tokens"][:2], [1, 403])
        self.assertEqual(encoded["pieces"][:2], ["<s>", "▁Once"])
        self.assertEqual(len(encoded["tokens"]), len(encoded["pieces"]))
        self.assertEqual(json.loads(tokenize("--json", "--decode", stdin=json.dumps(encoded["tokens"]).encode()).stdout), encoded)
        self.assertEqual(json.loads(tokenize("--json", "--no-bos", stdin=TEXT.encode()).stdout)["tokens"], encoded["tokens"][1:])

    def test_a_reader_may_leave(self):
        process = subprocess.Popen([TRAMONTANE, "tokenize", "--model-path", STORIES], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        process.stdin.write(b"a" * 100000)
        process.stdin.close()
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_refusals(self):
        for text, offset in [(b"a\xff", 1), (b"\xed\xa0\x80", 0), (b"ab\xc3", 2)]:  # what Python's strict decoding refuses, too
            self.assert_fails(tokenize(stdin=text), 1, "prompt: expected UTF-8", f"offset {offset}")
        self.assert_fails(tokenize("--text", os.fsdecode(b"a\xff")), 1, "prompt: expected UTF-8", "offset 1")
        self.assert_fails(tokenize("--decode", "--text", "1 512"), 1, "token: expected an id from 0 to 511, found 512")
        for word in ["x", "1.5", "0x1", "99999999999", "1;2", "-"]:
            self.assert_fails(tokenize("--decode", "--text", "1 " + word), 1, "tokens: expected ids", word)
        self.assert_fails(run("tokenize", "--model-path", self.folder, "--text", "a"), 1, self.folder, "tokenizer.model")
        self.assert_fails(run("tokenize", "--model-path", self.folder / "none", "--text", "a"), 1, self.folder / "none")
        self.assert_fails(tokenize("--file", self.folder / "none"), 1, "none", "No such file")
        for both in [("--decode", "--ids"), ("--decode", "--no-bos"), ("--json", "--ids"), ("--text", "a", "--file", "b")]:
            self.assert_fails(tokenize(*both), 2, both[0])

    def test_help_names_every_option(self):
        text = run("tokenize", "--help").stdout.decode()
        for option in ["--text", "--file", "--chat", "--chat-template", "--suffix", "--decode", "--no-bos", "--ids", "--json"]:
            self.assertIn(option, text)


class ConversationsTest(CommandTest):
    def test_are_written_as_mistral_common_does(self):
        cases = {case["template"]: case for case in GOLDEN["ids"]}
        self.assertEqual(sorted(cases), ["v2", "v3", "v7"])
        for name, case in cases.items():
            result = instruct("--chat", "--chat-template", name, "--ids", stdin=case["conversation"].encode())
            self.assertEqual(result.stdout.decode(), " ".join(map(str, case["ids"])) + "\n", result.stderr)

    def test_the_template_is_the_models(self):
        case = next(case for case in GOLDEN["ids"] if case["template"] == "v7")
        (self.folder / "chat.json").write_text(case["conversation"])
        result = json.loads(instruct("--chat", "--json", "--file", self.folder / "chat.json").stdout)
        self.assertEqual(sorted(result), ["model", "pieces", "tokens"])
        self.assertEqual(result["tokens"], case["ids"])
        self.assertEqual(result["pieces"][0], "<s>")

    def test_a_vocabulary_without_control_tokens_beside_a_template_of_mistrals_is_v1(self):
        shutil.copy(STORIES + "/tokenizer.model", self.folder)
        chat = json.dumps([{"role": "user", "content": "a"}])
        inst = "{{ bos_token }}{% for message in messages %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endfor %}"
        (self.folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": inst}))
        found = run("tokenize", "--model-path", self.folder, "--chat", "--text", chat)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual(found.stdout, tokenize("--chat", "--chat-template", "v1", "--text", chat).stdout)

    def test_a_list_of_messages_and_tools_are_read(self):
        messages = [{"role": "user", "content": "a [/INST]"}]
        tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
        lines = instruct("--chat", "--text", json.dumps(messages)).stdout.decode().splitlines()
        self.assertEqual((lines[0], lines[1], lines[-1]), ("1\t<s>", "3\t[INST]", "4\t[/INST]"))
        self.assertEqual(len([line for line in lines if line.endswith("[/INST]")]), 1)
        lines = instruct("--chat", "--text", json.dumps({"messages": messages, "tools": [tool]})).stdout.decode().splitlines()
        self.assertIn("6\t[AVAILABLE_TOOLS]", lines)

    def test_infilling_is_as_mistral_commons(self):
        for case in GOLDEN["infill"]:
            result = instruct("--suffix", case["suffix"], "--ids", stdin=case["prefix"].encode())
            self.assertEqual(result.stdout.decode(), " ".join(map(str, case["ids"])) + "\n", result.stderr)

    def test_refusals(self):
        chat = [{"role": "user", "content": "a"}]
        self.assert_fails(instruct("--chat", stdin=b"{"), 1, "expected a conversation as JSON, found a syntax error")
        self.assert_fails(instruct("--chat", stdin=b'[{"role": "user", "content": "\xff"}]'), 1, "UTF-8")
        self.assert_fails(instruct("--chat", stdin=b'[{"role": "robot", "content": "a"}]'), 1, "messages[0].role: expected", "'robot'")
        self.assert_fails(instruct("--chat", "--text", json.dumps(chat + [{"role": "assistant", "content": "b"}])), 1, "last")
        self.assert_fails(tokenize("--chat", "--text", json.dumps(chat)), 1, STORIES, "--chat-template")
        self.assert_fails(tokenize("--chat", "--chat-template", "v7", "--text", json.dumps(chat)), 1, "'[INST]'")
        self.assert_fails(instruct("--chat", "--chat-template", "v5", "--text", json.dumps(chat)), 2, "--chat-template")
        self.assert_fails(instruct("--chat-template", "v7", "--text", "a"), 2, "--chat-template requires --chat")
        self.assert_fails(tokenize("--suffix", "b", "--text", "a"), 1, "[SUFFIX]")
        for both in [("--chat", "--decode"), ("--chat", "--no-bos"), ("--suffix", "a", "--chat"), ("--suffix", "a", "--decode"),
                     ("--suffix", "a", "--no-bos")]:
            self.assert_fails(instruct(*both), 2, "excludes")
