// of-communication: the only process that listens to the network.
#include <boost/asio/ip/address.hpp>

#include "workers/communication/communication.hpp"

namespace {

using namespace of;
using communication::CommunicationSettings;
using settings::Key;
using settings::Kind;

std::string expects_listen(std::string_view value) {
    std::string address;
    uint16_t port = 0;
    boost::system::error_code error;
    const bool good =
        communication::parse_listen(value, address, port) && (boost::asio::ip::make_address(address, error), !error);
    return good ? "" : "ADDRESS:PORT with a numeric address, like 127.0.0.1:8080 or [::1]:8080";
}
std::string expects_host(std::string_view value) {
    const bool clean = value.find_first_of(" /\\\t\"") == std::string_view::npos;
    return clean && !value.empty() ? ""
                                   : "a host name as a browser sends it, with its port if that is not this server's";
}

constexpr Key keys[] = {
    {.name = "listen",
     .fallback = R"("127.0.0.1:8080")",
     .help = "address and port of the API and the page; port 0 takes any free one",
     .expects = expects_listen},
    {.name = "clients_max",
     .kind = Kind::integer,
     .fallback = "1000",
     .help = "WebSocket clients at one time; more are answered 503",
     .min = 1,
     .max = 100'000},
    {.name = "client_queue_max",
     .kind = Kind::integer,
     .fallback = "4096",
     .help = "trades that may wait for one client; more are lost, and told as lost",
     .min = 16,
     .max = 1'000'000},
    {.name = "backlog_max",
     .kind = Kind::integer,
     .fallback = "1000",
     .help = "stored trades of one symbol that a client may ask for",
     .min = 0,
     .max = 10'000},
    {.name = "slow_close_ms",
     .kind = Kind::integer,
     .fallback = "10000",
     .help = "a client that has been losing trades for so long is closed",
     .min = 100,
     .max = 3'600'000},
    {.name = "hosts",
     .kind = Kind::text_list,
     .fallback = "[]",
     .help = "further names that a browser may use for this server (Host and Origin)",
     .max = 64,
     .expects = expects_host},
};
constexpr settings::Section sections[] = {{"communication", keys}};

std::unique_ptr<Worker> make_communication(Runtime& runtime, const settings::Loaded& loaded) {
    const auto& values = loaded["communication"];
    CommunicationSettings settings{.clients_max = static_cast<size_t>(values.integer("clients_max")),
                                   .client_queue_max = static_cast<size_t>(values.integer("client_queue_max")),
                                   .backlog_max = static_cast<uint32_t>(values.integer("backlog_max")),
                                   .slow_close_ns = values.integer("slow_close_ms") * ns_per_ms,
                                   .hosts = values.text_list("hosts")};
    communication::parse_listen(values.text("listen"), settings.address, settings.port);
    return std::make_unique<communication::Communication>(runtime, std::move(settings));
}

}  // namespace

int main(int argc, char** argv) {
    return run_worker(
        {ProcessKind::communication,
         "Serves market data and the state of the system: HTTP, WebSocket, a live page, Prometheus metrics.", sections},
        argc, argv, make_communication);
}
