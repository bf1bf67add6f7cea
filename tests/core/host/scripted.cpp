// A source that does what a test's script says.
#include "tests/core/host/script.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#ifndef SCRIPTED_ID
#define SCRIPTED_ID "scripted"
#endif
#ifndef SCRIPTED_CAPABILITIES
#define SCRIPTED_CAPABILITIES SLUICE_CAP_REPLAY
#endif

namespace {

using sluice::test::Script;

std::shared_ptr<Script> g_script;

struct Source {
    const sluice_host* host;
    std::shared_ptr<Script> script;
    std::uint32_t lane = 0;
    std::uint64_t next = 1;
};

/// Notes the call, waits while it is blocked, and answers as scripted. The lock is not held while the host is called.
sluice_status enter(Source& source, const std::string& call, const std::string& note) {
    auto& script = *source.script;
    Script::Answer answer{SLUICE_OK, {}};
    {
        std::unique_lock lock(script.mutex);
        if (!note.empty())
            script.calls.push_back(note);
        script.changed.notify_all();
        if (script.block_in == call) {
            ++script.blocked;
            script.changed.notify_all();
            script.changed.wait(lock, [&] { return script.block_in != call; });
            --script.blocked;
            script.changed.notify_all();
        }
        if (script.throw_in == call)
            throw std::runtime_error("out of the plugin");
        if (auto& queue = script.answers[call]; !queue.empty()) {
            answer = queue.front();
            queue.pop_front();
        }
    }
    return answer.why.empty() ? answer.status : source.host->fail(source.host, answer.status, answer.why.c_str());
}

Source& of(void* self) {
    return *static_cast<Source*>(self);
}

sluice_status create(const sluice_host* host, const sluice_value*, void** self) {
    auto source = std::make_unique<Source>(Source{host, g_script});
    const auto status = enter(*source, "create", "create");
    if (status == SLUICE_OK)
        *self = source.release();
    return status;
}

sluice_status start(void* self) {
    auto& source = of(self);
    if (const auto status = enter(source, "start", "start"); status != SLUICE_OK)
        return status;
    sluice_checkpoint after{};
    if (const auto status = source.host->open_lane(source.host, {"a", 1}, &source.lane, &after); status != SLUICE_OK)
        return status;
    source.next = after.found ? after.sequence + 1 : 1;
    std::function<void(const sluice_host*)> hook;
    source.script->change([&](Script& s) {
        s.resumed_after = source.next - 1;
        hook = s.on_start;
    });
    if (hook)
        hook(source.host);
    return SLUICE_OK;
}

struct Block {
    std::shared_ptr<Script> script;
    std::vector<std::string> texts;
    std::vector<sluice_message> messages;
};

void release(sluice_batch* batch) {
    const std::unique_ptr<Block> block(static_cast<Block*>(batch->owner));
    block->script->change([](Script& s) { ++s.released; });
}

void fill(Source& source, std::uint32_t count, sluice_batch& out) {
    auto block = std::make_unique<Block>();
    block->script = source.script;
    block->texts.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i, ++source.next) {
        const auto& text = block->texts.emplace_back(std::to_string(source.next));
        sluice_message message{};
        message.sequence = source.next;
        message.timestamp_ns = INT64_MIN;
        message.lane = source.lane;
        message.payload = {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
        block->messages.push_back(message);
    }
    out = {block->messages.data(), count, sizeof(sluice_message), release, nullptr};
    out.owner = block.release();
}

sluice_status poll(void* self, std::uint32_t credit, std::uint64_t, std::uint32_t timeout_ms, sluice_batch* out) {
    auto& source = of(self);
    source.script->change([&](Script& s) { s.polls.emplace_back(credit, timeout_ms); });
    if (const auto status = enter(source, "poll", ""); status != SLUICE_OK)
        return status;
    decltype(Script::next_batch) own;
    std::uint64_t left = 0;
    bool ends = false;
    source.script->change([&](Script& s) {
        own = std::exchange(s.next_batch, nullptr);
        left = source.next > s.total
                   ? 0
                   : std::min<std::uint64_t>(s.total - source.next + 1, std::min(credit, s.batch_size));
        ends = s.ends && source.next + left > s.total;
        s.batches += own || left > 0 ? 1 : 0;
    });
    if (own)
        own(source.host, source.lane, *out);
    else if (left > 0)
        fill(source, static_cast<std::uint32_t>(left), *out);
    return ends ? SLUICE_END : SLUICE_OK;
}

sluice_status pause(void* self, std::uint32_t paused) {
    return enter(of(self), "pause", "pause " + std::to_string(paused));
}

sluice_status ack(void* self, const sluice_ack* acks, std::size_t count) {
    std::string note = "ack";
    for (std::size_t i = 0; i < count; ++i)
        note += (acks[i].outcome == SLUICE_PARKED ? " parked " : " ") + std::to_string(acks[i].first) + ".." +
                std::to_string(acks[i].last);
    return enter(of(self), "ack", note);
}

sluice_status stop(void* self) {
    auto& source = of(self);
    std::function<void(const sluice_host*)> hook;
    source.script->change([&](Script& s) { hook = s.on_stop; });
    if (hook)
        hook(source.host);
    return enter(source, "stop", "stop");
}

void destroy(void* self) {
    const std::unique_ptr<Source> source(static_cast<Source*>(self));
    enter(*source, "destroy", "destroy");
}

const void* extension(const char* id) {
    return std::strcmp(id, sluice::test::kScriptExtension) == 0 ? &g_script : nullptr;
}

const sluice_option options[] = {
    {"topics", SLUICE_TEXT_LIST, SLUICE_REQUIRED, nullptr, nullptr, nullptr, nullptr, "What to read.", "[\"a\"]"},
    {"sasl.password", SLUICE_TEXT, SLUICE_SECRET, nullptr, nullptr, nullptr, nullptr, "Password of the user.", ""},
    {"grace", SLUICE_DURATION, SLUICE_ADVANCED, "10s", "1s", "1m", nullptr, "Time to let go.", ""},
};

} // namespace

extern "C" SLUICE_EXPORT const sluice_plugin* sluice_source_plugin_v1(void) {
    static const sluice_plugin plugin{sizeof(sluice_plugin),
                                      SLUICE_ABI_MINOR,
                                      SCRIPTED_ID,
                                      "1.2.3",
                                      "Does what a test says.",
                                      SCRIPTED_CAPABILITIES,
                                      0,
                                      options,
                                      3,
                                      sizeof *options,
                                      create,
                                      nullptr,
                                      start,
                                      poll,
                                      pause,
                                      ack,
                                      stop,
                                      destroy,
                                      extension};
    return &plugin;
}
