#include "checkpoint/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "checkpoint/npy.h"
#include "checkpoint/pth.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tensor_names.h"
#include "checkpoint/weight_files.h"
#include "core/fail.h"
#include "core/mapped_file.h"

namespace tramontane {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestConfig = 4 << 20;

void check_folder(const fs::path& folder) {
  std::error_code error;
  const auto status = fs::status(folder, error);
  if (error && status.type() != fs::file_type::not_found) {
    fail("{}: cannot open: {}", folder.string(), error.message());
  }
  if (!fs::exists(status)) fail("{}: expected a checkpoint folder, found nothing", folder.string());
  if (!fs::is_directory(status)) fail("{}: expected a checkpoint folder, found a file", folder.string());
}

/// What compressed members may inflate to: the whole model in float32, with room for headers. A folder that
/// claims more is refused before it takes the memory.
std::uint64_t inflated_limit(const ModelArgs& args) {
  const double heads = 2.0 * (args.n_heads + args.n_kv_heads) * args.head_dim;
  const double layer = (heads + 3.0 * args.hidden_dim + 2) * args.dim;
  const double parameters = args.n_layers * layer + (2.0 * args.vocab_size + 1) * args.dim;
  constexpr double kHeaders = 16e6;
  return static_cast<std::uint64_t>(std::min(4 * parameters + kHeaders, available_memory()));
}

/// Every tensor must be where the index says.
void check_index(const WeightFiles& files, const std::map<std::string, std::string>& found,
                 const std::string& file) {
  for (const auto& [tensor, shard] : files.index) {
    const auto at = found.find(tensor);
    if (at == found.end() || at->second != shard) {
      fail("{}: tensor {}: expected in {}, found {}", file, printable(tensor), printable(shard),
           at == found.end() ? "nowhere" : "in " + printable(at->second));
    }
  }
}

void check_distinct(const std::vector<TensorView>& sorted) {
  const auto twice =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const TensorView& a, const TensorView& b) { return a.name == b.name; });
  if (twice != sorted.end()) {
    fail("{}: tensor {} is there twice: in {} too", (twice + 1)->file, printable(twice->name),
         printable(twice->file));
  }
}

}  // namespace

struct Checkpoint::Impl {
  fs::path folder;
  std::string config_name;
  Config config;
  WeightFiles files;
  MappedFiles mapped;
  InflatedMembers inflated{0};
  std::vector<TensorView> tensors;

  void check_runnable() const;
  std::vector<TensorView> read_file(const MappedFile& file);
  void read_files();
  void add_warnings();
};

/// Some folders need another form first.
void Checkpoint::Impl::check_runnable() const {
  constexpr const char* kAdvice =
      "{}: {} cannot run as they are: `tramontane convert` makes a folder that can";
  if (config.quantization.float8) {
    fail(kAdvice, (folder / config_name).string(), "weights in fp8 (key 'quantization.qformat_weight')");
  }
  if (files.format == WeightFiles::Format::pth && files.names.size() > 1) {
    fail(kAdvice, folder.string(), fmt::format("{} shards ({}, ...)", files.names.size(), files.names[0]));
  }
}

std::vector<TensorView> Checkpoint::Impl::read_file(const MappedFile& file) {
  switch (files.format) {
    case WeightFiles::Format::npz:
      return read_npz(file.bytes(), file.name(), inflated);
    case WeightFiles::Format::safetensors:
      return read_safetensors(file.bytes(), file.name());
    case WeightFiles::Format::pth:
      return read_pth(file.bytes(), file.name());
  }
  return {};
}

void Checkpoint::Impl::read_files() {
  inflated = InflatedMembers(inflated_limit(config.args));
  std::map<std::string, std::string> places;
  for (const std::string& name : files.names) {
    const MappedFile& file = mapped.open(folder / name);
    for (TensorView& tensor : read_file(file)) {
      if (!files.index.empty()) places.emplace(tensor.name, name);
      tensors.push_back(std::move(tensor));
    }
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorView& a, const TensorView& b) { return a.name < b.name; });
  check_distinct(tensors);
  check_index(files, places, (folder / files.index_name).string());
}

void Checkpoint::Impl::add_warnings() {
  if (!files.unused.empty()) {
    config.warnings.push_back(fmt::format("{}: several kinds of weight files: using {}, not {}",
                                          folder.string(),
                                          printable(fmt::format("{}", fmt::join(files.names, ", "))),
                                          printable(fmt::format("{}", fmt::join(files.unused, ", ")))));
  }
  const auto vision = std::count_if(tensors.begin(), tensors.end(), [](const TensorView& tensor) {
    return parse_tensor_name(tensor.name).kind == TensorName::Kind::vision;
  });
  if (vision > 0) {
    config.warnings.push_back(fmt::format(
        "{}: ignoring {} tensors of the vision part: only text is supported", folder.string(), vision));
  }
}

Checkpoint Checkpoint::open(const fs::path& folder, const ConfigOverrides& overrides) {
  check_folder(folder);
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->config_name = find_config_file(folder);
  const fs::path config = folder / impl->config_name;
  impl->config = parse_config(read_text(config, kLargestConfig), config.string(), overrides);
  impl->files = find_weight_files(folder);
  impl->check_runnable();
  impl->read_files();
  impl->add_warnings();
  return Checkpoint(std::move(impl));
}

Checkpoint::Checkpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

const fs::path& Checkpoint::folder() const { return impl_->folder; }
const Config& Checkpoint::config() const { return impl_->config; }
std::span<const TensorView> Checkpoint::tensors() const { return impl_->tensors; }

const TensorView* Checkpoint::find(std::string_view name) const {
  const auto at =
      std::lower_bound(impl_->tensors.begin(), impl_->tensors.end(), name,
                       [](const TensorView& tensor, std::string_view key) { return tensor.name < key; });
  return at == impl_->tensors.end() || at->name != name ? nullptr : &*at;
}

const MappedFiles& Checkpoint::files() const { return impl_->mapped; }

std::string_view Checkpoint::format() const {
  switch (impl_->files.format) {
    case WeightFiles::Format::npz:
      return "npz";
    case WeightFiles::Format::safetensors:
      return "safetensors";
    case WeightFiles::Format::pth:
      return "pth";
  }
  return "?";
}

std::string_view Checkpoint::config_name() const { return impl_->config_name; }

}  // namespace tramontane
