#include "convert/consolidated.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "checkpoint/folder_checks.h"
#include "checkpoint/json.h"
#include "checkpoint/pth.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/weight_files.h"
#include "convert/checkpoint_source.h"
#include "convert/float8_rows.h"
#include "convert/merged_rows.h"
#include "convert/plain_rows.h"
#include "core/fail.h"
#include "tramontane/tokenizer.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;
using Views = std::vector<const TensorView*>;

constexpr std::size_t kLargestConfig = 4 << 20;
constexpr std::size_t kLargestTokenizer = 64 << 20;

bool is_norm(Role role) {
  return role == Role::attention_norm || role == Role::ffn_norm || role == Role::norm;
}

std::string label_of(const TensorView& tensor) {
  return fmt::format("{}: tensor {}", tensor.file, printable(tensor.name));
}

/// "[16, 4] and [16, 4]"
std::string shapes_of(const Views& pieces) {
  std::vector<std::string> shapes;
  for (const TensorView* piece : pieces) shapes.push_back(to_string(piece->shape));
  return fmt::format("{}", fmt::join(shapes, " and "));
}

/// The tensors of all files, in the order of the files.
std::vector<TensorView> read_tensors(const fs::path& folder, const WeightFiles& files, MappedFiles& mapped) {
  std::vector<TensorView> tensors;
  std::map<std::string, std::string> places;
  for (const std::string& name : files.names) {
    const MappedFile& file = mapped.open(folder / name);
    auto read = files.format == WeightFiles::Format::pth ? read_pth(file.bytes(), file.name())
                                                         : read_safetensors(file.bytes(), file.name());
    for (TensorView& tensor : read) {
      if (!files.index.empty()) places.emplace(tensor.name, name);
      tensors.push_back(std::move(tensor));
    }
  }
  check_index(folder, files, places);
  if (files.format == WeightFiles::Format::pth) return tensors;
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
  check_distinct(tensors);
  return tensors;
}

/// Gathers the pieces of each parameter and makes one source of rows of them.
class Assembler {
 public:
  /// `shards`: files that each hold a piece of every parameter.
  Assembler(const MappedFiles& files, const ModelArgs& args, std::size_t shards)
      : files_(files), args_(args), shards_(shards) {}

  void add(const TensorView& tensor) {
    constexpr std::string_view kScale = ".qscale_weight";
    if (tensor.name.ends_with(".qscale_act")) return;  // of activations, which stay float here
    const bool scale = tensor.name.ends_with(kScale);
    const std::string_view module =
        std::string_view(tensor.name).substr(0, tensor.name.size() - (scale ? kScale.size() : 0));
    const TensorName name = parse_tensor_name(scale ? std::string(module) + ".weight" : tensor.name);
    if (name.kind == TensorName::Kind::harmless || name.kind == TensorName::Kind::vision) return;
    const bool part = name.kind == TensorName::Kind::parameter && name.place.part == Part::weight &&
                      name.family != NameFamily::hugging_face && name.place.layer < args_.n_layers;
    if (!part) {
      fail("{}: not a part of the {}-layer dense model that params.json describes", label_of(tensor),
           args_.n_layers);
    }
    if (name.place.role == Role::output && args_.tied_embeddings) return;
    (scale ? scales_ : pieces_)[name.place].push_back(&tensor);
  }

  std::unique_ptr<RowSource> assemble(const Place& place, const fs::path& folder) const {
    const auto at = pieces_.find(place);
    if (at == pieces_.end()) {
      fail("{}: tensor {}: missing", folder.string(), printable(spell(place, NameFamily::mistral)));
    }
    const Views& pieces = at->second;
    const bool twice = std::adjacent_find(pieces.begin(), pieces.end(), [](auto* a, auto* b) {
                         return a->file == b->file;
                       }) != pieces.end();
    if (pieces.size() != shards_ || twice) {
      fail("{}: expected it once in each of {} files, found it {} times", label_of(*pieces[0]), shards_,
           pieces.size());
    }
    const auto scale = scales_.find(place);
    if (scale != scales_.end() && pieces[0]->other_dtype != kFloat8) {
      fail("{}: expected its weight as {}, found another type", label_of(*scale->second[0]), kFloat8);
    }
    if (is_norm(place.role)) return norm(pieces);
    if (pieces.size() == 1) return matrix(place, *pieces[0]);
    return merged(place, pieces);
  }

 private:
  void check_shape(const TensorView& tensor, const Shape& expected) const {
    if (tensor.shape == expected) return;
    fail("{}: expected {}, as params.json says, found {}", label_of(tensor), to_string(expected),
         to_string(tensor.shape));
  }

  std::vector<float> values(const RowSource& row) const {
    std::vector<float> values(static_cast<std::size_t>(row.cols()));
    row.read(0, 1, values.data());
    return values;
  }

  /// Every shard has a copy.
  std::unique_ptr<RowSource> norm(const Views& copies) const {
    std::vector<std::unique_ptr<RowSource>> rows;
    for (const TensorView* copy : copies) {
      check_shape(*copy, {args_.dim});
      rows.push_back(plain_rows(files_, *copy));
    }
    const auto first = values(*rows[0]);
    for (std::size_t i = 1; i < rows.size(); i++) {
      if (std::memcmp(values(*rows[i]).data(), first.data(), first.size() * sizeof(float)) == 0) continue;
      fail("{}: expected a copy of the one in {}, found other values", rows[i]->label(), copies[0]->file);
    }
    return std::move(rows[0]);
  }

  std::unique_ptr<RowSource> matrix(const Place& place, const TensorView& tensor) const {
    check_shape(tensor, shape_of(place, args_));
    if (tensor.other_dtype != kFloat8) return plain_rows(files_, tensor);
    const auto scale = scales_.find(place);
    if (scale == scales_.end()) fail("{}: expected a qscale_weight beside it, found none", label_of(tensor));
    return float8_rows(files_, tensor, *scale->second[0]);
  }

  /// Model-parallel shards split the matrices that read the residual stream by rows, those that write it by
  /// columns, and the embedding by either; only one of the two makes the shape that is called for.
  std::unique_ptr<RowSource> merged(const Place& place, const Views& pieces) const {
    const Shape whole = shape_of(place, args_);
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    bool full_rows = true;
    bool full_cols = true;
    std::vector<std::unique_ptr<RowSource>> parts;
    for (const TensorView* piece : pieces) {
      const Shape& shape = piece->shape;
      if (shape.size() != 2 || shape[0] > whole[0] || shape[1] > whole[1]) wrong_pieces(pieces, whole);
      full_rows = full_rows && shape[1] == whole[1];
      full_cols = full_cols && shape[0] == whole[0];
      rows += shape[0];
      cols += shape[1];
      parts.push_back(plain_rows(files_, *piece));
    }
    if (full_rows && rows == whole[0]) return stacked_rows(std::move(parts));
    if (full_cols && cols == whole[1]) return joined_rows(std::move(parts));
    wrong_pieces(pieces, whole);
  }

  [[noreturn]] static void wrong_pieces(const Views& pieces, const Shape& whole) {
    fail("{}: expected pieces that make {} by rows or by columns, as params.json says, found {}",
         label_of(*pieces[0]), to_string(whole), shapes_of(pieces));
  }

  const MappedFiles& files_;
  const ModelArgs& args_;
  std::size_t shards_;
  std::map<Place, Views> pieces_, scales_;
};

/// Other programs look for a tokenizer.model, not for one of Mistral's versioned names.
void add_tokenizer(const fs::path& folder, Source& source) {
  source.copied_files = companion_files(folder);
  const fs::path tokenizer = Tokenizer::find(folder);
  if (!tokenizer.filename().string().starts_with("tokenizer.model.")) return;
  source.written_files["tokenizer.model"] = read_text(tokenizer, kLargestTokenizer);
}

}  // namespace

Source open_consolidated(const fs::path& folder) {
  const WeightFiles files = find_weight_files(folder);
  const bool pth = files.format == WeightFiles::Format::pth;
  Source source;
  source.kind = pth ? "consolidated.pth" : "consolidated.safetensors";
  const fs::path params = folder / "params.json";
  const std::string text = read_text(params, kLargestConfig);
  source.config = parse_config(text, params.string());
  source.json = nlohmann::ordered_json::parse(text);
  source.files = std::make_unique<MappedFiles>();
  const auto tensors = read_tensors(folder, files, *source.files);

  Assembler assembler(*source.files, source.config.args, pth ? files.names.size() : 1);
  for (const TensorView& tensor : tensors) assembler.add(tensor);
  for (const Place& place : places_of(source.config.args)) {
    source.parameters.emplace(place, assembler.assemble(place, folder));
  }
  source.warnings = source.config.warnings;
  for (std::string& warning : folder_warnings(folder, files, tensors)) {
    source.warnings.push_back(std::move(warning));
  }
  add_tokenizer(folder, source);
  return source;
}

}  // namespace tramontane
