// What the section [communication] of the configuration says, checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace of::communication {

struct CommunicationSettings {
    std::string address = "127.0.0.1";  ///< numeric
    uint16_t port = 8080;               ///< 0: any free one
    size_t clients_max = 1000;          ///< WebSocket clients; more are answered 503
    size_t client_queue_max = 4096;     ///< trades that wait for one client
    uint32_t backlog_max = 1000;        ///< stored trades of one subscription and symbol
    int64_t slow_close_ns = 10'000'000'000;
    std::vector<std::string> hosts;  ///< further names that a browser may ask for
};

/// "127.0.0.1:8080" or "[::1]:8080" into address and port; false for anything else.
bool parse_listen(std::string_view text, std::string& address, uint16_t& port);

}  // namespace of::communication
