"""The tokenizer: a SentencePiece BPE with byte fallback, trained on the training books; and books as token streams."""
import subprocess

import numpy as np
import sentencepiece

import text

VOCAB_SIZE = 4096
BOS, EOS = 1, 2
NEWLINE = "<0x0A>"


def train_tokenizer(folder, train_text):
    """Writes folder/tokenizer.model. The trainer records its input's name, so it is a relative one."""
    (folder / "train.txt").write_text(train_text)
    subprocess.run(
        ["spm_train", "--input=train.txt", "--model_prefix=tokenizer", "--model_type=bpe", f"--vocab_size={VOCAB_SIZE}",
         "--byte_fallback=true", "--character_coverage=1.0", "--normalization_rule_name=identity",
         "--remove_extra_whitespaces=false", "--split_digits=true", "--max_sentence_length=1000000", "--num_threads=1",
         "--minloglevel=1"], check=True, cwd=folder)


def load_tokenizer(folder):
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


def encode_book(tokenizer, book):
    """(ids, the positions in ids where a verse starts), without BOS."""
    ids = tokenizer.encode(text.running_text(book))
    # The text is ASCII: a byte of text is a character of a piece, and a byte-fallback piece stands for one.
    lengths = [1 if tokenizer.is_byte(i) else len(tokenizer.id_to_piece(i)) for i in ids]
    ends = np.cumsum(lengths) - 1  # the first piece starts with a space that the text does not have
    verse_ends = np.cumsum([len(verse) + 1 for chapter in book for verse in chapter])[:-1]
    starts = np.searchsorted(ends, verse_ends - 1)  # a word's piece holds the space before it
    return ids, [0, *(starts + (ends[starts] < verse_ends))]


def training_stream(tokenizer, books):
    """All books, each closed by EOS, as one array, and where its verses start (but for those on a new line, which are not
    encoded as they would be at the start of a text)."""
    stream, starts = [], []
    for book in books:
        ids, verse_starts = encode_book(tokenizer, book)
        starts += [len(stream) + start for start in verse_starts]
        stream += [*ids, EOS]
    stream, starts = np.array(stream), np.array(starts)
    return stream, starts[stream[starts] != tokenizer.piece_to_id(NEWLINE)]
