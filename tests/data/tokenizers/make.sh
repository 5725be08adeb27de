#!/bin/sh
# Makes the small models of this folder with Debian 12's spm_train (package sentencepiece 0.1.97-3+b1).
# text.txt was written for this purpose (MIT licence, as the project); rules.tsv holds normalisation rules in
# SentencePiece's format. Training is deterministic, but the models' order of equal pieces may differ between releases.
set -eu
cd "$(dirname "$0")"

train() { # NAME VOCAB_SIZE OPTIONS...
  name=$1 size=$2
  shift 2
  spm_train --input=text.txt --model_prefix="$name" --vocab_size="$size" --hard_vocab_limit=false \
    --character_coverage=0.98 --num_threads=1 --minloglevel=2 "$@"
  rm "$name.vocab"
}

# As Mistral's: byte fallback, a dummy prefix, spaces kept.
train bpe_bytes 420 --model_type=bpe --byte_fallback=true --normalization_rule_name=identity \
  --remove_extra_whitespaces=false --allow_whitespace_only_pieces=true --split_digits=true
# SentencePiece's defaults for BPE: extra spaces removed, no byte fallback; and rules.
train bpe_trim 200 --model_type=bpe --normalization_rule_tsv=rules.tsv
# No dummy prefix, spaces kept, user-defined symbols, one of which starts with a space and one inside another.
train unigram_bytes 460 --model_type=unigram --byte_fallback=true --normalization_rule_name=identity \
  --add_dummy_prefix=false --remove_extra_whitespaces=false --allow_whitespace_only_pieces=true \
  --user_defined_symbols='▁<sep>,<sep>,<sep><sep>,  ' --control_symbols='[INST],[/INST]'
# No dummy prefix, extra spaces removed, no BOS and EOS, and an unknown surface of its own.
train unigram_trim 200 --model_type=unigram --normalization_rule_tsv=rules.tsv --add_dummy_prefix=false \
  --bos_id=-1 --eos_id=-1 --unk_surface='?'
# The space as a suffix, byte fallback, and extra spaces removed.
train bpe_suffix 420 --model_type=bpe --byte_fallback=true --normalization_rule_name=identity \
  --treat_whitespace_as_suffix=true --remove_extra_whitespaces=true --user_defined_symbols='<a>,<a><b>'
train word 60 --model_type=word --normalization_rule_name=identity --use_all_vocab=true
train character 60 --model_type=char --normalization_rule_name=identity --remove_extra_whitespaces=false
# As Mistral's of version 7, with its control tokens.
train instruct 440 --model_type=bpe --byte_fallback=true --normalization_rule_name=identity \
  --remove_extra_whitespaces=false --allow_whitespace_only_pieces=true --split_digits=true \
  --control_symbols='[INST],[/INST],[TOOL_CALLS],[AVAILABLE_TOOLS],[/AVAILABLE_TOOLS],[TOOL_RESULTS],[/TOOL_RESULTS],[PREFIX],[MIDDLE],[SUFFIX],[SYSTEM_PROMPT],[/SYSTEM_PROMPT],[TOOL_CONTENT]'
