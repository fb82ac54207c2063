#include "tests/bench/restart.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>

#include <algorithm>
#include <csignal>
#include <random>

#include "tests/bench/spawn_cost.hpp"
#include "tests/bench/supervised.hpp"

namespace of::bench {
namespace {

constexpr int64_t patience_ns = 5'000'000'000;
/// Ours alone has a post mortem written after a death: nobody is measured beside it.
constexpr int post_mortem_ms = 300;
/// Traced, one after another.
constexpr size_t spawns_max = 30;

void kill_one(Supervised& supervised, size_t index, RestartFigures& figures) {
    auto& child = supervised.child(index);
    const auto lives = child.lives.load(std::memory_order_acquire);
    const auto lived_since = child.first_ns.load(std::memory_order_relaxed);
    while (monotonic_ns() < lived_since + life_ns) poll(nullptr, 0, 5);
    const auto spent = spent_by(supervised.pid());
    const auto killed = monotonic_ns();
    ::kill(child.pid.load(std::memory_order_relaxed), SIGKILL);
    while (child.lives.load(std::memory_order_acquire) == lives) {
        if (monotonic_ns() > killed + patience_ns) {
            ++figures.lost;
            return;
        }
        poll(nullptr, 0, 1);
    }
    figures.first_ns.push_back(child.first_ns.load(std::memory_order_relaxed) - killed);
    figures.ready_ns.push_back(child.ready_ns.load(std::memory_order_relaxed) - killed);
    if (supervised.kind().one_process)
        figures.cpu_ns.push_back(spent_by(supervised.pid()).on_core_ns - spent.on_core_ns);
}

const RestartFigures* find(const std::vector<RestartFigures>& figures, std::string_view key) {
    const auto found = std::ranges::find(figures, key, &RestartFigures::key);
    return found == figures.end() ? nullptr : &*found;
}

/// Ours to the best of the peers, which the floor is not; 0 without one.
double ratio(const std::vector<RestartFigures>& figures, std::vector<int64_t> RestartFigures::*samples, double share) {
    const auto* ours = find(figures, "ofsupervisor");
    double best = 0;
    for (const auto& each : figures) {
        if (each.key == "ofsupervisor" || each.key == "floor" || (each.*samples).empty()) continue;
        const auto value = ms_at(each.*samples, share);
        best = best == 0 ? value : std::min(best, value);
    }
    return ours == nullptr || best == 0 ? 0 : ms_at(ours->*samples, share) / best;
}

struct Ratio {
    const char* name;
    std::vector<int64_t> RestartFigures::*samples;
    double share;
};
constexpr Ratio ratios[] = {{"p50_vs_best_peer", &RestartFigures::first_ns, 0.5},
                            {"p99_vs_best_peer", &RestartFigures::first_ns, 0.99},
                            {"ready_p50_vs_best_peer", &RestartFigures::ready_ns, 0.5},
                            {"ready_p99_vs_best_peer", &RestartFigures::ready_ns, 0.99}};

std::string span_text(const std::vector<int64_t>& sorted) {
    return sorted.empty() ? "not traced"
                          : fmt::format("{:.3f} (p50), {:.3f} (p99) ms", ms_at(sorted, 0.5), ms_at(sorted, 0.99));
}

std::string json_of(const std::vector<int64_t>& sorted) {
    return fmt::format("{{\"p50_ms\":{:.4f},\"p90_ms\":{:.4f},\"p99_ms\":{:.4f},\"max_ms\":{:.4f}}}",
                       ms_at(sorted, 0.5), ms_at(sorted, 0.9), ms_at(sorted, 0.99), ms_at(sorted, 1));
}

}  // namespace

std::vector<RestartFigures> measure_restarts(size_t kills, uint64_t seed, std::vector<std::string>& absent) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    char name[] = "/tmp/of-bench-restart-XXXXXX";
    const std::filesystem::path folder = mkdtemp(name);
    std::vector<RestartFigures> figures;
    {
        std::vector<std::unique_ptr<Supervised>> all;
        for (const auto& kind : supervisor_kinds(absent)) {
            all.push_back(std::make_unique<Supervised>(kind, folder));
            figures.push_back(
                {kind.key, kind.name, {}, {}, 0, all.back()->spawned_ns(), all.back()->start_ns(), {}, {}});
        }
        std::mt19937_64 random(seed);
        std::vector<size_t> order(all.size());
        for (size_t i = 0; i < order.size(); ++i) order[i] = i;
        for (size_t round = 0; round < kills; ++round) {
            std::ranges::shuffle(order, random);
            for (const auto i : order) {
                kill_one(*all[i], round % children_each, figures[i]);
                if (all[i]->kind().ours) poll(nullptr, 0, post_mortem_ms);
            }
        }
        for (size_t i = 0; i < all.size(); ++i)
            if (all[i]->kind().one_process)
                figures[i].spawn_cpu_ns = measure_spawns(*all[i], std::min(kills, spawns_max));
    }
    end_descendants();
    std::filesystem::remove_all(folder);
    for (auto& each : figures) {
        std::ranges::sort(each.first_ns);
        std::ranges::sort(each.ready_ns);
        std::ranges::sort(each.cpu_ns);
    }
    return figures;
}

std::string table_of(const std::vector<RestartFigures>& figures) {
    auto text =
        fmt::format("{:<34}{:>6}{:>5}{:>9}{:>9}{:>9}{:>9}{:>11}{:>11}{:>9}{:>9}\n", "kill -9 to the successor, ms",
                    "kills", "lost", "p50", "p90", "p99", "max", "ready p50", "ready p99", "spawn 4", "start 4");
    for (const auto& each : figures)
        text += fmt::format("{:<34}{:>6}{:>5}{:>9.3f}{:>9.3f}{:>9.3f}{:>9.3f}{:>11.3f}{:>11.3f}{:>9.1f}{:>9.1f}\n",
                            each.name, each.first_ns.size(), each.lost, ms_at(each.first_ns, 0.5),
                            ms_at(each.first_ns, 0.9), ms_at(each.first_ns, 0.99), ms_at(each.first_ns, 1),
                            ms_at(each.ready_ns, 0.5), ms_at(each.ready_ns, 0.99),
                            static_cast<double>(each.spawned_ns) / 1e6, static_cast<double>(each.start_ns) / 1e6);
    for (const auto& [name, samples, share] : ratios)
        text += fmt::format("{:<34}{:.2f}\n", name, ratio(figures, samples, share));
    for (const auto& each : figures)
        if (!each.cpu_ns.empty())
            text += fmt::format("{:<34}{} to the spawn; {} to ready\n", each.key + " on a core",
                                span_text(each.spawn_cpu_ns), span_text(each.cpu_ns));
    return text;
}

std::string json_of(const std::vector<RestartFigures>& figures, const OwnFigures& own, const Notices& notices) {
    std::string text = "{\"supervisors\":{";
    for (const auto& each : figures)
        text += fmt::format(
            "{}\"{}\":{{\"kills\":{},\"lost\":{},\"first\":{},\"ready\":{},\"cpu\":{},\"spawn_cpu\":{},\"spawned_ms\":{"
            ":.3f},\"start_"
            "ms\":{:.3f}}}",
            &each == &figures.front() ? "" : ",", each.key, each.first_ns.size(), each.lost, json_of(each.first_ns),
            json_of(each.ready_ns), json_of(each.cpu_ns), json_of(each.spawn_cpu_ns),
            static_cast<double>(each.spawned_ns) / 1e6, static_cast<double>(each.start_ns) / 1e6);
    text += "},\"ratios\":{";
    for (const auto& [name, samples, share] : ratios)
        text += fmt::format("{}\"{}\":{:.4f}", name == ratios[0].name ? "" : ",", name, ratio(figures, samples, share));
    return fmt::format("{}}},\"notice\":{},\"own\":{}}}\n", text, json_of(notices), json_of(own));
}

}  // namespace of::bench
