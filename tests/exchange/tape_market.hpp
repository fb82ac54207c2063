// A market that repeats a recording, byte for byte. Owned by the Exchange; the tape outlives all frames lent
// from it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/exchange/error.hpp"
#include "tests/exchange/market.hpp"
#include "tests/exchange/tape.hpp"

namespace of::exchange {

class TapeMarket final : public Market {
  public:
    /// Loads the tape; with `only` not empty, lines of other symbols are left out.
    static Result<std::unique_ptr<TapeMarket>> open(const std::string& path, const std::vector<std::string>& only,
                                                    StreamTable& streams);
    ~TapeMarket() override;

    std::string_view mode() const override { return "tape"; }
    std::optional<int64_t> next_due_ns() const override;
    void play_next(int64_t wall_us, std::vector<FramePtr>& out) override;
    void finish(int64_t wall_us, std::vector<FramePtr>& out) override;
    uint64_t unread_frames() const override { return unread_frames_; }

  private:
    TapeMarket();
    Result<void> index(const std::vector<std::string>& only, StreamTable& streams);
    Result<void> take_snapshot(const TapeLine& line, size_t number, const std::vector<std::string>& only);
    void note_first_depth(const TapeLine& line);
    SymbolState& symbol(const std::string& name);
    void remember(const Frame& frame);

    struct Reader;
    std::unique_ptr<Reader> reader_;
    Tape tape_;
    std::vector<Frame> frames_;
    std::vector<int64_t> due_ns_;
    std::map<std::string, int64_t> first_depth_id_;
    size_t next_ = 0;
    uint64_t unread_frames_ = 0;
};

}  // namespace of::exchange
