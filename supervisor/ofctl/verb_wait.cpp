// ofctl wait: until something has come about. It only looks at shared memory, anew each time: the instance need not be
// there yet, and may be replaced meanwhile.
#include <fmt/format.h>

#include <algorithm>

#include "shm/breaker.hpp"
#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

enum class Awaited : uint8_t { ready, stopped, restarted, drained, breaker, nonsense };

struct Waiting {
    Awaited what;
    std::string breaker;                                         ///< "binance/rest"
    std::string state;                                           ///< "closed"
    std::vector<std::pair<std::string, uint32_t>> incarnations;  ///< of the workers when the waiting began
};

/// "ready" and so on, or "breaker=binance/rest:closed".
Waiting waiting_for(const std::string& text) {
    if (text == "ready") return {Awaited::ready, {}, {}, {}};
    if (text == "stopped") return {Awaited::stopped, {}, {}, {}};
    if (text == "restarted") return {Awaited::restarted, {}, {}, {}};
    if (text == "drained") return {Awaited::drained, {}, {}, {}};
    const auto colon = text.rfind(':');
    constexpr std::string_view start = "breaker=";
    if (!text.starts_with(start) || colon == std::string::npos) return {Awaited::nonsense, {}, {}, {}};
    return {Awaited::breaker, text.substr(start.size(), colon - start.size()), text.substr(colon + 1), {}};
}

uint32_t incarnation_now(const ProcessView& worker) {
    return worker.slot->desk.incarnation.load(std::memory_order_relaxed);
}

bool worker_is_there(const View& view, const ProcessView& worker, const Waiting& waiting) {
    if (waiting.what == Awaited::ready) return worker.well();
    if (waiting.what == Awaited::drained) return unread(view, worker) == 0;
    if (waiting.what == Awaited::stopped) return !worker.alive;
    const auto before = std::ranges::find(waiting.incarnations, worker.name, &std::pair<std::string, uint32_t>::first);
    return worker.well() && before != waiting.incarnations.end() && incarnation_now(worker) > before->second;
}

std::string state_of_breaker(const View& view, const std::string& id) {
    const auto slash = id.find('/');
    const auto pages = open_pages<shm::BreakerPage>(view, "breaker", id.substr(0, slash));
    if (!pages || slash == std::string::npos) return "";
    for (const auto& page : *pages) {
        for (size_t i = 0; i < page.content().size(); ++i) {
            const auto& record = page.content().records[i];
            if (shm::text_of(record.name) != id.substr(slash + 1)) continue;
            return std::string(name_of(static_cast<shm::BreakerState>(record.state.load(std::memory_order_acquire))));
        }
    }
    return "";
}

/// Why it has not come about yet; "" when it has.
std::string missing_of(const Options& options, const Waiting& waiting) {
    const auto view = View::open(options.source);
    if (!view) return waiting.what == Awaited::stopped ? "" : view.error().message;
    if (waiting.what == Awaited::breaker) {
        const auto state = state_of_breaker(*view, waiting.breaker);
        if (state == waiting.state) return "";
        return fmt::format("{} is {}", waiting.breaker, state.empty() ? "not there" : state);
    }
    const bool whole = options.names.empty();
    if (whole && waiting.what == Awaited::ready && !view->supervisor_alive()) return "the supervisor is gone";
    for (const auto& worker : view->workers()) {
        if (!whole && std::ranges::find(options.names, worker.name) == options.names.end()) continue;
        if (worker_is_there(*view, worker, waiting)) continue;
        if (waiting.what != Awaited::drained) return fmt::format("{} is {}", worker.name, worker.label());
        return fmt::format("{} has {} messages to read", worker.name, unread(*view, worker));
    }
    return "";
}

/// A name that no worker of a living instance has is a mistake, not something to wait for.
Expected<void> begin(const Options& options, Waiting& waiting) {
    const auto view = View::open(options.source);
    if (!view) return {};
    for (const auto& worker : view->workers()) waiting.incarnations.emplace_back(worker.name, incarnation_now(worker));
    for (const auto& name : options.names) {
        if (!view->worker(name))
            return fail(ErrorKind::missing,
                        fmt::format("instance {} has no worker called {}", options.source.instance, name));
    }
    return {};
}

}  // namespace

int wait(const Options& options) {
    auto waiting = waiting_for(options.wait_for);
    if (waiting.what == Awaited::nonsense)
        return refuse(options,
                      {ErrorKind::invalid,
                       fmt::format("--for must be ready, stopped, restarted, drained or breaker=BREAKER:STATE, "
                                   "found \"{}\"",
                                   options.wait_for)});
    if (auto begun = begin(options, waiting); !begun) return refuse(options, begun.error());
    std::string missing;
    if (wait_for(options.timeout_s, [&] { return (missing = missing_of(options, waiting)).empty(); }))
        return tell(options, code(ExitCode::ok), fmt::format("{}: {}", options.source.instance, options.wait_for));
    return tell(options, code(ExitCode::timed_out), fmt::format("{} after {} s", missing, options.timeout_s));
}

}  // namespace of::ofctl
