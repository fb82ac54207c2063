#include "workers/communication/http_api.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "workers/communication/frames.hpp"
#include "workers/communication/json.hpp"
#include "workers/communication/prometheus.hpp"

namespace of::communication {
namespace {

constexpr int64_t rows_max = 10'000;
constexpr int64_t rows_default = 100;
constexpr int64_t levels_max = 5'000;
constexpr int64_t retry_after_max_s = 3'600;
constexpr ProcessId storage_process{ProcessKind::storage, 0};

/// The answer to a call that did not end well. `retry_ns`: how long the server's circuit breaker stays open.
Answer call_refusal(CallStatus status, std::string_view server, CorrelationId correlation, int64_t retry_ns) {
    switch (status) {
        case CallStatus::timed_out:
            return refusal(504, fmt::format("{} did not answer in time", server), correlation);
        case CallStatus::overloaded:
            return refusal(503, fmt::format("{} is overloaded", server), correlation);
        case CallStatus::not_found:
            return refusal(404, fmt::format("{} does not know that symbol", server), correlation);
        case CallStatus::bad_request:
            return refusal(400, fmt::format("{} refused the request", server), correlation);
        case CallStatus::refused:
            return refusal(503, fmt::format("too many requests wait for {} already", server), correlation);
        case CallStatus::circuit_open: {
            auto answer =
                refusal(503, fmt::format("{} has failed too often: its circuit breaker is open", server), correlation);
            answer.retry_after_s = std::clamp<int64_t>(retry_ns / ns_per_s + 1, 1, retry_after_max_s);
            return answer;
        }
        default:
            return refusal(503, fmt::format("{} does not run", server), correlation);
    }
}

void append_rings(std::string& out, const Status& status) {
    Separator separate;
    out += "\"rings\":[";
    for (const auto& ring : status.rings()) {
        separate(out);
        fmt::format_to(std::back_inserter(out), R"({{"name":"{}","published":{},"slots":{},"lag":{{)", ring.name,
                       ring.published, ring.slots);
        Separator next;
        for (const auto& lag : ring.lags) {
            next(out);
            fmt::format_to(std::back_inserter(out), R"("{}":{})", lag.reader, lag.messages);
        }
        out += "},\"lost\":{";
        Separator third;
        for (const auto& lag : ring.lags) {
            third(out);
            fmt::format_to(std::back_inserter(out), R"("{}":{})", lag.reader, lag.lost);
        }
        out += "}}";
    }
    out += ']';
}

void append_worker(std::string& out, const WorkerView& worker) {
    fmt::format_to(
        std::back_inserter(out),
        R"({{"name":"{}","state":"{}","pid":{},"incarnation":{},"restarts":{},"uptime_ms":{},"heartbeat_age_ms":{},"healthy":{}}})",
        worker.name, name_of(worker.state), worker.pid, worker.incarnation, worker.restarts, worker.uptime_ms,
        worker.heartbeat_age_ms, worker.healthy);
}

/// Whether all workers are healthy, and the whole picture.
std::pair<bool, std::string> health_json(const Status& status) {
    const auto workers = status.workers();
    const bool ok = std::ranges::all_of(workers, &WorkerView::healthy);
    std::string body = fmt::format(R"({{"status":"{}","instance":"{}","workers":[)", ok ? "ok" : "degraded",
                                   status.runtime().options().instance);
    Separator separate;
    for (const auto& worker : workers) {
        separate(body);
        append_worker(body, worker);
    }
    return {ok, body + "]}"};
}

void append_stats(std::string& out, const ReplyStorageStats& row) {
    append_json_text(out, row.symbol.view());
    fmt::format_to(
        std::back_inserter(out),
        R"(:{{"trades":{},"agg_trades":{},"gaps_open":{},"gaps_repaired":{},"last_trade_id":{},"last_agg_id":{}}})",
        row.trades, row.agg_trades, row.gaps_open, row.gaps_repaired, row.last_trade_id, row.last_agg_id);
}

void append_feed(std::string& out, const ReplyFeedStatus& row, std::string_view feed) {
    out += "{\"symbol\":";
    append_json_text(out, row.symbol.view());
    fmt::format_to(
        std::back_inserter(out),
        R"(,"feed":"{}","stream":"{}","book":"{}","last_trade_id":{},"last_agg_id":{},"last_update_id":{},"frames":{},"last_frame_ns":{}}})",
        feed, name_of(row.stream), name_of(row.book), row.last_trade_id, row.last_agg_id, row.last_update_id,
        row.frames, row.last_frame_ns);
}

/// Before a row is appended to those of its answer.
void begin_row(std::string& rows, const Header& row) {
    if ((row.flags & flag_first) != 0) rows.clear();
    if (!rows.empty()) rows += ',';
}

/// A book as its rows come in.
struct BookRows {
    ReplyBook head{};
    std::vector<Level> levels;
    bool has_head = false;

    void add(const Header& row) {
        if (row.type == MessageType::reply_book) {
            head = reinterpret_cast<const ReplyBook&>(row);
            has_head = true;
            levels.clear();
        } else if (row.type == MessageType::reply_levels) {
            const auto& more = reinterpret_cast<const ReplyLevels&>(row);
            levels.insert(levels.end(), more.levels, more.levels + std::min<size_t>(row.count, depth_more_levels));
        }
    }
    bool whole() const { return has_head && levels.size() == size_t{head.bids} + head.asks; }
    std::string json() const {
        std::string out = "{\"symbol\":";
        append_json_text(out, head.symbol.view());
        fmt::format_to(
            std::back_inserter(out),
            R"(,"state":"{}","epoch":{},"last_update_id":{},"oracle_compared":{},"oracle_mismatched":{},"resets":{})",
            name_of(head.state), head.epoch, head.last_update_id, head.oracle_compared, head.oracle_mismatched,
            head.resets);
        side(out, ",\"bids\":[", 0, head.bids);
        side(out, "],\"asks\":[", head.bids, levels.size());
        return out += "]}";
    }

  private:
    void side(std::string& out, std::string_view head_text, size_t from, size_t to) const {
        Separator separate;
        out += head_text;
        for (size_t i = from; i < to; ++i) {
            separate(out);
            out += '[';
            append_e8(out, levels[i].price);
            out += ',';
            append_e8(out, levels[i].quantity);
            out += ']';
        }
    }
};

}  // namespace

const std::array<HttpApi::Route, 8> HttpApi::routes{{
    {"/api/health", {}, &HttpApi::health},
    {"/api/workers", {}, &HttpApi::workers},
    {"/api/stats", {}, &HttpApi::stats},
    {"/api/rings", {}, &HttpApi::rings},
    {"/api/trades", {"symbol", "limit", "from_id"}, &HttpApi::trades},
    {"/api/book", {"symbol", "limit"}, &HttpApi::book},
    {"/api/feed", {}, &HttpApi::feed},
    {"/metrics", {}, &HttpApi::metrics},
}};

Answer refusal(unsigned status, std::string_view sentence, CorrelationId correlation) {
    std::string body = "{\"error\":";
    append_json_text(body, sentence);
    body += ",\"correlation\":";
    append_correlation(body, correlation);
    return {.status = status, .body = body + "}"};
}

void HttpApi::handle(const ApiRequest& request, const Respond& respond) {
    const auto& path = request.target.path;
    if (const auto* asset = find_asset(path)) return respond({.type = asset->type, .asset = asset});
    const auto route = std::ranges::find(routes, path, &Route::path);
    if (route == routes.end())
        return respond(refusal(404, fmt::format("there is no {}", path.substr(0, 64)), request.correlation));
    const auto known = std::ranges::count_if(route->fields, [](std::string_view field) { return !field.empty(); });
    const auto problem = unknown_fields(request.target, std::span(route->fields).first(static_cast<size_t>(known)));
    if (!problem.empty()) return respond(refusal(400, problem, request.correlation));
    (this->*route->handler)(request, respond);
}

void HttpApi::health(const ApiRequest&, const Respond& respond) {
    auto [ok, body] = health_json(status_);
    respond({.status = ok ? 200u : 503u, .body = std::move(body)});
}

/// The same for those who want to look, not to be alarmed.
void HttpApi::workers(const ApiRequest&, const Respond& respond) { respond({.body = health_json(status_).second}); }

void HttpApi::rings(const ApiRequest&, const Respond& respond) {
    std::string body = "{";
    append_rings(body, status_);
    respond({.body = body + "}"});
}

Answer HttpApi::refused(CallStatus status, ProcessId server, CorrelationId correlation) const {
    return call_refusal(status, name_of(server), correlation, calls_.retry_in_ns(server));
}

void HttpApi::stats(const ApiRequest& request, const Respond& respond) {
    const auto rows = std::make_shared<std::string>();
    const Caller::Request call{.type = MessageType::call_storage_stats, .correlation = request.correlation};
    calls_.call(
        storage_process, call,
        [rows](const Header& row) {
            if (row.type != MessageType::reply_storage_stats) return;
            begin_row(*rows, row);
            append_stats(*rows, reinterpret_cast<const ReplyStorageStats&>(row));
        },
        [this, rows, respond, correlation = request.correlation](CallStatus status, uint32_t) {
            if (status != CallStatus::ok) return respond(refused(status, storage_process, correlation));
            std::string body = "{\"symbols\":{" + *rows + "},";
            append_rings(body, status_);
            respond({.body = body + "}"});
        });
}

void HttpApi::trades(const ApiRequest& request, const Respond& respond) {
    const auto symbol = request.target.query.find("symbol");
    const auto limit = query_number(request.target, "limit", rows_default, 1, rows_max);
    const auto from_id = query_number(request.target, "from_id", 0, 0, std::numeric_limits<int64_t>::max());
    if (symbol == request.target.query.end() || symbol->second.empty())
        return respond(refusal(400, "symbol is missing: /api/trades?symbol=BTCUSDT", request.correlation));
    if (symbol->second.size() > sizeof(SymbolText))
        return respond(refusal(400, "symbol is too long", request.correlation));
    if (!limit) return respond(refusal(400, limit.error(), request.correlation));
    if (!from_id) return respond(refusal(400, from_id.error(), request.correlation));
    const auto rows = std::make_shared<std::string>();
    const Caller::Request call{.type = MessageType::call_trades,
                               .correlation = request.correlation,
                               .symbol = symbol->second,
                               .from_id = *from_id,
                               .limit = static_cast<uint32_t>(*limit)};
    calls_.call(
        storage_process, call,
        [rows](const Header& row) {
            if (row.type != MessageType::reply_trade) return;
            begin_row(*rows, row);
            frames::trade_row(*rows, reinterpret_cast<const ReplyTrade&>(row));
        },
        [this, rows, respond, name = symbol->second, correlation = request.correlation](CallStatus status, uint32_t) {
            const bool answered = status == CallStatus::ok || status == CallStatus::not_found;
            if (!answered) return respond(refused(status, storage_process, correlation));
            if (rows->empty() && fanout_.find(name) == nullptr)
                return respond(refusal(404, fmt::format("neither the store nor a feed knows {}", name), correlation));
            std::string body = "{\"symbol\":";
            append_json_text(body, name);
            respond({.body = body + ",\"trades\":[" + *rows + "]}"});
        });
}

void HttpApi::book(const ApiRequest& request, const Respond& respond) {
    const auto symbol = request.target.query.find("symbol");
    const auto limit = query_number(request.target, "limit", 0, 0, levels_max);
    if (symbol == request.target.query.end() || symbol->second.empty())
        return respond(refusal(400, "symbol is missing: /api/book?symbol=BTCUSDT", request.correlation));
    if (!limit) return respond(refusal(400, limit.error(), request.correlation));
    const auto* topic = fanout_.find(symbol->second);
    if (topic == nullptr)
        return respond(
            refusal(404, fmt::format("no feed knows {}", symbol->second.substr(0, 32)), request.correlation));
    const auto rows = std::make_shared<BookRows>();
    const Caller::Request call{.type = MessageType::call_book,
                               .correlation = request.correlation,
                               .symbol = topic->name,
                               .limit = static_cast<uint32_t>(*limit)};
    calls_.call(
        topic->feed, call, [rows](const Header& row) { rows->add(row); },
        [this, rows, respond, feed = topic->feed, correlation = request.correlation](CallStatus status, uint32_t) {
            if (status != CallStatus::ok) return respond(refused(status, feed, correlation));
            if (!rows->whole())
                return respond(refusal(503, name_of(feed) + " sent a book that is not whole", correlation));
            respond({.body = rows->json()});
        });
}

/// Asks all feed workers; those that do not answer are named, and only if none does is the request refused.
void HttpApi::feed(const ApiRequest& request, const Respond& respond) {
    struct Gathered {
        std::vector<std::string> rows;  ///< of each feed
        std::string missing;
        size_t waiting = 0;
        size_t answered = 0;
        CallStatus failure = CallStatus::unavailable;
    };
    const auto all = std::make_shared<Gathered>();
    std::vector<ProcessId> feeds;
    for (const auto process : status_.runtime().processes()) {
        if (process.kind == ProcessKind::binance) feeds.push_back(process);
    }
    all->waiting = feeds.size();
    all->rows.resize(feeds.size());
    const auto ended = [this, all, respond, correlation = request.correlation](ProcessId feed, CallStatus status) {
        if (status == CallStatus::ok) {
            ++all->answered;
        } else {
            all->failure = status;
            all->missing += (all->missing.empty() ? "\"" : ",\"") + name_of(feed) + "\"";
        }
        if (--all->waiting != 0) return;
        if (all->answered == 0) return respond(refused(all->failure, feed, correlation));
        std::erase(all->rows, "");
        respond({.body = fmt::format(R"({{"symbols":[{}],"missing":[{}]}})", fmt::join(all->rows, ","), all->missing)});
    };
    if (feeds.empty()) return respond(refusal(503, "this instance has no feed worker", request.correlation));
    for (size_t i = 0; i < feeds.size(); ++i) {
        const Caller::Request call{.type = MessageType::call_feed_status, .correlation = request.correlation};
        calls_.call(
            feeds[i], call,
            [all, i, name = name_of(feeds[i])](const Header& row) {
                if (row.type != MessageType::reply_feed_status) return;
                begin_row(all->rows[i], row);
                append_feed(all->rows[i], reinterpret_cast<const ReplyFeedStatus&>(row), name);
            },
            [ended, process = feeds[i]](CallStatus status, uint32_t) { ended(process, status); });
    }
}

void HttpApi::metrics(const ApiRequest&, const Respond& respond) {
    respond({.type = prometheus_content_type,
             .body = render_prometheus({.pages = status_.metrics(),
                                        .workers = status_.workers(),
                                        .rings = status_.rings(),
                                        .instance = status_.runtime().options().instance,
                                        .version = OF_VERSION})});
}

}  // namespace of::communication
