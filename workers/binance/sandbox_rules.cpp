#include "workers/binance/sandbox_rules.hpp"

#include <openssl/x509.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>

namespace of::binance {
namespace {

namespace fs = std::filesystem;

/// A name server is asked again over TCP when its answer does not fit a datagram.
constexpr uint16_t domain_port = 53;

uint16_t number_of(const std::string& port) {
    uint16_t number = 0;
    std::from_chars(port.data(), port.data() + port.size(), number);
    return number;
}

/// The folder of what /etc/resolv.conf leads to: whoever keeps it replaces the file. A folder that holds more than a
/// service's own files is not opened; then it is that one file.
std::string resolver_path() {
    std::error_code ignored;
    const auto file = fs::weakly_canonical("/etc/resolv.conf", ignored);
    const auto folder = file.parent_path();
    const bool own = folder != folder.parent_path() && folder.parent_path() != "/";
    return own ? folder : file;
}

std::string environment_or(const char* name, const char* otherwise) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : otherwise;
}

}  // namespace

SandboxRules sandbox_rules(const Config& config) {
    SandboxRules rules{
        // Files of /etc are replaced by new ones of the same name, so a rule has to name their folder.
        .readable = {"/etc", resolver_path(), "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
                     environment_or(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()),
                     environment_or(X509_get_default_cert_file_env(), X509_get_default_cert_file()),
                     // Modules of the name service switch.
                     "/lib", "/usr/lib", "/lib64", "/usr/lib64"},
        .writable = {},
        .connect_ports = {domain_port},
        .calls = {CallGroup::streams, CallGroup::connect}};
    for (const auto* url : {&config.line.url, &config.rest_url, &config.history_url})
        rules.connect_ports.push_back(number_of(url->port));
    return rules;
}

}  // namespace of::binance
