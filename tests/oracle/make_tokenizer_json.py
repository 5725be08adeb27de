"""Files of the kind tokenizer.json, made with Hugging Face's tokenizers as conversions for transformers make them: from a
SentencePiece model, from tekken's ranks, or trained; with every step around the model that is supported."""
import base64
import collections
import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3_PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|"
                  r"\s+(?!\S)|\s+")
# Tokens that texts are searched for, by what they do there. The second hides the start of the first.
ADDED = [AddedToken("<tool>", normalized=False), AddedToken("<tool><s>", special=True, normalized=False),
         AddedToken("<left>", lstrip=True, normalized=False), AddedToken("<right>", rstrip=True, normalized=False),
         AddedToken("<both>", lstrip=True, rstrip=True, normalized=False), AddedToken("naïve", single_word=True, normalized=False),
         AddedToken("two words", normalized=True), AddedToken("normal", normalized=True, single_word=True),
         AddedToken(" x", normalized=True, rstrip=True), AddedToken("<pad_1>", special=True, normalized=True)]


def byte_letters():
    """The letter of each byte, as byte-level vocabularies spell them."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}


def merges_of(ranks):
    """All ways to put each piece together of two others, in the order of ranks."""
    merges = []
    for piece, rank in sorted(ranks.items(), key=lambda item: item[1]):
        ways = [(piece[:i], piece[i:]) for i in range(1, len(piece)) if piece[:i] in ranks and piece[i:] in ranks]
        merges += sorted(ways, key=lambda way: (ranks[way[0]], ranks[way[1]]))
    return merges


def from_sentencepiece(processor):
    """Byte-fallback BPE with the pieces, ids and scores of a SentencePiece model."""
    size = processor.get_piece_size()
    vocab = {processor.id_to_piece(i): i for i in range(size)}
    special = [i for i in range(size) if processor.is_control(i) or processor.is_unknown(i)]
    plain = [i for i in range(size) if i not in set(special) and not processor.is_byte(i)]
    by_score = sorted(plain, key=lambda i: -processor.get_score(i))
    merges = merges_of({processor.id_to_piece(i): rank for rank, i in enumerate(by_score)})
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens([AddedToken(processor.id_to_piece(i), normalized=False) for i in special])
    return tokenizer


def from_tekken(file):
    """Byte-level BPE with the ids of a tekken.json, and its pattern."""
    config = file["config"]
    letters = byte_letters()
    special = config["default_num_special_tokens"]
    names = [token["token_str"] for token in file.get("special_tokens") or []] or ["<unk>", "<s>", "</s>", "[INST]", "[/INST]"]
    names += [f"<SPECIAL_{i}>" for i in range(len(names), special)]
    ranks = {}
    for token in file["vocab"][:config["default_vocab_size"] - special]:
        ranks["".join(letters[byte] for byte in base64.b64decode(token["token_bytes"]))] = token["rank"]
    vocab = {name: i for i, name in enumerate(names)} | {piece: special + rank for piece, rank in ranks.items()}
    tokenizer = Tokenizer(models.BPE(vocab, merges_of(ranks), ignore_merges=True))
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    return byte_level(tokenizer, config["pattern"])


def trained(texts, size, alphabet=(), special=("<unk>", "<s>", "</s>"), **model):
    """A BPE trained on words that U+2581 starts, or on bytes if that is the alphabet."""
    tokenizer = Tokenizer(models.BPE(**model))
    bytes_too = ["<0x%02X>" % byte for byte in range(256)] if model.get("byte_fallback") else []
    if alphabet:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        counts = collections.Counter("".join(texts).replace(" ", "▁"))
        alphabet = sorted(counts, key=lambda letter: (-counts[letter], letter))[:60]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=[*special, *bytes_too], initial_alphabet=list(alphabet),
                                  show_progress=False, limit_alphabet=len(alphabet))
    tokenizer.train_from_iterator(texts, trainer)
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = [token for token in made["added_tokens"] if token["content"] in special]
    return Tokenizer.from_str(json.dumps(made))


def legacy(tokenizer):
    """As Llama's first conversions: the whole text is one word."""
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = None
    return strip_decoder(tokenizer)


def strip_decoder(tokenizer):
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", tokenizer.token_to_id("<s>"))])
    return tokenizer


def metaspace(tokenizer, scheme, split, own_decoder=False):
    tokenizer.normalizer = None
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
    strip_decoder(tokenizer)
    if own_decoder:
        tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme, split=split)
    return tokenizer


def byte_level(tokenizer, pattern=None, prefix=False):
    """Cut by a pattern, or by GPT-2's."""
    level = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=pattern is None)
    if pattern is None:
        tokenizer.pre_tokenizer = level
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), level])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return tokenizer


def with_added(tokenizer):
    tokenizer.add_tokens(ADDED)
    return tokenizer


def small(texts):
    """Small ones of every kind, by name."""
    llama = {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    letters = sorted(byte_letters().values())
    return {
        "legacy": legacy(trained(texts, 700, **llama)),
        "legacy_added": with_added(legacy(trained(texts, 600, **llama))),
        "first": with_added(metaspace(trained(texts, 600, **llama), "first", False)),
        "always": with_added(metaspace(trained(texts, 400, unk_token="<unk>"), "always", True, own_decoder=True)),
        "never": metaspace(trained(texts, 400, unk_token="<unk>", fuse_unk=True), "never", True),
        "unknown_left_out": metaspace(trained(texts, 300), "first", True, own_decoder=True),
        "llama3": with_added(byte_level(trained(texts, 700, letters, ["<|begin_of_text|>", "<|end_of_text|>"], ignore_merges=True), LLAMA3_PATTERN)),
        "gpt2": byte_level(trained(texts, 600, letters, ["<|endoftext|>"]), prefix=True),
    }


def save(tokenizer, file, merges_as_text=False):
    made = json.loads(tokenizer.to_str())
    if merges_as_text:
        made["model"]["merges"] = [" ".join(pair) for pair in made["model"]["merges"]]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made, ensure_ascii=False))
    return file
