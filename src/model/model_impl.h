#pragma once
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/cpu_backend.h"
#include "model/mistral.h"
#include "tramontane/model.h"

namespace tramontane {

struct Model::Impl {
  Impl(Checkpoint checkpoint, Tokenizer tokenizer, const LoadOptions& options);

  KvCache make_cache() {
    return KvCache(cache_shape, [this](std::size_t bytes) { return backend.allocate(bytes); });
  }
  void check_tokens(std::span<const TokenId> tokens) const;

  Checkpoint checkpoint;  // owns the bytes that mistral's weights view
  Tokenizer tokenizer;
  std::vector<std::string> warnings;
  CpuBackend backend;
  Mistral mistral;
  KvCacheShape cache_shape;
};

}  // namespace tramontane
