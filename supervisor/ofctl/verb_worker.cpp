// ofctl start, stop, drain, restart, pause, resume, kill: what is asked of workers, one after the other.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

uint64_t incarnation_of(const ProcessView& worker) {
    return worker.slot->desk.incarnation.load(std::memory_order_relaxed);
}

bool runs_since(const ProcessView& now, uint64_t before) { return now.well() && incarnation_of(now) > before; }
bool has_stopped(const ProcessView& now, uint64_t) { return now.state == WorkerState::stopped; }
bool is_frozen(const ProcessView& now, uint64_t) { return now.frozen; }
bool is_thawed(const ProcessView& now, uint64_t) { return !now.frozen; }

/// What one worker is asked, and how its effect is seen in shared memory.
struct Wish {
    const char* request;
    bool (*done)(const ProcessView& now, uint64_t incarnation_before);
    const char* effect;
    bool each_for_itself;  ///< what becomes of one worker is no matter to the others; else the first failure is the end
};

constexpr Wish starts{"start", runs_since, "running", true};
constexpr Wish restarts_it{"restart", runs_since, "running again", false};
constexpr Wish stops{"stop", has_stopped, "stopped", false};
constexpr Wish drains{"stop", has_stopped, "drained", false};
constexpr Wish pauses{"pause", is_frozen, "paused", true};
constexpr Wish resumes{"resume", is_thawed, "resumed", true};

/// What the sentence about it ends with: who runs, or what a stopped one has left.
std::string outcome(const View& view, const ProcessView& worker, const Wish& wish) {
    if (wish.done == runs_since)
        return fmt::format("{} as pid {}", wish.effect, worker.slot->desk.pid.load(std::memory_order_relaxed));
    if (wish.done == has_stopped)
        return fmt::format("{}, {} messages left in its rings", wish.effect, unread(view, worker));
    return wish.effect;
}

int fulfil(const Options& options, const View& view, const std::string& name, const Wish& wish) {
    const auto before = view.worker(name);
    if (!before)
        return refuse(options, {ErrorKind::missing,
                                fmt::format("instance {} has no worker called {}", options.source.instance, name)});
    const auto incarnation = incarnation_of(*before);
    const auto answer = request(options, fmt::format("{} {} {}", wish.request, name, options.reason));
    if (!answer) return refuse(options, answer.error());
    if (answer->exit_code != 0 || !options.wait) return tell(options, answer->exit_code, answer->text);
    const bool there = wait_for(options.timeout_s, [&] { return wish.done(*view.worker(name), incarnation); });
    const auto now = *view.worker(name);
    if (!there)
        return tell(options, code(ExitCode::timed_out),
                    fmt::format("{} is {} {} s after its {} was asked for; see ofctl logs", name, now.label(),
                                options.timeout_s, wish.request));
    return tell(
        options, 0,
        fmt::format("{}: {} ({})", name, outcome(view, now, wish), answer->text.substr(0, answer->text.find(' '))));
}

/// The named ones in the order in which they were named; --all from the logger to the feeds, or the other way round,
/// and only those of which it is not true yet.
int fulfil_each(const Options& options, const Wish& wish) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto names = options.names;
    if (options.all)
        for (const auto& worker : view->workers()) names.push_back(worker.name);
    if (options.all && wish.done == has_stopped) std::ranges::reverse(names);
    int result = code(ExitCode::ok);
    for (const auto& name : names) {
        if (options.all && wish.each_for_itself && wish.done(*view->worker(name), 0)) continue;
        const int of_this = fulfil(options, *view, name, wish);
        if (result == code(ExitCode::ok)) result = of_this;
        if (of_this != code(ExitCode::ok) && !wish.each_for_itself) break;
    }
    return result;
}

}  // namespace

int start(const Options& options) { return fulfil_each(options, starts); }
int restart(const Options& options) { return fulfil_each(options, restarts_it); }
int pause(const Options& options) { return fulfil_each(options, pauses); }
int resume(const Options& options) { return fulfil_each(options, resumes); }

/// In the direction in which messages flow, whatever the order of the names: who reads is drained after who writes.
int drain(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto named = [&](const std::string& name) {
        return std::ranges::find(options.names, name) != options.names.end();
    };
    auto ordered = options;
    ordered.all = false;
    ordered.names.clear();
    for (const auto& worker : view->workers() | std::views::reverse) {
        if (options.all || named(worker.name)) ordered.names.push_back(worker.name);
    }
    for (const auto& name : options.names) {
        if (!view->worker(name)) ordered.names.insert(ordered.names.begin(), name);  // refused before anything is done
    }
    if (const int result = fulfil_each(ordered, drains); result != 0 || options.then == "stop") return result;
    std::ranges::reverse(ordered.names);
    return fulfil_each(ordered, starts);
}

int stop(const Options& options) {
    return options.names.empty() && !options.all ? stop_instance(options) : fulfil_each(options, stops);
}

/// One that does not run is told, and the others are not spared for it.
int kill(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    auto names = options.names;
    for (const auto& worker : view->workers() | std::views::reverse) {
        if (options.all && worker.alive) names.push_back(worker.name);
    }
    int result = code(ExitCode::ok);
    for (const auto& name : names) {
        const auto answer = request(options, fmt::format("kill {} {} {}", name, options.signal, options.reason));
        if (!answer) return refuse(options, answer.error());
        const int of_this = tell(options, answer->exit_code, answer->text);
        if (result == code(ExitCode::ok)) result = of_this;
        if (of_this != code(ExitCode::ok) && of_this != code(ExitCode::degraded)) break;
    }
    return result;
}

}  // namespace of::ofctl
