"""Runs programs and remembers how."""
import os
import shlex
import subprocess


class PeerError(Exception):
    """A program that could not be built or measured: one line."""


class Runner:
    def __init__(self):
        self.commands: list[str] = []  # each once, in order

    def run(self, command: list, limit_s: float, env: dict[str, str] | None = None) -> str:
        """Its standard output. Throws PeerError when it fails or takes longer than that."""
        words = [str(word) for word in command]
        line = " ".join([*(f"{name}={value}" for name, value in (env or {}).items()), shlex.join(words)])
        if line not in self.commands:
            self.commands.append(line)
        try:
            done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False, env={**os.environ, **(env or {})})
        except subprocess.TimeoutExpired:
            raise PeerError(f"{line}: expected an end within {limit_s:.0f} s, found none") from None
        except OSError as error:
            raise PeerError(f"{line}: {error.strerror}") from None
        if done.returncode != 0:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or ["no message"]
            raise PeerError(f"{line}: exit code {done.returncode}: {last[0]}")
        return done.stdout
