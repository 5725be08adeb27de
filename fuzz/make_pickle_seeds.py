#!/usr/bin/env python3
"""Writes the seed corpora of pickle and pth, from the golden files by PyTorch (tests/oracle/make_pth_golden.py)."""
import pathlib
import shutil
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parent / "tests" / "golden" / "pth"


def main():
    for name in ["pickle", "pth"]:
        (HERE / "corpus" / name).mkdir(parents=True, exist_ok=True)
    for variant in ["plain", "aliased", "module", "parameters", "nested", "nested_state_dict", "other_types", "protocol4"]:
        path = GOLDEN / f"{variant}.torch1.13.pth"
        shutil.copy(path, HERE / "corpus" / "pth" / f"{variant}.pth")
        with zipfile.ZipFile(path) as archive:
            (HERE / "corpus" / "pickle" / f"{variant}.pkl").write_bytes(archive.read(f"{variant}.torch1.13/data.pkl"))
    shutil.copy(GOLDEN / "plain.torch2.15.pth", HERE / "corpus" / "pth" / "alignment.pth")


if __name__ == "__main__":
    main()
