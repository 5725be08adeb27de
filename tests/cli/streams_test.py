"""Interrupts, and standard streams that are closed, broken or full."""
import json
import os
import re
import signal
import subprocess

from support import STORIES, TRAMONTANE, CommandTest, run, start, wait_until_caught

PROMPT = "Once upon a time"
LONG = ",".join(["7"] * 60000)


class InterruptTest(CommandTest):
    def interrupted(self, *args):
        """A run that gets Ctrl-C as soon as it can take it: (exit code, stdout, stderr)."""
        process = start(*args)
        wait_until_caught(process)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
        return process.returncode, stdout.decode(), stderr.decode()

    def test_ctrl_c_ends_cleanly_with_the_statistics(self):
        process = start("--prompt", PROMPT, "-m", 1000000, "--ignore-eos")
        first = os.read(process.stdout.fileno(), 100)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
        self.assertEqual(process.returncode, 130)
        self.assertRegex(stderr.decode().splitlines()[-1], r"^Tokens per second: prompt [\d.]+, generation [\d.]+$")
        self.assertTrue((first + stdout).endswith(b"\n"))

    def test_json_stays_one_whole_object(self):
        for prompt in [("--prompt", PROMPT), ("--prompt-tokens", LONG)]:
            code, stdout, _ = self.interrupted(*prompt, "-m", 1000000, "--ignore-eos", "--json")
            self.assertEqual(code, 130)
            answer = json.loads(stdout)
            self.assertEqual(answer["finish_reason"], "cancelled")

    def test_the_rate_of_an_interrupted_prompt_counts_what_was_processed(self):
        def rate(stderr):
            return float(re.search(r"prompt ([\d.]+), generation", stderr).group(1))
        whole = rate(run("generate", "--model-path", STORIES, "--prompt-tokens", ",".join(["7"] * 2000), "-m", 1).stderr.decode())
        code, _, stderr = self.interrupted("--prompt-tokens", LONG, "-m", 5)
        self.assertEqual(code, 130)
        self.assertLess(rate(stderr), min(1e6, 50 * whole))

    def test_an_interrupt_that_was_ignored_from_the_start_stays_so(self):
        args = [TRAMONTANE, "generate", "--model-path", STORIES, "--prompt", PROMPT, "-m", "2000", "--ignore-eos",
                "--tokens-per-eval", "1"]
        expected = subprocess.run(args, capture_output=True, timeout=60).stdout
        process = subprocess.Popen(["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *args], stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        first = os.read(process.stdout.fileno(), 1)  # it is generating
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)
        self.assertEqual(first + stdout, expected)


class StandardOutputTest(CommandTest):
    def test_a_closed_pipe_ends_quietly(self):
        process = subprocess.Popen(
            [TRAMONTANE, "generate", "--model-path", STORIES, "--prompt", PROMPT, "-m", "1000000", "--ignore-eos"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.read(process.stdout.fileno(), 10)
        process.stdout.close()
        stderr = process.stderr.read().decode()
        self.assertEqual(process.wait(timeout=20), 0)
        self.assertNotIn("tramontane:", stderr)
        self.assertNotIn("Tokens per second", stderr)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            process = subprocess.run([TRAMONTANE, "generate", "--model-path", STORIES, "--prompt", PROMPT, "-m", "5"],
                                     stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"tramontane: standard output: No space left on device", process.stderr)


class StandardInputTest(CommandTest):
    def test_closed_it_is_not_the_next_file_that_is_opened(self):
        args = ["chat", "--model-path", STORIES, "--chat-template", "v1"]
        result = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", TRAMONTANE, *args], capture_output=True, timeout=60)
        self.assert_fails(result, 1, "standard input", "Bad file descriptor")


class StandardErrorTest(CommandTest):
    """Nothing can be said there; the exit code still tells, and it is never a signal's."""

    RUNS = [(["generate", "--model-path", STORIES, "--prompt", PROMPT, "-m", "5"], [0, 1]),
            (["generate", "--model-path", STORIES, "--prompt", PROMPT, "-m", "5", "--json"], [0, 1]),
            (["generate", "--model-path", STORIES, "--prompt-tokens", "1,2", "--ctx", "4", "-m", "50"], [0, 1]),
            (["inspect", STORIES], [0, 1]), (["--help"], [0, 1]),
            (["generate", "--model-path", "no/such/folder"], [1]), (["inspect", "no/such/folder"], [1]),
            (["generate", "--nonsense"], [2]), (["generate", "--temp", "x"], [2])]

    def check(self, redirection, stderr=None, stdout=subprocess.PIPE):
        for args, codes in self.RUNS:
            result = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", TRAMONTANE, *args],
                                    stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, timeout=60)
            self.assertIn(result.returncode, codes, (args, redirection))

    def test_closed(self):
        self.check("2>&-")

    def test_full(self):
        self.check("2>/dev/full")

    def test_a_pipe_that_nobody_reads(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.addCleanup(os.close, writer)
        self.check("", stderr=writer)

    def test_all_three_closed(self):
        self.check("<&- >&- 2>&-")

    def test_the_text_comes_whole_all_the_same(self):
        args = ["generate", "--model-path", STORIES, "--prompt", PROMPT, "-m", "40"]
        expected = run(*args).stdout
        for redirection in ["2>&-", "2>/dev/full"]:
            result = subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", TRAMONTANE, *args], stdout=subprocess.PIPE)
            self.assertEqual((result.returncode, result.stdout), (0, expected), redirection)


if __name__ == "__main__":
    import unittest
    unittest.main()
