// The published rules of four circuit breakers (and the complaints of their users), each as a script that ours plays.
//
// A script is words: settings first (f5 failures, w60 window s, r50 rate %, c20 calls at least, o60 open s, m900
// longest open s, h600 healthy s, p1 probes, l30 lease s; no jitter), then steps:
//   a:N  allowed, kept as permit N      x  refused           S F I  allowed, then succeeded, failed, ignored
//   s:N f:N i:N  report permit N        +N  N seconds pass   =state  is in it       name=N  a counter of the record
//   retry=N  seconds until a probe      trip reset open:N close:N (forced for N s, 0 for ever)
//   restart  the process dies, its successor attaches        again  the dependency was started anew
// A word may end in *N: that many times. Rows that begin with "differs:" say why our rule is another, and assert ours.
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include "shm/breaker.hpp"

using namespace of::shm;

namespace {

struct Row {
    const char* rule;
    const char* script;
};

constexpr Row rows[] = {
    // gobreaker
    {"gobreaker: begins closed and lets everything through", "f5 =closed S*100 =closed allowed=100"},
    {"gobreaker: the default trips after consecutive failures above a threshold", "f5 F*4 =closed F =open"},
    {"gobreaker: open refuses without calling", "f1 F x*10 refused=10 allowed=1"},
    {"gobreaker: the timeout leads from open to half-open", "f1 o60 F +59 x +1 a:1 =half-open"},
    {"gobreaker: the timeout defaults to 60 s", "f1 F retry=60"},
    {"gobreaker: half-open admits MaxRequests, then refuses", "f1 p3 F +60 a:1 a:2 a:3 x"},
    {"gobreaker: MaxRequests consecutive successes close it", "f1 p3 F +60 S S =half-open S =closed"},
    {"gobreaker: one failure in half-open opens it again", "f1 p3 F +60 S F =open"},
    {"gobreaker: a result of an older generation is ignored", "f2 a:1 a:2 a:3 f:1 f:2 =open s:3 =open late=1"},
    {"gobreaker: an old failure does not count after it closed again", "f1 a:1 F +60 S =closed f:1 =closed late=1"},
    {"gobreaker: an old success does not help a probe", "f1 p2 a:1 F +60 S s:1 =half-open late=1"},
    {"gobreaker: closing clears the counts", "f3 F F +1 trip +60 S =closed F F =closed F =open"},
    {"gobreaker #118: the timeout backs off", "f1 o60 F retry=60 +60 F retry=120 +120 F retry=240"},
    {"gobreaker: MaxRequests 0 means one", "f1 p0 F +60 a:1 x"},
    {"gobreaker: a bucketed window forgets old failures (#64)", "f3 w60 F F +61 F =closed F F =open"},
    {"differs: gobreaker counts consecutive failures; here those in the window count, whatever lies between",
     "f3 F S*50 F S*50 F =open"},
    // resilience4j
    {"resilience4j: no rate before the minimum number of calls", "f0 r50 c20 F*19 =closed F =open"},
    {"resilience4j: opens at the failure rate threshold", "f0 r50 c10 S*5 F*4 =closed F =open"},
    {"resilience4j: stays closed below the threshold", "f0 r50 c10 S*6 F*5 =closed"},
    {"resilience4j: a rate of 100 % needs every call to fail", "f0 r100 c4 S F*30 =closed"},
    {"resilience4j: the time-based window slides", "f0 r50 c4 w60 F F F +61 S F =closed"},
    {"resilience4j: successes that slide out no longer help", "f0 r50 c4 w60 S*10 +61 F F F =closed F =open"},
    {"resilience4j: waitDurationInOpenState 60 s", "f1 o60 F +59 x +1 a:1"},
    {"resilience4j: permittedNumberOfCallsInHalfOpenState", "f1 p8 F +60 a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 x"},
    {"resilience4j #1432: never more probes than permitted, however many were refused",
     "f1 p2 F +60 a:1 a:2 x*50 s:1 x*5 s:2 =closed"},
    {"resilience4j #935: a permitted call that never reports does not hold half-open for ever",
     "f1 l30 F +60 a:1 x +29 x +1 a:2 s:2 =closed leases_lost=1"},
    {"resilience4j #903: nor when all permitted calls vanish",
     "f1 p3 l30 F +60 a:1 a:2 a:3 x +30 S S S =closed leases_lost=3"},
    {"resilience4j #2093: not stuck open when nobody asked for long", "f1 o60 F +100000 S =closed"},
    {"resilience4j: the result of a call that was given up is late",
     "f1 l30 F +60 a:1 +30 a:2 s:1 =half-open late=1 s:2 =closed"},
    {"resilience4j: FORCED_OPEN refuses everything", "open:0 x*5 +100000 x =forced-open"},
    {"resilience4j: DISABLED (here forced closed) lets everything through and never trips",
     "f1 close:0 F*50 =forced-closed"},
    {"resilience4j: reset closes and forgets", "f3 F F reset F F =closed F =open"},
    {"resilience4j: ignored exceptions count neither way", "f2 I*50 F =closed ignored=50 F =open"},
    {"resilience4j: releasePermission gives a probe's permission back", "f1 F +60 a:1 x i:1 a:2 s:2 =closed"},
    {"resilience4j: transitionToOpenState by hand", "trip =open x retry=60"},
    {"resilience4j: half-open back to open restarts the wait", "f1 o60 F +60 F =open +59 x"},
    {"differs: resilience4j decides half-open by a rate; here each probe must succeed", "f1 p4 F +60 S S S F =open"},
    {"differs: resilience4j waits the same time again; here it doubles", "f1 o60 F +60 F +60 x +60 a:1"},
    // Polly
    {"Polly: opens at the failure ratio in the sampling duration", "f0 r10 c100 w30 S*90 F*9 =closed F =open"},
    {"Polly: MinimumThroughput guards the ratio", "f0 r10 c100 w30 F*99 =closed"},
    {"Polly: BreakDuration", "f1 o5 F +4 x +1 a:1"},
    {"Polly: a single trial in half-open", "f1 p1 F +60 a:1 x x"},
    {"Polly: a successful trial closes", "f1 F +60 S =closed"},
    {"Polly: a failed trial opens again", "f1 F +60 F =open"},
    {"Polly: Isolated by hand, until closed by hand", "open:0 =forced-open +100000 x reset S =closed"},
    {"Polly: RetryAfter tells how long", "f1 o60 F +20 retry=40"},
    {"Polly #1895: break durations grow",
     "f1 o5 m40 F retry=5 +5 F retry=10 +10 F retry=20 +20 F retry=40 +40 F retry=40"},
    {"Polly: exceptions that are not handled count neither way", "f1 I*10 =closed"},
    {"Polly: a trial that is not handled frees the place", "f1 F +60 I =half-open S =closed"},
    {"Polly: closing resets the statistics", "f0 r50 c4 F F F F =open +60 S =closed F F F =closed F =open"},
    {"differs: Polly waits the break duration for a trial that hangs; here the lease says how long",
     "f1 o60 l10 F +60 a:1 +10 a:2"},
    // brpc
    {"brpc: the isolation doubles with each new trip", "f1 o1 m30 F retry=1 +1 F retry=2 +2 F retry=4 +4 F retry=8"},
    {"brpc: the isolation is capped", "f1 o1 m30 F +1 F +2 F +4 F +8 F +16 F retry=30 +30 F retry=30"},
    {"brpc: after a healthy time the isolation is short again", "f1 o1 m30 h30 F +1 F +2 S =closed +60 F retry=1"},
    {"brpc: a trip soon after closing goes on doubling", "f1 o1 m30 h30 F +1 F +2 S +1 F retry=4"},
    {"brpc: half-open window, all must succeed", "f1 p5 F +60 S*4 =half-open S =closed"},
    {"brpc: overload (ELIMIT) is not counted", "f2 I*100 =closed F =closed"},
    {"brpc: MarkAsBroken by hand", "trip trip retry=120"},
    {"brpc: a short window sees a burst of errors", "f5 w1 F*5 =open"},
    {"brpc: errors spread over time do not trip", "f5 w1 F +1 F +1 F +1 F +1 F +1 F =closed"},
    {"differs: brpc takes all doublings back at once; here each healthy period takes one",
     "f1 o1 m30 h30 F +1 F +2 F +4 S +30 F retry=4"},
    // Hystrix
    {"Hystrix: 50 % of at least 20 requests", "f0 r50 c20 w10 S*10 F*9 =closed F =open"},
    {"Hystrix: a single request after the sleep window", "f0 r50 c2 o5 F F +5 a:1 x"},
    {"Hystrix: forceOpen and forceClosed", "open:0 x close:0 S F*50 =forced-closed"},
    {"Hystrix: leaving the force closes it", "f1 open:0 reset S =closed"},
    // Several processes, restarts, operators
    {"APISIX #13764: a restarted worker does not reset the window", "f5 F*4 restart F =open"},
    {"pybreaker #36: a restarted worker does not extend the outage", "f1 o60 F +30 restart retry=30 +30 a:1"},
    {"a prober that is killed gives its lease back at once", "f1 F +60 a:1 x restart a:2 s:2 =closed leases_lost=1"},
    {"the probes that had succeeded before a restart still count", "f1 p2 F +60 S restart S =closed"},
    {"the doubling survives a restart", "f1 o1 F +1 F restart +2 F retry=4"},
    {"a force survives a restart", "open:100 restart x =forced-open +100 S =closed"},
    {"a force ends by itself, closed and without old failures", "f2 F close:10 F*9 +10 F =closed F =open"},
    {"a dependency that was started anew is probed at once", "f1 o60 F x again S =closed"},
    {"a clock that stands still lets nothing out", "f1 o60 F +0 x*100 =open"},
    {"a result can be reported once", "f2 a:1 f:1 =closed a:2 f:2 =open f:2 =open failed=2 late=1"},
    {"a probe's result can be reported once", "f1 p2 F +60 a:1 s:1 s:1 =half-open late=1"},
    {"counters tell every way out", "f2 S F I F x late=0 allowed=4 refused=1 succeeded=1 failed=2 ignored=1 trips=1"},
};

constexpr int64_t script_second = 1'000'000'000;

class Player {
  public:
    explicit Player(const char* script) {
        rules_.jitter_percent = 0;
        std::istringstream words(script);
        std::string word;
        while (words >> word) words_.push_back(word);
        size_t at = 0;
        while (at < words_.size() && setting(words_[at])) ++at;
        words_.erase(words_.begin(), words_.begin() + static_cast<ptrdiff_t>(at));
        breaker_.emplace(record_, rules_);
    }
    /// The first word that did not come true, or "".
    std::string play() {
        for (const auto& whole : words_) {
            const auto star = whole.find('*');
            const auto times = star == std::string::npos ? 1 : std::stoi(whole.substr(star + 1));
            for (int i = 0; i < times; ++i) {
                if (!step(whole.substr(0, star))) return whole;
            }
        }
        return "";
    }

  private:
    auto clock() const {
        return [this] { return now_; };
    }
    bool setting(const std::string& word) {
        if (word.size() < 2 || word.find_first_not_of("0123456789", 1) != std::string::npos) return false;
        const auto value = std::stoll(word.substr(1));
        switch (word[0]) {
            case 'f':
                rules_.failures_max = static_cast<uint32_t>(value);
                return true;
            case 'w':
                rules_.window_ns = value * script_second;
                return true;
            case 'r':
                rules_.rate_percent = static_cast<uint32_t>(value);
                return true;
            case 'c':
                rules_.calls_min = static_cast<uint32_t>(value);
                return true;
            case 'o':
                rules_.open_ns = value * script_second;
                return true;
            case 'm':
                rules_.open_max_ns = value * script_second;
                return true;
            case 'h':
                rules_.healthy_ns = value * script_second;
                return true;
            case 'p':
                rules_.probes = static_cast<uint32_t>(value);
                return true;
            case 'l':
                rules_.lease_ns = value * script_second;
                return true;
            default:
                return false;
        }
    }
    bool step(const std::string& word) {
        if (word[0] == '=') return name_of(breaker_->state()) == word.substr(1);
        if (word[0] == '+') return now_ += std::stoll(word.substr(1)) * script_second, true;
        if (word.find('=') != std::string::npos) return figure(word);
        if (word.find(':') != std::string::npos) return permit_step(word);
        if (word == "x") return !breaker_->allow(clock());
        if (word == "S" || word == "F" || word == "I") {
            const auto permit = breaker_->allow(clock());
            return permit.allowed && report(word[0], permit);
        }
        if (word == "trip") return breaker_->trip(now_, 0.5), true;
        if (word == "reset") return breaker_->reset(now_), true;
        if (word == "again") return breaker_->retry_now(now_), true;
        if (word == "restart") return breaker_.emplace(record_, rules_), true;
        return false;
    }
    bool permit_step(const std::string& word) {
        const auto colon = word.find(':');
        const auto verb = word.substr(0, colon);
        const auto number = std::stoi(word.substr(colon + 1));
        if (verb == "open" || verb == "close")
            return breaker_->force(verb == "open", now_, number == 0 ? 0 : now_ + number * script_second), true;
        if (verb == "a") return (permits_[number] = breaker_->allow(clock())).allowed;
        return report(static_cast<char>(std::toupper(verb[0])), permits_.at(number));
    }
    bool report(char result, const Permit& permit) {
        if (result == 'S') breaker_->succeed(permit, now_);
        if (result == 'F') breaker_->fail(permit, now_, 0.5);
        if (result == 'I') breaker_->ignore(permit);
        return true;
    }
    bool figure(const std::string& word) const {
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        const auto wanted = std::stoull(word.substr(equals + 1));
        if (name == "retry") return breaker_->retry_in_ns(now_) == static_cast<int64_t>(wanted) * script_second;
        const std::map<std::string, const std::atomic<uint64_t>*> counters{
            {"allowed", &record_.allowed}, {"refused", &record_.refused},         {"succeeded", &record_.succeeded},
            {"failed", &record_.failed},   {"ignored", &record_.ignored},         {"late", &record_.late},
            {"trips", &record_.trips},     {"leases_lost", &record_.leases_lost},
        };
        return counters.at(name)->load() == wanted;
    }

    const std::unique_ptr<BreakerRecord> memory_ = std::make_unique<BreakerRecord>();  // aligned, as no temporary is
    BreakerRecord& record_ = *memory_;
    BreakerRules rules_;
    std::vector<std::string> words_;
    std::optional<Breaker> breaker_;
    std::map<int, Permit> permits_;
    int64_t now_ = 1'000'000 * script_second;
};

}  // namespace

TEST_CASE("the breaker follows the published rules of gobreaker, resilience4j, Polly, brpc and Hystrix") {
    STATIC_REQUIRE(std::size(rows) >= 60);
    for (const auto& row : rows) {
        INFO(row.rule << "\n" << row.script);
        CHECK(Player(row.script).play() == "");
    }
}
