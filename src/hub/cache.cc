#include "hub/cache.h"

#include <unistd.h>

#include <atomic>
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

/// Of a file that gets its final name when it is whole.
std::string temporary_name() {
  static std::atomic<unsigned> count = 0;  // threads differ too
  return fmt::format(".{}-{}.tmp", ::getpid(), count++);
}

/// The file system, or its owner, has no such links.
bool has_no_links(const std::error_code& error) {
  return error == std::errc::operation_not_permitted || error == std::errc::operation_not_supported ||
         error == std::errc::function_not_supported;
}

/// Nobody ever sees a part of the file.
void write_whole(const fs::path& path, std::string_view text) {
  const fs::path part = path.string() + temporary_name();
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
  const fs::path relative = from.lexically_relative(target.parent_path());
  std::error_code error;
  if (!fs::exists(from, error) && fs::exists(target, error)) return;
  make_folders(target.parent_path());
  if (symlinks && fs::read_symlink(target, error) == relative) return;
  const fs::path made = target.parent_path() / temporary_name();
  fs::remove(made, error);  // of an earlier process of the same number
  error.clear();
  if (symlinks) fs::create_symlink(relative, made, error);
  if (!symlinks || has_no_links(error)) fs::create_hard_link(from, made, error);
  std::error_code not_there;
  const auto size = static_cast<std::uintmax_t>(file.content.size);
  if (has_no_links(error) && fs::file_size(target, not_there) == size) return;  // a copy, of an earlier pull
  if (has_no_links(error)) fs::copy_file(from, made, error);
  if (!error) fs::rename(made, target, error);
  fs::remove(made, not_there);  // rename leaves it when both are the same file
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
