#include "tests/plugins/kafka/fixture.hpp"

#include <chrono>
#include <cstdio>

namespace sluice::testing::kafka {
namespace {

// Prints how fast the plugin drains a backlog, beside a bare consumer of the same topic in the same run. A figure, not
// a limit: what is checked is that every record arrives.
TEST_F(RealBroker, DrainsALargeBacklogCompletely) {
    constexpr std::uint64_t kRecords = 1'000'000;
    create_topic(2);
    for (std::uint64_t i = 0; i < kRecords; ++i)
        client.produce(
            topic,
            {.value = generated_line(1, i), .key = {}, .headers = {}, .partition = static_cast<std::int32_t>(i % 2)});
    client.flush();

    const Client::Drained bare = Client::drain(broker().servers(), topic, kRecords, 60s);
    ASSERT_EQ(bare.messages, kRecords);

    PluginHost host(library(), store, options(), state_dir);
    host.keep_events = false;
    host.open();
    std::uint64_t messages = 0;
    std::chrono::steady_clock::time_point first{};
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (messages < kRecords && std::chrono::steady_clock::now() < end) {
        const std::size_t count = host.poll(5000, 4 << 20).count;
        if (messages == 0 && count > 0)
            first = std::chrono::steady_clock::now();
        messages += count;
        host.commit();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - first).count();
    EXPECT_EQ(messages, kRecords);
    EXPECT_EQ(host.late_rows, 0u);
    const double ours = static_cast<double>(kRecords) / seconds,
                 reference = static_cast<double>(kRecords) / bare.seconds;
    std::printf("kafka plugin: %.0f records/s, bare consumer: %.0f records/s, ratio %.2f\n", ours, reference,
                ours / reference);
    host.stop();
}

} // namespace
} // namespace sluice::testing::kafka
