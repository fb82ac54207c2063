#include "tests/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "proto/text.hpp"

namespace of::bench {
namespace {

double at(std::vector<double> values, double q) {
    if (values.empty()) return 0;
    std::ranges::sort(values);
    return values[std::min(values.size() - 1, static_cast<size_t>(q * static_cast<double>(values.size())))];
}

/// Per floor: what is left when the cores' own changes of speed are taken out.
double pace(const Sample& sample) { return sample.messages_per_second * sample.floor_ns; }
double latency(const Sample& sample) { return sample.round_trip.middle / sample.floor_ns; }
double tail(const Sample& sample) { return sample.round_trip.p999 / sample.floor_ns; }
double writing(const Sample& sample) { return sample.writer_ns / sample.floor_ns; }

class Rounds {
  public:
    Rounds(const std::vector<Round>& rounds, const std::vector<Job>& jobs) : rounds_(rounds), jobs_(jobs) {}

    using Figure = double (*)(const Sample&);
    static std::optional<double> of(const Round& round, const std::string& key, Figure figure) {
        const auto found = round.find(key);
        return found == round.end() ? std::nullopt : std::optional(figure(found->second));
    }
    std::optional<double> best_peer(const Round& round, Figure figure, bool smallest) const {
        std::optional<double> best;
        for (const auto& job : jobs_) {
            const auto value = job.ours ? std::nullopt : of(round, job.key, figure);
            if (value && (!best || (smallest ? *value < *best : *value > *best))) best = value;
        }
        return best;
    }
    Ratio ratio(std::string name, bool at_most, double aim,
                const std::function<std::optional<double>(const Round&)>& one) const {
        std::vector<double> values;
        for (const auto& round : rounds_) {
            if (const auto value = one(round)) values.push_back(*value);
        }
        return {std::move(name), at(values, 0.5), at(values, 0.25), at(values, 0.75), aim, at_most, !values.empty()};
    }

  private:
    const std::vector<Round>& rounds_;
    const std::vector<Job>& jobs_;
};

std::optional<double> divide(std::optional<double> a, std::optional<double> b) {
    return a && b && *b != 0 ? std::optional(*a / *b) : std::nullopt;
}

}  // namespace

std::vector<Ratio> ratios_of(const std::vector<Round>& rounds, const std::vector<Job>& jobs) {
    const Rounds all(rounds, jobs);
    const auto two = [](const char* a, const char* b, Rounds::Figure figure) {
        return [=](const Round& round) { return divide(Rounds::of(round, a, figure), Rounds::of(round, b, figure)); };
    };
    const auto lost = [](const char* with, const char* without, Rounds::Figure figure, double sign) {
        return [=](const Round& round) -> std::optional<double> {
            const auto share = divide(Rounds::of(round, with, figure), Rounds::of(round, without, figure));
            return share ? std::optional(sign * (*share - 1)) : std::nullopt;
        };
    };
    return {
        all.ratio("round_trip_vs_floor", true, 1.25, [](const Round& r) { return Rounds::of(r, "queue 64", latency); }),
        all.ratio(
            "p999_vs_best_peer", true, 1.0,
            [&](const Round& r) { return divide(Rounds::of(r, "queue 64", tail), all.best_peer(r, tail, true)); }),
        all.ratio(
            "throughput_vs_best_peer", false, 1.2,
            [&](const Round& r) { return divide(Rounds::of(r, "queue 64", pace), all.best_peer(r, pace, false)); }),
        all.ratio("throughput_vs_boost", false, 1.8, two("queue 64", "boost 64", pace)),
        all.ratio("throughput_vs_iceoryx", false, 30, two("queue 64", "iceoryx 64", pace)),
        all.ratio("throughput_vs_node", false, 100, two("queue 64", "node 64", pace)),
        all.ratio("batch_vs_single_256", false, 1.5, two("batch 256", "queue 256", pace)),
        all.ratio("broadcast_vs_queue", false, 0.9, two("queue 64", "broadcast 64", writing)),
        all.ratio("sleep_throughput_lost", true, 0.10, lost("bell 64", "queue 64", pace, -1)),
        all.ratio("sleep_round_trip_lost", true, 0.05, lost("bell 64", "queue 64", latency, 1)),
        all.ratio("full_vs_bare", false, 0.8, two("full 128", "bare 128", pace)),
    };
}

std::string table_of(const std::vector<Round>& rounds, const std::vector<Job>& jobs, const std::vector<Ratio>& ratios) {
    const auto median = [&](const std::string& key, auto figure) {
        std::vector<double> values;
        for (const auto& round : rounds) {
            if (const auto found = round.find(key); found != round.end()) values.push_back(figure(found->second));
        }
        return at(values, 0.5);
    };
    std::string text = fmt::format("{:<30} {:>5} {:>9} {:>9} {:>9} {:>9} {:>10} {:>8}\n", "TRANSPORT", "SLOT", "M/s",
                                   "p50 ns", "p99", "p99.9", "max", "FLOOR");
    for (const auto& job : jobs) {
        const auto trip = [&](auto figure) {
            const auto ns = median(job.key, figure);
            return ns == 0 ? std::string("-") : fmt::format("{:.0f}", ns);  // one-way only
        };
        text += fmt::format("{:<30} {:>5} {:>9.2f} {:>9} {:>9} {:>9} {:>10} {:>8.0f}\n", job.name, job.slot_bytes,
                            median(job.key, [](const Sample& s) { return s.messages_per_second / 1e6; }),
                            trip([](const Sample& s) { return s.round_trip.p50; }),
                            trip([](const Sample& s) { return s.round_trip.p99; }),
                            trip([](const Sample& s) { return s.round_trip.p999; }),
                            trip([](const Sample& s) { return s.round_trip.max; }),
                            median(job.key, [](const Sample& s) { return s.floor_ns; }));
    }
    text += fmt::format("\n{:<26} {:>9} {:>9} {:>9} {:>12}\n", "RATIO", "MEDIAN", "LOW", "HIGH", "AIM");
    for (const auto& ratio : ratios) {
        if (!ratio.known) {
            text += fmt::format("{:<26} {:>9}\n", ratio.name, "not run");
            continue;
        }
        const auto aim = fmt::format("{} {}", ratio.at_most ? "<=" : ">=", ratio.aim);
        text += fmt::format("{:<26} {:>9.3f} {:>9.3f} {:>9.3f} {:>12}  {}\n", ratio.name, ratio.value, ratio.low,
                            ratio.high, aim, ratio.reached() ? "reached" : "missed");
    }
    return text;
}

std::string json_of(const std::vector<Round>& rounds, const std::vector<Job>& jobs, const std::vector<Ratio>& ratios) {
    std::string samples, values, spread;
    for (const auto& job : jobs) {
        for (const auto& round : rounds) {
            const auto found = round.find(job.key);
            if (found == round.end()) continue;
            const auto& sample = found->second;
            samples += fmt::format(
                R"({}{{"job":{},"name":{},"slot_bytes":{},"floor_ns":{:.1f},"messages_per_second":{:.0f},"writer_ns":{:.2f},"round_trip_ns":{{"p50":{:.0f},"p99":{:.0f},"p999":{:.0f},"max":{:.0f}}},"wrong":{}}})",
                samples.empty() ? "" : ",", json_text(job.key), json_text(job.name), job.slot_bytes, sample.floor_ns,
                sample.messages_per_second, sample.writer_ns, sample.round_trip.p50, sample.round_trip.p99,
                sample.round_trip.p999, sample.round_trip.max, sample.wrong);
        }
    }
    for (const auto& ratio : ratios) {
        if (!ratio.known) continue;
        values += fmt::format("{}{}:{:.4f}", values.empty() ? "" : ",", json_text(ratio.name), ratio.value);
        spread += fmt::format(R"({}{}:{{"low":{:.4f},"high":{:.4f},"aim":{},"reached":{}}})", spread.empty() ? "" : ",",
                              json_text(ratio.name), ratio.low, ratio.high, ratio.aim, ratio.reached());
    }
    return fmt::format("{{\"rounds\":{},\"ratios\":{{{}}},\"spread\":{{{}}},\"samples\":[{}]}}\n", rounds.size(),
                       values, spread, samples);
}

}  // namespace of::bench
