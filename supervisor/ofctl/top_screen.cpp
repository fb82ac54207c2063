#include "supervisor/ofctl/top_screen.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace of::ofctl {
namespace {

using Lines = std::vector<ScreenLine>;
using enum Table::Align;

constexpr size_t narrow_columns = 100;
constexpr size_t bar_columns_min = 6;
constexpr size_t bar_columns_max = 40;
/// An empty line, a title and a row: less says nothing.
constexpr size_t section_lines_min = 3;

/// "23:54:15" of "2024-08-08T23:54:15.343000Z".
std::string time_of_day(int64_t wall_ns) {
    const auto text = wall_text(wall_ns);
    return text.size() > 19 ? text.substr(11, 8) : text;
}

std::string rate_or_dash(std::optional<double> rate) {
    return rate ? count_text(static_cast<uint64_t>(std::max(*rate, 0.0) + 0.5)) : "-";
}

ScreenLine header_of(const TopView& view, const TopUi& ui, size_t width) {
    ScreenLine line(fmt::format("ofctl top: {}", view.instance), Ink::title);
    line.add("  ").add(view.supervisor, ink_of(view.tone));
    const auto rhythm = ui.paused ? std::string("PAUSED") : fmt::format("each {:g} s", ui.interval_s);
    const auto time = time_of_day(view.wall_ns) + " UTC, ";
    line.fill_to(std::max(width - std::min(width, time.size() + rhythm.size()), line.width() + 2));
    return line.add(time).add(rhythm, ui.paused ? Ink::warn : Ink::plain);
}

/// On a narrow screen what follows from other columns is left out.
Lines worker_lines(const TopView& view, const TopUi* ui, size_t width) {
    const bool narrow = width < narrow_columns;
    Grid grid({{ui == nullptr ? "WORKER" : "  WORKER"},
               {"STATE"},
               {"PID", right},
               {"UP", right},
               {narrow ? "RST" : "RESTARTS"},
               {"CPU%", right},
               {"RSS", right},
               {"BEAT", right},
               {"MSG/S", right},
               {"LAG", right},
               {"LOST", right}},
              narrow ? 1 : 2);
    for (size_t i = 0; i < view.workers.size(); ++i) {
        const auto& worker = view.workers[i];
        const auto mark = ui == nullptr ? "" : i == ui->chosen ? "> " : "  ";
        const auto restarts = narrow || worker.last_exit.empty()
                                  ? std::to_string(worker.restarts)
                                  : fmt::format("{} ({})", worker.restarts, worker.last_exit);
        grid.add({{mark + worker.name},
                  {narrow && worker.frozen ? "frozen" : worker.state, ink_of(worker.tone)},
                  {worker.pid == 0 ? "-" : std::to_string(worker.pid)},
                  {worker.up},
                  {restarts},
                  {worker.cpu_percent ? fmt::format("{:.1f}", *worker.cpu_percent) : "-"},
                  {worker.rss_bytes == 0 ? "-" : bytes_text(worker.rss_bytes)},
                  {worker.beat_ns < 0 ? "-" : span_text(worker.beat_ns)},
                  {rate_or_dash(worker.messages_per_s)},
                  {count_text(worker.lag)},
                  {count_text(worker.lost), worker.lost == 0 ? Ink::plain : Ink::bad}});
    }
    auto lines = grid.lines();
    if (ui != nullptr && ui->chosen < view.workers.size()) lines[ui->chosen + 1].in(Ink::chosen);
    return lines;
}

std::string bar_of(double fill, size_t columns) {
    const auto full = static_cast<size_t>(std::clamp(fill, 0.0, 1.0) * static_cast<double>(columns) + 0.5);
    return std::string(full, '#') + std::string(columns - full, '.');
}

Ink fill_ink(double fill) { return fill >= 0.8 ? Ink::bad : fill >= 0.5 ? Ink::warn : Ink::plain; }

/// The fullest first, then the fastest.
std::vector<const TopRing*> by_weight(const std::vector<TopRing>& rings) {
    std::vector<const TopRing*> sorted;
    for (const auto& ring : rings) sorted.push_back(&ring);
    std::ranges::stable_sort(sorted, std::greater{}, [](const TopRing* ring) {
        return std::pair(static_cast<int>(ring->fill() * 10), ring->rate.value_or(0));
    });
    return sorted;
}

Lines ring_lines(const TopView& view, size_t width) {
    const bool narrow = width < narrow_columns;
    std::vector<Table::Column> columns{{"RING"}, {"MSG/S", right}, {"LAG", right},
                                       {"FILL"}, {"%", right},     {"LOST/S", right}};
    if (!narrow) {
        columns.insert(columns.begin() + 2, {"BYTES/S", right});
        columns.push_back({"SLOTS", right});
        columns.push_back({"FURTHEST BEHIND"});
    }
    const auto others = narrow ? 56u : 96u;
    const auto bar = std::clamp<size_t>(width - std::min<size_t>(width, others), bar_columns_min, bar_columns_max);
    Grid grid(columns);
    for (const auto* ring : by_weight(view.rings)) {
        std::vector<Piece> row{{ring->name},
                               {ring->rate ? count_text(*ring->rate) : "-"},
                               {count_text(ring->lag)},
                               {bar_of(ring->fill(), bar), fill_ink(ring->fill())},
                               {fmt::format("{:.0f}", ring->fill() * 100), fill_ink(ring->fill())},
                               {count_text(ring->lost_per_s), ring->lost_per_s == 0 ? Ink::plain : Ink::bad}};
        if (!narrow) {
            row.insert(row.begin() + 2, {bytes_text(ring->bytes_per_s)});
            row.push_back({count_text(ring->slots)});
            row.push_back({ring->reader});
        }
        grid.add(std::move(row));
    }
    return grid.lines();
}

Lines breaker_lines(const std::vector<const TopBreaker*>& breakers) {
    Grid grid({{"BREAKER"},
               {"STATE"},
               {"RECENT", right},
               {"FAILED", right},
               {"TRIPS", right},
               {"REFUSED", right},
               {"ENDS IN", right},
               {"REASON"}});
    for (const auto* breaker : breakers)
        grid.add({{breaker->id},
                  {breaker->state, ink_of(breaker->tone)},
                  {std::to_string(breaker->recent)},
                  {count_text(breaker->failed)},
                  {count_text(breaker->trips)},
                  {count_text(breaker->refused)},
                  {breaker->ends},
                  {breaker->reason}});
    return grid.lines();
}

Lines all_breakers(const TopView& view) {
    std::vector<const TopBreaker*> all;
    for (const auto& breaker : view.breakers) all.push_back(&breaker);
    return breaker_lines(all);
}

/// Those that are not closed; one line where all are.
Lines open_breakers(const TopView& view) {
    std::vector<const TopBreaker*> some;
    for (const auto& breaker : view.breakers)
        if (breaker.tone != Tone::good) some.push_back(&breaker);
    if (view.breakers.empty()) return {};
    if (!some.empty()) return breaker_lines(some);
    return {ScreenLine(fmt::format("all {} breakers are closed", view.breakers.size()), Ink::good)};
}

Lines latency_lines(const TopView& view) {
    if (view.latencies.empty()) return {};
    Grid grid(
        {{"LATENCY"}, {"RATE/S", right}, {"P50", right}, {"P99", right}, {"P99 EVER", right}, {"MAX EVER", right}});
    for (const auto& latency : view.latencies)
        grid.add({{latency.name},
                  {rate_or_dash(latency.rate)},
                  {latency.p50},
                  {latency.p99},
                  {latency.p99_ever},
                  {latency.max_ever}});
    return grid.lines();
}

Lines record_lines(const std::vector<TopRecord>& records, std::string_view title) {
    Lines lines{ScreenLine(std::string(title), Ink::title)};
    for (const auto& record : records) {
        ScreenLine line(time_of_day(record.wall_ns));
        line.add(fmt::format(" {:<5}", record.level), ink_of(record.tone));
        lines.push_back(std::move(line.add(fmt::format(" {:<13} ", record.process)).add(record.text)));
    }
    return lines;
}

Lines warning_lines(const TopView& view) {
    if (view.warnings.empty()) return {ScreenLine("no warning is in the log rings", Ink::good)};
    return record_lines(view.warnings, "LAST WARNINGS");
}

Lines help_lines() {
    return {ScreenLine("Keys", Ink::title),
            {"  q            quit (also Ctrl-C)"},
            {"  up, down     choose a worker (also k, j)"},
            {"  r            restart it; a stopped one is started (asks first)"},
            {"  d            drain it: it handles what it has, and stays stopped (asks first)"},
            {"  l            its log; Esc or l goes back"},
            {"  b            all circuit breakers"},
            {"  space        pause the screen"},
            {"  h, ?         this page; Esc goes back"},
            {""},
            {"LAG is what a reader has still to read, FILL its share of the ring."},
            {"P50 and P99 are of the last interval, EVER since the instance began."},
            {"CPU% is of one core. Nothing of this asks the workers: it is read from shared"},
            {"memory and /proc, and works on an instance that is dead."}};
}

/// A list that gives way where there is no room: its title and first rows stay, or its last rows.
struct Section {
    Lines lines;
    bool newest_last = false;

    size_t wanted() const { return lines.empty() ? 0 : lines.size() + 1; }
    size_t least() const { return std::min(wanted(), section_lines_min); }
    void append_to(Lines& screen, size_t room) const {
        if (room == 0) return;
        screen.emplace_back();
        const auto rows = std::min(room - 1, lines.size());
        if (rows == 0) return;
        auto title = lines.front();
        if (rows < lines.size()) title.note(fmt::format(" ({} of {})", rows - 1, lines.size() - 1));
        screen.push_back(std::move(title));
        const auto from = newest_last ? lines.size() - (rows - 1) : 1;
        screen.insert(screen.end(), lines.begin() + static_cast<ptrdiff_t>(from),
                      lines.begin() + static_cast<ptrdiff_t>(from + rows - 1));
    }
};

/// Each section its least as long as there is room, then a line each in turns.
std::vector<size_t> share_out(const std::vector<Section>& sections, size_t room) {
    std::vector<size_t> shares(sections.size());
    for (size_t i = 0; i < sections.size(); ++i) {
        if (sections[i].least() > room) continue;
        shares[i] = sections[i].least();
        room -= shares[i];
    }
    for (bool given = true; given && room > 0;) {
        given = false;
        for (size_t i = 0; i < sections.size() && room > 0; ++i) {
            if (shares[i] == 0 || shares[i] == sections[i].wanted()) continue;
            ++shares[i];
            --room;
            given = true;
        }
    }
    return shares;
}

std::vector<Section> sections_of(const TopView& view, size_t width) {
    return {{ring_lines(view, width)}, {latency_lines(view)}, {warning_lines(view), true}, {open_breakers(view)}};
}

std::vector<Section> panel_of(const TopView& view, const TopUi& ui, size_t width) {
    const auto name = ui.chosen < view.workers.size() ? view.workers[ui.chosen].name : std::string("nobody");
    switch (ui.panel) {
        case TopUi::Panel::logs:
            return {{record_lines(view.records, fmt::format("LOG OF {}", name)), true}};
        case TopUi::Panel::breakers:
            return {{all_breakers(view)}};
        case TopUi::Panel::help:
            return {{help_lines()}};
        case TopUi::Panel::overview:
            break;
    }
    return sections_of(view, width);
}

ScreenLine last_line(const TopUi& ui) {
    if (!ui.question.empty()) return {ui.question + " y/n", Ink::warn};
    if (!ui.notice.empty()) return {ui.notice, Ink::title};
    if (ui.panel != TopUi::Panel::overview) return {"Esc back  j/k choose  space pause  q quit", Ink::faint};
    return {"q quit  j/k choose  r restart  d drain  l log  b breakers  space pause  h help", Ink::faint};
}

}  // namespace

std::vector<std::string> draw_top(const TopView& view, const TopUi& ui, ScreenSize size) {
    Lines screen{header_of(view, ui, size.width)};
    for (auto& line : worker_lines(view, &ui, size.width)) screen.push_back(std::move(line));
    const auto sections = panel_of(view, ui, size.width);
    const auto taken = screen.size() + 1;  // and the last line
    const auto shares = share_out(sections, size.height - std::min(size.height, taken));
    for (size_t i = 0; i < sections.size(); ++i) sections[i].append_to(screen, shares[i]);
    screen.resize(std::max(size.height, size_t{1}) - 1);
    screen.push_back(last_line(ui));
    screen.resize(size.height);
    std::vector<std::string> lines;
    for (const auto& line : screen) lines.push_back(line.fit(size.width, ui.colour));
    return lines;
}

std::vector<std::string> list_top(const TopView& view, bool colour) {
    constexpr size_t table_columns = 80;
    ScreenLine header(fmt::format("{}  {}: ", wall_text(view.wall_ns), view.instance));
    Lines screen{header.add(view.supervisor, ink_of(view.tone))};
    for (auto& line : worker_lines(view, nullptr, table_columns)) screen.push_back(std::move(line));
    for (const auto& section : sections_of(view, table_columns)) section.append_to(screen, section.wanted());
    std::vector<std::string> lines;
    for (const auto& line : screen) lines.push_back(line.fit(SIZE_MAX, colour));
    return lines;
}

}  // namespace of::ofctl
