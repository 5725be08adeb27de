"""`tramontane chat`, piped and in a terminal. stories260k is no chat model; template v1 needs nothing of its vocabulary."""
import json
import os
import pathlib
import re
import unittest

from support import STORIES, TRAMONTANE, CommandTest, run
from terminal import Terminal

CHAT = ("chat", "--model-path", STORIES, "--chat-template", "v1", "--temp", "0")
NO_EOS = ("--logit-bias", "2=-100")


def answers(*options, messages, command=CHAT):
    result = run(*command, "--json", *options, stdin="".join(f"{text}\n" for text in messages).encode())
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


class Piped(CommandTest):
    def test_each_line_is_a_message(self):
        first, second = answers("-m", "20", *NO_EOS, messages=["Tell me about Tom.", "And about Lily?"])
        self.assertEqual(first["completion_tokens"], 20)
        self.assertEqual(first["finish_reason"], "length")
        self.assertEqual(first["message"]["role"], "assistant")
        self.assertGreater(second["prompt_tokens"], first["prompt_tokens"] + 20)

    def test_text_is_the_same_as_in_json(self):
        message = b"Tell me about Tom.\n"
        text = run(*CHAT, "-m", "20", stdin=message)
        self.assertEqual(text.stdout.decode(), answers("-m", "20", messages=["Tell me about Tom."])[0]["message"]["content"] + "\n")

    def test_a_turn_costs_its_new_tokens(self):
        turns = answers("-m", "30", *NO_EOS, messages=["Tell me about Tom.", "And about Lily?", "What did she do?"])
        self.assertEqual(turns[0]["cached_tokens"], 0)
        for before, turn in zip(turns, turns[1:]):
            self.assertGreaterEqual(turn["cached_tokens"], before["prompt_tokens"])
            self.assertLess(turn["cached_tokens"], turn["prompt_tokens"])

    def test_an_answer_that_is_encoded_as_it_was_drawn_is_not_computed_again(self):
        the = json.loads(run("tokenize", "--model-path", STORIES, "--no-bos", "--json", stdin=b"the").stdout)["tokens"]
        self.assertEqual(len(the), 1)
        first, second = answers("-m", "30", "--logit-bias", f"{the[0]}=1000", messages=["Tell me about Tom.", "And Lily?"])
        self.assertEqual(first["message"]["content"], " ".join(["the"] * 30))
        self.assertEqual(second["cached_tokens"], first["prompt_tokens"] + 30 - 1)  # the last one drawn was never computed

    def test_the_cache_changes_no_answer(self):
        messages = ["Tell me about Tom.", "And about Lily?", "What did she do?"]
        turns = answers("-m", "30", *NO_EOS, messages=messages)
        so_far = []
        for message, turn in zip(messages, turns):
            file = self.folder / "so_far.json"
            file.write_text(json.dumps({"messages": so_far}))
            options = ("--load", file) if so_far else ()
            fresh, = answers("-m", "30", *NO_EOS, *options, messages=[message])
            self.assertEqual(fresh["cached_tokens"], 0)
            self.assertEqual(fresh["prompt_tokens"], turn["prompt_tokens"])
            self.assertEqual(fresh["message"], turn["message"])
            so_far += [{"role": "user", "content": message}, turn["message"]]

    def test_a_conversation_that_does_not_fit_is_refused_not_cut(self):
        result = run(*CHAT, "--ctx", "40", "-m", "10", *NO_EOS, stdin=b"Tom\nTom and Lily and Ben and Sue went to the park\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("the context holds 40 (--ctx)", result.stderr.decode())

    def test_goes_on_after_an_empty_answer(self):
        for template in ("v1", "llama2"):
            command = [template if word == "v1" else word for word in CHAT]
            turns = answers("-m", "3", "--logit-bias", "2=1000", messages=["Tom", "Lily", "Ben"], command=command)
            self.assertEqual([turn["message"]["content"] for turn in turns], [""] * 3)
            self.assertLess(turns[0]["prompt_tokens"], turns[2]["prompt_tokens"])

    def test_a_base_model_has_no_template(self):
        result = run("chat", "--model-path", STORIES, stdin=b"Hello\n")
        self.assert_fails(result, 1, "no chat template", "--chat-template")

    def test_a_message_that_is_not_utf8_is_refused_where_it_is_wrong(self):
        result = run(*CHAT, "-m", "3", stdin=b"a\xc3\n")
        self.assert_fails(result, 1, "message: expected UTF-8, found byte 0xc3 at offset 1")

    def test_slashes_are_text_in_a_pipe(self):
        self.assertEqual(len(answers("-m", "3", messages=["/help", "/exit", "a \\"])), 3)


class InATerminal(CommandTest):
    def open(self, *options):
        terminal = Terminal([TRAMONTANE, *CHAT, *map(str, options)], {"HOME": str(self.folder), "NO_COLOR": "1"})
        self.addCleanup(terminal.close)
        terminal.expect("/help lists the commands")
        terminal.expect("> ")
        return terminal

    def ask(self, terminal, text):
        terminal.line(text)
        terminal.expect(text)
        return terminal.expect("\n> ").strip()

    def test_a_conversation(self):
        terminal = self.open("-m", "20", *NO_EOS)
        first = self.ask(terminal, "Tell me about Tom.")
        expected = answers("-m", "20", *NO_EOS, messages=["Tell me about Tom."])[0]["message"]["content"]
        self.assertTrue(first.startswith(expected.strip()), first)
        self.assertIn("--max-tokens", first)
        stats = self.ask(terminal, "/stats")
        self.assertIn("20 tokens", stats)
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)

    def test_save_reset_load_regenerate(self):
        terminal = self.open("-m", "20", *NO_EOS)
        file = self.folder / "chat.json"
        self.ask(terminal, "/system Be brief.")
        answer = self.ask(terminal, "Tell me about Tom.")
        self.assertIn("3 messages", self.ask(terminal, f"/save {file}"))
        saved = json.loads(file.read_text())["messages"]
        self.assertEqual([message["role"] for message in saved], ["system", "user", "assistant"])
        self.ask(terminal, "/reset")
        self.assertIn("no message", self.ask(terminal, "/regenerate"))
        self.assertIn("Be brief.", self.ask(terminal, "/system"))
        self.ask(terminal, f"/load {file}")
        self.assertEqual(self.ask(terminal, "/regenerate"), answer)
        self.assertIn("0 turns", self.ask(terminal, "/drop"))
        terminal.line("/exit")
        self.assertEqual(terminal.wait(), 0)

    def test_what_is_saved_is_what_was_loaded(self):
        think = {"type": "thinking", "thinking": "hm", "closed": False}
        text = {"type": "text", "text": "a"}
        messages = [
            {"role": "user", "content": [text, text]},
            {"role": "assistant", "content": [text, think]},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": "c", "reasoning": "d", "prefix": True},
        ]
        parameters = '{"z": 123456789012345678901234567890, "default": NaN, "a": 1e+16}'
        tools = '[{"type": "function", "function": {"name": "f", "description": "g", "parameters": %s}}]' % parameters
        schema = {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}}
        first, second = self.folder / "first.json", self.folder / "second.json"
        first.write_text('{"messages": %s, "tools": %s, "reasoning_effort": "high", "response_format": %s}' % (
            json.dumps(messages), tools, json.dumps(schema)))
        terminal = self.open("-m", "3")
        self.assertIn("4 messages", self.ask(terminal, f"/load {first}"))
        self.assertIn("4 messages", self.ask(terminal, f"/save {second}"))
        saved = second.read_text()
        self.assertIn(f'"parameters": {parameters}', saved)
        self.assertEqual({**json.loads(saved), "tools": 0}, {**json.loads(first.read_text()), "tools": 0})

    def test_a_file_that_is_no_conversation_is_named(self):
        file = self.folder / "bad.json"
        file.write_bytes(b"\xff")
        terminal = self.open("-m", "3")
        self.assertIn(f"{file}: expected UTF-8", self.ask(terminal, f"/load {file}"))
        file.write_text('{"messages": [')
        self.assert_fails(run(*CHAT, "--load", file, stdin=b"Hello\n"), 1, str(file), "syntax error")

    def test_save_replaces_plain_files_only(self):
        terminal = self.open("-m", "3")
        target, link, pipe = (self.folder / name for name in ("target.json", "link.json", "pipe"))
        target.write_text("old")
        link.symlink_to(target)
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.assertIn("0 messages", self.ask(terminal, f"/save {link}"))
        self.assertTrue(link.is_symlink())
        self.assertEqual(json.loads(target.read_text()), {"messages": []})
        self.assertIn("0 messages", self.ask(terminal, f"/save {pipe}"))
        self.assertEqual(json.loads(os.read(reader, 1000)), {"messages": []})
        (self.folder / "folder").mkdir()
        self.assertIn("directory", self.ask(terminal, f"/save {self.folder}/folder"))
        self.assertEqual(sorted(self.folder.glob("*.partial")), [])

    def test_ctrl_c_stops_the_answer_and_keeps_the_conversation(self):
        terminal = self.open("-m", "100000", "--ctx", "200000", *NO_EOS)
        begins = answers("-m", "20", *NO_EOS, messages=["Tell me about Tom."])[0]["message"]["content"]
        terminal.line("Tell me about Tom.")
        terminal.expect(begins)
        terminal.type("\x03")
        terminal.expect("[stopped]")
        terminal.expect("> ")
        file = self.folder / "chat.json"
        self.assertIn("2 messages", self.ask(terminal, f"/save {file}"))
        self.assertGreater(len(json.loads(file.read_text())["messages"][1]["content"]), 0)

    def test_ctrl_c_at_the_prompt_clears_the_line(self):
        terminal = self.open("-m", "3")
        terminal.type("half a messa")
        terminal.expect("messa")
        terminal.type("\x03")
        terminal.expect("> ")
        self.assertIn("no answer yet", self.ask(terminal, "/stats"))

    def test_ctrl_c_is_seen_at_every_moment(self):
        terminal = self.open("-m", "3")
        for _ in range(30):
            terminal.type("\x03")
            terminal.expect("\n> ")
        self.assertIn("no answer yet", self.ask(terminal, "/stats"))

    def test_messages_of_several_lines_and_history(self):
        terminal = self.open("-m", "3", *NO_EOS)
        terminal.line("one \\")
        terminal.expect("... ")
        terminal.line("two")
        terminal.expect("> ")
        terminal.line('"""three')
        terminal.expect("... ")
        terminal.line('four"""')
        terminal.expect("> ")
        terminal.line("five")
        terminal.expect("> ")
        terminal.type("\x1b[A\n")  # the last one again
        terminal.expect("five")
        terminal.expect("> ")
        file = self.folder / "chat.json"
        self.ask(terminal, f"/save {file}")
        users = [m["content"] for m in json.loads(file.read_text())["messages"] if m["role"] == "user"]
        self.assertEqual(users, ["one \ntwo", "three\nfour", "five", "five"])
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)
        self.assertIn("five", (self.folder / ".local/state/tramontane/chat_history").read_text())

    def test_a_full_context_is_said_and_room_is_offered(self):
        terminal = self.open("-m", "20", "--ctx", "65", *NO_EOS)
        self.ask(terminal, "Tell me about Tom.")
        terminal.line("Tell me about Lily and the dog.")
        terminal.expect("The context is full")
        terminal.expect("[y/N] ")
        terminal.line("n")
        terminal.expect("Nothing was sent")
        terminal.expect("> ")
        terminal.line("Tell me about Lily and the dog.")
        terminal.expect("[y/N] ")
        terminal.line("y")
        terminal.expect("> ")
        file = self.folder / "chat.json"
        self.ask(terminal, f"/save {file}")
        self.assertEqual([m["role"] for m in json.loads(file.read_text())["messages"]], ["user", "assistant"])

    def test_an_answer_that_cannot_be_given_again_stays(self):
        file, after = self.folder / "long.json", self.folder / "after.json"
        talk = [{"role": role, "content": "Tom and Lily went to the park. " * 3} for role in ("user", "assistant")] * 2
        file.write_text(json.dumps(talk))
        terminal = self.open("-m", "20", "--ctx", "100")
        self.ask(terminal, f"/load {file}")
        terminal.line("/regenerate")
        terminal.expect("Drop the 1 oldest of 2 turns")
        terminal.expect("[y/N] ")
        terminal.line("n")
        terminal.expect("\n> ")
        self.ask(terminal, f"/save {after}")
        self.assertEqual(json.loads(after.read_text())["messages"], talk)

    def test_no_more_is_dropped_than_makes_a_quarter_of_room(self):
        file = self.folder / "many.json"
        file.write_text(json.dumps([{"role": role, "content": "Tom and Lily"} for role in ("user", "assistant")] * 30))
        terminal = self.open("-m", "3", "--ctx", "400")
        self.ask(terminal, f"/load {file}")
        terminal.line("Tom and Lily")
        question = terminal.expect("[y/N] ")
        whole, dropped, turns, left = map(int, re.search(
            r"has (\d+) tokens, .*\n?Drop the (\d+) oldest of (\d+) turns, which leaves (\d+) tokens", question).groups())
        self.assertEqual(turns, 31)
        self.assertGreater(whole, 400)
        self.assertLess(left, 300)
        self.assertGreaterEqual(left + (whole - left) / dropped, 300)
        terminal.line("y")
        terminal.expect("\n> ")
        self.ask(terminal, f"/save {file}")
        self.assertEqual(len(json.loads(file.read_text())["messages"]), 2 * (31 - dropped))

    def test_messages_are_utf8_whatever_the_locale(self):
        terminal = Terminal([TRAMONTANE, *CHAT, "-m", "3"], {"HOME": str(self.folder), "NO_COLOR": "1", "LC_ALL": "C"})
        self.addCleanup(terminal.close)
        terminal.expect("> ")
        self.ask(terminal, "é漢👩")
        self.ask(terminal, f"/save {self.folder}/chat.json")
        self.assertEqual(json.loads((self.folder / "chat.json").read_text())["messages"][0]["content"], "é漢👩")

    def test_unknown_commands_say_so(self):
        terminal = self.open()
        self.assertIn("'nonsense': expected a command of /help", self.ask(terminal, "/nonsense"))
        self.assertIn("/regenerate", self.ask(terminal, "/help"))


if __name__ == "__main__":
    unittest.main()
