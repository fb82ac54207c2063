// One HTTP connection: reads a request, checks who asks, has the API answer it, and goes on until the client or its
// time ends it.
//
// GET and HEAD only; no bodies; headers of at most 8 KiB. A Host that is not ours and an Origin that is not the Host
// are refused (a page of another site, or a name that was pointed at this address). A request for /ws with the right
// headers leaves as a WebSocket.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

#include "workers/communication/server.hpp"

namespace of::communication {

class HttpSession : public std::enable_shared_from_this<HttpSession> {
  public:
    using Request = boost::beast::http::request<boost::beast::http::string_body>;
    using Response = boost::beast::http::response<boost::beast::http::string_body>;

    HttpSession(boost::asio::ip::tcp::socket socket, Server& server) : stream_(std::move(socket)), server_(&server) {}

    void start() { read(std::chrono::seconds(5)); }
    /// Says 503 and ends.
    void turn_away();
    /// Ends now if no answer is being made, else behind it.
    void drain();
    /// The server is no more.
    void abandon();

  private:
    void read(std::chrono::seconds patience);
    void on_read(const boost::system::error_code& error);
    void refuse_malformed(const boost::system::error_code& error);
    void handle();
    std::optional<Answer> objection() const;
    void upgrade();
    std::optional<Answer> upgrade_objection() const;
    void respond(Answer answer);
    void fill_in(Response& response, Answer& answer) const;
    void write(std::shared_ptr<Response> response, bool last);
    void end();

    boost::beast::tcp_stream stream_;
    Server* server_;  ///< nullptr once this session has ended
    boost::beast::flat_buffer buffer_;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
    Request request_;
    CorrelationId correlation_;
    bool answering_ = false;
};

}  // namespace of::communication
