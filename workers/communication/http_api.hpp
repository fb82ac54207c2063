// The routes of the HTTP API (API.md): a table, and one function for each. Answers come at once from shared memory, or
// later from the worker that was asked; each request is answered exactly once.
#pragma once

#include <functional>

#include "workers/communication/assets.hpp"
#include "workers/communication/calls.hpp"
#include "workers/communication/fanout.hpp"
#include "workers/communication/request.hpp"
#include "workers/communication/status.hpp"

namespace of::communication {

struct Answer {
    unsigned status = 200;
    std::string_view type = "application/json";
    std::string body;
    const Asset* asset = nullptr;  ///< a file of the page instead of the body
    int64_t retry_after_s = 1;     ///< told with a 503
};
using Respond = std::function<void(Answer)>;

struct ApiRequest {
    Target target;
    CorrelationId correlation;
};

/// {"error":"...","correlation":"..."}
Answer refusal(unsigned status, std::string_view sentence, CorrelationId correlation);

class HttpApi {
  public:
    HttpApi(Status& status, Calls& calls, Fanout& fanout) : status_(status), calls_(calls), fanout_(fanout) {}

    /// Answers through `respond`, now or when the worker asked has answered.
    void handle(const ApiRequest& request, const Respond& respond);

  private:
    using Handler = void (HttpApi::*)(const ApiRequest&, const Respond&);
    struct Route {
        std::string_view path;
        std::array<std::string_view, 3> fields;  ///< of the query that it knows
        Handler handler;
    };
    static const std::array<Route, 8> routes;

    Answer refused(CallStatus status, ProcessId server, CorrelationId correlation) const;
    void health(const ApiRequest& request, const Respond& respond);
    void workers(const ApiRequest& request, const Respond& respond);
    void stats(const ApiRequest& request, const Respond& respond);
    void rings(const ApiRequest& request, const Respond& respond);
    void trades(const ApiRequest& request, const Respond& respond);
    void book(const ApiRequest& request, const Respond& respond);
    void feed(const ApiRequest& request, const Respond& respond);
    void metrics(const ApiRequest& request, const Respond& respond);

    Status& status_;
    Calls& calls_;
    Fanout& fanout_;
};

}  // namespace of::communication
