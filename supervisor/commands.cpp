// What operators ask for over the control socket (control_server.hpp has the requests). Everything but ping is written
// to the log and to the audit file with the asker's uid, pid and program before it is done, and what came of it after.
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <sstream>

#include "supervisor/audit_file.hpp"
#include "supervisor/supervisor.hpp"

namespace of::supervisor {
namespace {

namespace asio = boost::asio;

/// The first word, and what follows it.
std::pair<std::string, std::string> split_word(const std::string& text) {
    const auto end = std::min(text.find(' '), text.size());
    return {text.substr(0, end), text.substr(std::min(text.find_first_not_of(' ', end), text.size()))};
}

/// "TERM", "SIGTERM" or "15"; 0 for anything else.
int signal_number(std::string_view name) {
    if (name.starts_with("SIG")) name.remove_prefix(3);
    for (int number = 1; number < NSIG; ++number) {
        const char* abbreviation = sigabbrev_np(number);
        if ((abbreviation != nullptr && name == abbreviation) || name == std::to_string(number)) return number;
    }
    return 0;
}

constexpr std::array worker_verbs{"start", "stop", "restart", "pause", "resume", "kill", "breaker"};

}  // namespace

/// Writes down what is asked for; the reply that is given back also writes down what came of it.
ControlServer::Reply Supervisor::audit(const Peer& peer, CorrelationId cause, const std::string& request,
                                       ControlServer::Reply reply) {
    journal_->hop(cause, Hop::commanded, 0);
    journal_->write(log_event::operator_command, cause, peer.uid, peer.pid, request);
    const AuditFile file(config().state_dir);
    file.asked(to_string(cause), peer, request);
    return [file, cause, reply = std::move(reply)](const std::string& answer) {
        file.answered(to_string(cause), answer);
        reply(answer);
    };
}

void Supervisor::command(const Peer& peer, const std::string& request, ControlServer::Reply reply) {
    const auto [verb, rest] = split_word(request);
    if (verb == "ping") return reply("ok pong " OF_VERSION);
    const auto [name, words] = split_word(rest);
    auto* worker = find(name);
    const bool of_worker = std::ranges::find(worker_verbs, verb) != worker_verbs.end();
    const bool upgrades = verb == "upgrade" || verb == "check-upgrade";
    const bool of_instance = verb == "reload" || upgrades || verb == "shutdown";
    if (!of_worker && !of_instance) return reply(refusal(ExitCode::usage, fmt::format("unknown request \"{}\"", verb)));
    if (of_worker && worker == nullptr)
        return reply(refusal(ExitCode::not_found, fmt::format("no worker is called \"{}\"", name)));
    if (crew_.stopping()) return reply(refusal(ExitCode::failed, "the instance is stopping"));
    const auto cause = next_correlation();
    reply = audit(peer, cause, request, std::move(reply));
    if (of_worker) {
        reply(command_worker(*worker, peer, cause, verb, words));
    } else if (verb == "reload") {
        begin_reload(cause, std::move(reply));
    } else if (upgrades) {
        begin_upgrade(cause, rest, verb == "upgrade" ? Upgrade::done : Upgrade::asked, std::move(reply));
    } else {
        asio::post(io_, [this, cause, rest, peer] {
            begin_stop(
                fmt::format("requested by uid {} pid {}{}{}", peer.uid, peer.pid, rest.empty() ? "" : ": ", rest),
                cause);
        });
        reply(fmt::format("ok {} stopping", to_string(cause)));
    }
    arm();
}

std::string Supervisor::command_worker(Worker& worker, const Peer& peer, CorrelationId cause, std::string_view verb,
                                       const std::string& words) {
    const auto index = index_of(worker);
    const auto name = name_of(worker.process);
    const auto done = [&](std::string_view what) { return fmt::format("ok {} {} {}", to_string(cause), what, name); };
    const auto now = now_ns();
    if (verb == "breaker") return command_breaker(worker, peer, cause, words);
    if (verb == "start") {
        const bool on_its_way_down = crew_[index].state == State::stopping;
        if (crew_[index].exists && !on_its_way_down)
            return refusal(ExitCode::failed, fmt::format("{} runs already", name));
        crew_.start(index, now);
        return done("starting");
    }
    if (verb == "restart") {
        crew_.restart(index, now);
        return done("restarting");
    }
    if (verb == "stop") {
        if (crew_[index].state == State::idle) return refusal(ExitCode::degraded, fmt::format("{} does not run", name));
        crew_.stop(index, now);
        return done("stopping");
    }
    if (!crew_[index].exists) return refusal(ExitCode::degraded, fmt::format("{} does not run", name));
    if (verb == "kill") {
        const auto [signal_name, reason] = split_word(words);
        const int number = signal_number(signal_name);
        if (number == 0)
            return refusal(ExitCode::usage, fmt::format("\"{}\" is no signal; such as TERM, KILL or 15", signal_name));
        crew_.kill(index, number);
        return fmt::format("ok {} sent SIG{} to {}", to_string(cause), sigabbrev_np(number), name);
    }
    const bool pause = verb == "pause";
    if (crew_[index].paused == pause)
        return refusal(ExitCode::failed, fmt::format("{} is {}paused", name, pause ? "already " : "not "));
    crew_.pause(index, pause, now);
    worker.slot->desk.paused.store(pause ? 1 : 0, std::memory_order_relaxed);
    return done(pause ? "paused" : "resumed");
}

/// "BREAKER ACTION FOR_NS [reason]": passed on to the worker, which alone writes its breakers.
std::string Supervisor::command_breaker(Worker& worker, const Peer& peer, CorrelationId cause,
                                        const std::string& words) {
    std::istringstream stream(words);
    std::string breaker, action;
    int64_t for_ns = -1;
    stream >> breaker >> action >> for_ns;
    constexpr std::array actions{BreakerAction::trip, BreakerAction::reset, BreakerAction::open, BreakerAction::close};
    const auto wanted = std::ranges::find(actions, action, [](BreakerAction known) { return name_of(known); });
    if (!stream || for_ns < 0 || wanted == actions.end())
        return refusal(ExitCode::usage, "expected breaker WORKER BREAKER trip|reset|open|close NANOSECONDS [REASON]");
    std::string reason;
    std::getline(stream >> std::ws, reason);
    if (breaker.size() > sizeof CommandBreaker::name || reason.size() > sizeof CommandBreaker::reason)
        return refusal(ExitCode::usage, fmt::format("a breaker's name has at most {} bytes, a reason {}",
                                                    sizeof CommandBreaker::name, sizeof CommandBreaker::reason));
    if (!worker.slot->runs())
        return refusal(ExitCode::failed,
                       fmt::format("{} does not run, and nobody else may write its breakers", name_of(worker.process)));
    if (!worker.wire->breaker(cause, breaker, *wanted, peer.uid, for_ns, reason))
        return refusal(ExitCode::failed, fmt::format("the command queue of {} is full", name_of(worker.process)));
    return fmt::format("ok {} told {}", to_string(cause), name_of(worker.process));
}

}  // namespace of::supervisor
