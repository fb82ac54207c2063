// The binance worker: joins the connections, the decoder, the lanes of all symbols, snapshots, repairs and
// calls.
//
// Work enters as frames from the event loop; each gets a correlation ID that everything caused by it carries.
// The loop's poll() serves calls and lets the connections read on. When the exchange is away the worker stays
// up and says so; it never gives up.
#pragma once

#include <unordered_map>

#include "workers/binance/legs.hpp"
#include "workers/binance/queries.hpp"
#include "workers/binance/repair.hpp"
#include "workers/binance/sandbox_rules.hpp"
#include "workers/runtime/worker.hpp"

namespace of::binance {

class Feed : public Worker, private LegEvents, private GapSink {
  public:
    Feed(Runtime& runtime, const settings::Values& values) : runtime_(runtime), values_(values) {}

    Expected<void> start() override;
    SandboxRules sandbox() const override { return sandbox_rules(config_); }
    void begin() override { legs_->connect(); }
    size_t poll() override;
    bool pending() const override;
    void tick(int64_t now_ns) override;
    bool calm() const override;
    void drain() override;
    bool drained() const override { return legs_->closed(); }

  private:
    void on_connecting(uint32_t attempt) override;
    void on_up() override;
    void on_held(int64_t wait_ms) override;
    int on_leg_frame(std::string_view text, int64_t wall_ns, int64_t mono_ns, bool overlapping) override;
    void on_down(const std::string& reason, uint32_t attempt, int64_t delay_ms) override;
    void on_rotated() override;
    void on_gap(const Gap& gap) override;

    Expected<void> open_rings();
    Expected<void> open_upstream();
    Expected<void> make_lanes();
    int dispatch(const Frame& frame, const Mark& mark, bool overlapping);
    void refuse(std::string_view text, std::string_view reason, const Mark& mark);
    void on_server_shutdown(const Mark& mark);
    void request_snapshot(Lane& lane, int64_t now_ns);
    void on_snapshot_answer(Lane& lane, uint64_t ticket, CorrelationId cause, RestAnswer& answer);
    void on_limited(int status, int64_t pause_ms);
    Rest& history() { return history_ ? *history_ : *rest_; }

    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };

    Runtime& runtime_;
    const settings::Values values_;
    Config config_;
    std::unique_ptr<FeedMetrics> metrics_;
    std::unique_ptr<shm::Segment> page_;
    std::unique_ptr<MarketPublisher> market_;
    std::unique_ptr<CallServer> calls_;
    std::unique_ptr<Queries> queries_;
    std::unique_ptr<boost::asio::ssl::context> tls_;
    Decoder decoder_;
    RestDecoder rest_decoder_;
    Lanes lanes_;
    std::unordered_map<std::string, size_t, Hash, std::equal_to<>> by_symbol_;  // indices into lanes_
    std::unique_ptr<shm::Segment> governor_;
    std::optional<shm::VenueBudget> budget_;
    std::unique_ptr<Rest> rest_;
    std::unique_ptr<Rest> history_;  // only where it is another host
    std::unique_ptr<Repair> repair_;
    std::unique_ptr<Legs> legs_;
    size_t frames_since_poll_ = 0;
    int64_t refusal_logged_ns_ = 0;
    bool was_connected_ = false;
};

}  // namespace of::binance
