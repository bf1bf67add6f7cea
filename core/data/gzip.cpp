#include "core/data/gzip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace sluice::data {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::size_t kPadding = 64; ///< what parsers may read behind a block
constexpr int kGzipOnly = 15 + 16;   ///< zlib: window of 32 KB, gzip wrapper

Error corrupt(std::string what) {
    return Error{ErrorCode::Invalid, "the gzip stream is not valid: " + std::move(what), "BadRequest_InvalidBlob"};
}

} // namespace

struct GzipReader::State {
    enum class Phase { Member, Between, Zeros };

    explicit State(Bytes limit_) : limit(limit_), block(kBlock + kPadding) {}
    ~State() {
        if (open)
            inflateEnd(&stream);
    }

    Result<> start_member() {
        if (open) {
            inflateReset(&stream);
        } else {
            if (inflateInit2(&stream, kGzipOnly) != Z_OK)
                return Error{ErrorCode::Internal, "zlib could not be started"};
            open = true;
        }
        phase = Phase::Member;
        return {};
    }

    /// Inflates what stream.next_in holds, at most to the end of the member.
    Result<> inflate_member(const Sink& sink) {
        for (;;) {
            stream.next_out = reinterpret_cast<Bytef*>(block.data());
            stream.avail_out = kBlock;
            const int status = inflate(&stream, Z_NO_FLUSH);
            if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
                return corrupt(stream.msg != nullptr ? stream.msg : "broken data");
            const std::size_t size = kBlock - stream.avail_out;
            produced += size;
            if (produced > limit)
                return Error{ErrorCode::TooLarge, fmt::format("the gzip stream holds more than {} bytes", limit),
                             "Stream_InputStreamTooLarge"};
            if (size > 0)
                SLUICE_CHECK(sink({block.data(), size}));
            if (status == Z_STREAM_END) {
                phase = Phase::Between;
                return {};
            }
            if (stream.avail_out > 0)
                return {};
        }
    }

    const Bytes limit;
    Bytes produced = 0;
    std::vector<char> block;
    z_stream stream{};
    bool open = false;
    bool any = false;
    Phase phase = Phase::Between;
};

bool looks_like_gzip(std::string_view bytes) {
    return bytes.size() >= 3 && bytes[0] == '\x1F' && bytes[1] == '\x8B' && bytes[2] == 8;
}

GzipReader::GzipReader(Bytes limit) : state_(std::make_unique<State>(limit)) {}
GzipReader::~GzipReader() = default;

Result<> GzipReader::feed(std::string_view bytes, const Sink& sink) {
    State& state = *state_;
    using Phase = State::Phase;
    while (!bytes.empty()) {
        if (state.phase != Phase::Member && bytes.front() == '\0' && state.any) {
            // Tapes and some tools fill up with zeros; only zeros may follow them.
            state.phase = Phase::Zeros;
            const std::size_t next = bytes.find_first_not_of('\0');
            bytes.remove_prefix(std::min(next, bytes.size()));
            continue;
        }
        if (state.phase == Phase::Zeros)
            return corrupt("bytes follow after its end");
        if (state.phase == Phase::Between) {
            if (bytes.front() != '\x1F')
                return corrupt(state.any ? "bytes follow after its end" : "it does not begin like one");
            SLUICE_CHECK(state.start_member());
            state.any = true;
        }
        const std::size_t size = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
        // zlib reads only, its interface is older than const.
        state.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        state.stream.avail_in = static_cast<uInt>(size);
        SLUICE_CHECK(state.inflate_member(sink));
        bytes.remove_prefix(size - state.stream.avail_in);
    }
    return {};
}

Result<> GzipReader::finish() {
    if (!state_->any)
        return corrupt("it is empty");
    if (state_->phase == State::Phase::Member)
        return corrupt("it is cut short");
    return {};
}

Bytes GzipReader::produced() const {
    return state_->produced;
}

Result<std::string> gunzip(std::string_view bytes, Bytes limit) {
    std::string out;
    GzipReader reader(limit);
    SLUICE_CHECK(reader.feed(bytes, [&](std::string_view block) -> Result<> {
        out += block;
        return {};
    }));
    SLUICE_CHECK(reader.finish());
    return out;
}

std::string gzip(std::string_view bytes) {
    z_stream stream{};
    // Level 1: bodies are compressed once and sent once, so time counts more than the last percent.
    if (deflateInit2(&stream, 1, Z_DEFLATED, kGzipOnly, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::bad_alloc(); // the only way this fails with these arguments
    std::string out;
    const char* next = bytes.data();
    std::size_t left = bytes.size();
    int status = Z_OK;
    while (status != Z_STREAM_END) {
        const std::size_t size = std::min<std::size_t>(left, 1 << 30);
        stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(next));
        stream.avail_in = static_cast<uInt>(size);
        const bool last = size == left;
        do {
            const std::size_t before = out.size();
            out.resize(before + std::max(kBlock, static_cast<std::size_t>(size / 2)));
            stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
            stream.avail_out = static_cast<uInt>(out.size() - before);
            status = deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
            out.resize(out.size() - stream.avail_out);
        } while (stream.avail_out == 0 && status != Z_STREAM_END);
        next += size;
        left -= size;
    }
    deflateEnd(&stream);
    return out;
}

} // namespace sluice::data
