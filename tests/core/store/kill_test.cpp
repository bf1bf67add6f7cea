#include "tests/core/store/sandbox.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <random>
#include <thread>

namespace sluice::store {
namespace {

using namespace test;

/// Commits rows with the lane's position for ever; writes a byte after each commit, as an acknowledgement.
[[noreturn]] void commit_until_killed(const StoreOptions& options, int acknowledge, unsigned seed) {
    std::mt19937 random(seed);
    auto store = must(Store::open(options));
    const Store::Loaded loaded = must(store->load());
    const auto table = loaded.catalogue.find_table("T");
    std::uint64_t sequence = loaded.lanes.empty() ? 0 : loaded.lanes[0].sequence;
    Part part{.id = loaded.next_part, .table = table->id, .state = PartState::RowStore, .extent = {}};
    for (;;) {
        const std::size_t rows = random() % 10 == 0 ? 3000 : 1 + random() % 20;
        Transaction transaction = must(store->begin());
        must(transaction.append(*table, part.id, 5, numbers(*table, static_cast<std::int64_t>(sequence), rows)));
        sequence += rows;
        part.rows += rows;
        const bool seal = random() % 8 == 0;
        if (seal)
            part.state = PartState::Extent;
        must(transaction.save_part(part));
        must(transaction.save_lane({.connection = "c", .lane = "l", .epoch = 1, .sequence = sequence}));
        must(transaction.commit());
        if (write(acknowledge, &sequence, sizeof sequence) != sizeof sequence)
            _exit(3);
        if (seal)
            part = {.id = part.id + 1, .table = table->id, .state = PartState::RowStore, .extent = {}};
        if (random() % 20 == 0)
            (void)store->checkpoint();
    }
}

TEST(Killed, AtAnyMomentKeepsRowsAndPositionTogether) {
    const unsigned seed = std::random_device{}();
    std::printf("seed %u\n", seed);
    RecordProperty("seed", static_cast<int>(seed));
    std::mt19937 random(seed);
    constexpr int kKills = 25;
    Sandbox sandbox;
    sandbox.save(with(sandbox.database, numbers_table()));
    for (int kill_number = 0; kill_number < kKills; ++kill_number) {
        sandbox.close();
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        const unsigned child_seed = random();
        const pid_t child = fork();
        if (child == 0)
            commit_until_killed(sandbox.options(), ends[1], child_seed);
        close(ends[1]);
        // The first acknowledgement says that the child is at work; it dies at a random moment after it.
        std::uint64_t acknowledged = 0;
        ASSERT_EQ(read(ends[0], &acknowledged, sizeof acknowledged), static_cast<ssize_t>(sizeof acknowledged));
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
        kill(child, SIGKILL);
        while (read(ends[0], &acknowledged, sizeof acknowledged) == static_cast<ssize_t>(sizeof acknowledged)) {
        }
        close(ends[0]);
        int status = 0;
        waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself, kill " << kill_number;

        sandbox.reopen();
        const std::uint64_t sequence = sandbox.loaded.lanes.at(0).sequence;
        EXPECT_GE(sequence, acknowledged) << "kill " << kill_number;
        EXPECT_EQ(sandbox.count("T"), static_cast<std::int64_t>(sequence)) << "kill " << kill_number;
        EXPECT_EQ(sandbox.number("SELECT count(DISTINCT c10) FROM sluice.t1"), static_cast<std::int64_t>(sequence));
        std::uint64_t rows = 0;
        for (const Part& part : sandbox.loaded.parts)
            rows += part.rows;
        EXPECT_EQ(rows, sequence) << "kill " << kill_number;
        if (HasFailure())
            return;
    }
}

} // namespace
} // namespace sluice::store
