// Continues a prompt, printing the text as it comes:
//   generate MODEL_FOLDER "Once upon a time"
#include <tramontane/error.h>
#include <tramontane/generate.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: generate MODEL_FOLDER PROMPT\n";
    return 2;
  }
  try {
    tramontane::Model model = tramontane::load_model(argv[1]);
    tramontane::GenerateOptions options;
    options.max_tokens = 60;

    tramontane::GenerateCallbacks callbacks;
    callbacks.on_token = [](tramontane::TokenId, std::string_view text) {
      std::cout << text << std::flush;
      return true;  // go on
    };
    const auto result = tramontane::generate(model, argv[2], options, callbacks);
    std::cout << result.last_text << "\n";
    std::cerr << result.generation_tokens_per_second() << " tokens/s\n";
  } catch (const tramontane::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
