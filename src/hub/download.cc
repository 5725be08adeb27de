#include "hub/download.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "core/fail.h"
#include "hub/assembly.h"
#include "hub/part_fetch.h"

namespace tramontane::hub {
namespace {

constexpr std::size_t kPartsAhead = 4;  // that may wait in memory, besides one per connection

/// A content on its way.
struct Job {
  enum class State { waiting, busy, active, done };  // busy: one thread opens or ends it
  const Download* download = nullptr;
  State state = State::waiting;
  bool tried_before = false;  // and the digest was wrong
  Descriptor lock{};
  std::unique_ptr<Assembly> assembly{};
};

/// The threads' common list. Jobs change their state under the mutex; the work itself is done outside of it.
class Downloader {
 public:
  Downloader(const Remote& remote, const std::string& commit, const std::vector<Download>& wanted,
             const DownloadOptions& options)
      : remote_(remote), commit_(commit), options_(options), jobs_(wanted.size()) {
    remote_.retry.stop = [this, asked = remote.retry.stop] { return failed_.load() || asked(); };
    for (std::size_t i = 0; i < wanted.size(); i++) jobs_[i].download = &wanted[i];
  }

  void run() {
    std::vector<std::thread> threads;
    try {
      for (int i = 0; i < options_.jobs; i++) threads.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // fewer threads do as well, none does not
      if (threads.empty()) throw;
    }
    for (auto& thread : threads) thread.join();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  struct Task {
    Job* job;
    std::size_t part = 0;
    bool open = false;  // the job, instead of fetching a part
  };

  void work() {
    try {
      HttpClient client = remote_.client();
      while (const auto task = next()) {
        if (task->open) {
          open(*task->job);
        } else {
          fetch_part(remote_, client, commit_, task->job->download->file, *task->job->assembly, task->part,
                     options_.on_bytes);
          end_if_complete(*task->job);
        }
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
    changed_.notify_all();
  }

  std::optional<Task> next() {
    using namespace std::chrono_literals;
    std::unique_lock lock(mutex_);
    for (;;) {
      if (remote_.retry.stop()) throw Stopped();
      if (const auto task = choose()) return task;
      if (std::all_of(jobs_.begin(), jobs_.end(),
                      [](const Job& job) { return job.state == Job::State::done; })) {
        return std::nullopt;
      }
      changed_.wait_for(lock, 50ms);
    }
  }

  std::optional<Task> choose() {
    std::size_t ahead = 0;
    for (const Job& job : jobs_) ahead += job.state == Job::State::active ? job.assembly->claimed_ahead() : 0;
    const bool room = ahead < static_cast<std::size_t>(options_.jobs) + kPartsAhead;
    for (Job& job : jobs_) {
      if (job.state == Job::State::waiting) {
        job.state = Job::State::busy;
        return Task{.job = &job, .open = true};
      }
      if (job.state == Job::State::active && job.assembly->has_unclaimed() &&
          (room || job.assembly->next_is_first_missing())) {
        return Task{.job = &job, .part = job.assembly->claim()};
      }
    }
    return std::nullopt;
  }

  void open(Job& job) {
    const Download& wanted = *job.download;
    const Stop& stop = remote_.retry.stop;
    const auto waiting = [&] {
      remote_.retry.note(
          fmt::format("{}: waiting for another process that fetches it", printable(wanted.file.name)));
    };
    if (!wanted.lock.empty()) job.lock = open_locked(wanted.lock, waiting, stop);
    PartialFile file(wanted.partial, wanted.file.content, waiting, stop);
    if (wanted.present()) {
      file.remove();
      options_.on_bytes(wanted.file.content.size - wanted.bytes_counted);
      set_done(job);
      return;
    }
    options_.on_bytes(file.size() - wanted.bytes_counted);
    const std::int64_t size = wanted.file.content.size;
    const std::int64_t part_size = options_.jobs == 1 ? std::max<std::int64_t>(size, 1) : options_.part_size;
    auto assembly = std::make_unique<Assembly>(std::move(file), size, part_size);
    {
      const std::lock_guard lock(mutex_);
      job.assembly = std::move(assembly);
      job.state = Job::State::active;
    }
    end_if_complete(job);
    changed_.notify_all();
  }

  void end_if_complete(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      if (job.state != Job::State::active || !job.assembly->complete()) return;
      job.state = Job::State::busy;
    }
    const RemoteFile& file = job.download->file;
    PartialFile& content = job.assembly->file();
    const std::string digest = content.digest();
    if (digest == file.content.digest) {
      job.download->publish(content);
      set_done(job);
    } else {
      begin_again(job, digest);
    }
    changed_.notify_all();
  }

  void begin_again(Job& job, const std::string& digest) {
    const RemoteFile& file = job.download->file;
    const char* kind = file.content.kind == DigestKind::sha256 ? "SHA-256" : "git SHA-1";
    const std::string problem =
        fmt::format("{}: expected {} {}, found {}", printable(file.name), kind, file.content.digest, digest);
    if (job.tried_before || file.content.size == 0) {
      job.assembly->file().remove();
      if (file.content.size == 0) fail("{}, which is an empty file's", problem);
      fail("{}: what came was damaged twice and is deleted", problem);
    }
    remote_.retry.note(problem + "; fetching it again");
    options_.on_bytes(-file.content.size);
    const std::lock_guard lock(mutex_);
    job.tried_before = true;
    job.assembly->restart();
    job.state = Job::State::active;
  }

  void set_done(Job& job) {
    const std::lock_guard lock(mutex_);
    job.assembly.reset();
    job.lock = Descriptor();
    job.state = Job::State::done;
  }

  Remote remote_;  // with a stop of its own
  const std::string& commit_;
  const DownloadOptions& options_;
  std::vector<Job> jobs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> failed_ = false;
  std::exception_ptr error_;
};

}  // namespace

void download(const Remote& remote, const std::string& commit, const std::vector<Download>& wanted,
              const DownloadOptions& options) {
  Downloader(remote, commit, wanted, options).run();
}

}  // namespace tramontane::hub
