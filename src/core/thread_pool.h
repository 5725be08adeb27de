#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
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

  /// Calls task(item, thread) for each item in [0, count), thread in [0, size()), and returns when all are
  /// done. Items are handed out in order, one at a time, so uneven ones balance. The task must not throw.
  template <class Task>
  void for_each(std::int64_t count, Task&& task) {
    const auto each = [&task](std::int64_t begin, std::int64_t, int thread) { task(begin, thread); };
    run({call_of(each), &each, count, false});
  }

  /// Calls task(begin, end, thread) for ranges that make up [0, count): long ones first, for what likes to go
  /// on from where it is, then shorter and shorter ones, so that all threads end together (guided
  /// self-scheduling, Polychronopoulos & Kuck 1987).
  template <class Task>
  void for_each_range(std::int64_t count, Task&& task) {
    run({call_of(task), std::addressof(task), count, true});
  }

 private:
  using Call = void (*)(const void* context, std::int64_t begin, std::int64_t end, int thread);
  struct Job {
    Call call = nullptr;
    const void* context = nullptr;
    std::int64_t count = 0;
    bool guided = false;  // else one item at a time
  };
  template <class Task>
  static Call call_of(const Task&) {
    return [](const void* context, std::int64_t begin, std::int64_t end, int thread) {
      (*static_cast<const Task*>(context))(begin, end, thread);
    };
  }
  void stop();
  void run(const Job& job);
  bool take(const Job& job, std::int64_t& begin, std::int64_t& end);
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
