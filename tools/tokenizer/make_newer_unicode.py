#!/usr/bin/env python3
"""Writes src/tokenizer/newer_characters.inc: the characters that tiktoken's regular expressions (Rust's Unicode tables) put
into another category than PCRE2 10.42 of Debian 12 (Unicode 14) does, each range with a character of the same category and
as many bytes that both agree on. Run with tiktoken 0.14.0 and libpcre2-32-0."""
import ctypes
import pathlib
import sys

import tiktoken

OUT = pathlib.Path(__file__).resolve().parents[2] / "src/tokenizer/newer_characters.inc"
CATEGORIES = ("Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cn Co").split()
CHARACTERS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def of_tiktoken(pattern):
    encoding = tiktoken.Encoding("bytes", pat_str=pattern, special_tokens={},
                                 mergeable_ranks={bytes([byte]): byte for byte in range(256)})
    found = set()
    for at in range(0, len(CHARACTERS), 50000):
        text = "".join(map(chr, CHARACTERS[at:at + 50000]))
        found |= set(map(ord, encoding.decode(encoding.encode_ordinary(text))))
    return found


def of_pcre2(pattern):
    library = ctypes.CDLL("libpcre2-32.so.0")
    library.pcre2_compile_32.restype = library.pcre2_match_data_create_32.restype = ctypes.c_void_p
    units = (ctypes.c_uint32 * len(pattern))(*map(ord, pattern))
    error, offset = ctypes.c_int(), ctypes.c_size_t()
    utf_ucp = 0x00080000 | 0x00020000
    code = ctypes.c_void_p(library.pcre2_compile_32(units, ctypes.c_size_t(len(pattern)), utf_ucp, ctypes.byref(error),
                                                    ctypes.byref(offset), None))
    data = ctypes.c_void_p(library.pcre2_match_data_create_32(1, None))
    one, size, start = (ctypes.c_uint32 * 1)(), ctypes.c_size_t(1), ctypes.c_size_t(0)
    found = set()
    for character in CHARACTERS:
        one[0] = character
        if library.pcre2_match_32(code, one, size, start, 0, data, None) > 0:
            found.add(character)
    return found


def utf8_bytes(character):
    return len(chr(character).encode())


def main():
    theirs, ours = {}, {}
    for category in CATEGORIES:
        theirs |= dict.fromkeys(of_tiktoken(r"\p{%s}" % category), category)
        ours |= dict.fromkeys(of_pcre2(r"\p{%s}" % category), category)
    different = {c for c in CHARACTERS if theirs[c] != ours[c]}
    # U+180E is a format character that PCRE2 counts as a space for historical reasons.
    different |= of_tiktoken(r"\s") ^ of_pcre2(r"\s")
    ranges = []
    for c in sorted(different):
        key = (theirs[c], utf8_bytes(c))
        if ranges and ranges[-1][1] == c - 1 and ranges[-1][2] == key:
            ranges[-1][1] = c
        else:
            ranges.append([c, c, key])
    lines = []
    for first, last, (category, size) in ranges:
        older = next(c for c in CHARACTERS if c not in different and theirs[c] == category and utf8_bytes(c) == size)
        lines.append(f"{{0x{first:x}, 0x{last:x}, 0x{older:x}}},  // {category}\n")
    OUT.write_text("".join(lines))
    print(f"{len(different)} characters in {len(lines)} ranges", file=sys.stderr)


if __name__ == "__main__":
    main()
