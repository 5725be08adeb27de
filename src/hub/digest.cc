#include "hub/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "core/fail.h"

namespace tramontane::hub {
namespace {

void check(int result) {
  if (result != 1) fail("libcrypto: cannot compute a digest");
}

}  // namespace

void Hasher::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Hasher::Hasher(DigestKind kind, std::int64_t size) : context_(EVP_MD_CTX_new()) {
  check(context_ != nullptr ? 1 : 0);
  check(EVP_DigestInit_ex(context_.get(), kind == DigestKind::sha256 ? EVP_sha256() : EVP_sha1(), nullptr));
  if (kind == DigestKind::git_sha1) {
    const std::string header = fmt::format("blob {}", size);
    add({header.c_str(), header.size() + 1});  // with the zero at its end
  }
}

void Hasher::add(std::string_view bytes) {
  check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string Hasher::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  check(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
  std::string text;
  for (unsigned int i = 0; i < size; i++) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace tramontane::hub
