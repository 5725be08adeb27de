"""A program under a pseudo-terminal, for tests that type."""
import os
import pty
import re
import select
import signal
import time

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][A-Z0-9]?")


class Terminal:
    """Everything that appears is in `seen`, without escape sequences; `expect` waits for what has not been matched yet."""

    def __init__(self, command, environment):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(command[0], command, {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8", **environment})
        self.raw, self.at = b"", 0

    @property
    def seen(self):
        return ESCAPES.sub(b"", self.raw).replace(b"\r", b"").decode(errors="replace")

    def read(self, seconds):
        """False at the end of the output."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the program has ended
            return False
        self.raw += data
        return bool(data)

    def expect(self, text, seconds=30):
        """What came before `text` since the last match."""
        end = time.monotonic() + seconds
        while (found := self.seen.find(text, self.at)) < 0:
            if time.monotonic() > end or not self.read(0.2):
                raise AssertionError(f"expected {text!r}, found {self.seen[self.at:]!r} after {self.seen[-200:]!r}")
        before, self.at = self.seen[self.at : found], found + len(text)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def line(self, text):
        self.type(text + "\n")

    def wait(self, seconds=30):
        """The exit code."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.read(0.2):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)
