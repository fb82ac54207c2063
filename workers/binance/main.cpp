#include "workers/binance/feed.hpp"
#include "workers/binance/tls.hpp"

namespace {

std::unique_ptr<of::Worker> make_feed(of::Runtime& runtime, const of::settings::Loaded& settings) {
    return std::make_unique<of::binance::Feed>(runtime, settings[of::binance::section.name]);
}

}  // namespace

int main(int argc, char** argv) {
    const of::settings::Section sections[] = {of::binance::section};
    return of::run_worker({of::ProcessKind::binance, "Brings the exchange's streams into the market ring", sections,
                           of::binance::warm_up_tls},
                          argc, argv, make_feed);
}
