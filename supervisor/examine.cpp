// What the supervisor itself adds to a death's post mortem: the facts that only it knows, and the stacks of who hangs.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "proto/text.hpp"
#include "supervisor/supervisor.hpp"

namespace of::supervisor {
namespace {

constexpr int stack_lines_logged_max = 48;
constexpr int stack_seconds_max = 5;
/// Of the two between abort and kill.
constexpr int abort_waits_seconds_max = 1;
/// An instance that has stopped waits so long for bundles that are being written.
constexpr int64_t last_bundles_ns = 2'000'000'000;
constexpr auto last_bundles_look = std::chrono::milliseconds(5);

/// As `ofctl postmortem ls` names it; of-autopsy, which sees more, makes "oom" of some.
std::string_view cause_of(const Death& death, Cause cause) {
    switch (cause) {
        case Cause::hung:
            return "hang";
        case Cause::late:
            return "late";
        case Cause::overdue:
            return "overdue";
        case Cause::commanded:
            return "commanded";
        case Cause::own:
            break;
    }
    if (!death.known()) return "unseen";
    if (death.signal == SIGSYS) return "seccomp";
    return death.signal != 0 ? "signal" : "exit";
}

/// An end in order (as far as it is known how who was no child of ours has ended), or one that an operator ordered with
/// a second SIGTERM.
bool is_wanted(const Death& death, State before, bool stopping) {
    const bool asked = before == State::stopping || before == State::restarting;
    return asked && ((death.signal == 0 && death.exit_code <= 0) || (stopping && death.signal == SIGKILL));
}

/// A worker may have gone on after the one, and died of something else much later.
std::string dated(const std::string& stack) {
    return stack.empty() ? "" : fmt::format("at {}:\n{}", wall_text(now_ns(CLOCK_REALTIME)), stack);
}

void tell(const Death& death, autopsy::Facts& facts) {
    facts.add("death", death.describe());
    if (death.signal != 0) facts.add("signal", fmt::format("SIG{}", sigabbrev_np(death.signal)));
    if (death.signal != 0) facts.add("signal_number", death.signal);
    if (death.exit_code >= 0) facts.add("exit_code", death.exit_code);
    facts.add("core_dumped", death.core ? "yes" : "no");
}

}  // namespace

autopsy::Facts Supervisor::facts_of(ProcessId process, std::string_view cause) const {
    autopsy::Facts facts;
    std::error_code unknown;
    facts.add("instance", config().instance);
    facts.add("worker", name_of(process));
    facts.add("cause", cause);
    facts.add("state_dir", config().state_dir);
    facts.add("folder", std::filesystem::current_path(unknown).string());
    facts.add("supervisor_pid", getpid());
    facts.add("supervisor_version", OF_VERSION);
    facts.add("config_generation", config_generation_);
    facts.add("config_hash", fmt::format("{:016x}", shm::fnv1a(text_.text())));
    return facts;
}

Supervisor::Demise Supervisor::look_back(Worker& worker, const Death& death) const {
    const auto& member = crew_[index_of(worker)];
    return {.moment = Moment::of(*worker.slot),
            .death = death,
            .cause = member.cause,
            .before = member.state,
            .last_words = worker.last_words,
            .stack = std::exchange(worker.stack, ""),
            .black_box = std::exchange(worker.black_box, -1),
            .oom_kills_before = worker.oom_kills_before};
}

/// After the crew has seen to the successor.
void Supervisor::examine(const Worker& worker, const Demise& demise) {
    const auto& member = crew_[index_of(worker)];
    if (is_wanted(demise.death, demise.before, crew_.stopping() && demise.cause == Cause::own)) {
        if (demise.black_box >= 0) close(demise.black_box);
        return;
    }
    auto facts = facts_of(worker.process, cause_of(demise.death, demise.cause));
    tell(demise.death, facts);
    demise.moment.tell(facts);
    facts.add("supervisor_saw_it", name_of(demise.before));
    facts.add("then", name_of(member.state));
    facts.add("failures", member.policy.failures());
    facts.add("last_words", demise.last_words);
    facts.add("program", launcher_.programs().of(worker.process.kind).path);
    facts.add("cgroup", launcher_.cgroups().folder_of(name_of(worker.process)));
    facts.add("cgroup_oom_kills_before", demise.oom_kills_before);
    post_mortem_.write(std::move(facts), demise.black_box, demise.stack, now_ns());
}

/// Nobody saw it die: its successor finds what it left.
void Supervisor::examine_former() {
    if (!former_) return;
    former_->pid = instance_.adopted_pid();
    auto facts = facts_of(self, "unseen");
    former_->tell(facts);
    post_mortem_.write(std::move(facts), -1, "", now_ns());
}

/// A worker that may hang: into the log, a line for each frame.
void Supervisor::log_stack(size_t index) {
    auto& worker = *workers_[index];
    const auto pid = worker.child.pid();
    post_mortem_.stack_of(pid, worker.slot->desk.start_time.load(std::memory_order_relaxed), stack_seconds_max,
                          [this, &worker, pid](const std::string& text) {
                              if (worker.child.pid() == pid) worker.stack = dated(text);
                              std::istringstream lines(text);
                              std::string line;
                              const auto correlation = next_correlation();
                              for (int i = 0; i < stack_lines_logged_max && std::getline(lines, line); ++i)
                                  journal_->write(log_event::worker_stack, correlation, name_of(worker.process), line);
                          });
}

/// The abort of a worker that hangs waits for its stack, which of-autopsy takes in a second or not at all.
void Supervisor::abort_with_stack(size_t index) {
    auto& worker = *workers_[index];
    const auto pid = worker.child.pid();
    post_mortem_.stack_of(pid, worker.slot->desk.start_time.load(std::memory_order_relaxed), abort_waits_seconds_max,
                          [&worker, pid](const std::string& text) {
                              if (worker.child.pid() != pid) return;
                              if (!text.empty()) worker.stack = dated(text);
                              worker.child.signal(SIGABRT);
                              worker.child.signal(SIGCONT);  // one that is stopped would not take it
                          });
}

PostMortem::Told Supervisor::told_of_post_mortems() {
    return {.written =
                [this](const std::string& worker, const std::string& id, uint64_t bytes) {
                    journal_->write(log_event::postmortem_written, next_correlation(), worker, id, bytes >> 10);
                },
            .failed =
                [this](const std::string& worker, const std::string& why) {
                    journal_->write(log_event::postmortem_missing, next_correlation(), worker, why);
                }};
}

/// Bundles of those who died last are still written: the segments are there until then.
void Supervisor::finish_after_bundles(int64_t since_ns) {
    if (post_mortem_.idle() || now_ns() - since_ns > last_bundles_ns) return finish();
    finish_timer_.expires_after(last_bundles_look);
    finish_timer_.async_wait([this, since_ns](const boost::system::error_code& error) {
        if (!error) finish_after_bundles(since_ns);
    });
}

}  // namespace of::supervisor
