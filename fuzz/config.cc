#include "checkpoint/config.h"

#include <cmath>
#include <cstdint>

#include "check_message.h"

/// Any bytes as a config.json: an Error of one printable line, or arguments that hold what ModelArgs
/// promises.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tramontane;
  try {
    const Config config = parse_config({reinterpret_cast<const char*>(data), size}, "config.json");
    const ModelArgs& args = config.args;
    const bool positive = args.dim > 0 && args.n_layers > 0 && args.head_dim > 0 && args.hidden_dim > 0 &&
                          args.n_heads > 0 && args.n_kv_heads > 0 && args.vocab_size > 0 && args.norm_eps > 0;
    const bool consistent = positive && args.n_heads % args.n_kv_heads == 0 && args.head_dim % 2 == 0 &&
                            args.sliding_window.size() == static_cast<std::size_t>(args.n_layers) &&
                            std::isfinite(args.rope_theta) && args.rope_theta > 1;
    const bool finite_yarn = !args.yarn || std::isfinite(args.yarn->attention_factor);
    if (!consistent || !finite_yarn) __builtin_trap();
  } catch (const Error& error) {
    check_message(error);
  }
  return 0;
}
