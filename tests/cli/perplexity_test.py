"""`tramontane perplexity`, as a user runs it."""
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import unittest
import zipfile

from support import STORIES, TRAMONTANE, CommandTest, run, wait_until_caught

TEXT = "Once upon a time, there was a little girl named Lily. She loved to play outside.\n"


def perplexity(*args, **kwargs):
    return run("perplexity", "--model-path", STORIES, *args, **kwargs)


class PerplexityTest(CommandTest):
    def write(self, text, name="text.txt"):
        file = self.folder / name
        file.write_text(text)
        return file

    def test_prints_perplexity_and_bits_per_byte(self):
        result = perplexity("--file", self.write(TEXT * 8), "--ctx", 64)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout.decode(),
                         r"^tokens       \d+ \(648 bytes\), in \d+ windows of 64 with 32 new ones each\n"
                         r"perplexity   \d+\.\d{4} \+- \d+\.\d{4} per token\n"
                         r"bits/byte    \d+\.\d{4} \+- \d+\.\d{4}\n$")
        self.assertRegex(result.stderr.decode(), r"Loading model from .*\nTokens per second: [\d.]+\n$")

    def test_json_is_one_object_for_programs(self):
        result = perplexity("-f", self.write(TEXT * 8), "--ctx", 48, "--stride", 24, "--json")
        answer = json.loads(result.stdout)
        self.assertEqual((answer["window"], answer["stride"], answer["bytes"]), (48, 24, 648))
        self.assertAlmostEqual(answer["nats_per_token"], answer["nats"] / answer["tokens"], places=9)
        self.assertEqual(answer["windows"], 1 + -(-(answer["tokens"] - 47) // 24))

    def test_reads_standard_input(self):
        by_file = json.loads(perplexity("-f", self.write(TEXT), "--json").stdout)
        by_pipe = json.loads(perplexity("-f", "-", "--json", stdin=TEXT.encode()).stdout)
        self.assertEqual(by_file["nats"], by_pipe["nats"])
        self.assertEqual(by_file["bytes"], by_pipe["bytes"])

    def test_a_familiar_text_is_likelier_than_its_words_in_reverse(self):
        def bits(text):
            return json.loads(perplexity("-f", "-", "--json", stdin=text.encode()).stdout)["bits_per_byte"]
        self.assertLess(bits(TEXT), 0.7 * bits(" ".join(TEXT.split()[::-1])))

    def test_tells_the_divergence_from_a_reference(self):
        file = self.write(TEXT * 4)
        answer = json.loads(perplexity("-f", file, "--sliding-window", 4, "--reference", STORIES, "--json").stdout)
        self.assertEqual(answer["reference"]["divergence_per_token"], 0)  # the override is for both
        self.assertEqual(answer["reference"]["same_best"], 1)
        self.assertEqual(answer["reference"]["nats_per_token"], answer["nats_per_token"])
        text = perplexity("-f", file, "--reference", STORIES).stdout.decode()
        self.assertRegex(text.splitlines()[-1], r"^reference    perplexity [\d.]+, divergence [\d.e+-]+ nats per token, ")
        self.assert_fails(perplexity("-f", file, "--reference", self.folder), 1, self.folder)

    def test_bad_input_is_one_line(self):
        file = self.write(TEXT)
        self.assert_fails(perplexity("-f", self.folder / "none.txt"), 1, self.folder / "none.txt")
        self.assert_fails(perplexity("-f", self.folder), 1, self.folder)
        self.assert_fails(perplexity("-f", self.write("", "empty.txt")), 1, "empty.txt", "found none")
        bad = self.folder / "latin1.txt"
        bad.write_bytes(b"caf\xe9")
        self.assert_fails(perplexity("-f", bad), 1, "UTF-8", "3")
        self.assert_fails(perplexity("-f", file, "--ctx", 64, "--stride", 64), 1, "stride", "64")
        self.assert_fails(perplexity("-f", file, "--ctx", 1), 2, "--ctx")
        self.assert_fails(perplexity(), 2, "--file")

    def test_logits_that_are_not_finite_are_an_error(self):
        broken = self.folder / "broken"
        shutil.copytree(STORIES, broken)
        with zipfile.ZipFile(pathlib.Path(STORIES) / "weights.npz") as good, \
                zipfile.ZipFile(broken / "weights.npz", "w") as bad:
            for name in good.namelist():
                data = good.read(name)
                if name == "norm.weight.npy":
                    data = data[:128] + b"\xff\xff\x7f\x7f" * (len(data) // 4 - 32)  # the greatest float32
                bad.writestr(name, data)
        file = self.write(TEXT)
        self.assert_fails(run("perplexity", "--model-path", broken, "-f", file), 1, "logits", "finite")
        self.assert_fails(perplexity("-f", file, "--reference", broken), 1, "reference", "finite")

    def test_a_terminal_sees_a_progress_bar(self):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([TRAMONTANE, "perplexity", "--model-path", STORIES, "-f", str(self.write(TEXT * 50)), "--ctx", "64"],
                                   stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            shown += part
        os.close(ours)
        self.assertEqual(process.wait(timeout=60), 0)
        self.assertRegex(shown, rb"Perplexity \[#+ *\] \d+/\d+ tokens, [\d.]+ so far")

    def test_ctrl_c_tells_how_far_it_came(self):
        process = subprocess.Popen([TRAMONTANE, "perplexity", "--model-path", STORIES, "-f",
                                    str(self.write(TEXT * 10000)), "--ctx", "512", "--stride", "1"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_until_caught(process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual((process.returncode, stdout), (130, b""))
        self.assertRegex(stderr.decode(), r"Interrupted(: perplexity [\d.]+ over the first \d+ tokens| in the first window)")


if __name__ == "__main__":
    unittest.main()
