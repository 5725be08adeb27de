#!/usr/bin/env python3
"""Writes tests/golden/chat_styles.json: what jinja2, set up as transformers documents it for chat templates, makes of random
conversations with the templates in tests/data/chat_templates.

Run in an environment with requirements.txt installed: python tests/oracle/make_styles_golden.py
With --conversations 20000 --check BUILD/chat_tests, the same with more of them, in a temporary file for that test.
"""
import argparse
import datetime
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

TESTS = Path(__file__).parent.parent
BOS, EOS = "<bos>", "<eos>"
PARTS = ["Hello", " ", "  ", "\n", "\t", "\u3000", "\u00a0", "\x1c", "\x00", "é", "雪", "😀", "<|im_end|>", "[/INST]", "</s>",
         "<<SYS>>", "{{ bos_token }}", "{% if %}", "'", "\\", "user", ""]
LAYOUT = [" ", "\n", "\t", "a", "\r\n", "{b", "{% set a = '%}' %}", "{%- set a=1 %}", "{% set a = 1 -%}", "{%+ set a = 1 +%}", "{# c #}",
          "{#- ' -#}", "{{ '' }}", "{{- '' }}", "{{ '' -}}"]


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    return env


def conversation(rng):
    """Mostly of alternating roles, which Llama 2 wants, always ending before an answer where it starts one."""
    roles = ["system"] if rng.random() < 0.5 else []
    roles += ["user", "assistant"] * rng.randrange(4)
    if rng.random() < 0.8:
        roles.append("user")
    if rng.random() < 0.15:
        rng.shuffle(roles)
    return [{"role": role, "content": "".join(rng.choices(PARTS, k=rng.randrange(6)))} for role in roles or ["user"]]


def cases(count, rng):
    env = environment()
    templates = {path.stem: env.from_string(path.read_text()) for path in sorted((TESTS / "data/chat_templates").glob("*.jinja"))}
    for number in range(count):
        name = list(templates)[number % len(templates)]
        messages = conversation(rng)
        try:
            text = templates[name].render(messages=messages, add_generation_prompt=True, bos_token=BOS, eos_token=EOS)
        except jinja2.exceptions.TemplateError:
            text = None
        if name.startswith("llama2") and "system" in [message["role"] for message in messages[1:]]:
            text = None  # a system message in an answer's place, which it would drop: refused here
        yield {"template": name, "messages": messages, "text": text}


def layouts(count, rng):
    """Templates whose tags have no output, and the text around them that is left."""
    env = environment()
    for _ in range(count):
        source = "".join(rng.choices(LAYOUT, k=rng.randrange(12)))
        yield {"source": source, "text": env.from_string(source).render()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=135)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--check", type=Path)
    args = parser.parse_args()
    provenance = {"script": "tests/oracle/make_styles_golden.py", "jinja2": jinja2.__version__, "seed": args.seed}
    rng = random.Random(args.seed)
    lines = [",\n".join(map(json.dumps, make(args.conversations, rng))) for make in (cases, layouts)]
    text = f'{{"provenance": {json.dumps(provenance)},\n"cases": [\n{lines[0]}\n],\n"layouts": [\n{lines[1]}\n]}}\n'
    if not args.check:
        (TESTS / "golden/chat_styles.json").write_text(text)
        return
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(text)
        file.flush()
        subprocess.run([args.check, "--gtest_filter=*AsJinjaDoes"], check=True, timeout=300,
                       env=os.environ | {"TRAMONTANE_CHAT_STYLES": file.name})


if __name__ == "__main__":
    main()
