#include <sluice/source.hpp>

#include <gtest/gtest.h>

#include <string>

namespace {

using sluice::Batch;

struct HandedOver {
    sluice_batch raw{};
    explicit HandedOver(Batch& batch) { batch.hand_over(raw); }
    ~HandedOver() {
        if (raw.release)
            raw.release(&raw);
    }
    const sluice_message& operator[](std::size_t i) const { return raw.messages[i]; }
};

TEST(Batch, CopiesWhatIsAddedAndSurvivesItsSource) {
    Batch batch;
    for (std::uint64_t i = 0; i < 5000; ++i) {
        const std::string text = "payload " + std::to_string(i);
        const std::string name = "name " + std::to_string(i);
        batch.add({.lane = 3, .sequence = i, .payload = text, .key = "k", .headers = {{name, "v"}, {"empty", ""}}});
    }
    const HandedOver out(batch);
    ASSERT_EQ(out.raw.count, 5000u);
    EXPECT_EQ(sluice::view(out[4999].payload), "payload 4999");
    EXPECT_EQ(sluice::view(out[4999].headers[0].name), "name 4999");
    EXPECT_EQ(out[4999].header_count, 2u);
    EXPECT_EQ(out[0].timestamp_ns, sluice::kNoTimestamp);
}

TEST(Batch, TellsAnEmptyPayloadFromNone) {
    Batch batch;
    batch.add({.lane = 1, .sequence = 1, .payload = ""});
    batch.add({.lane = 1, .sequence = 2, .payload = std::string_view()});
    const HandedOver out(batch);
    EXPECT_NE(out[0].payload.data, nullptr);
    EXPECT_EQ(out[1].payload.data, nullptr);
}

TEST(Batch, FreesForeignMemoryOnceWhenReleased) {
    static int freed = 0;
    freed = 0;
    Batch batch;
    int object = 0;
    batch.keep(&object, [](void*) { ++freed; });
    {
        const HandedOver out(batch);
        EXPECT_EQ(freed, 0);
    }
    EXPECT_EQ(freed, 1);
}

TEST(Batch, FreesForeignMemoryWhenItIsDropped) {
    static int freed = 0;
    freed = 0;
    int object = 0;
    {
        Batch batch;
        batch.keep(&object, [](void*) { ++freed; });
    }
    EXPECT_EQ(freed, 1);
}

TEST(Batch, KeepsMovedObjectsAtOnePlace) {
    Batch batch;
    const std::string& kept = batch.keep(std::string(100, 'x'));
    for (int i = 0; i < 1000; ++i)
        batch.allocate(100);
    sluice_message message{};
    message.payload = sluice::bytes(kept);
    batch.add(message);
    const HandedOver out(batch);
    EXPECT_EQ(sluice::view(out[0].payload), std::string(100, 'x'));
}

TEST(Batch, GivesLargePiecesABlockOfTheirOwn) {
    Batch batch;
    std::byte* first = batch.allocate(8);
    std::byte* large = batch.allocate(1 << 20);
    std::byte* second = batch.allocate(8);
    std::memset(large, 1, 1 << 20);
    EXPECT_EQ(second - first, static_cast<std::ptrdiff_t>(alignof(std::max_align_t)));
}

TEST(Batch, IsEmptyAfterItWasHandedOver) {
    Batch batch;
    batch.add({.lane = 1, .sequence = 1, .payload = "x"});
    const HandedOver out(batch);
    EXPECT_TRUE(batch.empty());
    EXPECT_EQ(HandedOver(batch).raw.release, nullptr);
}

} // namespace
