#include "convert/source.h"

#include <algorithm>

#include "checkpoint/weight_files.h"
#include "convert/checkpoint_source.h"
#include "convert/consolidated.h"
#include "convert/gguf_source.h"
#include "core/fail.h"

namespace tramontane {

namespace fs = std::filesystem;

Shape shape_of(const Place& place, const ModelArgs& args) {
  const std::int64_t q_rows = std::int64_t{args.n_heads} * args.head_dim;
  const std::int64_t kv_rows = std::int64_t{args.n_kv_heads} * args.head_dim;
  switch (place.role) {
    case Role::tok_embeddings:
    case Role::output:
      return {args.vocab_size, args.dim};
    case Role::wq:
      return {q_rows, args.dim};
    case Role::wk:
    case Role::wv:
      return {kv_rows, args.dim};
    case Role::wo:
      return {args.dim, q_rows};
    case Role::w1:
    case Role::w3:
      return {args.hidden_dim, args.dim};
    case Role::w2:
      return {args.dim, args.hidden_dim};
    case Role::attention_norm:
    case Role::ffn_norm:
    case Role::norm:
      break;
  }
  return {1, args.dim};
}

void check_parameters(const Source& source, const std::string& where) {
  const std::vector<Place> places = places_of(source.config.args);
  for (const Place& place : places) {
    const auto at = source.parameters.find(place);
    if (at == source.parameters.end()) {
      fail("{}: tensor {}: missing", where, printable(spell(place, NameFamily::mistral)));
    }
    const Shape expected = shape_of(place, source.config.args);
    const Shape found = {at->second->rows(), at->second->cols()};
    if (expected != found) {
      fail("{}: expected {}, as the configuration says, found {}", at->second->label(), to_string(expected),
           to_string(found));
    }
  }
  if (source.parameters.size() == places.size()) return;
  for (const auto& [place, rows] : source.parameters) {
    if (std::find(places.begin(), places.end(), place) == places.end()) {
      fail("{}: not a part of the {}-layer model that the configuration describes", rows->label(),
           source.config.args.n_layers);
    }
  }
}

namespace {

/// A GGUF file, with what lies beside it where it has no tokenizer of its own.
Source open_gguf_beside(const fs::path& file) {
  Source source = open_gguf(file);
  if (source.written_files.empty()) source.copied_files = companion_files(fs::absolute(file).parent_path());
  return source;
}

/// The GGUF file of a folder without other weights; empty when there are some.
fs::path gguf_of(const fs::path& folder) {
  std::error_code error;
  const bool described =
      fs::exists(folder / "config.json", error) || fs::exists(folder / "params.json", error);
  if (described && has_weight_files(folder)) return {};
  const fs::path gguf = find_gguf(folder);
  if (gguf.empty()) {
    fail("{}: expected config.json or params.json with weights, or a GGUF file, found none", folder.string());
  }
  return gguf;
}

}  // namespace

Source open_source(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error))
    fail("{}: expected a checkpoint folder or a GGUF file, found nothing", path.string());
  if (fs::is_regular_file(path, error)) return open_gguf_beside(path);
  if (const fs::path gguf = gguf_of(path); !gguf.empty()) return open_gguf_beside(gguf);
  const bool params = fs::exists(path / "params.json", error);
  if (params && find_weight_files(path).consolidated) return open_consolidated(path);
  return open_checkpoint_source(path);
}

}  // namespace tramontane
