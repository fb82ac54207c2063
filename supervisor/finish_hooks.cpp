#include "supervisor/finish_hooks.hpp"

#include <fmt/format.h>

#include <boost/asio/post.hpp>

namespace of::supervisor {
namespace {

std::string why_it_failed(int exit_code, const std::string& output) {
    const auto line = output.substr(0, output.find('\n'));
    const auto how = exit_code >= 0
                         ? fmt::format("exit code {}", exit_code)
                         : fmt::format("a signal ended it, or its {} ms were over", FinishHooks::time_limit.count());
    return line.empty() ? how : fmt::format("{}: {}", how, line);
}

}  // namespace

void FinishHooks::run(const std::string& program, std::vector<std::string> words) {
    const auto worker = words.front();
    if (running_.size() >= running_max)
        return failed_(program, worker, fmt::format("not run: {} hooks are at work", running_max));
    const auto hook = running_.emplace(running_.end(), io_);
    const auto begun = hook->begin(
        {.path = program, .argv = std::move(words), .inherited = {}, .joins_output = true, .resources = {}},
        [this, hook, program, worker](int exit_code, const std::string& output) {
            if (exit_code != 0) failed_(program, worker, why_it_failed(exit_code, output));
            ended(hook);
        },
        time_limit);
    if (begun) return;
    failed_(program, worker, begun.error().message);
    running_.erase(hook);
}

/// Not at once: it is the hook itself that calls.
void FinishHooks::ended(std::list<Asking>::iterator hook) {
    boost::asio::post(io_, [this, hook] {
        running_.erase(hook);
        if (running_.empty() && then_) std::exchange(then_, nullptr)();
    });
}

void FinishHooks::add_pids(std::vector<pid_t>& pids) const {
    for (const auto& hook : running_) pids.push_back(hook.pid());
}

}  // namespace of::supervisor
