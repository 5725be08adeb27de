#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_names.h"
#include "convert/row_source.h"
#include "core/mapped_file.h"

namespace tramontane {

/// A checkpoint of any kind, ready to be converted: what it says of the model, and each parameter as rows.
/// Immutable once opened; move-only.
struct Source {
  std::string_view kind;  // "consolidated.pth", "consolidated.safetensors", "safetensors", "npz", "gguf"
  /// args.rope_layout holds here. The quantisation entry counts for nothing: each RowSource says its own.
  Config config;
  /// What the configuration said, to be carried over (null: it was no JSON, as in GGUF).
  nlohmann::ordered_json json;
  NameFamily dialect = NameFamily::mistral;  // of `json`
  /// By place, Part::weight. Every parameter that config.args calls for, of its shape, and no other; a norm
  /// is one row.
  std::map<Place, std::unique_ptr<RowSource>> parameters;
  std::vector<std::filesystem::path> copied_files;  // tokenizer and templates, under their own names
  std::map<std::string, std::string>
      written_files;                  // name -> content, made from the source (GGUF's tokenizer)
  std::vector<std::string> warnings;  // one line each
  // What the parameters read from: one of the two.
  std::unique_ptr<MappedFiles> files;
  std::unique_ptr<const Checkpoint> checkpoint;

  const MappedFiles& mapped() const { return checkpoint ? checkpoint->files() : *files; }
};

/// Recognises what is at `path`, a folder or a GGUF file. Throws Error, also for shapes that contradict the
/// configuration.
Source open_source(const std::filesystem::path& path);

/// What `args` call for at a place: [rows, cols]; a norm is one row.
Shape shape_of(const Place& place, const ModelArgs& args);

/// Throws Error unless `source.parameters` is what `source.config.args` calls for.
void check_parameters(const Source& source, const std::string& where);

}  // namespace tramontane
