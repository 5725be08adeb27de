#pragma once
#include "kernels/kernels.h"

namespace tramontane::scalar {

void store(const float* key, const float* value, const KvView& kv, KvPlace place);
std::size_t attention_scratch_floats(int head_dim);
void attention(const AttentionArgs& args);
std::size_t part_floats(int head_dim);
void attend_piece(const AttentionArgs& args, std::int64_t piece, float* part);
void merge_pieces(const AttentionArgs& args, float* parts, std::size_t stride);

}  // namespace tramontane::scalar
