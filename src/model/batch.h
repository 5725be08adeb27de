#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "model/kv_cache.h"
#include "tramontane/tokenizer.h"

namespace tramontane {

/// Rows of (token, sequence, position) for one forward pass: prompt chunks, single decode steps, or both. The
/// rows of a sequence are consecutive in position and continue where the sequence's cache ends.
struct Batch {
  struct Span {  // consecutive rows of one sequence; a sequence has at most one span in a batch
    SequenceId sequence = 0;
    std::int64_t first_row = 0;
    std::int64_t rows = 0;
    std::int64_t first_position = 0;
  };

  std::vector<TokenId> tokens;           // [rows]
  std::vector<Span> spans;               // in row order, covering all rows
  std::vector<std::int64_t> logit_rows;  // ascending: the rows whose logits are wanted

  enum class Logits { none, last, all };

  void add(SequenceId sequence, std::int64_t first_position, std::span<const TokenId> ids, Logits logits) {
    const std::int64_t first = rows();
    const auto count = static_cast<std::int64_t>(ids.size());
    spans.push_back({sequence, first, count, first_position});
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    const std::int64_t wanted = logits == Logits::all ? count : logits == Logits::last ? 1 : 0;
    for (std::int64_t row = first + count - wanted; row < first + count; row++) logit_rows.push_back(row);
  }

  std::int64_t rows() const { return static_cast<std::int64_t>(tokens.size()); }
};

}  // namespace tramontane
