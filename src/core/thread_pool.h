#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>
#include <vector>

namespace tramontane {

/// How many threads to use by default: the physical cores this process may run on, and no more than its
/// cgroup's CPU quota allows. At least 1.
int default_thread_count();

/// Fork-join over a fixed set of threads, the caller among them. One caller at a time. Not copyable.
class ThreadPool {
 public:
  /// `pin`: each thread but the caller's stays on a core of its own, as long as there are cores; the first
  /// core is left to the caller. Throws Error when the system has no more threads to give.
  explicit ThreadPool(int threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(item, thread) for each item in [0, count), count < 2^32, thread in [0, size()), and returns
  /// when all are done. Each thread goes through neighbouring items in order, for what likes to go on from
  /// where it is; one that is done takes items from the ends of the others' shares, so uneven ones balance
  /// (work stealing, Blumofe & Leiserson 1999). The task must not throw.
  template <class Task>
  void for_each(std::int64_t count, Task&& task) {
    run({[](const void* context, std::int64_t item, int thread) {
           (*static_cast<const std::remove_reference_t<Task>*>(context))(item, thread);
         },
         std::addressof(task), count});
  }

 private:
  using Call = void (*)(const void* context, std::int64_t item, int thread);
  struct Job {
    Call call = nullptr;
    const void* context = nullptr;
    std::int64_t count = 0;
  };
  /// What is left of a thread's items: [begin, end), begin in the low 32 bits.
  struct alignas(64) Share {
    std::atomic<std::uint64_t> items{0};
  };
  enum class End { first, last };
  static std::optional<std::int64_t> take(Share& share, End from);
  void stop();
  void run(const Job& job);
  void work(int thread);
  void serve(int thread);

  Job job_;
  std::unique_ptr<Share[]> shares_;  // [size()]
  std::atomic<int> busy_workers_{0};
  std::atomic<std::uint32_t> epoch_{0};  // one more for every job; the workers wait for it to change
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace tramontane
