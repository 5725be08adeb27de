// Any bytes as a Hugging Face tokenizer.json: loading refuses them with Error, or the tokenizer works, and
// streaming decodes as the whole does.
#include "check_tokenizer.h"
#include "tokenizer/vocabulary_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tramontane::read_vocabulary(bytes);  // as of a file that is only compared
  check_tokenizer(bytes, "tokenizer.json", /*texts_come_back=*/false);
  return 0;
}
