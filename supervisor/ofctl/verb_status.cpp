// ofctl status, ofctl health: the workers as the control page and /proc show them.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <charconv>

#include "supervisor/ofctl/breaker_rows.hpp"
#include "supervisor/ofctl/control_client.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/worker_facts.hpp"

namespace of::ofctl {
namespace {

/// "0", or "3 (signal 9)" with the last end.
std::string restarts(const shm::DeskLine& desk) {
    const auto count = desk.restarts.load(std::memory_order_relaxed);
    const auto last = last_exit(desk);
    return last.empty() ? std::to_string(count) : fmt::format("{} ({})", count, last);
}

std::vector<ProcessView> chosen(const View& view, const Options& options) {
    auto all = view.workers();
    if (options.names.empty()) return all;
    std::erase_if(all, [&](const ProcessView& process) {
        return std::ranges::find(options.names, process.name) == options.names.end();
    });
    return all;
}

/// `orphans = "keep"`, as the workers were started with it.
bool outlive_supervisor(const View& view) {
    const auto workers = view.workers();
    return !view.source().copied() && std::ranges::any_of(workers, [](const ProcessView& process) {
        const auto facts = facts_of(process);
        return facts && facts->outlives_supervisor;
    });
}

std::string supervisor_text(const View& view) {
    const auto pid = view.control().instance.supervisor_pid.load(std::memory_order_relaxed);
    if (view.source().copied()) return "copied segments";
    const bool kept = outlive_supervisor(view);
    if (view.supervisor_alive()) return fmt::format("supervisor pid {}{}", pid, kept ? "; workers outlive it" : "");
    return toned(fmt::format("the supervisor (pid {}) is gone{}", pid, kept ? "; workers wait for the next" : ""),
                 Tone::bad);
}

Table::Cell breaker_cell(const View& view, const ProcessView& process) {
    const auto breaker = worst_breaker(view, process.name);
    return breaker ? Table::Cell(std::string(name_of(*breaker)), tone_of(*breaker)) : Table::Cell("-");
}

void print_table(const View& view, const std::vector<ProcessView>& workers, const Options& options) {
    put_line(fmt::format("instance {}: {}", view.source().instance, supervisor_text(view)));
    using enum Table::Align;
    // The wide one has the beat among the duty: each stays within 80 columns.
    std::vector<Table::Column> columns{{"WORKER"}, {"STATE"}, {"PID", right}, {"UP", right}, {"RESTARTS"}};
    if (!options.wide) columns.push_back({"BEAT", right});
    columns.insert(columns.end(), {{"MSGS", right}, {"LAG", right}, {"LOST", right}});
    if (options.wide) columns.push_back({"BREAKER"});
    Table table(std::move(columns));
    for (const auto& process : workers) {
        const auto& slot = *process.slot;
        const auto lost_messages = lost(process);
        std::vector<Table::Cell> row{
            process.name,
            {process.label(), tone_of(process)},
            process.alive ? std::to_string(slot.desk.pid.load(std::memory_order_relaxed)) : "-",
            uptime(process),
            restarts(slot.desk)};
        if (!options.wide) row.emplace_back(process.alive ? span_text(heartbeat_age_ns(process)) : "-");
        row.emplace_back(count_text(slot.own.messages.load(std::memory_order_relaxed)));
        row.emplace_back(count_text(unread(view, process)));
        row.emplace_back(count_text(lost_messages), lost_messages == 0 ? Tone::plain : Tone::bad);
        if (options.wide) row.push_back(breaker_cell(view, process));
        table.add(std::move(row));
    }
    table.print(options.headers);
}

/// How regularly each worker's loop turns.
void print_duty(const View& view, const std::vector<ProcessView>& workers, const Options& options) {
    using enum Table::Align;
    Table table({{"WORKER"},
                 {"LIFE", right},
                 {"CONF", right},
                 {"BEAT", right},
                 {"TURNS", right},
                 {"MSGS/TURN", right},
                 {"LONGEST", right},
                 {"OVERRUNS", right},
                 {"REFUSED", right}});
    for (const auto& process : workers) {
        const auto& own = process.slot->own;
        const auto turns = own.turns.load(std::memory_order_relaxed);
        const auto messages = own.messages.load(std::memory_order_relaxed);
        const auto overruns = own.overruns.load(std::memory_order_relaxed);
        table.add({process.name,
                   std::to_string(process.slot->desk.incarnation.load(std::memory_order_relaxed)),
                   std::to_string(own.config_generation.load(std::memory_order_relaxed)),
                   process.alive ? span_text(heartbeat_age_ns(process)) : "-",
                   count_text(turns),
                   fmt::format("{:.1f}", turns == 0 ? 0.0 : static_cast<double>(messages) / static_cast<double>(turns)),
                   span_text(own.longest_turn_ns.load(std::memory_order_relaxed)),
                   {count_text(overruns), overruns == 0 ? Tone::plain : Tone::warn},
                   count_text(own.refused.load(std::memory_order_relaxed))});
    }
    put_line("");
    table.print(options.headers);
    put_line(fmt::format("configuration generation {} is in force; an overrun is a turn of more than {}",
                         view.control().instance.config_generation.load(std::memory_order_relaxed),
                         span_text(shm::turn_limit_ns)));
}

/// "64.0M", or what is no number as it is.
std::string limit_text(const std::string& limit) {
    uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), bytes);
    return error == std::errc{} && end == limit.data() + limit.size() ? bytes_text(bytes) : limit;
}

/// What each worker has of the machine, as the kernel says.
void print_resources(const std::vector<ProcessView>& workers, const Options& options) {
    using enum Table::Align;
    Table table({{"WORKER"},
                 {"RSS", right},
                 {"CPU", right},
                 {"NICE", right},
                 {"SCHED"},
                 {"CPUS"},
                 {"OOM", right},
                 {"FILES", right},
                 {"LOCKED", right},
                 {"CORE", right}});
    std::string cgroups;
    std::vector<std::string> shut_in, free;
    for (const auto& process : workers) {
        const auto facts = facts_of(process);
        if (!facts) continue;
        (facts->shut_in() ? shut_in : free).push_back(process.name);
        table.add({process.name, bytes_text(facts->rss_bytes), span_text(facts->cpu_ns), std::to_string(facts->nice),
                   facts->scheduler, facts->cpus, std::to_string(facts->oom_score_adjust), facts->open_files,
                   limit_text(facts->locked_bytes), limit_text(facts->core_bytes)});
        if (facts->cgroup.size() > 1) cgroups += fmt::format("\n{}: cgroup {}", process.name, facts->cgroup);
    }
    put_line("");
    table.print(options.headers);
    if (!shut_in.empty()) put_line(fmt::format("sandboxed: {}", fmt::join(shut_in, ", ")));
    if (!free.empty()) put_line(toned(fmt::format("NOT SANDBOXED: {}", fmt::join(free, ", ")), Tone::warn));
    if (!cgroups.empty()) put_line(cgroups.substr(1));
}

void add_facts(Json& json, const ProcessView& process) {
    const auto facts = facts_of(process);
    if (!facts) return;
    json.key("resources").open_object();
    json.field("rss_bytes", facts->rss_bytes).field("cpu_ms", facts->cpu_ns / 1'000'000).field("nice", facts->nice);
    json.field("scheduler", std::string_view(facts->scheduler)).field("cpus", std::string_view(facts->cpus));
    json.field("oom_score_adjust", facts->oom_score_adjust)
        .field("open_files", std::string_view(facts->open_files))
        .field("locked_bytes", std::string_view(facts->locked_bytes))
        .field("core_bytes", std::string_view(facts->core_bytes));
    json.field("seccomp", facts->seccomp)
        .field("no_new_privs", facts->no_new_privs)
        .field("capabilities", facts->capabilities);
    json.field("cgroup", std::string_view(facts->cgroup)).field("uid", facts->uid).close_object();
}

void print_json(const View& view, const std::vector<ProcessView>& workers, const Options& options) {
    Json json;
    json.open_document("status")
        .field("instance", std::string_view(view.source().instance))
        .field("supervisor_alive", view.supervisor_alive())
        .field("workers_outlive_supervisor", outlive_supervisor(view));
    json.field("supervisor_pid", view.control().instance.supervisor_pid.load(std::memory_order_relaxed))
        .field("config_generation", view.control().instance.config_generation.load(std::memory_order_relaxed))
        .open_rows("workers");
    for (const auto& process : workers) {
        const auto& slot = *process.slot;
        json.open_row(process.name)
            .field("name", std::string_view(process.name))
            .field("state", std::string_view(process.label()))
            .field("alive", process.alive)
            .field("frozen", process.frozen);
        json.field("pid", process.alive ? slot.desk.pid.load(std::memory_order_relaxed) : 0)
            .field("incarnation", slot.desk.incarnation.load(std::memory_order_relaxed))
            .field("config_generation", slot.own.config_generation.load(std::memory_order_relaxed));
        json.field("restarts", slot.desk.restarts.load(std::memory_order_relaxed))
            .field("last_exit", std::string_view(last_exit(slot.desk)));
        json.field("uptime_ms", process.alive ? age_ns(slot.desk.spawn_ns) / 1'000'000 : 0)
            .field("ready_ms", ready_age_ns(process).value_or(0) / 1'000'000);
        json.field("heartbeat_age_ms", heartbeat_age_ns(process) / 1'000'000)
            .field("turns", slot.own.turns.load(std::memory_order_relaxed))
            .field("longest_turn_us", slot.own.longest_turn_ns.load(std::memory_order_relaxed) / 1000)
            .field("overruns", slot.own.overruns.load(std::memory_order_relaxed));
        json.field("messages", slot.own.messages.load(std::memory_order_relaxed))
            .field("lag", unread(view, process))
            .field("lost", lost(process));
        const auto breaker = worst_breaker(view, process.name);
        json.field("breaker", breaker ? name_of(*breaker) : "");
        if (options.wide) add_facts(json, process);
        json.close_row();
    }
    put_json(options, json.close_array().close_object());
}

int verdict(const View& view, const std::vector<ProcessView>& workers) {
    const bool all = !workers.empty() && std::ranges::all_of(workers, &ProcessView::well);
    if (all && view.supervisor_alive()) return code(ExitCode::ok);
    return code(view.supervisor_alive() ? ExitCode::degraded : ExitCode::unreachable);
}

/// Lives; and answers, where that is asked for.
bool supervisor_well(const Options& options, const View& view) {
    if (!view.supervisor_alive()) return false;
    if (!options.live && !options.deep) return true;
    const auto answer = request(options, "ping");
    return answer && answer->exit_code == 0;
}

std::vector<std::string> reasons_of(const Options& options, const View& view, const std::vector<ProcessView>& workers,
                                    bool down) {
    std::vector<std::string> reasons;
    if (down) reasons.push_back(view.supervisor_alive() ? "the supervisor does not answer" : "the supervisor is gone");
    if (options.live) return reasons;
    for (const auto& process : workers) {
        const auto age_ms = heartbeat_age_ns(process) / 1'000'000;
        if (!process.well()) {
            reasons.push_back(fmt::format("{} is {}", process.name, process.label()));
        } else if (options.age_max_ms > 0 && age_ms > options.age_max_ms) {
            reasons.push_back(fmt::format("{} has given no heartbeat for {} ms", process.name, age_ms));
        } else if (options.deep && lost(process) > 0) {
            reasons.push_back(fmt::format("{} has lost {} messages", process.name, lost(process)));
        }
    }
    return reasons;
}

/// One gauge of all workers, as Prometheus reads it.
template <typename Value>
void put_gauge(const std::vector<ProcessView>& workers, const char* name, const char* help, Value value) {
    put_line(fmt::format("# HELP orderflow_{} {}", name, help));
    put_line(fmt::format("# TYPE orderflow_{} gauge", name));
    for (const auto& process : workers)
        put_line(fmt::format("orderflow_{}{{worker=\"{}\"}} {}", name, process.name, value(process)));
}

void print_prometheus(const View& view, const std::vector<ProcessView>& workers) {
    put_gauge(workers, "worker_up", "1 while the worker runs and is not frozen.",
              [](const ProcessView& process) { return process.well() ? 1 : 0; });
    put_gauge(workers, "worker_restarts", "Starts after a death, since the instance began.",
              [](const ProcessView& process) { return process.slot->desk.restarts.load(std::memory_order_relaxed); });
    put_gauge(workers, "worker_heartbeat_age_seconds", "Since the worker's last heartbeat.",
              [](const ProcessView& process) { return static_cast<double>(heartbeat_age_ns(process)) / 1e9; });
    put_gauge(workers, "worker_lag_messages", "Messages that the worker has still to read.",
              [&view](const ProcessView& process) { return unread(view, process); });
}

int status_once(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    for (const auto& name : options.names) {
        if (!view->worker(name))
            return refuse(options, {ErrorKind::missing,
                                    fmt::format("instance {} has no worker called {}", options.source.instance, name)});
    }
    const auto workers = chosen(*view, options);
    if (options.prometheus) {
        print_prometheus(*view, workers);
    } else if (options.json) {
        print_json(*view, workers, options);
    } else {
        print_table(*view, workers, options);
        if (options.wide) print_duty(*view, workers, options);
        if (options.wide && !options.source.copied()) print_resources(workers, options);
    }
    flush_output();
    return verdict(*view, workers);
}

}  // namespace

int status(const Options& options) {
    if (options.schedule) return schedule(options);
    int result = status_once(options);
    for (uint64_t shown = 1; options.watch_s > 0 && (options.count == 0 || shown < options.count); ++shown) {
        poll(nullptr, 0, static_cast<int>(options.watch_s * 1000));
        if (!options.json) put_line("");
        result = status_once(options);
    }
    return result;
}

int health(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto workers = view->workers();
    const bool down = !options.ready && !supervisor_well(options, *view);
    const auto reasons = reasons_of(options, *view, workers, down);
    const auto result = code(down ? ExitCode::unreachable : reasons.empty() ? ExitCode::ok : ExitCode::degraded);
    const auto* word = down ? "down" : reasons.empty() ? "healthy" : "degraded";
    if (options.json) {
        Json json;
        json.open_document("health")
            .field("instance", std::string_view(options.source.instance))
            .field("health", word)
            .key("reasons")
            .open_array();
        for (const auto& reason : reasons) json.value(std::string_view(reason));
        put_json(options, json.close_array().close_object());
    } else {
        put_line(reasons.empty() && options.live ? fmt::format("{}: the supervisor answers", word)
                 : reasons.empty()               ? fmt::format("{}: all {} workers run", word, workers.size())
                                                 : fmt::format("{}: {}", word, fmt::join(reasons, "; ")));
    }
    return result;
}

}  // namespace of::ofctl
