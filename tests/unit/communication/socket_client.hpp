// A WebSocket client for tests, by Beast: written by others than the server's codec, so that the two check each other.
//
// Reads only while pump() runs: whoever does not call it is a slow client. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace of::test {

class SocketClient {
  public:
    struct Options {
        std::string host;        ///< "127.0.0.1:PORT" when empty
        std::string origin;      ///< none when empty
        int receive_buffer = 0;  ///< SO_RCVBUF; 0 for the system's own
    };
    explicit SocketClient(uint16_t port) : SocketClient(port, Options{}) {}
    /// Connects and shakes hands; throws with the server's status when that is refused ("403").
    SocketClient(uint16_t port, const Options& options);
    ~SocketClient();
    SocketClient(SocketClient&&) noexcept;

    void send(std::string_view text);
    /// Sends these very bytes, past the protocol.
    void send_raw(std::string_view bytes);
    /// Takes what has come. Never waits.
    void pump();

    const std::vector<std::string>& messages() const;
    /// Messages that contain this text.
    std::vector<std::string> with(std::string_view text) const;
    /// The number behind this key in each message of this type, in order: numbers("trade", "id").
    std::vector<int64_t> numbers(std::string_view type, std::string_view key) const;
    /// Whether the server has ended the connection, and how: 0 without a close frame.
    bool closed() const;
    int close_code() const;
    std::string close_reason() const;

  private:
    struct Link;
    std::unique_ptr<Link> link_;
};

/// One HTTP exchange on a connection of its own: the whole answer as it came, headers and all.
std::string http_exchange(uint16_t port, std::string_view request);
/// GET with the right Host; `headers` are further lines, each with its "\r\n".
std::string http_get(uint16_t port, std::string_view target, std::string_view headers = "");

}  // namespace of::test
