#include "tests/exchange/exchange.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/exchange/clock.hpp"
#include "tests/exchange/control_server.hpp"
#include "tests/exchange/http_server.hpp"
#include "tests/exchange/state_files.hpp"
#include "tests/exchange/synthetic_market.hpp"
#include "tests/exchange/tape_market.hpp"

namespace of::exchange {

namespace {

using boost::asio::ip::tcp;

Result<void> open_market(Exchange& exchange) {
    const Options& options = exchange.options;
    if (!options.tape.empty()) {
        auto tape = TapeMarket::open(options.tape, options.symbols, exchange.streams);
        if (!tape) return tl::unexpected(tape.error());
        exchange.market = std::move(*tape);
        return {};
    }
    SyntheticSettings settings;
    settings.seed = options.seed;
    settings.frames_per_s = options.rate;
    if (!options.symbols.empty()) settings.symbols = options.symbols;
    exchange.market = std::make_unique<SyntheticMarket>(settings, exchange.streams);
    fmt::print(stderr, "of-exchange: synthetic market, seed {}\n", settings.seed);
    return {};
}

Result<std::string> set_up_tls(Exchange& exchange) {
    const auto identity = make_identity();
    if (!identity) return tl::unexpected(identity.error());
    SSL_CTX* const context = exchange.tls.native_handle();
    if (SSL_CTX_use_certificate(context, identity->certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context, identity->key.get()) != 1) {
        return fail("cannot use the server's certificate");
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    return write_ca_file(exchange.options.state_dir, identity->ca_pem);
}

void die_with_parent() {
    const pid_t parent = getppid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) std::raise(SIGTERM);  // it ended before the kernel was told
}

void open_hub(Exchange& exchange) {
    const Options& options = exchange.options;
    for (const auto& fault : options.faults) exchange.plan.add(fault, steady_ms());
    exchange.hub = std::make_unique<Hub>(exchange.io, exchange.streams, exchange.plan, options.verbose);
    exchange.player = std::make_unique<Player>(exchange.io, *exchange.market, *exchange.hub, options.speed);
    exchange.hub->arm();
}

Result<void> serve(Exchange& exchange) {
    const Options& options = exchange.options;
    boost::asio::signal_set signals(exchange.io, SIGTERM, SIGINT);
    signals.async_wait([&](boost::system::error_code, int) { exchange.io.stop(); });
    if (options.die_with_parent) die_with_parent();
    if (auto opened = open_market(exchange); !opened) return opened;
    const auto ca_file = set_up_tls(exchange);
    if (!ca_file) return tl::unexpected(ca_file.error());
    auto listener = listen_on(exchange.io, options.listen);
    if (!listener) return tl::unexpected(listener.error());
    auto control = listen_on(exchange.io, options.control);
    if (!control) return tl::unexpected(control.error());
    open_hub(exchange);
    serve_https(exchange, *listener);
    serve_control(exchange, *control);
    const auto line = write_exchange_file(options.state_dir, *ca_file, listener->local_endpoint().port(),
                                          control->local_endpoint().port());
    if (!line) return tl::unexpected(line.error());
    fmt::print("{}\n", *line);
    std::fflush(stdout);
    if (options.start_at_once) exchange.player->start();
    exchange.io.run();
    remove_exchange_file(options.state_dir);
    return {};
}

}  // namespace

int run_exchange(Options options) {
    std::signal(SIGPIPE, SIG_IGN);
    Exchange exchange(std::move(options));
    const auto served = serve(exchange);
    if (served) return 0;
    fmt::print(stderr, "of-exchange: {}\n", served.error().text);
    return 1;
}

}  // namespace of::exchange
