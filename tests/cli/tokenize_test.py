"""`tramontane tokenize`, as a user runs it."""
import json
import shutil
import subprocess

from support import STORIES, TRAMONTANE, CommandTest, run

TEXT = "Once upon a  time\n\u96ea \U0001f600 <s>\x00\t"


def tokenize(*args, **kwargs):
    return run("tokenize", "--model-path", STORIES, *args, **kwargs)


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
        self.assert_fails(tokenize(stdin=b"a\xff"), 1, "prompt: expected UTF-8", "offset 1")
        self.assert_fails(tokenize("--decode", "--text", "1 512"), 1, "token: expected an id from 0 to 511, found 512")
        for word in ["x", "1.5", "0x1", "99999999999", "1;2", "-"]:
            self.assert_fails(tokenize("--decode", "--text", "1 " + word), 1, "tokens: expected ids", word)
        self.assert_fails(run("tokenize", "--model-path", self.folder, "--text", "a"), 1, self.folder, "tokenizer.model")
        self.assert_fails(run("tokenize", "--model-path", self.folder / "none", "--text", "a"), 1, self.folder / "none")
        self.assert_fails(tokenize("--file", self.folder / "none"), 1, "none", "No such file")
        for both in [("--decode", "--ids"), ("--decode", "--no-bos"), ("--json", "--ids"), ("--text", "a", "--file", "b")]:
            self.assert_fails(tokenize(*both), 2, both[0])
