#include "checkpoint/json.h"
#include "checkpoint/safetensors.h"
#include "core/fail.h"

namespace tramontane {
namespace {

/// The name comes from outside: it must not lead out of the folder.
void check_plain_name(const std::string& name, const std::string& tensor, const std::string& file) {
  const bool plain = name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
  if (!plain || !name.ends_with(".safetensors")) {
    fail("{}: key 'weight_map': tensor {}: expected the plain name of a .safetensors file, found {}", file,
         printable(tensor), printable(name));
  }
}

}  // namespace

std::map<std::string, std::string> parse_safetensors_index(std::string_view text, const std::string& file) {
  const nlohmann::json json = parse_json(text, file);
  const Fields fields(json, file);
  const auto weight_map = fields.object("weight_map");
  if (!weight_map || weight_map->value().empty())
    fields.wrong("weight_map", "an object of tensors and their files");
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, shard] : weight_map->value().items()) {
    if (!shard.is_string()) {
      fail("{}: key 'weight_map': tensor {}: expected a file name, found {}", file, printable(tensor),
           describe(shard));
    }
    const auto& name = shard.get_ref<const std::string&>();
    check_plain_name(name, tensor, file);
    shards.emplace(tensor, name);
  }
  return shards;
}

}  // namespace tramontane
