#pragma once
#include <filesystem>
#include <functional>
#include <string>

namespace tramontane::hub {

/// What the environment says about the hub, with the variables and defaults of the huggingface_hub library.
struct Environment {
  std::string endpoint;  // HF_ENDPOINT, without a slash at its end
  std::filesystem::path
      cache;          // HF_HUB_CACHE, else HF_HOME/hub; HF_HOME is XDG_CACHE_HOME/huggingface if not set
  std::string token;  // HF_TOKEN, else the file HF_TOKEN_PATH or HF_HOME/token; empty: none
  std::string certificates;  // SSL_CERT_FILE; empty: the system's
  int timeout_seconds = 10;  // HF_HUB_DOWNLOAD_TIMEOUT: to connect, and for a peer that stopped sending
  bool offline = false;      // HF_HUB_OFFLINE
  bool symlinks = true;      // unless HF_HUB_DISABLE_SYMLINKS
  bool progress = true;      // unless HF_HUB_DISABLE_PROGRESS_BARS
};

/// A variable's value; null when it is not set.
using GetVariable = std::function<const char*(const char* name)>;

/// Where the cache is, and nothing else: what commands that never use the network need.
std::filesystem::path cache_folder(const GetVariable& variable);

/// Throws Error when a variable's value is wrong or the token's file cannot be read. No message holds the
/// token.
Environment read_environment(const GetVariable& variable);

}  // namespace tramontane::hub
