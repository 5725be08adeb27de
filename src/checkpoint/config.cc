#include "checkpoint/config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "checkpoint/config_parts.h"
#include "core/fail.h"

namespace tramontane {
namespace {

// Far above any model, and low enough that no product of two sizes leaves 63 bits.
constexpr int kMostDim = 1 << 20;
constexpr int kMostHidden = 1 << 22;
constexpr int kMostLayers = 10'000;
constexpr int kMostHeads = 1 << 16;
constexpr int kMostHeadDim = 1 << 16;
constexpr int kMostVocab = 1 << 24;
constexpr int kMostInt = std::numeric_limits<int>::max();

struct SizeKeys {
  const char *dim, *n_layers, *hidden_dim, *n_heads, *n_kv_heads, *norm_eps, *tied_embeddings;
};
constexpr SizeKeys kMistralKeys = {"dim",        "n_layers", "hidden_dim",     "n_heads",
                                   "n_kv_heads", "norm_eps", "tied_embeddings"};
constexpr SizeKeys kHuggingFaceKeys = {"hidden_size",         "num_hidden_layers",   "intermediate_size",
                                       "num_attention_heads", "num_key_value_heads", "rms_norm_eps",
                                       "tie_word_embeddings"};

void check_model_type(const Fields& fields, std::initializer_list<std::string_view> supported) {
  const auto type = fields.string("model_type");
  if (type && std::find(supported.begin(), supported.end(), *type) == supported.end()) {
    fields.wrong("model_type", fmt::format("one of {}", fmt::join(supported, ", ")));
  }
}

/// Whatever says that this is not a plain dense decoder.
void check_architecture(const Fields& fields) {
  // "transformer" is what Mistral's own program writes into params.json.
  check_model_type(fields, {"mistral", "ministral", "ministral3", "transformer"});
  for (const char* key : {"moe", "num_experts", "num_local_experts", "n_routed_experts"}) {
    if (fields.has(key)) fields.wrong(key, "a dense model (mixtures of experts are not supported)");
  }
  for (const char* key : {"kv_lora_rank", "q_lora_rank"}) {
    if (fields.has(key)) fields.wrong(key, "plain attention (multi-head latent attention is not supported)");
  }
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (fields.boolean(key).value_or(false)) fields.wrong(key, "false (biases are not supported)");
  }
  if (const auto act = fields.string("hidden_act"); act && *act != "silu")
    fields.wrong("hidden_act", "'silu'");
}

Dialect choose_dialect(const Fields& fields) {
  const bool mistral = fields.has(kMistralKeys.dim);
  const bool hugging_face = fields.has(kHuggingFaceKeys.dim);
  if (mistral && hugging_face) fields.wrong(kHuggingFaceKeys.dim, "nothing beside the key 'dim'");
  return hugging_face ? Dialect::hugging_face : Dialect::mistral;
}

int size(const Fields& fields, const char* key, int most) {
  return static_cast<int>(fields.need_integer(key, 1, most));
}

void parse_sizes(const Fields& fields, Dialect dialect, ModelArgs& args) {
  const SizeKeys& keys = dialect == Dialect::mistral ? kMistralKeys : kHuggingFaceKeys;
  args.dim = size(fields, keys.dim, kMostDim);
  args.n_layers = size(fields, keys.n_layers, kMostLayers);
  args.hidden_dim = size(fields, keys.hidden_dim, kMostHidden);
  args.n_heads = size(fields, keys.n_heads, kMostHeads);
  args.n_kv_heads = fields.has(keys.n_kv_heads) ? size(fields, keys.n_kv_heads, kMostHeads) : args.n_heads;
  args.vocab_size = size(fields, "vocab_size", kMostVocab);
  if (args.n_heads % args.n_kv_heads != 0) {
    fields.wrong(keys.n_kv_heads, fmt::format("a divisor of {} = {}", keys.n_heads, args.n_heads));
  }
  if (dialect == Dialect::hugging_face && !fields.has("head_dim")) {
    if (args.dim % args.n_heads != 0) {
      fields.wrong("head_dim", fmt::format("one, as {} = {} is no multiple of {} = {}", keys.dim, args.dim,
                                           keys.n_heads, args.n_heads));
    }
    args.head_dim = args.dim / args.n_heads;
  } else {
    args.head_dim = size(fields, "head_dim", kMostHeadDim);
  }
  if (args.head_dim % 2 != 0)
    fields.wrong("head_dim", fmt::format("an even number (it is {})", args.head_dim));
  if (std::int64_t{args.n_heads} * args.head_dim > kMostHidden) {
    fields.wrong(keys.n_heads, fmt::format("at most {} elements in all heads", kMostHidden));
  }
  args.norm_eps = static_cast<float>(fields.need_number(keys.norm_eps, 1e-30, 1));
}

/// `outer`: of a multimodal folder, where Hugging Face sometimes keeps the key.
bool parse_tied(const Fields& outer, const Fields& fields, Dialect dialect) {
  const char* key =
      dialect == Dialect::mistral ? kMistralKeys.tied_embeddings : kHuggingFaceKeys.tied_embeddings;
  if (const auto tied = fields.boolean(key)) return *tied;
  if (const auto tied = outer.boolean(key)) return *tied;
  return dialect == Dialect::hugging_face &&
         fields.string("model_type") == "ministral3";  // that family's default
}

int parse_max_position(const Fields& fields) {
  for (const char* key : {"max_position_embeddings", "max_seq_len"}) {
    if (const auto positions = fields.integer(key, 1, kMostInt)) return static_cast<int>(*positions);
  }
  return 0;
}

void apply(const ConfigOverrides& overrides, ModelArgs& args) {
  if (overrides.rope_theta) {
    if (!(*overrides.rope_theta >= kLeastTheta && *overrides.rope_theta <= kMostTheta)) {
      fail("rope_theta: expected a number from {} to {}, found {}", kLeastTheta, kMostTheta,
           *overrides.rope_theta);
    }
    args.rope_theta = *overrides.rope_theta;
  }
  if (overrides.sliding_window) {
    if (*overrides.sliding_window < 0) {
      fail("sliding_window: expected a number of tokens, or 0 to turn it off, found {}",
           *overrides.sliding_window);
    }
    std::fill(args.sliding_window.begin(), args.sliding_window.end(), *overrides.sliding_window);
  }
}

/// What the file leaves to guess; nothing about a value that the user has chosen.
void add_warnings(const std::string& file, const ConfigOverrides& overrides, Config& config) {
  if (!config.rope_theta_given && !overrides.rope_theta) {
    config.warnings.push_back(fmt::format(
        "{}: key 'rope_theta' is missing: using {} (some tools assume 1000000; --rope-theta overrides)", file,
        config.args.rope_theta));
  }
  const auto& windows = config.args.sliding_window;
  const int window = *std::max_element(windows.begin(), windows.end());
  if (window > 0 && !overrides.sliding_window && config.args.rope_theta == 1e6) {
    config.warnings.push_back(fmt::format(
        "{}: using a sliding window of {} tokens with rope_theta 1000000: some conversions of models "
        "without a window carry a stray one (--sliding-window 0 turns it off)",
        file, window));
  }
}

}  // namespace

Config parse_config(std::string_view text, const std::string& file, const ConfigOverrides& overrides) {
  const nlohmann::json json = parse_json(text, file);
  const Fields outer(json, file);
  const auto nested = outer.object("text_config");
  if (nested) check_model_type(outer, {"mistral3", "pixtral"});
  const Fields& fields = nested ? *nested : outer;

  check_architecture(fields);
  const Dialect dialect = choose_dialect(fields);
  Config config;
  parse_sizes(fields, dialect, config.args);
  parse_rope(fields, config);
  config.args.sliding_window = parse_sliding_window(fields, config.args.n_layers);
  config.args.tied_embeddings = parse_tied(outer, fields, dialect);
  config.args.max_position = parse_max_position(fields);
  config.quantization = parse_quantization(outer, fields);
  apply(overrides, config.args);
  add_warnings(file, overrides, config);
  return config;
}

}  // namespace tramontane
