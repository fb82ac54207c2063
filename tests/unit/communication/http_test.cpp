// The HTTP side of the real worker, over real sockets.
#include <catch2/catch.hpp>
#include <future>

#include "tests/unit/communication/socket_client.hpp"
#include "tests/unit/communication/stage.hpp"

using namespace of;
using namespace of::test;
using Catch::Contains;
using Catch::StartsWith;

namespace {

/// A request whose answer needs the stage's storage.
std::string get(Stage& stage, const std::string& target) {
    auto answer = std::async(std::launch::async, [port = stage.port(), target] { return http_get(port, target); });
    if (!stage.wait([&] { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }))
        throw std::runtime_error("no answer");
    return answer.get();
}

std::string body_of(const std::string& answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

}  // namespace

TEST_CASE("http: trades come from the store, oldest first, exact", "[process]") {
    Stage stage;
    for (int i = 0; i < 5; ++i) stage.trade("BTCUSDT");
    stage.start();
    const auto answer = get(stage, "/api/trades?symbol=BTCUSDT&limit=2");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200 ") && Contains("X-Correlation-Id: communication-1-") &&
                           Contains("Cache-Control: no-store"));
    const auto body = body_of(answer);
    CHECK_THAT(
        body,
        StartsWith(R"({"symbol":"BTCUSDT","trades":[{"id":4,"price":"61602.01000000","qty":"1.67177000","time_ns":)"));
    CHECK_THAT(body,
               Contains(R"("id":5)") && !Contains(R"("id":3)") && Contains(R"("correlation":"binance-1-0000000005")"));
    CHECK_THAT(get(stage, "/api/trades?symbol=BTCUSDT&from_id=1&limit=1"),
               Contains(R"("trades":[{"id":2,)") && !Contains(R"("id":3)"));
    CHECK_THAT(get(stage, "/api/stats"), Contains(R"("BTCUSDT":{"trades":5,"agg_trades":0,)") &&
                                             Contains(R"({"name":"market.0","published":5,)"));
}

TEST_CASE("http: bad requests get a status and a sentence", "[process]") {
    Stage stage;
    stage.trade("BTCUSDT");
    stage.start();
    struct Row {
        std::string target;
        std::string status;
        std::string sentence;
    };
    const Row rows[] = {
        {"/api/trades", "400", "symbol is missing"},
        {"/api/trades?symbol=BTCUSDT&limit=0", "400", "limit must be a whole number from 1 to 10000"},
        {"/api/trades?symbol=BTCUSDT&limit=x", "400", "limit must be"},
        {"/api/trades?symbol=BTCUSDT&from_id=-1", "400", "from_id must be"},
        {"/api/trades?symbol=BTCUSDT&depth=1", "400", "unknown field"},
        {"/api/trades?symbol=NOSUCH", "404", "knows NOSUCH"},
        {"/api/trades?symbol=AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "400", "too long"},
        {"/api/book?symbol=NOSUCH", "404", "no feed knows"},
        {"/api/health?x=1", "400", "takes no query"},
        {"/nothing", "404", "there is no /nothing"},
        {"/../etc/passwd", "404", "there is no"},
        {"/api/trades?symbol=%", "400", "broken % escape"},
        {"/ws", "426", "speaks WebSocket"},
    };
    for (const auto& row : rows) {
        const auto answer = get(stage, row.target);
        CHECK_THAT(answer, StartsWith("HTTP/1.1 " + row.status + " "));
        CHECK_THAT(body_of(answer), StartsWith("{\"error\":\"") && Contains(row.sentence) &&
                                        Contains("\"correlation\":\"communication-1-"));
    }
}

TEST_CASE("http: other methods, hosts, sites and malformed requests are refused", "[process]") {
    Stage stage;
    stage.start();
    const auto port = stage.port();
    const auto host = fmt::format("Host: 127.0.0.1:{}\r\n", port);
    const std::string end = "Connection: close\r\n\r\n";
    CHECK_THAT(http_exchange(port, "POST /api/health HTTP/1.1\r\n" + host + "Content-Length: 0\r\n" + end),
               StartsWith("HTTP/1.1 405 ") && Contains("Allow: GET, HEAD"));
    CHECK_THAT(http_exchange(port, "GET / HTTP/1.1\r\n" + end), StartsWith("HTTP/1.1 400 "));
    CHECK_THAT(http_exchange(port, "GET / HTTP/1.1\r\nHost: evil.example\r\n" + end),
               StartsWith("HTTP/1.1 403 ") && Contains("not called evil.example"));
    CHECK_THAT(http_get(port, "/api/health", "Origin: http://evil.example\r\n"), StartsWith("HTTP/1.1 403 "));
    CHECK_THAT(http_exchange(port, "GET / HTTP/1.1\r\n" + host + "X: " + std::string(9000, 'x') + "\r\n" + end),
               StartsWith("HTTP/1.1 431 "));
    CHECK_THAT(http_exchange(port, "GET / HTTP/1.1\r\n" + host + "Content-Length: 9999\r\n" + end),
               StartsWith("HTTP/1.1 413 "));
    CHECK_THAT(http_exchange(port, "this is not HTTP\r\n\r\n"), StartsWith("HTTP/1.1 400 ") && Contains("\"error\""));
    CHECK_THAT(http_get(port, "/api/workers"), StartsWith("HTTP/1.1 200 "));
}

TEST_CASE("http: HEAD has the headers of GET and no body, and a known file is not sent again", "[process]") {
    Stage stage;
    stage.start();
    const auto page = http_get(stage.port(), "/");
    CHECK_THAT(page, StartsWith("HTTP/1.1 200 ") && Contains("Content-Security-Policy: default-src 'self'") &&
                         Contains("<!doctype html>"));
    const auto size = std::to_string(body_of(page).size());
    const auto head = http_exchange(
        stage.port(), fmt::format("HEAD / HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n", stage.port()));
    CHECK_THAT(head, Contains("Content-Length: " + size + "\r\n"));
    CHECK(body_of(head).empty());
    const auto from = page.find("ETag: ") + 6;
    const auto etag = page.substr(from, page.find("\r\n", from) - from);
    const auto again = http_get(stage.port(), "/", "If-None-Match: " + etag + "\r\n");
    CHECK_THAT(again, StartsWith("HTTP/1.1 304 "));
    CHECK(body_of(again).empty());
}

TEST_CASE("http: two requests on one connection are answered in order", "[process]") {
    Stage stage;
    stage.start();
    const auto host = fmt::format("Host: 127.0.0.1:{}\r\n", stage.port());
    const auto answer =
        http_exchange(stage.port(), "GET /api/rings HTTP/1.1\r\n" + host + "\r\nGET /nothing HTTP/1.1\r\n" + host +
                                        "Connection: close\r\n\r\n");
    const auto second = answer.find("HTTP/1.1 404 ");
    CHECK_THAT(answer, StartsWith("HTTP/1.1 200 "));
    CHECK(second != std::string::npos);
}

TEST_CASE("http: a storage that does not run, is overloaded or is silent is told as that", "[process]") {
    Stage stage;
    stage.trade("BTCUSDT");
    stage.start();
    stage.answer = CallStatus::overloaded;
    CHECK_THAT(get(stage, "/api/trades?symbol=BTCUSDT"),
               StartsWith("HTTP/1.1 503 ") && Contains("storage is overloaded"));
    CHECK_THAT(http_get(stage.port(), "/api/stats"),
               StartsWith("HTTP/1.1 504 ") && Contains("storage did not answer in time"));  // nobody serves
    stage.instance().stand_out(storage_id);
    CHECK_THAT(http_get(stage.port(), "/api/stats"), StartsWith("HTTP/1.1 503 ") && Contains("storage does not run"));
}

TEST_CASE("http: health is degraded until every worker runs, with what the control page says", "[process]") {
    Stage stage;
    stage.start();
    const auto degraded = http_get(stage.port(), "/api/health");
    CHECK_THAT(degraded, StartsWith("HTTP/1.1 503 ") && Contains("\"status\":\"degraded\"") &&
                             Contains(R"("name":"logger","state":"absent","pid":0)"));
    for (const auto process : {logger_id, storage_id, binance_id}) {
        stage.instance().stand_in(process);
        auto& slot = stage.instance().slot(process);
        slot.desk.state.store(static_cast<uint32_t>(WorkerState::spawned));
        slot.own.state.store(static_cast<uint32_t>(WorkerState::running));
        slot.own.incarnation.store(slot.desk.incarnation.load());
        slot.own.heartbeat_ns.store(mono_ns() + 60 * ns_per_s);  // fresh however slow this machine is
    }
    const auto healthy = http_get(stage.port(), "/api/health");
    CHECK_THAT(healthy, StartsWith("HTTP/1.1 200 ") && Contains("\"status\":\"ok\"") &&
                            Contains(fmt::format("\"pid\":{}", stage.worker().pid())));
    stage.instance().slot(binance_id).own.heartbeat_ns.store(mono_ns() - 60 * ns_per_s);
    const auto hung = http_get(stage.port(), "/api/health");
    CHECK_THAT(hung, StartsWith("HTTP/1.1 503 ") && Contains("\"heartbeat_age_ms\":60"));
}

TEST_CASE("http: /metrics has every process and every ring", "[process]") {
    Stage stage;
    stage.start();
    for (int i = 0; i < 3; ++i) stage.trade("BTCUSDT");
    std::string page;
    CHECK(stage.wait([&] {
        page = http_get(stage.port(), "/metrics");
        return page.find("orderflow_http_requests_total{worker=\"communication\"} 0\n") == std::string::npos;
    }));
    CHECK_THAT(page, Contains("Content-Type: text/plain; version=0.0.4; charset=utf-8") &&
                         Contains("orderflow_ring_published_total{ring=\"market.0\"} 3\n") &&
                         Contains("orderflow_worker_up{worker=\"communication\"} 1\n"));
}

TEST_CASE("http: a port that is taken ends the start with a sentence and exit code 10", "[process]") {
    Stage first;
    first.start();
    Stage second("", {}, first.port());
    auto worker = second.instance().start(communication_id, program("workers/communication/of-communication"));
    CHECK(worker.wait() == code(ExitCode::no_resources));
    CHECK_THAT(worker.output(),
               Contains(fmt::format("cannot listen on 127.0.0.1:{}: Address already in use", first.port())));
}
