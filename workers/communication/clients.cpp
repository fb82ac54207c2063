#include "workers/communication/clients.hpp"

#include <fmt/format.h>

#include "workers/communication/frames.hpp"

namespace of::communication {
namespace {

bool contains(const auto& list, const auto& value) { return std::ranges::find(list, value) != list.end(); }

std::string text_of(const boost::asio::ip::tcp::socket& socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    return error ? "nowhere" : fmt::format("{}:{}", peer.address().to_string(), peer.port());
}

}  // namespace

Clients::Clients(Runtime& runtime, const CommunicationSettings& settings, Fanout& fanout, Backlog& backlog,
                 FramePool& pool)
    : runtime_(runtime),
      settings_(settings),
      fanout_(fanout),
      backlog_(backlog),
      pool_(pool),
      delivery_(runtime),
      gauge_(runtime.metrics().gauge("clients", "clients", "WebSocket clients that are connected")),
      refused_(
          runtime.metrics().counter("clients_refused_total", "WebSocket clients refused because there was no room")) {
    gauge_.set(0);
    fanout_.on_topic([this](Topic& topic) { welcome(topic); });
}

/// The event loop may still hold handlers of these sessions; they find them closed.
Clients::~Clients() {
    for (const auto& [number, client] : sessions_) client.session->abort();
}

bool Clients::room() {
    if (!draining_ && sessions_.size() < settings_.clients_max) return true;
    refused_.add();
    return false;
}

void Clients::adopt(boost::asio::ip::tcp::socket socket, const std::string& early) {
    const auto peer = text_of(socket);
    const auto number = ++numbers_;
    auto session = std::make_shared<WsSession>(std::move(socket), number, *this, delivery_, settings_);
    sessions_[number].session = session;
    gauge_.set(static_cast<int64_t>(sessions_.size()));
    runtime_.log().write(log_event::client_connected, runtime_.next_correlation(), number, peer);
    session->answer(frames::hello(runtime_.options().instance, fanout_.symbols(), wall_ns()));
    session->start(early);
}

void Clients::on_closed(WsSession& session, const std::string& why) {
    runtime_.log().write(log_event::client_closed, runtime_.next_correlation(), session.number(), why);
    fanout_.remove(session);
    sessions_.erase(session.number());
    gauge_.set(static_cast<int64_t>(sessions_.size()));
}

void Clients::on_text(WsSession& session, std::string_view text) {
    const auto found = sessions_.find(session.number());
    if (found == sessions_.end()) return;
    const auto op = parse_op(text, settings_.backlog_max);
    if (!op) return session.answer(frames::error(op.error()));
    switch (op->kind) {
        case ClientOp::Kind::ping:
            return session.answer(frames::pong(op->id_json, wall_ns()));
        case ClientOp::Kind::subscribe:
            return subscribe(found->second, *op);
        case ClientOp::Kind::unsubscribe:
            return unsubscribe(found->second, *op);
    }
}

std::vector<Topic*> Clients::topics_of(const ClientOp& op, std::vector<std::string>& unknown) {
    std::vector<Topic*> topics;
    for (const auto& topic : fanout_.topics()) {
        if (op.all_symbols || contains(op.symbols, topic->name)) topics.push_back(topic.get());
    }
    for (const auto& symbol : op.symbols) {
        if (fanout_.find(symbol) == nullptr) unknown.push_back(symbol);
    }
    return topics;
}

void Clients::subscribe(Client& client, const ClientOp& op) {
    std::vector<std::string> unknown;
    const auto topics = topics_of(op, unknown);
    confirm(*client.session, op, "subscribed", unknown);
    client.all_trades |= op.all_symbols && op.trades;
    client.all_quotes |= op.all_symbols && op.quotes;
    for (const auto& symbol : unknown) {
        if (client.trades.size() + client.quotes.size() >= 2 * symbols_of_op_max) break;
        if (op.trades && !contains(client.trades, symbol)) client.trades.push_back(symbol);
        if (op.quotes && !contains(client.quotes, symbol)) client.quotes.push_back(symbol);
    }
    for (auto* topic : topics) {
        if (op.backlog != 0 && !start_backlog(client, *topic, op.backlog)) continue;
        add(client, *topic, op.trades, op.quotes);
    }
}

/// False when live trades of the symbol already go to this client: a backlog could only come twice or too late.
bool Clients::start_backlog(Client& client, Topic& topic, uint32_t rows) {
    auto& session = *client.session;
    if (contains(topic.trades, &session)) {
        session.answer(frames::error(
            fmt::format("trades of {} are subscribed already: unsubscribe first to get a backlog", topic.name)));
        return false;
    }
    session.drop_hold(topic.index);
    return backlog_.request(session, topic, rows, runtime_.next_correlation());
}

void Clients::add(Client& client, Topic& topic, bool trades, bool quotes) {
    auto* session = client.session.get();
    if (trades && !contains(topic.trades, session)) topic.trades.push_back(session);
    if (!quotes || contains(topic.quotes, session)) return;
    topic.quotes.push_back(session);
    if (const auto frame = fanout_.current_quote(topic)) session->offer_quote(topic.index, frame);
}

void Clients::unsubscribe(Client& client, const ClientOp& op) {
    std::vector<std::string> unknown;
    auto* session = client.session.get();
    for (auto* topic : topics_of(op, unknown)) {
        if (op.trades) {
            std::erase(topic->trades, session);
            session->drop_hold(topic->index);
        }
        if (op.quotes) std::erase(topic->quotes, session);
    }
    const auto forget = [&](std::vector<std::string>& names) {
        std::erase_if(names, [&](const std::string& name) { return op.all_symbols || contains(op.symbols, name); });
    };
    // One symbol less is no longer all of them: symbols yet to come are then not wanted either.
    if (op.trades) client.all_trades = false;
    if (op.quotes) client.all_quotes = false;
    if (op.trades) forget(client.trades);
    if (op.quotes) forget(client.quotes);
    confirm(*session, op, "unsubscribed", {});
}

void Clients::confirm(WsSession& session, const ClientOp& op, std::string_view word,
                      std::span<const std::string> unknown) {
    const auto names = op.all_symbols ? fanout_.symbols() : op.symbols;
    session.answer(frames::subscribed({.op = word,
                                       .trades = op.trades,
                                       .quotes = op.quotes,
                                       .all_symbols = op.all_symbols,
                                       .symbols = names,
                                       .unknown = unknown,
                                       .backlog = op.backlog}));
}

/// Gives a symbol that a feed has named just now to those who wait for it.
void Clients::welcome(Topic& topic) {
    for (auto& [number, client] : sessions_) {
        const bool trades = client.all_trades || std::erase(client.trades, topic.name) != 0;
        const bool quotes = client.all_quotes || std::erase(client.quotes, topic.name) != 0;
        add(client, topic, trades, quotes);
    }
}

void Clients::tick(int64_t now_ns) {
    fanout_.discover();
    for (const auto& [number, client] : sessions_) client.session->tick(now_ns);
}

void Clients::drain() {
    draining_ = true;
    backlog_.stop();
    for (const auto& [number, client] : sessions_) client.session->close(CloseCode::going_away, "this server stops");
}

}  // namespace of::communication
