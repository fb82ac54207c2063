// A market on a stage, for the browser tests and for looking at the page by hand: seeded synthetic trades and quotes
// through the real of-communication. Obeys lines on its standard input, and ends at their end:
//
//   rate N        messages a second (0: silence)       kill       SIGKILL the worker
//   trades S N    N trades of symbol S, at once        restart    start it again, on the same port
//   hang, resume  SIGSTOP, SIGCONT                     ids S      prints the number of trades of S so far
//
// Prints "port N" once it serves, and "done" after each line.
#include <poll.h>

#include <cmath>

#include <iostream>
#include <random>
#include <sstream>

#include "tests/unit/communication/stage.hpp"

namespace {

using namespace of;

struct Quoted {
    std::string name;
    e8_t price;
    e8_t tick;
    int64_t update_id = 1;
    int64_t trades = 0;
};

class Market {
  public:
    Market(test::Stage& stage, uint64_t seed) : stage_(stage), random_(seed) {}

    void step(Quoted& symbol) {
        const auto roll = random_() % 100;
        if (roll < 30) symbol.price += (random_() % 2 == 0 ? 1 : -1) * symbol.tick * static_cast<e8_t>(random_() % 5);
        if (roll < 55) return trade(symbol);
        stage_.quote(symbol.name, ++symbol.update_id, symbol.price,
                     symbol.price + symbol.tick * static_cast<e8_t>(1 + random_() % 3));
    }
    void trade(Quoted& symbol) {
        const bool sold = random_() % 2 == 0;
        const auto size = std::exp(std::normal_distribution<double>(-3.0, 1.6)(random_)) * 1e5;
        symbol.trades = stage_.trade(symbol.name, symbol.price + (sold ? 0 : symbol.tick),
                                     static_cast<e8_t>(size + 1) * 1000, sold, {.commit = true, .sampled = false});
    }
    std::vector<Quoted> symbols{{"BTCUSDT", 6'160'201'000'000, 1'000'000},
                                {"ETHUSDT", 253'817'000'000, 1'000'000},
                                {"LTCUSDT", 7'014'000'000, 1'000'000},
                                {"SOLUSDT", 14'411'000'000, 1'000'000},
                                {"XRPUSDT", 52'830'000, 10'000}};

  private:
    test::Stage& stage_;
    std::mt19937_64 random_;
};

class Play {
  public:
    Play() : stage_("", {.market_slots = 65'536}), market_(stage_, 7) {
        for (auto& symbol : market_.symbols) {
            for (int i = 0; i < 40; ++i) market_.trade(symbol);
        }
        stage_.start();
        for (auto& symbol : market_.symbols) stage_.quote(symbol.name, 1, symbol.price, symbol.price + symbol.tick);
        std::cout << "port " << stage_.port() << std::endl;
    }
    void run() {
        auto due = mono_ns();
        for (;;) {
            pollfd input{.fd = STDIN_FILENO, .events = POLLIN};
            if (poll(&input, 1, 2) > 0 && !obey()) return;
            stage_.serve();
            const auto now = mono_ns();
            if (rate_ == 0) due = now;
            for (; rate_ != 0 && due < now; due += ns_per_s / rate_)
                market_.step(market_.symbols[next_++ % market_.symbols.size()]);
            keep_alive();
        }
    }

  private:
    bool obey() {
        std::string line;
        if (!std::getline(std::cin, line)) return false;
        std::istringstream words(line);
        std::string verb, name;
        words >> verb;
        if (verb == "rate") words >> rate_;
        if (verb == "kill") stage_.kill();
        if (verb == "restart") stage_.restart();
        if (verb == "hang") stage_.worker().signal(SIGSTOP);
        if (verb == "resume") stage_.worker().signal(SIGCONT);
        if (verb == "trades" || verb == "ids") words >> name;
        for (auto& symbol : market_.symbols) {
            int64_t count = 0;
            if (symbol.name != name) continue;
            if (verb == "ids") std::cout << symbol.trades << std::endl;
            for (words >> count; verb == "trades" && count > 0; --count) market_.trade(symbol);
        }
        std::cout << "done" << std::endl;
        return true;
    }
    /// The workers that this program passes for beat as real ones do.
    void keep_alive() {
        for (const auto process : {test::binance_id, test::storage_id}) {
            auto& slot = stage_.instance().slot(process);
            slot.own.heartbeat_ns.store(mono_ns());
            if (slot.own.ready_ns.load() != 0) continue;
            slot.own.ready_ns.store(mono_ns());
            slot.desk.state.store(static_cast<uint32_t>(WorkerState::spawned));
            slot.own.state.store(static_cast<uint32_t>(WorkerState::running));
            slot.own.incarnation.store(slot.desk.incarnation.load());
        }
    }

    test::Stage stage_;
    Market market_;
    int64_t rate_ = 0;
    size_t next_ = 0;
};

}  // namespace

int main() {
    Play play;
    play.run();
}
