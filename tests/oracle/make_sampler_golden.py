#!/usr/bin/env python3
"""Writes tests/golden/sampler*.json: what MLX and mlx-lm draw, for tests/sampler.

Run in an environment with requirements.txt installed: python tests/oracle/make_sampler_golden.py
"""
import argparse
import json
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx
from mlx_lm.sample_utils import make_logits_processors, make_sampler

DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}
SEEDS = [0, 1, 2**32 + 5, 2**64 - 1]


def formula_logits(vocab, row, levels, scale):
    """The deterministic logits that tests/sampler/golden_test.cc computes too: integers below 2^32, then one exact
    division and one rounded product in double."""
    out = []
    for i in range(vocab):
        x = (i * 2654435761 + row * 40503 + 12345) % 2**32
        x = (x ^ (x >> 15)) * 2246822519 % 2**32
        x = (x ^ (x >> 13)) % levels
        out.append((x / levels - 0.5) * scale)
    return out


def as_row(case, row, dtype):
    return mx.array(formula_logits(case["vocab"], row, case["levels"], case["scale"]), mx.float32).astype(dtype)[None]


def provenance(seed_note):
    return {
        "script": "tests/oracle/make_sampler_golden.py",
        "mlx": version("mlx"),
        "mlx_lm": version("mlx-lm"),
        "device": str(mx.default_device()),
        "seeds": seed_note,
    }


def random_cases():
    cases = []
    for seed in SEEDS:
        key = mx.random.key(seed)
        case = {"seed": seed, "key": key.tolist(), "splits": {}, "uniform": {}}
        for num in (1, 2, 3, 16):  # mx.random.split is bits of shape [num, 2]
            case["splits"][str(num)] = mx.random.split(key, num).tolist()
        for size in (0, 1, 2, 3, 8, 33):
            case["uniform"][str(size)] = mx.random.uniform(shape=(size,), key=key).tolist()
        mx.random.seed(seed)
        case["sequence"] = [mx.random.uniform(shape=(1,)).item() for _ in range(8)]
        cases.append(case)
    return cases


def categorical_cases():
    """The original program's rule: categorical(logits * (1 / temp)), one draw for each row."""
    cases = []
    for dtype in DTYPES:
        for vocab in (1, 2, 7, 512, 32000):
            for temp in (0.0, 0.3, 0.5, 0.7, 1.0, 1.5):
                for seed in SEEDS if temp else SEEDS[:1]:
                    for levels in (97, 1 << 24) if vocab > 2 else (97,):
                        draws = (6 if levels == 97 else 4) if vocab == 32000 else 24
                        case = {"dtype": dtype, "vocab": vocab, "levels": levels, "scale": 12.0, "temperature": temp,
                                "seed": seed}
                        if vocab == 32000 and (seed in SEEDS[1:2] or temp in (0.3, 0.7)):
                            continue
                        mx.random.seed(seed)
                        tokens = []
                        for row in range(draws):
                            logits = as_row(case, row, DTYPES[dtype])
                            drawn = mx.argmax(logits, axis=-1) if temp == 0 else mx.random.categorical(logits * (1 / temp))
                            tokens.append(drawn.item())
                        cases.append(case | {"tokens": tokens})
    return cases


OPTIONS = [
    {"top_k": 1}, {"top_k": 5}, {"top_k": 40}, {"top_k": 511},
    {"top_p": 0.1}, {"top_p": 0.5}, {"top_p": 0.9}, {"top_p": 0.999},
    {"min_p": 0.02}, {"min_p": 0.2}, {"min_p": 1.0}, {"min_p": 0.9, "min_tokens_to_keep": 17},
    {"repetition_penalty": 1.3}, {"repetition_penalty": 0.7, "repetition_context_size": 3},
    {"repetition_penalty": 2.0, "repetition_context_size": 0},
    {"presence_penalty": 1.7}, {"presence_penalty": -0.9, "presence_context_size": 4},
    {"frequency_penalty": 0.6}, {"frequency_penalty": -0.35, "frequency_context_size": 7},
    {"logit_bias": [[3, 4.3], [500, -2.5], [77, 5.9], [404, float("-inf")]]},
    {"top_p": 0.8, "min_p": 0.05, "top_k": 20},
    {"top_p": 0.9, "top_k": 7, "min_p": 0.3, "min_tokens_to_keep": 5},
    {"top_k": 30, "repetition_penalty": 1.1, "presence_penalty": 0.4, "frequency_penalty": 0.3,
     "logit_bias": [[3, 4.3], [200, 6.1]]},
    {"top_p": 0.95, "min_p": 0.01, "repetition_penalty": 1.2, "repetition_context_size": 8, "frequency_penalty": 0.15},
]
SAMPLER_KEYS = ("top_k", "top_p", "min_p", "min_tokens_to_keep")


def option_cases():
    """mlx-lm's generate_step: processors on logits, then the sampler on log-probabilities."""
    cases = []
    for dtype in DTYPES:
        for options in OPTIONS:
            for temp in (0.0, 0.6, 1.0, 1.8):
                for levels, seed in ((97, 3), (1 << 24, 4)):
                    case = {"dtype": dtype, "vocab": 512, "levels": levels, "scale": 12.0, "temperature": temp,
                            "seed": seed, "options": options}
                    sampler = make_sampler(temp, **{k: v for k, v in options.items() if k in SAMPLER_KEYS})
                    rest = {k: v for k, v in options.items() if k not in SAMPLER_KEYS}
                    if "logit_bias" in rest:
                        rest["logit_bias"] = {token: bias for token, bias in rest["logit_bias"]}
                    processors = make_logits_processors(**rest)
                    if temp == 0 and not processors:
                        continue  # filters have no effect, the original rule holds
                    tokens = [1, 5, 5, 9, 3, 77, 5]
                    context = len(tokens)
                    mx.random.seed(seed)
                    for row in range(16):
                        logits = as_row(case, row, DTYPES[dtype])
                        for processor in processors:
                            logits = processor(mx.array(tokens), logits)
                        logprobs = logits - mx.logsumexp(logits, keepdims=True)
                        tokens.append(sampler(logprobs).item())
                    cases.append(case | {"prompt": tokens[:context], "tokens": tokens[context:]})
    return cases


def write(path, key, cases):
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    # JSON has no infinities: null stands for minus infinity, the bias that bans a token.
    lines = lines.replace("-Infinity", "null")
    head = json.dumps(provenance("the seed given to mx.random.seed before the first draw of each case"))
    path.write_text(f'{{"provenance":{head},\n"{key}":[\n{lines}\n]}}\n')
    print(f"{path}: {len(cases)} cases, {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "golden")
    out = parser.parse_args().out
    write(out / "sampler_random.json", "cases", random_cases())
    write(out / "sampler_categorical.json", "cases", categorical_cases())
    write(out / "sampler_options.json", "cases", option_cases())


if __name__ == "__main__":
    main()
