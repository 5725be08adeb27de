#!/usr/bin/env python3
"""Makes the small files of this folder, one of every kind that is supported, trained on words and code of
tests/oracle/tokenizer_oracle.py, and tests/golden/tokenizer_json.json, what Hugging Face's tokenizers does with them, but for what
include/tramontane/tokenizer.h promises (see Decoder in tokenizer_json_oracle.py). Run with tokenizers 0.23.3, seed 23."""
import json
import pathlib
import random
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests/oracle"))
import make_tokenizer_json as make  # noqa: E402
import tokenizer_json_oracle as oracle  # noqa: E402


def main():
    golden = {"made_by": "tests/data/tokenizer_json/make.py, tokenizers 0.23.3, seed 23"}
    for name, theirs in make.small([*oracle.WORDS, *oracle.CODE, " ".join(oracle.WORDS)] * 3).items():
        make.save(theirs, HERE / f"{name}.json", merges_as_text=name.startswith("legacy"))
        theirs.encode_special_tokens = True
        decode = oracle.Decoder(theirs)
        rng = random.Random(23)
        size = theirs.get_vocab_size()
        lists = [[rng.randrange(size) for _ in range(rng.randint(1, 8))] for _ in range(60)]
        encoded = [[text, theirs.encode(text, add_special_tokens=False).ids] for text in oracle.texts_for(theirs, 50, 23)]
        golden[name] = {"encode": [[text, ids, decode(ids)] for text, ids in encoded],
                        "decode": [[ids, decode(ids)] for ids in lists]}
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items()]
    (ROOT / "tests/golden/tokenizer_json.json").write_text("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
