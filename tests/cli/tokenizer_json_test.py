"""A model whose folder has a Hugging Face tokenizer.json, instead of tokenizer.model and beside it."""
import json
import os
import shutil

from support import STORIES, CommandTest, run

TEXT = "Once upon a  time\n\u96ea \U0001f600 <s>\x00\t Lily's"


def stories_as_tokenizer_json():
    """The vocabulary of the stories' tokenizer.model, of which the pieces that come first are merged first."""
    ids = " ".join(map(str, range(512)))
    pieces = json.loads(run("tokenize", "--model-path", STORIES, "--decode", "--json", "--text", ids).stdout)["pieces"]
    vocab = {piece: id for id, piece in enumerate(pieces)}
    merges = []
    for piece in pieces[259:]:
        ways = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in vocab and piece[i:] in vocab]
        merges += sorted(ways, key=lambda way: (vocab[way[0]], vocab[way[1]]))
    special = {"special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    replace = [{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}, {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}]
    return {"version": "1.0", "truncation": None, "padding": None, "post_processor": None, "pre_tokenizer": None,
            "added_tokens": [{"id": id, "content": pieces[id], **special} for id in range(3)],
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace[0]]},
            "decoder": {"type": "Sequence", "decoders": [replace[1], {"type": "ByteFallback"}, {"type": "Fuse"},
                                                         {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "vocab": vocab, "merges": merges}}


class TokenizerJsonTest(CommandTest):
    def setUp(self):
        super().setUp()
        self.model = self.folder / "model"
        shutil.copytree(STORIES, self.model)
        self.write(stories_as_tokenizer_json())

    def write(self, contents):
        (self.model / "tokenizer.json").write_text(json.dumps(contents))

    def output(self, *args, **kwargs):
        result = run(*args, **kwargs)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.decode()

    def test_does_all_that_tokenizer_model_does(self):
        os.remove(self.model / "tokenizer.model")
        for args in [("tokenize", "--no-bos"), ("tokenize",), ("generate", "--prompt", "Once upon a", "--temp", 0, "-m", 30, "--seed", 1)]:
            stdin = TEXT.encode() if args[0] == "tokenize" else b""
            self.assertEqual(self.output(args[0], "--model-path", self.model, *args[1:], stdin=stdin),
                             self.output(args[0], "--model-path", STORIES, *args[1:], stdin=stdin))
        self.assertIn("Hugging Face BPE, 512 pieces, BOS 1, EOS 2", self.output("inspect", self.model))
        ids = self.output("tokenize", "--model-path", self.model, "--ids", stdin=TEXT.encode())
        self.assertEqual(self.output("tokenize", "--model-path", self.model, "--decode", stdin=ids.encode()), TEXT)

    def test_beside_another_file_it_only_has_to_agree(self):
        self.assertEqual(json.loads(self.output("inspect", self.model, "--json"))["warnings"], [])
        self.assertEqual(run("tokenize", "--model-path", self.model, "--text", "a").stderr, b"")
        other = stories_as_tokenizer_json()
        other["model"]["vocab"].update({"<s>": 2, "</s>": 1})
        other["added_tokens"] = []
        self.write(other)
        words = "expected the vocabulary of tokenizer.model, which is used, found 2 other pieces, the first '</s>' instead of '<s>' for id 1"
        warnings = json.loads(self.output("inspect", self.model, "--json"))["warnings"]
        self.assertEqual(warnings, [f"{self.model / 'tokenizer.json'}: {words}"])
        for args in [("tokenize", "--text", "a"), ("generate", "-m", 1)]:
            stderr = run(args[0], "--model-path", self.model, *args[1:]).stderr.decode()
            self.assertEqual(stderr.count(f"[WARNING] {warnings[0]}\n"), 1, stderr)

    def test_what_cannot_be_followed_is_refused_by_name(self):
        os.remove(self.model / "tokenizer.model")
        file = stories_as_tokenizer_json()
        file["normalizer"] = {"type": "NFKC"}
        self.write(file)
        self.assert_fails(run("tokenize", "--model-path", self.model, "--text", "a"), 1, "tokenizer.json: key 'normalizer.type'",
                          "expected 'Prepend' or 'Replace'", "found 'NFKC'")


if __name__ == "__main__":
    import unittest
    unittest.main()
