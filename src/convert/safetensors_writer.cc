#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "convert/array_writer.h"
#include "convert/target_file.h"

namespace tramontane {
namespace {

class SafetensorsWriter final : public ArrayWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& folder, const std::vector<TensorHeader>& arrays,
                    const ShardOptions& options)
      : folder_(folder) {
    const auto shards = split(arrays, options.shard_bytes);
    nlohmann::json map;  // sorted by name, as mlx-lm writes it
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < shards.size(); ++i) {
      const std::string name = shards.size() == 1
                                   ? "model.safetensors"
                                   : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
      open(name, shards[i]);
      for (const TensorHeader& array : shards[i]) {
        map[array.name] = name;
        total += array.bytes();
      }
    }
    nlohmann::ordered_json index;
    index["metadata"] = {{"total_size", total}, {"total_parameters", options.parameters}};
    index["weight_map"] = map;
    index_ = index.dump(4) + "\n";
  }

  void write(std::size_t array, std::uint64_t offset, std::span<const std::byte> bytes) override {
    files_[places_[array].file].write(places_[array].begin + offset, bytes);
  }

  void finish() override {
    for (const TargetFile& file : files_) file.sync();
    write_file(folder_ / "model.safetensors.index.json", index_);
  }

 private:
  struct Place {
    std::size_t file = 0;
    std::uint64_t begin = 0;
  };

  static std::vector<std::vector<TensorHeader>> split(const std::vector<TensorHeader>& arrays,
                                                      std::uint64_t most) {
    std::vector<std::vector<TensorHeader>> shards(1);
    std::uint64_t size = 0;
    for (const TensorHeader& array : arrays) {
      if (!shards.back().empty() && size + array.bytes() > most) {
        shards.emplace_back();
        size = 0;
      }
      shards.back().push_back(array);
      size += array.bytes();
    }
    return shards;
  }

  void open(const std::string& name, const std::vector<TensorHeader>& arrays) {
    const std::string header = safetensors_header(arrays);
    std::uint64_t at = header.size();
    for (const TensorHeader& array : arrays) {
      places_.push_back({files_.size(), at});
      at += array.bytes();
    }
    files_.emplace_back(folder_ / name, at);
    files_.back().write(0, header);
  }

  std::filesystem::path folder_;
  std::vector<TargetFile> files_;
  std::vector<Place> places_;  // of the arrays
  std::string index_;
};

}  // namespace

std::unique_ptr<ArrayWriter> safetensors_writer(const std::filesystem::path& folder,
                                                const std::vector<TensorHeader>& arrays,
                                                const ShardOptions& options) {
  return std::make_unique<SafetensorsWriter>(folder, arrays, options);
}

}  // namespace tramontane
