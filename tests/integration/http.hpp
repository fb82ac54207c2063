// Plain HTTP to loopback: one request, one answer, one deadline for all of it.
#pragma once

#include <string>

#include "shm/error.hpp"
#include "tests/integration/interrupt.hpp"

namespace of::integration {

struct HttpAnswer {
    unsigned status = 0;
    std::string body;
};

/// `method` is "GET" or "POST". Fails when nobody answers within `limit`; a status of 400 and above is an answer.
Expected<HttpAnswer> http(const std::string& method, uint16_t port, const std::string& target, Milliseconds limit = 5s);

/// The body of a GET that was answered with 200.
Expected<std::string> http_get(uint16_t port, const std::string& target, Milliseconds limit = 5s);

/// A port of 127.0.0.1 that was free a moment ago.
Expected<uint16_t> free_port();

}  // namespace of::integration
