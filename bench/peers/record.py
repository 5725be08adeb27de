"""What a run leaves behind: every rate of every round, what they add up to, and how they came about."""
import argparse
import datetime
import importlib.metadata
import json
import platform
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import llama_cpp
from cases import Rate
from report import gains, summarise, to_json, to_text

PACKAGES = ("mlx", "mlx-lm", "gguf", "numpy")


def cpu_model() -> str:
    match = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return match.group(1) if match else platform.processor()


def output_of(*command: str, where: Path) -> str:
    """The first line; empty when there is no such program or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=where, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.partition("\n")[0]


def versions(root: Path) -> dict[str, str]:
    return {
        "Tramontane": output_of("git", "describe", "--always", "--dirty", where=root),
        "llama.cpp": f"of llama-cpp-python {llama_cpp.VERSION}",
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "Python": platform.python_version(),
        "clang": output_of("clang++-19", "--version", where=root),
        "gcc": output_of("g++", "--version", where=root),
    }


class Record:
    def __init__(self, options: argparse.Namespace, root: Path):
        self.about = {
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "cpu": cpu_model(),
            "system": platform.platform(),
            "versions": versions(root),
            "command": " ".join(sys.argv),
            "layers": options.layers,
            "threads": options.threads,
        }
        self.machines: list[dict] = []  # Tramontane's object of that name, with the model, for each of its turns
        self.rounds: list[list[Rate]] = []
        self.how: dict = {}

    def finish(self, commands: list[str], dropped: dict[str, str], llama_cpp_is: dict):
        self.how = {"commands": commands, "dropped": dropped, "llama_cpp": llama_cpp_is}

    def summary(self) -> tuple[list, list]:
        return summarise(self.rounds), gains(self.rounds)

    def write(self, path: Path):
        rounds = [[asdict(rate) for rate in rates] for rates in self.rounds]
        document = {**self.about, **self.how, "machines": self.machines, "rounds": rounds, **to_json(*self.summary())}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=1) + "\n")

    def text(self) -> str:
        about = self.about
        lines = [f"{about['date']}, {about['cpu']}, {about['threads']} threads, {about['layers']} layers, {len(self.rounds)} rounds",
                 *(f"{isa}: reads {read:.1f} GB/s, int8 {int8:.0f} Gop/s, float32 {f32:.0f} Gflop/s" for isa, read, int8, f32 in self.limits()),
                 "", to_text(*self.summary()), "",
                 "Medians over the rounds; shares of limits measured in the same rounds; x: Tramontane's rate over the peer's."]
        return "\n".join([*lines, *(f"Left out: {name}: {why}" for name, why in self.how["dropped"].items())])

    def limits(self) -> list[tuple[str, float, float, float]]:
        """The highest that was found for each instruction set."""
        isas = dict.fromkeys(machine["isa"] for machine in self.machines)
        keys = ("read_gb_s", "int8_gop_s", "f32_gflop_s")
        return [(isa, *(max(machine[key] for machine in self.machines if machine["isa"] == isa) for key in keys)) for isa in isas]
