// Runs a fuzz target without a fuzzing engine: mutates a corpus of good inputs, with a printed seed, for a number of
// rounds or seconds. The targets are those of libFuzzer (LLVMFuzzerTestOneInput), so an engine can drive them as well.
//
//   fuzz-decoder [--rounds N] [--seed S] [FILE...]     FILEs are tried as they are, to repeat a finding
//
// A finding ends the process (sanitizer, assertion); the input lies in fuzz-<target>.last where it ran.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/target.hpp"

namespace {

using Random = std::mt19937_64;

size_t pick(Random& random, size_t below) { return below == 0 ? 0 : random() % below; }

/// One of: flip a bit, set a byte, cut, repeat a piece, insert, splice with another input.
void mutate(std::string& input, const std::vector<std::string>& corpus, Random& random) {
    if (input.empty()) input = corpus[pick(random, corpus.size())];
    const auto at = pick(random, input.size());
    switch (random() % 7) {
        case 0:
            input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
            break;
        case 1:
            input[at] = static_cast<char>(random());
            break;
        case 2:
            input.erase(at, 1 + pick(random, 16));
            break;
        case 3:
            input.insert(at, input.substr(at, 1 + pick(random, 32)));
            break;
        case 4:
            input.insert(at, 1 + pick(random, 8), static_cast<char>(random()));
            break;
        case 5:
            input.resize(at);
            break;
        default: {
            const auto& other = corpus[pick(random, corpus.size())];
            input = input.substr(0, at) + other.substr(pick(random, other.size()));
        }
    }
}

/// Keeps the input at work in a file, so that it is there when the process is not.
class LastInput {
  public:
    explicit LastInput(std::string path)
        : path_(std::move(path)), file_(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) {}
    ~LastInput() {
        ::close(file_);
        ::unlink(path_.c_str());
    }
    LastInput(const LastInput&) = delete;
    bool keep(const std::string& input) {
        const auto size = static_cast<off_t>(input.size());
        return ::pwrite(file_, input.data(), input.size(), 0) == size && ::ftruncate(file_, size) == 0;
    }

  private:
    std::string path_;
    int file_;
};

void run(const std::string& input) {
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

std::string read_file(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
    uint64_t rounds = 100'000;
    uint64_t seed = std::random_device{}();
    for (int i = 1; i < argc; ++i) {
        const std::string option = argv[i];
        if (option == "--rounds" && i + 1 < argc) {
            rounds = std::strtoull(argv[++i], nullptr, 10);
        } else if (option == "--seed" && i + 1 < argc) {
            seed = std::strtoull(argv[++i], nullptr, 10);
        } else {
            run(read_file(argv[i]));
        }
    }
    const auto corpus = fuzz_corpus();
    fmt::print("1..1\n# {}: {} rounds, --seed {}, {} inputs to begin with\n", fuzz_name, rounds, seed, corpus.size());
    std::fflush(stdout);
    Random random(seed);
    LastInput last(fmt::format("fuzz-{}.last", fuzz_name));
    for (const auto& input : corpus) run(input);
    for (uint64_t round = 0; round < rounds; ++round) {
        auto input = corpus[pick(random, corpus.size())];
        for (auto times = 1 + random() % 6; times > 0; --times) mutate(input, corpus, random);
        if (!last.keep(input)) {
            fmt::print(stderr, "fuzz-{}.last cannot be written here\n", fuzz_name);
            return 2;
        }
        run(input);
    }
    fmt::print("ok 1 - {}: no finding in {} mutated inputs\n", fuzz_name, rounds);
}
