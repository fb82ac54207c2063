#include <utility>

#include "tests/exchange/exchange.hpp"
#include "tests/exchange/options.hpp"

int main(int argc, char** argv) {
    auto parsed = of::exchange::parse_options(argc, argv);
    if (const auto* const code = std::get_if<of::exchange::ExitCode>(&parsed)) return code->value;
    return of::exchange::run_exchange(std::get<of::exchange::Options>(std::move(parsed)));
}
