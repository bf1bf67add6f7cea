// A counting source with one fault for each FAULT_ definition; without any it is sound. The kit has to find each of
// them.
#include <sluice/source_plugin.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::uint32_t kMost = 64;
constexpr std::size_t kLongest = 32;

struct Block {
    sluice_message message[kMost];
    char text[kMost][kLongest];
};

struct Counter {
    const sluice_host* host = nullptr;
    std::uint64_t next = 1;
    std::uint32_t lane = 0;
    std::string upstream; ///< a file that stands for what a broker remembers of us
};

Counter& of(void* self) {
    return *static_cast<Counter*>(self);
}

[[maybe_unused]] std::uint64_t remembered(const Counter& counter) {
    std::ifstream file(counter.upstream);
    std::uint64_t value = 0;
    file >> value;
    return value;
}
[[maybe_unused]] void remember(const Counter& counter, std::uint64_t value) {
    std::ofstream(counter.upstream) << value;
}

sluice_status create(const sluice_host* host, const sluice_value*, void** self) {
#ifdef FAULT_LEAKS
    static auto& kept = *new std::vector<void*>;
    kept.push_back(std::malloc(1000));
#endif
    auto* counter = new Counter;
    counter->host = host;
    counter->upstream = std::string(host->state_dir) + "/upstream";
    *self = counter;
    return SLUICE_OK;
}

sluice_status start(void* self) {
    auto& counter = of(self);
    sluice_checkpoint last{};
    const auto status = counter.host->open_lane(counter.host, {"numbers", 7}, &counter.lane, &last);
    counter.next = last.found ? last.sequence + 1 : 1;
#ifdef FAULT_LIES_ABOUT_REPLAY
    // Goes on above the checkpoint, as a source does that only hands out what is new.
    if (last.found)
        counter.next = last.sequence + 10;
#endif
#ifdef FAULT_ACKNOWLEDGES_EARLY
    counter.next = remembered(counter) + 1;
#endif
#ifdef FAULT_EMITS_AFTER_STOP
    std::thread([host = counter.host] {
        for (int i = 0; i < 40; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            host->log(host, SLUICE_INFO, "still here");
        }
    }).detach();
#endif
    return status;
}

void release(sluice_batch* batch) {
#ifdef FAULT_CRASHES_IN_RELEASE
    static int releases = 0;
    static volatile int* nowhere = nullptr;
    if (++releases == 3)
        *nowhere = 1;
#endif
    std::free(batch->owner);
}

sluice_status poll(void* self, std::uint32_t credit, std::uint64_t max_bytes, std::uint32_t, sluice_batch* out) {
    auto& counter = of(self);
#ifdef FAULT_BLOCKS_IN_POLL
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
#endif
#ifdef FAULT_THROWS
    if (counter.next > 100)
        throw std::runtime_error("out of the plugin");
#endif
    auto count = std::min<std::uint64_t>({credit, max_bytes / kLongest, kMost});
#ifdef FAULT_IGNORES_CREDIT
    count = 20;
#endif
    if (count == 0)
        return SLUICE_OK;
    auto* block = static_cast<Block*>(std::calloc(1, sizeof(Block)));
    for (std::uint64_t i = 0; i < count; ++i, ++counter.next) {
        const int size =
            std::snprintf(block->text[i], kLongest, "{\"n\":%llu}", static_cast<unsigned long long>(counter.next));
        auto& message = block->message[i];
        message.sequence = counter.next;
#ifdef FAULT_POSITION_GOES_BACKWARDS
        if (counter.next == 50)
            message.sequence = 10;
#endif
        message.timestamp_ns = INT64_MIN;
        message.lane = counter.lane;
        message.payload = {reinterpret_cast<const std::uint8_t*>(block->text[i]), static_cast<std::size_t>(size)};
    }
#ifdef FAULT_ACKNOWLEDGES_EARLY
    remember(counter, counter.next - 1);
#endif
    *out = {block->message, static_cast<std::size_t>(count), sizeof(sluice_message), release, block};
    return SLUICE_OK;
}

sluice_status ack(void*, const sluice_ack*, std::size_t) {
    return SLUICE_OK;
}

void destroy(void* self) {
    delete static_cast<Counter*>(self);
}

#ifdef FAULT_ACKNOWLEDGES_EARLY
constexpr std::uint32_t kCapabilities = 0;
#else
constexpr std::uint32_t kCapabilities = SLUICE_CAP_REPLAY;
#endif

} // namespace

#ifdef FAULT_EXPORTS_EXTRA_SYMBOLS
extern "C" SLUICE_EXPORT int my_broker_version() {
    return 3;
}
#endif

extern "C" SLUICE_EXPORT const sluice_plugin* sluice_source_plugin_v1(void) {
    static const sluice_plugin plugin{sizeof(sluice_plugin),
                                      SLUICE_ABI_MINOR,
                                      PLUGIN_ID,
                                      "1.0.0",
                                      "Counts, with a fault.",
                                      kCapabilities,
                                      0,
                                      nullptr,
                                      0,
                                      sizeof(sluice_option),
                                      create,
                                      nullptr,
                                      start,
                                      poll,
                                      nullptr,
                                      ack,
                                      nullptr,
                                      destroy,
                                      nullptr};
    return &plugin;
}
