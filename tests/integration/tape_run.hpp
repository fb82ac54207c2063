// The run itself: start everything, play the market, kill whom the options name, wait until all is stored, stop, and
// count.
#pragma once

#include "tests/integration/report.hpp"
#include "tests/integration/system.hpp"
#include "tests/integration/tape_facts.hpp"

namespace of::integration {

class TapeRun {
  public:
    explicit TapeRun(const RunOptions& options) : options_(options), killer_(options) {}

    /// What came out, problems included; an error when the run could not be made at all.
    Expected<RunResult> run();

  private:
    Expected<void> start();
    Expected<void> play();
    bool market_over(const ExchangeStatus& status);
    bool may_kill(const ExchangeStatus& status) const;
    Expected<void> revive_supervisor();
    /// Waits until the store and the books have what was played; else tells what is missing.
    void settle();
    /// What the store or the books still lack, a sentence; "" when nothing.
    std::string missing();
    std::string missing_of(const std::string& symbol, const SymbolPlayed& played, const Stats& stats);
    void read_books();
    void read_metrics();
    bool counters_are_current() const;
    void check_siblings();
    void check_client();
    void check_traces();
    void read_store();
    double elapsed_seconds() const;
    void say(const std::string& text) const;

    const RunOptions& options_;
    Killer killer_;
    TapeFacts facts_;
    std::unique_ptr<System> system_;
    std::unique_ptr<Subscriber> client_;
    ExchangeStatus played_;
    RunResult result_;
    int64_t started_ns_ = 0;
    bool finish_asked_ = false;
};

}  // namespace of::integration
