#!/usr/bin/env python3
"""How long a model takes to be ready and how much memory of its own a run takes, on a synthetic 7B shape.

    python3 bench/footprint.py --layers 32 --prompt 1           # ready in under a second, under 200 MB? the first token?
    python3 bench/footprint.py --layers 1 --prompt 32000        # memory beyond weights and cache, long prompt

The checkpoint (4 bits, groups of 64, a vocabulary of 512) is written once to build/bench/ and read once, so that it lies in the
page cache. Memory of its own is RssAnon: pages that are not the mapped weight files.
"""
import argparse
import json
import pathlib
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def make_checkpoint(build, layers):
    folder = ROOT / "build" / "bench" / f"7b-{layers}-layers"
    if not folder.exists():
        subprocess.run([build / "tramontane-synthetic", "--shape", "7b", "--layers", str(layers), "--vocab-size", "512",
                        "--bits", "4", "--group-size", "64", "--dtype", "float16", "--tokenizer",
                        ROOT / "tests/data/stories260k/tokenizer.model", "--out", folder], check=True)
    for file in folder.iterdir():
        with open(file, "rb") as f:
            while f.read(1 << 24):
                pass
    return folder


def own_memory(pid):
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(match.group(1)) * 1000 if match else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--prompt", type=int, default=1, help="tokens")
    parser.add_argument("--max-tokens", type=int, default=1)
    args = parser.parse_args()

    folder = make_checkpoint(args.build, args.layers)
    description = json.loads(subprocess.run([args.build / "tramontane", "inspect", "--json", folder], check=True,
                                            capture_output=True).stdout)
    cache = description["kv_cache"]["bytes_per_1k_tokens"] * (args.prompt + args.max_tokens) / 1000
    start = time.monotonic()
    process = subprocess.Popen([args.build / "tramontane", "generate", "--model-path", folder, "--prompt-tokens",
                                ",".join(["7"] * args.prompt), "-m", str(args.max_tokens), "--ctx", str(args.prompt + 1000),
                                "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stderr:
        if b"Starting generation" in line:
            break
    ready, at_ready, most = time.monotonic() - start, own_memory(process.pid), 0
    while process.poll() is None:
        most = max(most, own_memory(process.pid))
        time.sleep(0.002)
    ended = time.monotonic() - start
    result = json.loads(process.stdout.read())
    print(f"weights {description['weight_bytes'] / 1e9:.2f} GB, prompt {args.prompt}, drawn {len(result['tokens'])}")
    print(f"ready after {ready * 1e3:.0f} ms with {at_ready / 1e6:.1f} MB of its own")
    print(f"ended after {ended * 1e3:.0f} ms")
    print(f"at most {most / 1e6:.1f} MB of its own, of which the KV cache {cache / 1e6:.1f} MB")
    print(f"tokens/s: prompt {result['prompt_tokens_per_second']:.1f}, "
          f"generation {result['generation_tokens_per_second']:.2f}")


if __name__ == "__main__":
    main()
