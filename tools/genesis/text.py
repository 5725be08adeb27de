"""The King James text as Debian's `bible` program prints it, cleaned to running text and split by books.

    text.py train|validation|test     prints that part, one chapter a line

No verse of a held-out book is trained on: a training verse whose words are those of a held-out one is left out.
"""
import re
import subprocess
import sys
from collections import OrderedDict

# Held out by whole books, a few of each kind (history, poetry, prophecy, letters). Training stops by the first list; the
# second is measured once, when everything is decided.
HELD_OUT = {
    "validation": ["Ruth", "Eccl", "Hos", "Jonah", "Hab", "Phi", "Jas"],
    "test": ["Est", "SSol", "Joel", "Mal", "Gal", "1Pet"],
}
PARTS = ("train", *HELD_OUT)
VERSES = 31102


def read_books():
    """Book -> list of chapters -> list of verses."""
    printed = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], check=True, capture_output=True, text=True).stdout
    books = OrderedDict()
    for line in printed.splitlines():
        book, chapter, verse = re.fullmatch(r"(\d?[A-Za-z]+)(\d+):\d+ (.*)", line).groups()
        chapters = books.setdefault(book, [])
        if len(chapters) < int(chapter):
            chapters.append([])
        chapters[-1].append(" ".join(verse.split()))
    found = sum(len(chapter) for chapters in books.values() for chapter in chapters)
    if found != VERSES:
        raise SystemExit(f"bible: expected {VERSES} verses, found {found}")
    return books


def words_of(verse):
    return tuple(re.findall(r"[a-z']+", verse.lower()))


def split(books):
    """Part -> list of books -> chapters -> verses."""
    parts = {part: [books[name] for name in names] for part, names in HELD_OUT.items()}
    held_out = {words_of(verse) for part in parts.values() for book in part for chapter in book for verse in chapter}
    names = {name for names in HELD_OUT.values() for name in names}
    train = []
    for name, book in books.items():
        if name in names:
            continue
        chapters = [[verse for verse in chapter if words_of(verse) not in held_out] for chapter in book]
        train.append([chapter for chapter in chapters if chapter])
    return {"train": train, **parts}


def running_text(book):
    """A chapter is a line of verses."""
    return "\n".join(" ".join(chapter) for chapter in book)


def join(books):
    """A book is some lines; the last line ends too."""
    return "".join(running_text(book) + "\n" for book in books)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PARTS:
        raise SystemExit(__doc__)
    sys.stdout.write(join(split(read_books())[sys.argv[1]]))
