#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tramontane/model_args.h"

namespace tramontane {

/// What a tensor is to the model.
enum class Role { tok_embeddings, wq, wk, wv, wo, w1, w2, w3, attention_norm, ffn_norm, norm, output };

/// A quantised matrix is three tensors.
enum class Part { weight, scales, biases };

/// Which family of names a checkpoint uses; the RoPE layout goes with it.
enum class NameFamily {
  mistral,       // params.json releases and the original MLX program: layers.0.attention.wq
  hugging_face,  // and mlx-lm: model.layers.0.self_attn.q_proj
  either         // spelled the same in both
};

/// A tensor's place in the model: role, layer (-1: outside the layers) and part.
struct Place {
  Role role = Role::norm;
  int layer = -1;
  Part part = Part::weight;
  auto operator<=>(const Place&) const = default;
};

struct TensorName {
  enum class Kind {
    parameter,  // of the text model: the fields below hold
    harmless,   // follows from the configuration: inverse frequencies of RoPE
    vision,     // belongs to the other parts of a multimodal folder
    unknown
  };
  Kind kind = Kind::unknown;
  NameFamily family = NameFamily::either;
  Place place;
};

/// Looks a checkpoint's name up in the one table of names.
TensorName parse_tensor_name(std::string_view name);

/// The weights that a model of this shape has.
std::vector<Place> places_of(const ModelArgs& args);

/// The name of a place in one family, without a prefix for the whole model: for messages.
std::string spell(const Place& place, NameFamily family);

}  // namespace tramontane
