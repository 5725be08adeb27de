#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
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
  /// Throws Error when the system has no more threads to give.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls task(item, thread) for each item in [0, count), thread in [0, size()), and returns when all are
  /// done. Items are handed out in order, one at a time, so uneven ones balance. The task must not throw.
  template <class Task>
  void for_each(std::int64_t count, Task&& task) {
    using Plain = std::remove_reference_t<Task>;
    run({[](void* context, std::int64_t item, int thread) { (*static_cast<Plain*>(context))(item, thread); },
         const_cast<void*>(static_cast<const void*>(std::addressof(task))), count});
  }

 private:
  struct Job {
    void (*call)(void* context, std::int64_t item, int thread) = nullptr;
    void* context = nullptr;
    std::int64_t count = 0;
  };
  void stop();
  void run(const Job& job);
  void work(int thread);
  void serve(int thread);

  Job job_;
  std::atomic<std::int64_t> next_item_{0};
  std::atomic<int> busy_workers_{0};
  std::atomic<std::uint32_t> epoch_{0};  // one more for every job; the workers wait for it to change
  std::atomic<bool> stopping_{false};
  std::vector<std::thread> workers_;
};

}  // namespace tramontane
