#include "hub/pull.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <numeric>
#include <system_error>

#include "core/fail.h"
#include "hub/cache.h"
#include "hub/download.h"

namespace tramontane::hub {
namespace {

namespace fs = std::filesystem;

/// The size of a regular file; -1: there is none.
std::int64_t size_of_file(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return -1;
  const auto size = fs::file_size(path, error);
  return error ? -1 : static_cast<std::int64_t>(size);
}

constexpr const char* kPartials = ".incomplete";  // in a folder, besides the files

/// Where contents and files of a pull go.
class Place {
 public:
  explicit Place(const PullPlan& plan) : plan_(plan), cache_(plan.options.environment.cache) {}

  fs::path partial(const Content& content) const {
    if (in_folder()) return plan_.folder / kPartials / content.digest;
    return cache_.blob(repo(), content.digest).string() + ".incomplete";
  }

  fs::path lock(const Content& content) const {
    return in_folder() ? fs::path() : cache_.lock(repo(), content.digest);
  }

  /// Whether all files are there. In the cache a name and a size are proof enough; a folder is the user's.
  bool has(const PlannedContent& planned, const Stop& stop) const {
    const Content& content = planned.content;
    if (!in_folder() && size_of_file(cache_.blob(repo(), content.digest)) == content.size) return true;
    return std::all_of(planned.files.begin(), planned.files.end(),
                       [&](const std::string& file) { return has_file(plan_.folder / file, content, stop); });
  }

  /// A file must not take the name of another one's partial file.
  void check_names(const PlannedContent& planned) const {
    for (const std::string& file : planned.files) {
      if (in_folder() && *fs::path(file).begin() == kPartials) {
        fail("{}: file {}: expected no name in {}, where files are until they are whole; --exclude leaves it",
             repo(), printable(file), kPartials);
      }
    }
  }

  void check_free(const PlannedContent& planned, const Stop& stop) const {
    if (!in_folder() || plan_.options.force) return;
    for (const std::string& file : planned.files) {
      std::error_code error;
      const fs::path path = plan_.folder / file;
      if (fs::exists(path, error) && !has_file(path, planned.content, stop)) {
        fail("{}: expected nothing or the hub's file, found another one; --force replaces it", path.string());
      }
    }
  }

  void publish(PartialFile& file, const PlannedContent& planned) const {
    if (!in_folder()) return file.publish(cache_.blob(repo(), planned.content.digest));
    for (std::size_t i = 1; i < planned.files.size(); i++) {
      copy(partial(planned.content), plan_.folder / planned.files[i]);
    }
    file.publish(plan_.folder / planned.files[0]);
  }

  /// All contents are there: now the model appears.
  void finish() const {
    if (in_folder()) {
      std::error_code not_empty;
      fs::remove(plan_.folder / kPartials, not_empty);
      return;
    }
    for (const PlannedContent& planned : plan_.contents) {
      for (const std::string& file : planned.files) {
        cache_.link(repo(), plan_.commit, {file, planned.content}, plan_.options.environment.symlinks);
      }
    }
    cache_.write_ref(plan_.remote.model, plan_.commit);
  }

  /// Makes the folder, if the disk has room for all.
  void prepare() const {
    const fs::path& root = in_folder() ? plan_.folder : cache_.root();
    std::error_code error;
    fs::create_directories(root, error);
    if (error) fail("{}: cannot make the folder: {}", root.string(), error.message());
    struct statvfs disk{};
    if (statvfs(root.c_str(), &disk) != 0) return;
    const double free = static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize);
    const auto needed = static_cast<double>(plan_.missing_bytes());
    if (needed > free) {
      fail("{}: expected {} of free space on the disk, found {}", root.string(), human_bytes(needed),
           human_bytes(free));
    }
    if (!in_folder()) cache_.tag();
  }

 private:
  bool in_folder() const { return plan_.options.folder.has_value(); }
  const std::string& repo() const { return plan_.remote.model.repo; }

  bool has_file(const fs::path& path, const Content& content, const Stop& stop) const {
    return size_of_file(path) == content.size &&
           (!in_folder() || digest_of_file(path, content, stop) == content.digest);
  }

  static void copy(const fs::path& from, const fs::path& to) {
    const fs::path part = from.string() + ".copy";
    std::error_code error;
    fs::create_directories(to.parent_path(), error);
    if (!error) fs::copy_file(from, part, fs::copy_options::overwrite_existing, error);
    if (!error) fs::rename(part, to, error);
    if (error) fail("{}: cannot write: {}", to.string(), error.message());
  }

  const PullPlan& plan_;
  Cache cache_;
};

/// Files with the same content are fetched once.
std::vector<PlannedContent> by_content(const std::vector<RemoteFile>& files, const std::string& repo) {
  std::vector<PlannedContent> contents;
  std::map<std::string, std::size_t> by_digest;
  for (const RemoteFile& file : files) {
    const auto [at, added] = by_digest.try_emplace(file.content.digest, contents.size());
    if (added) contents.push_back({.content = file.content, .files = {}});
    PlannedContent& planned = contents[at->second];
    if (file.content != planned.content) {
      fail("{}: file {}: expected the size of {}, which has the same digest, found another one", repo,
           printable(file.name), printable(planned.files[0]));
    }
    planned.files.push_back(file.name);
  }
  return contents;
}

}  // namespace

std::int64_t PullPlan::total_bytes() const {
  return std::accumulate(contents.begin(), contents.end(), std::int64_t{0},
                         [](std::int64_t sum, const PlannedContent& c) { return sum + c.content.size; });
}

std::int64_t PullPlan::missing_bytes() const {
  return std::accumulate(contents.begin(), contents.end(), total_bytes(),
                         [](std::int64_t sum, const PlannedContent& c) { return sum - c.bytes_present; });
}

PullPlan plan_pull(const PullOptions& options, const PullCallbacks& callbacks) {
  if (options.environment.offline) fail("{}: HF_HUB_OFFLINE is set: nothing is fetched", options.model.repo);
  PullPlan plan{
      .remote = {options.model, options.environment, {options.retry, callbacks.stop, callbacks.note}},
      .commit = {},
      .folder = {},
      .contents = {},
      .options = options};
  const Listing listing = plan.remote.list();
  plan.commit = listing.commit;
  if (is_commit(options.model.revision) && listing.commit != options.model.revision) {
    fail("{}: expected commit {}, found {}", options.model.repo, options.model.revision, listing.commit);
  }
  plan.folder = options.folder
                    ? *options.folder
                    : Cache(options.environment.cache).snapshot(options.model.repo, listing.commit);
  plan.contents = by_content(select_files(listing, options.patterns, options.model.repo), options.model.repo);
  const Place place(plan);
  for (PlannedContent& planned : plan.contents) {
    place.check_names(planned);
    planned.present = place.has(planned, callbacks.stop);
    if (!planned.present) place.check_free(planned, callbacks.stop);
    const std::int64_t size =
        planned.present ? planned.content.size : size_of_file(place.partial(planned.content));
    planned.bytes_present = size > 0 && size <= planned.content.size ? size : 0;
  }
  return plan;
}

void pull(const PullPlan& plan, const PullCallbacks& callbacks) {
  const Place place(plan);
  place.prepare();
  const std::int64_t total = plan.total_bytes();
  std::atomic<std::int64_t> done = total - plan.missing_bytes();
  callbacks.progress(done, total);
  std::vector<Download> wanted;
  for (const PlannedContent& planned : plan.contents) {
    if (planned.present) continue;
    wanted.push_back({.file = {planned.files[0], planned.content},
                      .partial = place.partial(planned.content),
                      .lock = place.lock(planned.content),
                      .bytes_counted = planned.bytes_present,
                      .present = [&] { return place.has(planned, callbacks.stop); },
                      .publish = [&](PartialFile& file) { place.publish(file, planned); }});
  }
  DownloadOptions options;
  options.jobs = plan.options.jobs;
  options.on_bytes = [&](std::int64_t bytes) { callbacks.progress(done += bytes, total); };
  download(plan.remote, plan.commit, wanted, options);
  place.finish();
}

}  // namespace tramontane::hub
