#pragma once
#include <string>
#include <vector>

#include "hub/listing.h"

namespace tramontane::hub {

/// Which files are wanted, by patterns with * ? [...]; * also stands for slashes.
struct Patterns {
  std::vector<std::string> include;  // if any: these files, instead of what a model needs
  std::vector<std::string> exclude;  // not these
};

/// The files that a model needs to run or to be converted: configuration, tokenizer, licence, and the weights
/// of one kind, the first there is in the order in which checkpoints are looked for: model*.safetensors,
/// weights*.safetensors, weights*.npz, consolidated*.safetensors, consolidated.*.pth, *.gguf. Throws Error
/// when there are no weights, several GGUF models to choose from, or nothing left.
std::vector<RemoteFile> select_files(const Listing& listing, const Patterns& patterns,
                                     const std::string& source);

}  // namespace tramontane::hub
