#include "hub/cache.h"

#include <unistd.h>

#include <fstream>
#include <system_error>

#include "core/fail.h"
#include "core/mapped_file.h"

namespace tramontane::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache, see https://bford.info/cachedir/\n";

std::string folder_name(const std::string& repo) {
  std::string name = "models--" + repo;
  return name.replace(name.find('/'), 1, "--");
}

/// Nobody ever sees a part of the file.
void write_whole(const fs::path& path, std::string_view text) {
  const fs::path part = path.string() + fmt::format(".{}.tmp", ::getpid());
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code error;
  if (out.fail()) fail("{}: cannot write", part.string());
  fs::rename(part, path, error);
  if (error) fail("{}: cannot write: {}", path.string(), error.message());
}

void make_folders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("{}: cannot make the folder: {}", path.string(), error.message());
}

}  // namespace

fs::path Cache::repo_folder(const std::string& repo) const { return root_ / folder_name(repo); }

fs::path Cache::blob(const std::string& repo, const std::string& digest) const {
  return repo_folder(repo) / "blobs" / digest;
}

fs::path Cache::lock(const std::string& repo, const std::string& digest) const {
  return root_ / ".locks" / folder_name(repo) / (digest + ".lock");
}

fs::path Cache::snapshot(const std::string& repo, const std::string& commit) const {
  return repo_folder(repo) / "snapshots" / commit;
}

std::optional<fs::path> Cache::find(const ModelName& model) const {
  constexpr std::size_t kLongestRef = 4096;
  std::error_code error;
  std::string commit = model.revision;
  if (!is_commit(commit)) {
    const fs::path ref = repo_folder(model.repo) / "refs" / model.revision;
    if (!fs::is_regular_file(ref, error)) return std::nullopt;
    commit = read_text(ref, kLongestRef);
    while (commit.ends_with('\n') || commit.ends_with('\r')) commit.pop_back();
    if (!is_commit(commit)) {
      fail("{}: expected a commit of 40 hexadecimal digits, found {}", ref.string(), printable(commit));
    }
  }
  fs::path folder = snapshot(model.repo, commit);
  if (!fs::is_directory(folder, error)) return std::nullopt;
  return folder;
}

void Cache::link(const std::string& repo, const std::string& commit, const RemoteFile& file,
                 bool symlinks) const {
  const fs::path target = snapshot(repo, commit) / file.name;
  const fs::path from = blob(repo, file.content.digest);
  std::error_code error;
  if (!fs::exists(from, error) && fs::exists(target, error)) return;
  make_folders(target.parent_path());
  if (symlinks) {
    error.clear();
    const fs::path relative = from.lexically_relative(target.parent_path());
    if (fs::read_symlink(target, error) == relative) return;
    fs::remove(target, error);
    error.clear();
    fs::create_symlink(relative, target, error);
    if (!error) return;
  }
  if (!symlinks || error == std::errc::operation_not_permitted ||
      error == std::errc::operation_not_supported) {
    fs::remove(target, error);
    fs::create_hard_link(from, target, error);
    if (error) fs::rename(from, target, error);
  }
  if (error) fail("{}: cannot link it to its contents: {}", target.string(), error.message());
}

void Cache::write_ref(const ModelName& model, const std::string& commit) const {
  if (model.revision == commit) return;
  const fs::path ref = repo_folder(model.repo) / "refs" / model.revision;
  make_folders(ref.parent_path());
  write_whole(ref, commit);
}

void Cache::tag() const {
  make_folders(root_);
  const fs::path tag = root_ / "CACHEDIR.TAG";
  std::error_code error;
  if (!fs::exists(tag, error)) write_whole(tag, kTag);
}

}  // namespace tramontane::hub
