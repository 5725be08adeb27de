"""`tramontane generate` as a user meets it."""
import json
import os
import pathlib
import pty
import re
import select
import subprocess
import time

from support import STORIES, SYNTHETIC, TRAMONTANE, CommandTest, generate, run

EXPECTED = json.loads((pathlib.Path(STORIES) / "expected.json").read_text())
PROMPT = "Once upon a time"


def story(max_tokens):
    """The greedy continuation of PROMPT, from the program itself (its tokens are checked against expected.json below)."""
    return generate("--prompt", PROMPT, "-m", max_tokens).stdout.decode()


def tokens(*options):
    """The tokens of 60 after PROMPT."""
    result = generate("--prompt", PROMPT, "-m", 60, "--json", "--ignore-eos", *options)
    return json.loads(result.stdout)["tokens"]


def read_terminal(fd, seconds=20):
    """What a program writes to a pseudo-terminal until it closes it."""
    seen = b""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([fd], [], [], 0.1)[0]:
            continue
        try:
            data = os.read(fd, 65536)
        except OSError:  # the other side is gone
            break
        if not data:
            break
        seen += data
    return seen


class GenerateTest(CommandTest):
    def test_prints_the_expected_story_and_nothing_else(self):
        result = generate("--prompt", PROMPT, "-m", 120)
        self.assertEqual(result.returncode, 0)
        expected = next(e for e in EXPECTED if e["prompt"] == PROMPT)
        text = result.stdout.decode()
        self.assertTrue(text.endswith("\n"))
        self.assertTrue(expected["text"].startswith(text[:-1].lstrip(" ")), text)
        self.assertGreater(len(text), 200)

    def test_tokens_are_the_expected_ones(self):
        for expected in EXPECTED:
            result = generate("--prompt", expected["prompt"], "-m", len(expected["greedy_ids"]), "--json")
            answer = json.loads(result.stdout)
            self.assertEqual(answer["prompt_tokens"], expected["prompt_ids"])
            self.assertEqual(answer["tokens"], expected["greedy_ids"])
            self.assertEqual(answer["finish_reason"], "length")

    def test_the_rest_goes_to_stderr(self):
        stderr = generate("--prompt", PROMPT, "-m", 5).stderr.decode()
        lines = stderr.splitlines()
        self.assertEqual(lines[0], f"[INFO] Loading model from {STORIES}.")
        self.assertEqual(lines[1], "[INFO] Starting generation...")
        self.assertIn(PROMPT, stderr)
        self.assertEqual(lines[-2], PROMPT + "------")
        self.assertRegex(lines[-1], r"^Tokens per second: prompt \d+\.\d{3}, generation \d+\.\d{3}$")

    def test_default_prompt_and_length_are_the_originals(self):
        answer = json.loads(generate("--json", "--ignore-eos").stdout)
        default = next(e for e in EXPECTED if e["prompt"] == "In the beginning the Universe was created.")
        self.assertEqual(answer["prompt_tokens"], default["prompt_ids"])
        self.assertEqual(answer["tokens"], default["greedy_ids"][:100])

    def test_prompt_from_stdin_file_and_tokens_is_the_same_prompt(self):
        expected = story(20)
        self.assertEqual(generate("--prompt", "-", "-m", 20, stdin=PROMPT.encode()).stdout.decode(), expected)
        self.assertEqual(generate("--prompt", "-", "-m", 20, stdin=PROMPT.encode() + b"\n").stdout.decode(), expected)
        file = self.folder / "prompt.txt"
        file.write_text(PROMPT + "\n")
        self.assertEqual(generate("--prompt-file", file, "-m", 20).stdout.decode(), expected)
        self.assertEqual(generate("--prompt-tokens", "1,403,407,261,378", "-m", 20).stdout.decode(), expected)

    def test_a_suffix_asks_for_what_is_missing(self):
        tests = pathlib.Path(__file__).parent.parent
        subprocess.run([SYNTHETIC, "--shape", "tiny", "--vocab-size", "440", "--out", self.folder / "model", "--tokenizer",
                        tests / "data/tokenizers/instruct.model"], check=True, capture_output=True)
        for case in json.loads((tests / "golden/chat.json").read_text())["infill"]:
            result = run("generate", "--model-path", self.folder / "model", "--prompt", case["prefix"], "--suffix", case["suffix"],
                         "-m", 3, "--json")
            self.assertEqual(json.loads(result.stdout)["prompt_tokens"], case["ids"])
        result = run("generate", "--model-path", self.folder / "model", "--suffix", " end", "-m", 1, "--json")
        self.assertEqual(json.loads(result.stdout)["prompt_tokens"][-1], 10)  # [PREFIX], and nothing before what is missing
        self.assert_fails(generate("--prompt", "a", "--suffix", "b"), 1, "[SUFFIX]", "[PREFIX]")
        self.assert_fails(generate("--prompt-tokens", "1", "--suffix", "b"), 2, "excludes")

    def test_a_prompt_file_may_be_a_pipe(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        with subprocess.Popen(["sh", "-c", 'printf "%s" "$1" > "$2"', "sh", PROMPT, fifo]) as writer:
            result = generate("--prompt-file", fifo, "-m", 20)
            writer.kill()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.decode(), story(20))

    def test_nothing_asked_for_has_no_rate(self):
        result = generate("--prompt", PROMPT, "-m", 0)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr.decode().splitlines()[-1], "Tokens per second: prompt 0.000, generation 0.000")

    def test_a_prompt_may_hold_nul_and_any_utf8(self):
        for text in ["a\0b", "\0", "中文 \U0001F600 ünï", "\u2581\u2581", "\r\n\t", "<s></s>"]:
            result = generate("--prompt", "-", "-m", 3, "--json", stdin=text.encode())
            self.assertEqual(result.returncode, 0, (text, result.stderr))
            json.loads(result.stdout)

    def test_threads_and_tokens_per_eval_do_not_change_the_text(self):
        expected = story(50)
        for options in [("--threads", 1), ("--threads", 3), ("--tokens-per-eval", 1), ("--tokens-per-eval", 7)]:
            self.assertEqual(generate("--prompt", PROMPT, "-m", 50, *options).stdout.decode(), expected)

    def test_every_isa_tells_the_same_story(self):
        expected = story(120)
        ran = 0
        for isa in ["scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512vbmi", "neon", "neondotprod"]:
            result = generate("--prompt", PROMPT, "-m", 120, env={**os.environ, "TRAMONTANE_ISA": isa})
            if result.returncode == 0:
                ran += 1
                self.assertEqual(result.stdout.decode(), expected, isa)
            else:
                self.assert_fails(result, 1, "TRAMONTANE_ISA", isa)
        self.assertGreaterEqual(ran, 1)

    def test_same_seed_same_text(self):
        def draw(seed, *more):
            return generate("--prompt", PROMPT, "-m", 40, "--temp", 1, "--seed", seed, *more).stdout
        self.assertEqual(draw(3), draw(3))
        self.assertNotEqual(draw(3), draw(4))
        self.assertNotEqual(draw(3), draw(3, "--top-k", 2))
        self.assertEqual(draw(3, "--top-k", 1), story(40).encode())

    def test_sampling_options_reach_the_sampler(self):
        first = json.loads(generate("--prompt", PROMPT, "-m", 1, "--json").stdout)["tokens"][0]
        other = json.loads(generate("--prompt", PROMPT, "-m", 1, "--json", "--logit-bias", f"{first}=-100").stdout)
        self.assertNotEqual(other["tokens"][0], first)
        plain = json.loads(generate("--prompt", PROMPT, "-m", 60, "--json").stdout)["tokens"]
        for option in ["--repetition-penalty", "--presence-penalty", "--frequency-penalty"]:
            changed = json.loads(generate("--prompt", PROMPT, "-m", 60, "--json", option, 1.9).stdout)["tokens"]
            self.assertNotEqual(changed, plain, option)

    def test_each_filter_reaches_the_sampler(self):
        greedy = tokens()

        def draw(*options):
            return [tokens("--temp", 1, "--seed", seed, *options) for seed in range(3)]
        free = draw()
        self.assertNotIn(greedy, free)
        self.assertEqual(draw("--top-p", "1e-9"), [greedy] * 3)
        self.assertEqual(draw("--min-p", 1), [greedy] * 3)
        self.assertEqual(draw("--min-p", 1, "--min-tokens-to-keep", 1), [greedy] * 3)
        self.assertNotEqual(draw("--min-p", 1, "--min-tokens-to-keep", 5), [greedy] * 3)
        self.assertEqual(draw("--min-p", 0.5, "--top-p", 1e-9), [greedy] * 3)
        self.assertNotEqual(draw("--top-p", 0.5), free)
        self.assertNotEqual(draw("--min-p", 0.5), free)

    def test_each_penalty_has_a_context_of_its_own(self):
        kinds = ["repetition", "presence", "frequency"]
        for kind in kinds:
            penalty = [f"--{kind}-penalty", 1.9]
            default = tokens(*penalty)
            self.assertEqual(tokens(*penalty, f"--{kind}-context-size", 20), default)
            self.assertNotEqual(tokens(*penalty, f"--{kind}-context-size", 1), default, kind)
            for other in kinds:
                if other != kind:
                    self.assertEqual(tokens(*penalty, f"--{other}-context-size", 1), default, (kind, other))

    def test_overrides_change_the_model(self):
        plain = story(60)
        self.assertNotEqual(generate("--prompt", PROMPT, "-m", 60, "--sliding-window", 4).stdout.decode(), plain)
        self.assertNotEqual(generate("--prompt", PROMPT, "-m", 60, "--rope-theta", 200).stdout.decode(), plain)
        self.assertEqual(generate("--prompt", PROMPT, "-m", 60, "--sliding-window", 0).stdout.decode(), plain)

    def test_eos_stops_unless_it_is_ignored(self):
        ids = json.loads(generate("--prompt", PROMPT, "-m", 30, "--json").stdout)["tokens"]
        bias = ["--logit-bias", "2=100"]  # 2 is EOS
        stopped = json.loads(generate("--prompt", PROMPT, "-m", 30, "--json", *bias).stdout)
        self.assertEqual((stopped["tokens"], stopped["finish_reason"]), ([], "stop"))
        ignored = json.loads(generate("--prompt", PROMPT, "-m", 30, "--json", "--ignore-eos", *bias).stdout)
        self.assertEqual((ignored["tokens"], ignored["finish_reason"]), ([2] * 30, "length"))
        self.assertEqual(len(ids), 30)

    def test_a_full_context_ends_the_text_and_says_so(self):
        result = generate("--prompt", PROMPT, "-m", 50, "--ctx", 20, "--json")
        self.assertEqual(len(json.loads(result.stdout)["tokens"]), 15)
        self.assertEqual(json.loads(result.stdout)["finish_reason"], "context")
        self.assertIn(b"The context is full after 20 tokens", result.stderr)

    def test_a_long_prompt_in_chunks(self):
        text = (PROMPT + ", there was a little girl. ") * 120
        result = generate("--prompt", "-", "-m", 5, "--json", stdin=text.encode())
        self.assertGreater(len(json.loads(result.stdout)["prompt_tokens"]), 1000)
        self.assertNotIn(b"Prompt [", result.stderr)  # no progress bar without a terminal

    def test_text_streams_as_it_is_generated(self):
        process = subprocess.Popen(
            [TRAMONTANE, "generate", "--model-path", STORIES, "--prompt", PROMPT, "-m", "100000", "--tokens-per-eval", "1",
             "--ignore-eos"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        first = os.read(process.stdout.fileno(), 100)
        self.assertIsNone(process.poll())  # still at it
        self.assertGreater(len(first), 0)
        process.kill()
        process.communicate()

    def test_a_terminal_shows_progress_prompt_and_text(self):
        long_prompt = self.folder / "long.txt"
        long_prompt.write_text((PROMPT + ", there was a little girl. ") * 120)
        for prompt in [("--prompt", PROMPT), ("--prompt-file", str(long_prompt))]:
            pid, fd = pty.fork()
            if pid == 0:
                os.execv(TRAMONTANE, [TRAMONTANE, "generate", "--model-path", STORIES, *prompt, "-m", "10"])
            seen = read_terminal(fd).decode().replace("\r\n", "\n")
            os.waitpid(pid, 0)
            os.close(fd)
            if prompt[0] == "--prompt":
                self.assertIn(PROMPT + story(10), seen)  # as one text, as in the original
                self.assertNotIn("Prompt [", seen)
            else:
                self.assertIn("Prompt [", seen)
                self.assertRegex(seen, re.compile(r"Prompt \[#+ *\] \d+/\d+ tokens"))

    def test_help_and_version(self):
        self.assertEqual(run("--version").returncode, 0)
        self.assertIn(b"--tokens-per-eval", run("generate", "--help").stdout)


if __name__ == "__main__":
    import unittest
    unittest.main()
