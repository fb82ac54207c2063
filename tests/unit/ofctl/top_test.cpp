// The screen of ofctl top: drawn from plain values, so that each size has its golden lines.
#include <catch2/catch.hpp>
#include <numeric>

#include "supervisor/ofctl/terminal.hpp"

using namespace of::ofctl;

namespace {

TopView busy_instance() {
    TopView view{.instance = "orderflow",
                 .wall_ns = 1'723'161'255'343'000'000,
                 .supervisor = "supervisor pid 4103, up 3m12s",
                 .tone = Tone::plain,
                 .workers = {},
                 .rings = {},
                 .breakers = {},
                 .latencies = {},
                 .warnings = {},
                 .records = {}};
    view.workers = {{"logger", "running", Tone::good, 4104, "3m12s", 0, "", false, 0.2, 6 << 20, 460'000'000, 3, 0, 0},
                    {"storage", "running", Tone::good, 4172, "12.4s", 3, "signal 9", false, 41.5, 68 << 20, 2'000'000,
                     20'311, 123'456, 0},
                    {"communication", "running (frozen)", Tone::warn, 4106, "3m11s", 0, "", true, 0, 9 << 20,
                     7'300'000'000, 0, 410'000, 12},
                    {"binance", "stopped", Tone::bad, 0, "-", 1, "code 0", false, {}, 0, -1, {}, 0, 0, true}};
    view.rings = {{"call.communication.binance", 0, 0, "binance", 0, 256, 0},
                  {"market.0", 20'311, 20'311 * 128, "communication", 410'000, 524'288, 57},
                  {"log.storage", 14, 3'584, "logger", 2'048, 4'096, 0},
                  {"trace.binance", {}, 0, "", 0, 65'536, 0}};
    view.breakers = {{"binance/rest", "closed", Tone::good, 0, 0, 0, 0, "-", ""},
                     {"storage/store", "open", Tone::bad, 5, 7, 2, 1'234, "41.2s", ""}};
    view.latencies = {{"storage commit_ns", 9, "362.5us", "602.1us", "1056.8us", "7809.7us"},
                      {"binance receive_to_ring_ns", {}, "-", "-", "244.7us", "6917.2us"}};
    view.warnings = {
        {1'723'161'251'000'000'000, "warn", Tone::warn, "binance", "stream btcusdt@trade has been silent for 5000 ms"},
        {1'723'161'252'000'000'000, "error", Tone::bad, "supervisor",
         "storage (pid 4105) ended: signal 9; restart in 0 ms"}};
    view.records = {{1'723'161'251'000'000'000, "info", Tone::plain, "logger", "ready \x1b[2J"}};
    return view;
}

std::string joined(const std::vector<std::string>& lines) {
    return std::accumulate(lines.begin(), lines.end(), std::string("\n"),
                           [](const std::string& all, const std::string& line) { return all + line + "\n"; });
}

}  // namespace

TEST_CASE("a busy instance on a screen of 80 by 24") {
    REQUIRE(joined(draw_top(busy_instance(), {.chosen = 1}, {80, 24})) == R"(
ofctl top: orderflow  supervisor pid 4103, up 3m12s       23:54:15 UTC, each 1 s
  WORKER        STATE    PID    UP RST CPU%   RSS  BEAT MSG/S    LAG LOST
  logger        running 4104 3m12s 0    0.2  6.0M 460ms     3      0    0
> storage       running 4172 12.4s 3   41.5 68.0M   2ms 20.3k 123.5k    0
  communication frozen  4106 3m11s 0    0.0  9.0M  7.3s     0 410.0k   12
  binance       stopped    -     - 1      -     -     -     -      0    0

RING                        MSG/S     LAG  FILL                       %  LOST/S
market.0                    20.3k  410.0k  ###################.....  78      57
log.storage                    14    2.0k  ############............  50       0
call.communication.binance      0       0  ........................   0       0
trace.binance                   -       0  ........................   0       0

LATENCY                     RATE/S      P50      P99  P99 EVER  MAX EVER
storage commit_ns                9  362.5us  602.1us  1056.8us  7809.7us
binance receive_to_ring_ns       -        -        -   244.7us  6917.2us

LAST WARNINGS
23:54:11 warn  binance       stream btcusdt@trade has been silent for 5000 ms
23:54:12 error supervisor    storage (pid 4105) ended: signal 9; restart in 0 ms

BREAKER        STATE  RECENT  FAILED  TRIPS  REFUSED  ENDS IN  REASON
storage/store  open        5       7      2     1.2k    41.2s  
q quit  j/k choose  r restart  d drain  l log  b breakers  space pause  h help
)");
}

TEST_CASE("a wide screen says who is behind, why a worker ended, and how fast the bytes go") {
    REQUIRE(joined(draw_top(busy_instance(), {}, {200, 50})) == R"(
ofctl top: orderflow  supervisor pid 4103, up 3m12s                                                                                                                               23:54:15 UTC, each 1 s
  WORKER         STATE              PID     UP  RESTARTS      CPU%    RSS   BEAT  MSG/S     LAG  LOST
> logger         running           4104  3m12s  0              0.2   6.0M  460ms      3       0     0
  storage        running           4172  12.4s  3 (signal 9)  41.5  68.0M    2ms  20.3k  123.5k     0
  communication  running (frozen)  4106  3m11s  0              0.0   9.0M   7.3s      0  410.0k    12
  binance        stopped              -      -  1 (code 0)       -      -      -      -       0     0

RING                        MSG/S  BYTES/S     LAG  FILL                                       %  LOST/S   SLOTS  FURTHEST BEHIND
market.0                    20.3k     2.5M  410.0k  ###############################.........  78      57  524.3k  communication
log.storage                    14     3.5k    2.0k  ####################....................  50       0    4.1k  logger
call.communication.binance      0        0       0  ........................................   0       0     256  binance
trace.binance                   -        0       0  ........................................   0       0   65.5k  

LATENCY                     RATE/S      P50      P99  P99 EVER  MAX EVER
storage commit_ns                9  362.5us  602.1us  1056.8us  7809.7us
binance receive_to_ring_ns       -        -        -   244.7us  6917.2us

LAST WARNINGS
23:54:11 warn  binance       stream btcusdt@trade has been silent for 5000 ms
23:54:12 error supervisor    storage (pid 4105) ended: signal 9; restart in 0 ms

BREAKER        STATE  RECENT  FAILED  TRIPS  REFUSED  ENDS IN  REASON
storage/store  open        5       7      2     1.2k    41.2s  


























q quit  j/k choose  r restart  d drain  l log  b breakers  space pause  h help
)");
}

TEST_CASE("where lines are short the lists give way, and say how much they show") {
    REQUIRE(joined(draw_top(busy_instance(), {}, {60, 13})) == R"(
ofctl top: orderflow  supervisor pid 4103, up 3m12s  23:54:1
  WORKER        STATE    PID    UP RST CPU%   RSS  BEAT MSG/
> logger        running 4104 3m12s 0    0.2  6.0M 460ms     
  storage       running 4172 12.4s 3   41.5 68.0M   2ms 20.3
  communication frozen  4106 3m11s 0    0.0  9.0M  7.3s     
  binance       stopped    -     - 1      -     -     -     

RING (1 of 4)               MSG/S     LAG  FILL     %  LOST/
market.0                    20.3k  410.0k  #####.  78      5

LATENCY (1 of 2)            RATE/S      P50      P99  P99 EV
storage commit_ns                9  362.5us  602.1us  1056.8
q quit  j/k choose  r restart  d drain  l log  b breakers  s
)");
}

TEST_CASE("a pipe gets everything, with nothing cut") {
    auto view = busy_instance();
    view.warnings[0].text = std::string(300, 'x');
    const auto lines = list_top(view, false);
    REQUIRE(std::ranges::find_if(lines, [](const auto& line) { return line.ends_with(std::string(300, 'x')); }) !=
            lines.end());
    REQUIRE(joined(lines).find("> ") == std::string::npos);
    for (const auto& ring : view.rings) REQUIRE(joined(lines).find(ring.name) != std::string::npos);
}

TEST_CASE("every size from nothing on is filled exactly, in colour as well") {
    using enum TopUi::Panel;
    for (const auto panel : {overview, logs, breakers, help}) {
        for (size_t width = 0; width <= 130; width += 13) {
            for (size_t height = 0; height <= 60; ++height) {
                const auto plain = draw_top(busy_instance(), {.panel = panel}, {width, height});
                REQUIRE(plain.size() == height);
                for (const auto& line : plain) REQUIRE(columns_of(line) <= width);
                const auto coloured = draw_top(busy_instance(), {.panel = panel, .colour = true}, {width, height});
                REQUIRE(coloured.size() == height);
            }
        }
    }
}

TEST_CASE("an instance without workers, or with a choice that is gone, is drawn all the same") {
    REQUIRE(draw_top({}, {.chosen = 7}, {80, 24}).size() == 24);
    REQUIRE(draw_top({}, {.panel = TopUi::Panel::logs, .chosen = 7}, {80, 24}).size() == 24);
}

TEST_CASE("a question stands on the last line, and a pause in the first") {
    auto lines = draw_top(busy_instance(), {.paused = true, .question = "restart storage?"}, {80, 24});
    REQUIRE(lines.back() == "restart storage? y/n");
    REQUIRE(lines.front().ends_with("PAUSED"));
}

TEST_CASE("what a log record holds does not command the terminal") {
    const auto lines = draw_top(busy_instance(), {.panel = TopUi::Panel::logs}, {80, 24});
    REQUIRE(joined(lines).find('\x1b') == std::string::npos);
    REQUIRE(joined(lines).find("ready \\x1b[2J") != std::string::npos);
}

TEST_CASE("bytes of a terminal are keys: arrows in both modes, escape alone, and no unknown sequence") {
    const auto keys = keys_of("\x1b[A\x1bOBq \x1b[5~\x1b");
    REQUIRE(keys.size() == 5);
    REQUIRE(keys[0].key == Key::up);
    REQUIRE(keys[1].key == Key::down);
    REQUIRE((keys[2].key == Key::other && keys[2].letter == 'q'));
    REQUIRE(keys[3].key == Key::space);
    REQUIRE(keys[4].key == Key::escape);
}
