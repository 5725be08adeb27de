#include "convert/gguf_source.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>

#include "checkpoint/ggml_types.h"
#include "checkpoint/gguf.h"
#include "convert/gguf_config.h"
#include "convert/gguf_rows.h"
#include "convert/gguf_tokenizer.h"
#include "core/fail.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostParts = 99'999;     // five digits
constexpr std::int64_t kMostFactors = 1 << 15;  // on RoPE's frequencies: half of the largest head

struct Name {
  std::string_view gguf;
  Role role;
};
constexpr std::array<Name, 3> kNames = {{
    {"token_embd.weight", Role::tok_embeddings},
    {"output_norm.weight", Role::norm},
    {"output.weight", Role::output},
}};
constexpr std::array<Name, 9> kLayerNames = {{
    {"attn_q.weight", Role::wq},
    {"attn_k.weight", Role::wk},
    {"attn_v.weight", Role::wv},
    {"attn_output.weight", Role::wo},
    {"ffn_gate.weight", Role::w1},
    {"ffn_down.weight", Role::w2},
    {"ffn_up.weight", Role::w3},
    {"attn_norm.weight", Role::attention_norm},
    {"ffn_norm.weight", Role::ffn_norm},
}};

/// Takes "blk.N." off the front; -1: it is not there.
int take_layer(std::string_view& name) {
  constexpr std::string_view kBlock = "blk.";
  if (!name.starts_with(kBlock)) return -1;
  const std::string_view rest = name.substr(kBlock.size());
  int layer = -1;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  const auto digits = static_cast<std::size_t>(end - rest.data());
  const bool canonical = error == std::errc() && layer >= 0 && (digits == 1 || rest[0] != '0');
  if (!canonical || rest.substr(digits, 1) != ".") return -1;
  name = rest.substr(digits + 1);
  return layer;
}

std::optional<Place> place_of(std::string_view name) {
  const int layer = take_layer(name);
  const std::span<const Name> names = layer < 0 ? std::span<const Name>(kNames) : kLayerNames;
  const auto at = std::find_if(names.begin(), names.end(), [&](const Name& n) { return n.gguf == name; });
  if (at == names.end()) return std::nullopt;
  return Place{at->role, layer, Part::weight};
}

/// The headers of all parts, and the tensors of all of them by name.
class Parts {
 public:
  Parts(const fs::path& file, MappedFiles& files) {
    open(file, files);
    const GgufFields first = fields();
    const std::int64_t count = first.integer("split.count", 0, kMostParts).value_or(1);
    if (count > 1) open_siblings(file, count, files);
    check_split(count);
  }

  const Gguf& first() const { return parts_.front(); }
  GgufFields fields() const { return {parts_.front(), names_.front()}; }
  const std::map<std::string_view, GgufTensor>& tensors() const { return tensors_; }

 private:
  void open(const fs::path& file, MappedFiles& files) {
    const MappedFile& mapped = files.open(file);
    const std::string& name = names_.emplace_back(mapped.name());
    const Gguf& part = parts_.emplace_back(read_gguf(mapped.bytes(), name));
    for (const GgufTensor& tensor : part.tensors) {
      if (!tensors_.emplace(tensor.name, tensor).second) {
        fail("{} is there in another part too", label_of(tensor));
      }
    }
  }

  void open_siblings(const fs::path& file, std::int64_t count, MappedFiles& files) {
    const std::string name = file.filename().string();
    const std::string suffix = fmt::format("-00001-of-{:05}.gguf", count);
    if (!name.ends_with(suffix)) {
      fail("{}: expected the name of the first of {} parts, which ends in '{}'", file.string(), count,
           suffix);
    }
    const std::string stem = name.substr(0, name.size() - suffix.size());
    for (std::int64_t part = 2; part <= count; part++) {
      open(file.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", stem, part, count), files);
    }
  }

  void check_split(std::int64_t count) const {
    if (count <= 1) return;
    for (std::size_t n = 0; n < parts_.size(); n++) {
      const GgufFields part(parts_[n], names_[n]);
      const auto number = static_cast<std::int64_t>(n);
      if (part.need_integer("split.no", 0, kMostParts) != number)
        part.wrong("split.no", fmt::format("{}", number));
      if (part.need_integer("split.count", 0, kMostParts) != count)
        part.wrong("split.count", fmt::format("{}", count));
    }
    const auto total = fields().integer("split.tensors.count", 0, 1 << 30);
    if (total && static_cast<std::size_t>(*total) != tensors_.size()) {
      fields().wrong("split.tensors.count", fmt::format("{}, as the parts have", tensors_.size()));
    }
  }

  std::deque<std::string> names_;  // whose addresses stay
  std::deque<Gguf> parts_;
  std::map<std::string_view, GgufTensor> tensors_;
};

/// NAME-0000M-of-0000N.gguf with M above 1.
bool is_later_part(std::string_view name) {
  constexpr std::string_view kShape = "-00001-of-00001.gguf";
  if (name.size() < kShape.size()) return false;
  name.remove_prefix(name.size() - kShape.size());
  return name.substr(6, 4) == "-of-" && !name.starts_with("-00001");
}

/// Factors on RoPE's frequencies, by which Llama 3 extends its context: all ones change nothing.
void check_rope_freqs(const RowSource& factors) {
  if (factors.rows() != 1 || factors.cols() > kMostFactors) {
    fail("{}: expected a vector of at most {} factors, found [{}, {}]", factors.label(), kMostFactors,
         factors.rows(), factors.cols());
  }
  std::vector<float> values(static_cast<std::size_t>(factors.rows() * factors.cols()));
  factors.read(0, factors.rows(), values.data());
  if (std::any_of(values.begin(), values.end(), [](float value) { return value != 1; })) {
    fail("{}: expected ones, found other factors on RoPE's frequencies, which are not supported",
         factors.label());
  }
}

bool is_quantized(const GgufTensor& tensor) {
  return tensor.type != kF32 && tensor.type != kF16 && tensor.type != kBF16;
}

void check_quantization_version(const GgufFields& fields, const Parts& parts) {
  constexpr const char* kKey = "general.quantization_version";
  const auto version = fields.integer(kKey, 0, 1 << 30);
  const bool any = std::any_of(parts.tensors().begin(), parts.tensors().end(),
                               [](const auto& entry) { return is_quantized(entry.second); });
  if (any && version && *version != 2) fields.wrong(kKey, "2");
}

void add_parameters(const Parts& parts, Source& source) {
  for (const auto& [name, tensor] : parts.tensors()) {
    if (name.ends_with(".rope_freqs.weight") || name == "rope_freqs.weight") {
      check_rope_freqs(*gguf_rows(*source.files, tensor));
      continue;
    }
    if (name.ends_with(".attn_rot_embd.weight")) continue;  // follows from the configuration; nobody reads it
    const auto place = place_of(name);
    if (!place) fail("{}: not a part of a dense Mistral model", label_of(tensor));
    source.parameters.emplace(*place, gguf_rows(*source.files, tensor));
  }
}

std::int64_t rows_of_embedding(const Parts& parts) {
  const auto at = parts.tensors().find("token_embd.weight");
  if (at == parts.tensors().end()) fail("{}: tensor 'token_embd.weight': missing", parts.fields().file());
  return at->second.shape.front();
}

}  // namespace

Source open_gguf(const fs::path& file) {
  Source source;
  source.kind = "gguf";
  source.files = std::make_unique<MappedFiles>();
  const Parts parts(file, *source.files);
  const GgufFields fields = parts.fields();
  check_quantization_version(fields, parts);
  const std::int64_t vocab_size = rows_of_embedding(parts);
  const bool tied = !parts.tensors().contains("output.weight");
  source.json = gguf_config(fields, vocab_size, tied, source.warnings);
  source.config = parse_config(source.json.dump(), fields.file());
  source.config.args.rope_layout = RopeLayout::interleaved;
  source.warnings.insert(source.warnings.end(), source.config.warnings.begin(), source.config.warnings.end());
  source.dialect = NameFamily::mistral;
  add_parameters(parts, source);
  check_parameters(source, fields.file());
  if (std::string tokenizer = gguf_tokenizer(fields, source.warnings); !tokenizer.empty()) {
    source.written_files.emplace("tokenizer.model", std::move(tokenizer));
  }
  return source;
}

fs::path find_gguf(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const bool counts = name.ends_with(".gguf") && !name.starts_with("mmproj") && !is_later_part(name);
    if (counts && entry.is_regular_file(error)) found.push_back(entry.path());
  }
  if (found.size() > 1) {
    std::sort(found.begin(), found.end());
    fail("{}: expected one GGUF model, found several: name {} or another one of them", folder.string(),
         printable(found.front().filename().string()));
  }
  return found.empty() ? fs::path() : found.front();
}

}  // namespace tramontane
