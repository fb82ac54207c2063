// Whether a silent worker hangs. Pure: one judge for each worker, time and samples are arguments.
//
// A worker's silence counts only while it could have spoken: time that it waited for a CPU (run delay of its main
// thread, as the scheduler counts it) and time in which the supervisor itself did not run (a freeze of the whole tree,
// a suspended machine) are left out. At half the limit the worker is suspected, at the limit it hangs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace of::supervisor {

/// What the scheduler says of a worker's main thread (/proc/PID/schedstat and stat).
struct SchedulerSample {
    int64_t cpu_ns = 0;   ///< spent on a CPU
    int64_t wait_ns = 0;  ///< runnable, and waiting for one; counted when the wait ends
    char state = 'S';     ///< R, S, D, T, Z...
};

enum class Verdict : uint8_t {
    well,
    suspected,  ///< said once for each silence, at half the limit
    hung,
};

class HangJudge {
  public:
    /// How often the supervisor looks, at least: while everybody speaks, and when somebody is silent.
    static constexpr int64_t calm_look_ns = 1'000'000'000;
    static constexpr int64_t look_ns = 500'000'000;
    /// A longer gap between two looks is a freeze.
    static constexpr int64_t freeze_ns = 2 * calm_look_ns;
    /// An idle worker beats once a second: only what is silent for longer is sampled, which costs two reads of /proc.
    static constexpr int64_t sample_after_ns = 1'200'000'000;

    /// A process begins; nothing that its predecessor did counts.
    void begin(int64_t now_ns) { *this = HangJudge(now_ns); }

    /// `sample` is called only for a worker that has been silent for a while.
    template <typename Sample>
    Verdict look(int64_t now_ns, int64_t beat_ns, int64_t limit_ns, Sample sample) {
        const auto passed = now_ns - std::exchange(last_look_ns_, now_ns);
        if (beat_ns != beat_ns_) return speaks(now_ns, beat_ns, passed);
        if (passed > freeze_ns) return Verdict::well;
        silence_ns_ += passed - (silence_ns_ + passed < sample_after_ns ? 0 : starved(sample(), passed));
        if (silence_ns_ >= limit_ns) return Verdict::hung;
        if (silence_ns_ < limit_ns / 2 || suspected_) return Verdict::well;
        suspected_ = true;
        return Verdict::suspected;
    }

    /// Time of silence that counts.
    int64_t silence_ns() const { return silence_ns_; }
    int64_t starved_ns() const { return starved_ns_; }
    /// When the next look could change the verdict, at the latest a usual look away.
    int64_t next_look_ns(int64_t limit_ns) const {
        const auto mark = suspected_ || silence_ns_ >= limit_ns / 2 ? limit_ns : limit_ns / 2;
        const auto usual = silence_ns_ < sample_after_ns ? calm_look_ns : look_ns;
        return last_look_ns_ + std::clamp<int64_t>(mark - silence_ns_, 1'000'000, usual);
    }
    HangJudge() = default;

  private:
    explicit HangJudge(int64_t now_ns) : last_look_ns_(now_ns) {}

    Verdict speaks(int64_t now_ns, int64_t beat_ns, int64_t passed) {
        beat_ns_ = beat_ns;
        silence_ns_ = passed > freeze_ns ? 0 : std::clamp<int64_t>(now_ns - beat_ns, 0, passed);
        starved_ns_ = 0;
        sampled_ = suspected_ = false;
        return Verdict::well;
    }

    int64_t starved(const SchedulerSample& now, int64_t passed) {
        const auto before = std::exchange(sample_, now);
        if (!std::exchange(sampled_, true)) return 0;
        const auto waited = std::clamp<int64_t>(now.wait_ns - before.wait_ns, 0, passed);
        // Runnable, and neither run nor picked since the last look: it has waited all the time, not yet counted.
        const bool never_picked = now.state == 'R' && now.cpu_ns == before.cpu_ns && now.wait_ns == before.wait_ns;
        // Held by a tracer, a debugger or of-autopsy: it cannot speak.
        const bool held = now.state == 't';
        const auto starved = never_picked || held ? passed : waited;
        starved_ns_ += starved;
        return starved;
    }

    int64_t last_look_ns_ = 0;
    int64_t beat_ns_ = 0;
    int64_t silence_ns_ = 0;
    int64_t starved_ns_ = 0;
    SchedulerSample sample_;
    bool sampled_ = false;
    bool suspected_ = false;
};

}  // namespace of::supervisor
