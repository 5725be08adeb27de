// tramontane-logits: the logits of every position of a token sequence, as raw float32, for comparison with
// other programs (tests/oracle).
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <exception>
#include <fstream>

#include "tramontane/error.h"
#include "tramontane/model.h"

namespace {

void write(const std::string& path, const std::vector<float>& logits) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(logits.data()),
             static_cast<std::streamsize>(logits.size() * sizeof(float)));
  file.close();
  if (!file) throw tramontane::Error(fmt::format("{}: cannot write the logits", path));
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Writes the logits of every position, [n, vocab_size], as little-endian float32.",
               "tramontane-logits");
  std::string folder, out, kv_dtype = "auto";
  std::vector<tramontane::TokenId> tokens;
  int chunk = 256;
  tramontane::LoadOptions options;
  app.add_option("--model-path", folder, "The checkpoint folder")->required();
  app.add_option("--tokens", tokens, "Token ids, comma-separated")->delimiter(',')->required();
  app.add_option("--out", out, "The file to write")->required();
  app.add_option("--kv-dtype", kv_dtype, "Element type of the KV cache")
      ->check(CLI::IsMember({"auto", "float16", "float32", "int8"}));
  app.add_option("--activation-bits", options.activation_bits,
                 "Precision of products with quantised weights");
  app.add_option("--chunk", chunk, "Tokens per forward pass");
  CLI11_PARSE(app, argc, argv);

  if (kv_dtype == "float16") options.kv_dtype = tramontane::DType::float16;
  if (kv_dtype == "float32") options.kv_dtype = tramontane::DType::float32;
  if (kv_dtype == "int8") options.kv_dtype = tramontane::DType::int8;
  write(out, tramontane::load_model(folder, options).logits(tokens, chunk));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tramontane-logits: %s\n", error.what());
    return 1;
  }
}
