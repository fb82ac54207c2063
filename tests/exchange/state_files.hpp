// The two files in the state directory: ca.pem, and exchange.json, which appears whole when the stand-in
// listens.
#pragma once

#include <cstdint>
#include <string>

#include "tests/exchange/error.hpp"

namespace of::exchange {

/// Makes the directory if need be and writes ca.pem; returns its absolute path.
Result<std::string> write_ca_file(const std::string& directory, const std::string& pem);

/// Writes exchange.json by rename, so that a reader sees all of it or none; returns the line.
Result<std::string> write_exchange_file(const std::string& directory, const std::string& ca_file, uint16_t port,
                                        uint16_t control_port);

/// Removes exchange.json at the end: a file that is there means an exchange that listens.
void remove_exchange_file(const std::string& directory);

}  // namespace of::exchange
