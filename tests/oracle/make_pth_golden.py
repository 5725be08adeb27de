"""Writes tests/golden/pth/*.pth: small files by torch.save, in every variant that the reader must read or refuse by name.

    python3 make_pth_golden.py TAG [FOLDER]

TAG ends the files' names. The tree's were made by Debian 12's python3-torch 1.13.1 (TAG torch1.13) and by PyPI's torch 2.15.0
(TAG torch2.15). The values need no seed: element i of a tensor is (i - 3) / 4, which every type holds exactly.
"""
import collections
import pathlib
import sys

import torch


def ramp(*shape, dtype=torch.float32):
    n = 1
    for size in shape:
        n *= size
    return ((torch.arange(n) - 3) / 4).reshape(shape).to(dtype)


def state_dict():
    return {"tok_embeddings.weight": ramp(5, 4, dtype=torch.bfloat16), "layers.0.attention.wq.weight": ramp(4, 3, dtype=torch.float16),
            "norm.weight": ramp(4)}


def aliased():
    """Views of one storage, as torch.save keeps them."""
    whole = ramp(6, 4)
    return collections.OrderedDict(whole=whole, part=whole[2:5], tied=whole, row=whole[1], one=whole[5, 3], none=whole[:0])


def module():
    """An nn.Module's state_dict(): an OrderedDict with versions as an attribute."""
    layer = torch.nn.Linear(3, 2, bias=False)
    layer.weight.data = ramp(2, 3)
    return layer.state_dict()


VARIANTS = {
    "plain": state_dict,
    "aliased": aliased,
    "module": module,
    "parameters": lambda: {"w": torch.nn.Parameter(ramp(2, 3))},
    "nested": lambda: {"epoch": 3, "loss": 0.5, "names": ["a", ("b", None, True)], "model": state_dict()},
    "nested_state_dict": lambda: {"state_dict": state_dict(), "big": 1 << 40, "negative": -7},
    "other_types": lambda: {"w": ramp(2, 3), "d": ramp(2, dtype=torch.float64), "l": torch.arange(3), "b": torch.tensor([True])},
    "transposed": lambda: {"w": ramp(2, 3).t()},
    "expanded": lambda: {"w": ramp(1, 3).expand(2, 3)},
    "sparse": lambda: {"w": ramp(2, 3).to_sparse()},
    "list": lambda: [ramp(2, 3)],
    "complex": lambda: {"w": torch.complex(ramp(2), ramp(2))},
}


def main():
    tag = sys.argv[1]
    folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else pathlib.Path(__file__).parent.parent / "golden" / "pth")
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in VARIANTS.items():
        torch.save(make(), folder / f"{name}.{tag}.pth")
    for protocol in (3, 4, 5):
        torch.save(state_dict(), folder / f"protocol{protocol}.{tag}.pth", pickle_protocol=protocol)
    torch.save(state_dict(), folder / f"legacy.{tag}.pth", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
