#include "tests/integration/trace_check.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>

#include "tests/integration/program.hpp"

namespace of::integration {
namespace {

constexpr std::array hops{"received", "decoded", "published", "stored", "delivered"};

/// The names are ours (an instance name, a correlation ID): letters, digits, dots and dashes only.
bool is_plain(const std::string& text) {
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
           std::string::npos;
}

}  // namespace

std::string check_trace(const std::string& instance, const std::string& correlation) {
    if (!is_plain(correlation)) return fmt::format("\"{}\" is no correlation ID", correlation);
    const auto command = fmt::format("'{}' --instance {} --json trace {} 2>&1", built_program("supervisor/ofctl/ofctl"),
                                     instance, correlation);
    auto* pipe = popen(command.c_str(), "re");
    if (pipe == nullptr) return "ofctl could not be started";
    std::string output;
    std::array<char, 4096> buffer{};
    while (const auto bytes = fread(buffer.data(), 1, buffer.size(), pipe)) output.append(buffer.data(), bytes);
    const int status = pclose(pipe);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fmt::format("ofctl trace {} ended with status {}: {}", correlation, status, output.substr(0, 500));
    for (const auto* hop : hops) {
        if (output.find(fmt::format("\"{}\"", hop)) == std::string::npos)
            return fmt::format("ofctl trace {} shows no hop \"{}\": {}", correlation, hop, output.substr(0, 800));
    }
    return "";
}

}  // namespace of::integration
