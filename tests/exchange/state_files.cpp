#include "tests/exchange/state_files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace of::exchange {

namespace fs = std::filesystem;

namespace {

Result<void> write_by_rename(const fs::path& path, const std::string& text) {
    const fs::path fresh = path.string() + ".new";
    std::ofstream out(fresh, std::ios::trunc);
    out << text;
    out.close();
    std::error_code error;
    if (out) fs::rename(fresh, path, error);
    if (!out || error) return fail(fmt::format("cannot write {}", path.string()));
    return {};
}

}  // namespace

Result<std::string> write_ca_file(const std::string& directory, const std::string& pem) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) return fail(fmt::format("cannot make the state directory {}: {}", directory, error.message()));
    const fs::path path = fs::absolute(fs::path(directory) / "ca.pem");
    if (auto written = write_by_rename(path, pem); !written) return tl::unexpected(written.error());
    return path.string();
}

Result<std::string> write_exchange_file(const std::string& directory, const std::string& ca_file, uint16_t port,
                                        uint16_t control_port) {
    const std::string line =
        fmt::format(R"({{"pid":{},"port":{},"control_port":{},"ca_file":"{}","stream_url":"wss://localhost:{}",)"
                    R"("rest_url":"https://localhost:{}"}})",
                    getpid(), port, control_port, ca_file, port, port);
    if (auto written = write_by_rename(fs::path(directory) / "exchange.json", line + "\n"); !written) {
        return tl::unexpected(written.error());
    }
    return line;
}

void remove_exchange_file(const std::string& directory) {
    std::error_code ignored;
    fs::remove(fs::path(directory) / "exchange.json", ignored);
}

}  // namespace of::exchange
