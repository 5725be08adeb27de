#include "checkpoint/tensor_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace tramontane {
namespace {

struct Row {
  Role role;
  bool in_layer;  // behind "layers.N."
  std::string_view mistral, hugging_face;
};

// The one table of names.
constexpr std::array<Row, 12> kTable = {{
    {Role::tok_embeddings, false, "tok_embeddings", "embed_tokens"},
    {Role::wq, true, "attention.wq", "self_attn.q_proj"},
    {Role::wk, true, "attention.wk", "self_attn.k_proj"},
    {Role::wv, true, "attention.wv", "self_attn.v_proj"},
    {Role::wo, true, "attention.wo", "self_attn.o_proj"},
    {Role::w1, true, "feed_forward.w1", "mlp.gate_proj"},
    {Role::w2, true, "feed_forward.w2", "mlp.down_proj"},
    {Role::w3, true, "feed_forward.w3", "mlp.up_proj"},
    {Role::attention_norm, true, "attention_norm", "input_layernorm"},
    {Role::ffn_norm, true, "ffn_norm", "post_attention_layernorm"},
    {Role::norm, false, "norm", "norm"},
    {Role::output, false, "output", "lm_head"},
}};

constexpr std::array<std::pair<std::string_view, Part>, 3> kParts = {
    {{".weight", Part::weight}, {".scales", Part::scales}, {".biases", Part::biases}}};

// Of the whole model, longest first.
constexpr std::array<std::string_view, 4> kPrefixes = {"language_model.model.", "model.language_model.",
                                                       "language_model.", "model."};

constexpr std::array<std::string_view, 2> kHarmlessSuffixes = {"rotary_emb.inv_freq", "rope.freqs"};

constexpr std::array<std::string_view, 7> kVisionPrefixes = {
    "vision_tower.", "vision_model.",          "vision_encoder.",       "vision_language_adapter.",
    "patch_merger.", "multi_modal_projector.", "pre_mm_projector_norm."};

/// Takes "layers.N." off the front.
std::optional<int> take_layer(std::string_view& name) {
  constexpr std::string_view kLayers = "layers.";
  if (!name.starts_with(kLayers)) return std::nullopt;
  const std::string_view rest = name.substr(kLayers.size());
  int layer = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
  const auto digits = static_cast<std::size_t>(end - rest.data());
  const bool canonical = error == std::errc() && layer >= 0 && (digits == 1 || rest[0] != '0');
  if (!canonical || rest.substr(digits, 1) != ".") return std::nullopt;
  name = rest.substr(digits + 1);
  return layer;
}

template <std::size_t N>
bool starts_with_any(std::string_view name, const std::array<std::string_view, N>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](auto prefix) { return name.starts_with(prefix); });
}

}  // namespace

TensorName parse_tensor_name(std::string_view name) {
  TensorName found;
  if (starts_with_any(name, kVisionPrefixes)) {
    found.kind = TensorName::Kind::vision;
    return found;
  }
  const auto* prefix =
      std::find_if(kPrefixes.begin(), kPrefixes.end(), [&](auto text) { return name.starts_with(text); });
  if (prefix != kPrefixes.end()) name.remove_prefix(prefix->size());
  if (starts_with_any(name, kVisionPrefixes)) {  // model.vision_tower.
    found.kind = TensorName::Kind::vision;
    return found;
  }
  if (std::any_of(kHarmlessSuffixes.begin(), kHarmlessSuffixes.end(),
                  [&](auto end) { return name.ends_with(end); })) {
    found.kind = TensorName::Kind::harmless;
    return found;
  }
  const auto* part =
      std::find_if(kParts.begin(), kParts.end(), [&](auto& p) { return name.ends_with(p.first); });
  if (part == kParts.end()) return found;
  name.remove_suffix(part->first.size());
  const auto layer = take_layer(name);
  for (const Row& row : kTable) {
    if (row.in_layer != layer.has_value() || (name != row.mistral && name != row.hugging_face)) continue;
    found.kind = TensorName::Kind::parameter;
    found.place = {row.role, layer.value_or(-1), part->second};
    if (row.mistral != row.hugging_face) {
      found.family = name == row.mistral ? NameFamily::mistral : NameFamily::hugging_face;
    }
  }
  return found;
}

std::vector<Place> places_of(const ModelArgs& args) {
  std::vector<Place> places = {{Role::tok_embeddings}, {Role::norm}};
  if (!args.tied_embeddings) places.push_back({Role::output});
  for (int layer = 0; layer < args.n_layers; ++layer) {
    for (const Role role : {Role::wq, Role::wk, Role::wv, Role::wo, Role::w1, Role::w2, Role::w3,
                            Role::attention_norm, Role::ffn_norm}) {
      places.push_back({role, layer});
    }
  }
  return places;
}

std::string spell(const Place& place, NameFamily family) {
  const auto* row = std::find_if(kTable.begin(), kTable.end(), [&](auto& r) { return r.role == place.role; });
  const auto* part =
      std::find_if(kParts.begin(), kParts.end(), [&](auto& p) { return p.second == place.part; });
  const std::string layer = place.layer < 0 ? "" : fmt::format("layers.{}.", place.layer);
  return fmt::format("{}{}{}", layer, family == NameFamily::hugging_face ? row->hugging_face : row->mistral,
                     part->first);
}

}  // namespace tramontane
