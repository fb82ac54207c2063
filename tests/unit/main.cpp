// The runner of the unit tests; compiled once, since Catch2's main takes its time. `-r cases` prints TAP with one line
// a test case, and what failed in it as comments; Catch2's own TAP prints every assertion.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

#include <sstream>

namespace {

class CaseReporter : public Catch::StreamingReporterBase<CaseReporter> {
  public:
    explicit CaseReporter(const Catch::ReporterConfig& config) : StreamingReporterBase(config) {}
    static std::string getDescription() { return "TAP, one line a test case"; }

    void assertionStarting(const Catch::AssertionInfo&) override {}
    bool assertionEnded(const Catch::AssertionStats& stats) override {
        const auto& result = stats.assertionResult;
        if (result.isOk()) return true;
        failures_ << result.getSourceInfo() << ": " << result.getExpressionInMacro();
        if (result.hasExpandedExpression()) failures_ << "\nwith " << result.getExpandedExpression();
        for (const auto& message : stats.infoMessages) failures_ << '\n' << message.message;
        failures_ << '\n';
        return true;
    }
    void testCaseEnded(const Catch::TestCaseStats& stats) override {
        stream << (stats.totals.assertions.allOk() ? "ok " : "not ok ") << ++cases_ << " - " << stats.testInfo.name
               << '\n';
        std::string line;
        while (std::getline(failures_, line)) stream << "# " << line.substr(0, line_max) << '\n';
        failures_ = {};
        stream.flush();
    }
    void testRunEnded(const Catch::TestRunStats&) override { stream << "1.." << cases_ << std::endl; }

  private:
    static constexpr size_t line_max = 1000;
    std::stringstream failures_;
    int cases_ = 0;
};
CATCH_REGISTER_REPORTER("cases", CaseReporter)

}  // namespace
