#include "core/app/http_coding.hpp"

#include "core/app/http_url.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cassert>

namespace sluice::app {
namespace {

constexpr int kGzip = 15 + 16, kZlib = 15, kRaw = -15;
constexpr std::size_t kBlock = 64 * 1024;

bool is_gzip(std::string_view bytes) {
    return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

/// A zlib head: deflate with a window of up to 32 KiB and a valid check.
bool is_zlib(std::string_view bytes) {
    if (bytes.size() < 2 || (bytes[0] & 0x0f) != 8)
        return false;
    return (static_cast<unsigned char>(bytes[0]) * 256 + static_cast<unsigned char>(bytes[1])) % 31 == 0;
}

class Inflater {
public:
    explicit Inflater(int window) { ok_ = inflateInit2(&stream_, window) == Z_OK; }
    ~Inflater() { inflateEnd(&stream_); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;

    Result<std::string> run(std::string_view bytes, Bytes limit) {
        std::string out;
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        // Most bodies are small and compress about four times.
        std::size_t room = std::clamp<std::size_t>(bytes.size() * 4, 1024, kBlock);
        while (ok_) {
            const std::size_t used = out.size();
            out.resize(std::min<Bytes>(used + room, limit + 1));
            stream_.next_out = reinterpret_cast<Bytef*>(out.data() + used);
            stream_.avail_out = static_cast<uInt>(out.size() - used);
            const int state = inflate(&stream_, Z_NO_FLUSH);
            out.resize(out.size() - stream_.avail_out);
            if (out.size() > limit)
                return out;
            if (state == Z_STREAM_END) {
                const std::string_view rest(reinterpret_cast<const char*>(stream_.next_in), stream_.avail_in);
                if (!is_gzip(rest))
                    return out;
                ok_ = inflateReset(&stream_) == Z_OK;
                continue;
            }
            if (state == Z_BUF_ERROR || (state == Z_OK && stream_.avail_in == 0 && stream_.avail_out != 0))
                return Error{ErrorCode::Invalid, "the compressed body ends too early.", "BadRequest_InvalidBlob"};
            if (state != Z_OK)
                return Error{
                    ErrorCode::Invalid,
                    fmt::format("the compressed body is broken: {}.", stream_.msg ? stream_.msg : "no valid stream"),
                    "BadRequest_InvalidBlob"};
            room = kBlock;
        }
        return Error{ErrorCode::Internal, "zlib did not start."};
    }

private:
    z_stream stream_{};
    bool ok_ = false;
};

} // namespace

Result<DecodedBody> decode_body(std::string body, std::string_view content_encoding, Bytes limit) {
    const bool deflate = equals_ignoring_case(content_encoding, "deflate");
    const bool known = content_encoding.empty() || deflate || equals_ignoring_case(content_encoding, "gzip") ||
                       equals_ignoring_case(content_encoding, "x-gzip") ||
                       equals_ignoring_case(content_encoding, "identity");
    if (!known)
        return Error{ErrorCode::Invalid,
                     fmt::format("Content-Encoding '{}' is not supported; use gzip or none.", content_encoding),
                     "General_BadRequest"};
    DecodedBody decoded;
    decoded.compressed = is_gzip(body) || (deflate && !body.empty());
    if (!decoded.compressed) {
        decoded.bytes = std::move(body);
        return decoded;
    }
    Inflater inflater(is_gzip(body) ? kGzip : is_zlib(body) ? kZlib : kRaw);
    SLUICE_TRY(auto bytes, inflater.run(body, limit));
    decoded.bytes = std::move(bytes);
    return decoded;
}

Result<std::string> inflate_raw(std::string_view bytes, Bytes limit) {
    return Inflater(kRaw).run(bytes, limit);
}

bool accepts_gzip(std::string_view accept_encoding) {
    while (!accept_encoding.empty()) {
        std::string_view part = accept_encoding.substr(0, accept_encoding.find(','));
        accept_encoding.remove_prefix(std::min(part.size() + 1, accept_encoding.size()));
        while (!part.empty() && part.front() == ' ')
            part.remove_prefix(1);
        const std::string_view name = part.substr(0, part.find_first_of("; "));
        if (!equals_ignoring_case(name, "gzip") && name != "*")
            continue;
        const std::size_t quality = part.find("q=");
        const std::string_view value = quality == std::string_view::npos ? "1" : part.substr(quality + 2);
        return value.find_first_of("123456789") != std::string_view::npos;
    }
    return false;
}

struct GzipWriter::State {
    z_stream stream{};
};

GzipWriter::GzipWriter() : state_(std::make_unique<State>()) {
    // The lowest level already makes a fifth of a result's size, at several times the speed of the next useful one.
    [[maybe_unused]] const int state =
        deflateInit2(&state_->stream, Z_BEST_SPEED, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY);
    assert(state == Z_OK);
}

GzipWriter::~GzipWriter() {
    deflateEnd(&state_->stream);
}

void GzipWriter::add(std::string_view text, bool last, std::string& out) {
    z_stream& stream = state_->stream;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    int state = Z_OK;
    do {
        const std::size_t used = out.size();
        out.resize(used + std::clamp<std::size_t>(text.size() / 3, 512, kBlock));
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
        stream.avail_out = static_cast<uInt>(out.size() - used);
        state = deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
        out.resize(out.size() - stream.avail_out);
    } while (last ? state == Z_OK || state == Z_BUF_ERROR : stream.avail_in > 0 || stream.avail_out == 0);
}

} // namespace sluice::app
