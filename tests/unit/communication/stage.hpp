// The real of-communication, with the test as its feed and as its storage.
//
// The test publishes trades and quotes as binance, answers storage's calls from what it has published, and moves
// storage's cursor as a real commit would. One thread: whoever waits for the worker must let serve() run, as wait()
// does.
#pragma once

#include <fmt/format.h>

#include "proto/log_catalog.hpp"
#include "proto/market.hpp"
#include "tests/support/instance.hpp"

namespace of::test {

class Stage {
  public:
    /// `settings`: more lines of the section [communication].
    explicit Stage(const std::string& settings = "", const InstanceShape& shape = {}, uint16_t port = 0)
        : instance_(shape),
          market_(instance_.publisher<128>(ChannelKind::market, binance_id)),
          log_segment_(instance_.segment(ChannelKind::log, communication_id, communication_id, shm::Access::read_only)),
          log_(log_segment_, 0) {
        instance_.stand_in(storage_id);
        instance_.stand_in(binance_id);
        set_up_calls();
        configure(settings, port);
    }

    Instance& instance() { return instance_; }
    uint16_t port() const { return port_; }

    void configure(const std::string& settings, uint16_t port) {
        settings_ = settings;
        instance_.write_config(fmt::format("[communication]\nlisten = \"127.0.0.1:{}\"\n{}", port, settings));
    }
    /// Starts the worker and waits until it runs; its port is then known.
    void start() {
        worker_ = instance_.start_and_wait(communication_id, program("workers/communication/of-communication"));
        if (!wait([this] { return find_port(); })) throw std::runtime_error("the worker did not say where it listens");
    }
    /// Kills it and starts it again on the same port, as a supervisor would.
    void kill() {
        worker_.kill();
        instance_.stand_out(communication_id);
    }
    void restart() {
        configure(settings_, port_);
        instance_.slot(communication_id).desk.restarts.fetch_add(1);
        worker_ = instance_.start_and_wait(communication_id, program("workers/communication/of-communication"));
    }
    Child& worker() { return worker_; }

    uint16_t symbol(std::string_view name) { return *instance_.book().add(name); }

    struct TradeOptions {
        bool commit = true;  ///< the stage's store has it at once
        bool sampled = true;
    };
    /// The next trade of this symbol: ids from 1, without holes. Returns its id.
    int64_t trade(std::string_view name, e8_t price, e8_t quantity, bool buyer_is_maker, TradeOptions options) {
        const auto index = symbol(name);
        const auto id = ++last_ids_[std::string(name)];
        const auto correlation = correlations_.next();
        market_.claim();
        auto& trade = market_.message<Trade>(MessageType::trade, correlation);
        trade.header.symbol = index;
        trade.header.flags =
            static_cast<uint8_t>((buyer_is_maker ? flag_buyer_is_maker : 0) | (options.sampled ? flag_sampled : 0));
        trade.event_ns = trade.trade_ns = trade.receive_ns = wall_ns();
        trade.id = id;
        trade.price = price;
        trade.quantity = quantity;
        ReplyTrade row{};
        row.header.flags = trade.header.flags;
        row.traced = correlation;
        row.id = id;
        row.trade_ns = trade.trade_ns;
        row.receive_ns = trade.receive_ns;
        row.price = price;
        row.quantity = quantity;
        uncommitted_.emplace_back(name, row);
        market_.commit();
        if (options.commit) commit();
        return id;
    }
    int64_t trade(std::string_view name) { return trade(name, 6'160'201'000'000, 167'177'000, false, TradeOptions{}); }

    void quote(std::string_view name, int64_t update_id, e8_t bid, e8_t ask) {
        const auto index = symbol(name);
        const shm::Quote shown{update_id, bid, e8_one, ask, 2 * e8_one, wall_ns()};
        instance_.book().entries[index].store(shown);
        market_.claim();
        auto& quote = market_.message<BestQuote>(MessageType::best_quote, correlations_.next());
        quote.header.symbol = index;
        quote.receive_ns = shown.receive_ns;
        quote.update_id = update_id;
        quote.bid_price = bid;
        quote.bid_quantity = shown.bid_quantity;
        quote.ask_price = ask;
        quote.ask_quantity = shown.ask_quantity;
        market_.commit();
    }

    /// The stage's store commits what was published, and its cursor moves, as storage's would.
    void commit() {
        for (auto& [name, row] : uncommitted_) stored_[name].push_back(row);
        uncommitted_.clear();
        auto* cursor = shm::find_cursor(instance_.slot(storage_id), "market.0");
        cursor->generation.store(market_.segment().header().generation);
        cursor->position.store(market_.writer().tail());
    }
    uint64_t published() const { return market_.writer().tail(); }
    int64_t last_id(const std::string& name) const { return last_ids_.at(name); }
    size_t serve() { return calls_->poll(64); }
    /// wait_until, and storage goes on meanwhile.
    template <typename Condition>
    bool wait(Condition condition) {
        return wait_until([&] {
            serve();
            return condition();
        });
    }
    /// Calls that storage served; what it answers them with if not ok.
    int calls = 0;
    CallStatus answer = CallStatus::ok;

  private:
    void set_up_calls() {
        calls_ = std::make_unique<CallServer>(instance_.receiver(ChannelKind::call, communication_id, storage_id),
                                              instance_.sender(ChannelKind::reply, storage_id, communication_id),
                                              [this](const Call& call, Reply& reply) { serve_call(call, reply); });
    }
    void serve_call(const Call& call, Reply& reply) {
        ++calls;
        if (answer != CallStatus::ok) return reply.end(answer);
        if (call.header.type == MessageType::call_trades) return reply.end(send_trades(call, reply));
        if (call.header.type == MessageType::call_storage_stats) send_stats(reply);
        reply.end(CallStatus::ok);
    }
    CallStatus send_trades(const Call& call, Reply& reply) {
        const auto found = stored_.find(std::string(call.symbol.view()));
        if (found == stored_.end()) return CallStatus::not_found;
        const auto& rows = found->second;
        const size_t limit = std::min<size_t>(call.limit, rows.size());
        size_t first = call.from_id == from_newest ? rows.size() - limit
                                         : static_cast<size_t>(std::max<int64_t>(0, call.from_id));  // ids begin at 1
        for (size_t sent = 0; sent < limit && first < rows.size(); ++first, ++sent) {
            reply.row<ReplyTrade>(MessageType::reply_trade, [&](ReplyTrade& out) {
                const auto header = out.header;
                out = rows[first];
                out.header = header;
                out.header.flags = rows[first].header.flags;
            });
        }
        return CallStatus::ok;
    }
    void send_stats(Reply& reply) {
        for (const auto& [name, rows] : stored_) {
            reply.row<ReplyStorageStats>(MessageType::reply_storage_stats,
                                         [&, &symbol_name = name, &symbol_rows = rows](ReplyStorageStats& out) {
                                             out.symbol = SymbolText(symbol_name);
                                             out.trades = symbol_rows.size();
                                             out.agg_trades = out.gaps_open = out.gaps_repaired = 0;
                                             out.last_trade_id = symbol_rows.empty() ? 0 : symbol_rows.back().id;
                                             out.last_agg_id = 0;
                                         });
        }
    }
    bool find_port() {
        alignas(8) std::array<std::byte, 256> buffer;
        while (log_.read(buffer.data()) == shm::ReadStatus::message) {
            const auto text = render(*reinterpret_cast<const LogRecord*>(buffer.data()));
            if (text.find("listening on") == std::string::npos) continue;
            port_ = static_cast<uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
            return true;
        }
        return false;
    }

    Instance instance_;
    Publisher<128> market_;
    shm::Segment log_segment_;
    shm::BroadcastReader<256> log_;
    std::unique_ptr<CallServer> calls_;
    CorrelationSource correlations_{binance_id, 1};
    std::map<std::string, int64_t> last_ids_;
    std::vector<std::pair<std::string, ReplyTrade>> uncommitted_;
    std::map<std::string, std::vector<ReplyTrade>> stored_;
    std::string settings_;
    uint16_t port_ = 0;
    Child worker_;
};

}  // namespace of::test
