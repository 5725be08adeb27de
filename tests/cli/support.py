"""Runs the built programs, for the tests in this folder."""
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ["TRAMONTANE_BUILD"])
TRAMONTANE = str(BUILD / "tramontane")
SYNTHETIC = str(BUILD / "tramontane-synthetic")
STORIES = str(pathlib.Path(__file__).parent.parent / "data" / "stories260k")


def run(*args, stdin=b"", timeout=60, **kwargs):
    """The finished process: stdout and stderr as bytes."""
    return subprocess.run([TRAMONTANE, *map(str, args)], input=stdin, capture_output=True, timeout=timeout, **kwargs)


def generate(*args, **kwargs):
    return run("generate", "--model-path", STORIES, *args, **kwargs)


def start(*args, **kwargs):
    """`tramontane generate` of the stories, running, with pipes."""
    return subprocess.Popen([TRAMONTANE, "generate", "--model-path", STORIES, *map(str, args)],
                            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs})


def wait_until_caught(process, number=signal.SIGINT, seconds=30):
    """Returns once the process has a handler of its own for the signal."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines())
        if int(fields["SigCgt"], 16) >> (number - 1) & 1:
            return
        time.sleep(0.002)
    raise TimeoutError("the signal is not caught")


class CommandTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tramontane-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assert_fails(self, result, code, *words):
        """One line on stderr (after the loading lines) that holds all the words, nothing on stdout."""
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, b"")
        self.assertIsNone(re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", result.stderr), result.stderr)
        lines = [line for line in result.stderr.decode().splitlines() if not line.startswith("[")]
        self.assertEqual(len(lines), 1, result.stderr)
        self.assertTrue(lines[0].startswith("tramontane: "), lines[0])
        for word in words:
            self.assertIn(str(word), lines[0])
