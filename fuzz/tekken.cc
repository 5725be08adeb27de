// Any bytes as a tekken.json: loading refuses them with Error, or the tokenizer works: texts come back, and
// streaming decodes as the whole does.
#include "check_tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_tokenizer(bytes, "tekken.json", /*texts_come_back=*/true);
  return 0;
}
