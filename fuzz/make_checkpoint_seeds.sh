#!/bin/sh
# Writes the seed corpora of npz, safetensors and config: tiny synthetic checkpoints in every container and dialect.
# usage: make_checkpoint_seeds.sh PATH/TO/tramontane-synthetic
set -eu
tool=$1
corpus=$(dirname "$0")/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$corpus/npz" "$corpus/safetensors" "$corpus/config"

seed() {  # NAME TOOL-OPTIONS...
  name=$1
  shift
  "$tool" --layers 1 --dim 32 --hidden-dim 32 --heads 2 --kv-heads 1 --head-dim 16 --vocab-size 4 "$@" --out "$work/$name"
}
seed stored --format npz --bits 4 --group-size 32
seed deflated --format npz-deflated --dtype float32
seed zip64 --format npz-zip64 --dtype bfloat16 --tied
seed plain --format safetensors --names hf --dtype bfloat16
seed shards --format safetensors-shards --names hf --bits 3 --group-size 32
seed nested --format safetensors --names hf-nested --sliding-window 8 --bits 8 --group-size 32

for name in stored deflated zip64; do cp "$work/$name/weights.npz" "$corpus/npz/$name.npz"; done
for name in plain nested; do cp "$work/$name/model.safetensors" "$corpus/safetensors/$name.safetensors"; done
cp "$work/shards/model.safetensors.index.json" "$corpus/safetensors/index.json"
for name in stored zip64 plain nested; do cp "$work/$name/config.json" "$corpus/config/$name.json"; done

cat > "$corpus/config/ministral3.json" <<'JSON'
{"model_type": "mistral3", "text_config": {"model_type": "ministral3", "hidden_size": 64, "num_hidden_layers": 2,
 "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "rms_norm_eps": 1e-05,
 "vocab_size": 512, "hidden_act": "silu", "max_position_embeddings": 262144, "sliding_window": 16,
 "layer_types": ["full_attention", "sliding_attention"], "tie_word_embeddings": true, "rope_parameters":
 {"rope_type": "yarn", "rope_theta": 1000000.0, "factor": 16.0, "original_max_position_embeddings": 16384,
 "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 1.0, "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1}},
 "quantization": {"group_size": 64, "bits": 4, "mode": "affine", "language_model.lm_head": false,
 "language_model.model.layers.0.mlp.down_proj": {"group_size": 32, "bits": 6}}}
JSON
cat > "$corpus/config/params.json" <<'JSON'
{"dim": 64, "n_layers": 4, "head_dim": 32, "hidden_dim": 128, "n_heads": 4, "n_kv_heads": 2, "norm_eps": 1e-05,
 "vocab_size": 512, "rope_theta": 1000000.0, "_sliding_window": [null, 16], "yarn": {"factor": 16, "beta": 32,
 "original_max_position_embeddings": 16384, "alpha": 1, "apply_scale": false},
 "llama_4_scaling": {"beta": 0.1, "original_max_position_embeddings": 16384}, "model_type": "mistral"}
JSON
