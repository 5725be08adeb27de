"""Medians, shares and ratios of what the rounds measured."""
import statistics
from collections import defaultdict
from dataclasses import asdict, dataclass, field

from cases import HALF_LIMITS, Case, Rate

PEERS = ("llama.cpp", "MLX")


@dataclass
class Row:
    """One program's median over the rounds in one case."""

    case: str
    phase: str
    batch: int
    isa: str
    program: str
    rounds: int
    tokens_per_s: float
    spread: float  # (greatest - least) / median
    share: float  # of `limit`; 0: not known
    limit: str
    times: dict[str, float] = field(default_factory=dict)  # peer -> the median over the rounds of our rate / its rate


def summarise(rounds: list[list[Rate]]) -> list[Row]:
    """Rows in the order in which case, instruction set and program were first measured, in each case the peers last."""
    table: dict[tuple[Case, str], dict[str, dict[int, Rate]]] = defaultdict(lambda: defaultdict(dict))
    for index, rates in enumerate(rounds):
        for rate in rates:
            table[rate.case, rate.isa][rate.program][index] = rate
    return [row_of(programs, program) for programs in table.values()
            for program in sorted(programs, key=lambda name: name in PEERS)]


def row_of(programs: dict[str, dict[int, Rate]], program: str) -> Row:
    rates = programs[program]
    speeds = [rate.tokens_per_s for rate in rates.values()]
    one = next(iter(rates.values()))
    middle = statistics.median(speeds)
    shares = [share_of(programs, index, rate) for index, rate in rates.items()]
    share, limit = statistics.median(share for share, _ in shares), shares[0][1]
    row = Row(one.case.label(), one.case.phase, one.case.batch, one.isa, program, len(speeds), middle,
              (max(speeds) - min(speeds)) / middle, share, limit)
    for peer in PEERS if program not in PEERS else ():
        both = rates.keys() & programs[peer].keys() if peer in programs else ()
        if both:
            row.times[peer] = statistics.median(rates[i].tokens_per_s / programs[peer][i].tokens_per_s for i in both)
    return row


def share_of(programs: dict[str, dict[int, Rate]], index: int, rate: Rate) -> tuple[float, str]:
    """A rate's share of a limit of the machine, and which. A peer is taken to do the work per token, bytes and operations, that
    Tramontane did in that round, whose share scales with the rate. MLX multiplies floats: no share of the int8 peak."""
    if rate.limit:
        return rate.share, rate.limit
    if rate.program == "MLX" and rate.case.phase == "prompt":
        return 0, ""
    for ours in (rates[index] for program, rates in programs.items() if program not in PEERS and index in rates):
        if ours.limit in ("read", "int8", *HALF_LIMITS):
            whole = ours.share / 2 if ours.limit in HALF_LIMITS else ours.share
            return whole * rate.tokens_per_s / ours.tokens_per_s, "int8" if ours.limit in HALF_LIMITS else ours.limit
    return 0, ""


def gains(rounds: list[list[Rate]]) -> list[dict]:
    """How much faster sequences are decoded together than one: the median over the rounds for each program and batch."""
    found = defaultdict(list)
    for rates in rounds:
        alone = {(rate.program, rate.isa): rate for rate in rates
                 if (rate.case.phase, rate.case.batch, rate.case.depth) == ("decode", 1, 0)}
        for rate in rates:
            one = alone.get((rate.program, rate.isa))
            if rate.case.batch > 1 and one:
                found[rate.program, rate.isa, rate.case.batch].append(rate.tokens_per_s / one.tokens_per_s)
    return [{"program": program, "isa": isa, "batch": batch, "gain": statistics.median(ratios)}
            for (program, isa, batch), ratios in found.items()]


def to_text(rows: list[Row], together: list[dict]) -> str:
    lines = [f"{'case':<32} {'isa':<7} {'program':<14} {'tokens/s':>9} {'spread':>7} {'share of':>15} "
             + " ".join(f"{'x ' + peer:>11}" for peer in PEERS)]
    for row in rows:
        share = f"{100 * row.share:.1f}% {row.limit}" if row.limit else ""
        times = (f"{row.times[peer]:>11.2f}" if peer in row.times else " " * 11 for peer in PEERS)
        rate = f"{row.tokens_per_s:>9.2f} {100 * row.spread:>6.1f}%"
        lines.append(f"{row.case:<32} {row.isa:<7} {row.program:<14} {rate} {share:>15} " + " ".join(times))
    for gain in together:
        lines.append(f"{gain['batch']} sequences at once, {gain['program']}, {gain['isa']}: {gain['gain']:.2f} times one sequence")
    return "\n".join(line.rstrip() for line in lines)


def to_json(rows: list[Row], together: list[dict]) -> dict:
    return {"summary": [asdict(row) for row in rows], "batches": together}
