#!/usr/bin/env python3
"""Draws what peers.py wrote: shares of what the machine can do, and ratios to the peers.

    plot.py results.json [more.json ...] --out docs/performance.png

Several files are runs with other layers or contexts; a case that two of them hold is drawn from the first.
"""
import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from cases import HALF_LIMITS

COLOURS = {"Tramontane 16": "#1f5fa8", "Tramontane 8": "#7fb2e5", "llama.cpp": "#d98032", "MLX": "#8c8c8c"}
LIMITS = ("read", "int8", *HALF_LIMITS)


def read_rows(paths: list[Path]) -> list[dict]:
    rows = {}
    for path in paths:
        for row in json.loads(path.read_text())["summary"]:
            rows.setdefault((row["case"], row["isa"], row["program"]), row)
    return list(rows.values())


def name_of(row: dict) -> str:
    return row["case"] + (f" ({row['isa']})" if row["isa"] != "native" else "")


def bars(axes, rows: list[dict], values: list[dict[str, float]], programs: list[str], form: str):
    """A group of horizontal bars for each row, one for each program that has a value there; the first row on top."""
    height = 0.8 / len(programs)
    for place, program in enumerate(programs):
        found = {index: value[program] for index, value in enumerate(values) if program in value}
        middles = [index + (place - (len(programs) - 1) / 2) * height for index in found]
        drawn = axes.barh(middles, list(found.values()), height, color=COLOURS[program], label=program)
        axes.bar_label(drawn, [form.format(value) for value in found.values()], padding=2, fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def with_share(rows: list[dict], phase: str) -> list[dict]:
    return [row for row in rows if row["phase"] == phase and row["batch"] == 1 and row["limit"] in LIMITS]


def draw_shares(axes, rows: list[dict], phase: str):
    """Per cent of read bandwidth or of the int8 peak, of which 16-bit activations can reach half."""
    shown = with_share(rows, phase)
    names = list(dict.fromkeys(map(name_of, shown)))
    values = [{row["program"]: 100 * row["share"] / (2 if row["limit"] in HALF_LIMITS else 1)
               for row in shown if name_of(row) == name} for name in names]
    bars(axes, names, values, [program for program in COLOURS if any(program in value for value in values)], "{:.0f}%")
    axes.set_title("decoding: share of read bandwidth" if phase == "decode" else "prompts: share of the int8 peak", fontsize=9)


def draw_ratios(axes, rows: list[dict], peer: str):
    shown = [row for row in rows if peer in row["times"]]
    names = list(dict.fromkeys(map(name_of, shown)))
    values = [{row["program"]: row["times"][peer] for row in shown if name_of(row) == name} for name in names]
    bars(axes, names, values, [program for program in COLOURS if any(program in value for value in values)], "{:.2f}")
    axes.axvline(1, color=COLOURS[peer], linewidth=1.5)
    axes.set_title(f"tokens/s over those of {peer}" + (", logarithmic" if peer == "MLX" else ""), fontsize=9)
    if peer == "MLX":
        axes.set_xscale("log")


def panels(rows: list[dict]) -> list:
    """What there is to draw, as functions of an axes object."""
    drawn = [lambda axes, phase=phase: draw_shares(axes, rows, phase) for phase in ("decode", "prompt")
             if with_share(rows, phase)]
    return drawn + [lambda axes, peer=peer: draw_ratios(axes, rows, peer) for peer in ("llama.cpp", "MLX")
                    if any(peer in row["times"] for row in rows)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default="docs/performance.png")
    options = parser.parse_args()
    draw = panels(read_rows(options.results))
    lines = (len(draw) + 1) // 2
    figure, grid = plt.subplots(lines, 2, figsize=(10, 3.6 * lines), dpi=90, squeeze=False, layout="constrained")
    for axes, panel in zip(grid.flat, draw):
        panel(axes)
    for axes in grid.flat[len(draw):]:
        axes.set_visible(False)
    handles = {label: handle for axes in grid.flat for handle, label in zip(*axes.get_legend_handles_labels())}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    figure.savefig(options.out, metadata={"Software": None})


if __name__ == "__main__":
    main()
