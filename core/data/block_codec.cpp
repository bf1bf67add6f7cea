#include "core/data/block_codec.hpp"

#include "core/data/source_parser.hpp"

#include <bzlib.h>
#include <fmt/format.h>
#include <lzma.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

namespace sluice::data {
namespace {

Error corrupt(std::string_view codec, std::string_view what) {
    return data_error(fmt::format("a block cannot be unpacked with {}: {}", codec, what), "BadRequest_InvalidBlob");
}

Error too_large(Bytes limit) {
    return data_error(fmt::format("a block holds more than {} bytes", limit), "Stream_InputStreamTooLarge");
}

class NoCodec final : public BlockCodec {
public:
    Result<std::string_view> unpack(std::string_view packed, Bytes) override { return packed; }
};

class Snappy final : public BlockCodec {
public:
    Result<std::string_view> unpack(std::string_view packed, Bytes limit) override {
        constexpr std::size_t kChecksum = 4; // CRC-32 of the content, high byte first
        std::size_t size = 0;
        if (packed.size() < kChecksum)
            return corrupt("snappy", "it has no checksum");
        const std::string_view body = packed.substr(0, packed.size() - kChecksum);
        if (!snappy::GetUncompressedLength(body.data(), body.size(), &size))
            return corrupt("snappy", "its length cannot be read");
        if (size > limit)
            return too_large(limit);
        out_.resize(size);
        if (!snappy::RawUncompress(body.data(), body.size(), out_.data()))
            return corrupt("snappy", "it is damaged");
        std::uint32_t expected = 0;
        for (const char c : packed.substr(body.size()))
            expected = expected << 8 | static_cast<unsigned char>(c);
        const auto actual = ::crc32(0, reinterpret_cast<const Bytef*>(out_.data()), static_cast<uInt>(out_.size()));
        if (actual != expected)
            return corrupt("snappy", "its checksum is wrong");
        return std::string_view(out_);
    }

private:
    std::string out_;
};

/// Codecs that write into a buffer that grows.
class StreamCodec : public BlockCodec {
public:
    Result<std::string_view> unpack(std::string_view packed, Bytes limit) final {
        begin(packed);
        std::size_t size = 0;
        for (;;) {
            if (out_.size() == size)
                out_.resize(std::min<std::size_t>(std::max<std::size_t>(2 * size, kFirst), limit + 1));
            std::size_t written = 0;
            const Step step = more(out_.data() + size, out_.size() - size, written);
            size += written;
            if (step == Step::Damaged || (step == Step::More && written == 0 && out_.size() > size))
                return corrupt(name(), "it is damaged or cut short");
            if (size > limit)
                return too_large(limit);
            if (step == Step::Done)
                return std::string_view(out_).substr(0, size);
        }
    }

protected:
    enum class Step : std::uint8_t { More, Done, Damaged };

    virtual std::string_view name() const = 0;
    virtual void begin(std::string_view packed) = 0;
    virtual Step more(char* out, std::size_t room, std::size_t& written) = 0;

private:
    static constexpr std::size_t kFirst = 256 * 1024;
    std::string out_; ///< keeps its size from block to block
};

class Deflate final : public StreamCodec {
public:
    Deflate() { ::inflateInit2(&stream_, -MAX_WBITS); }
    ~Deflate() override { ::inflateEnd(&stream_); }

private:
    std::string_view name() const override { return "deflate"; }
    void begin(std::string_view packed) override {
        ::inflateReset(&stream_);
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
        stream_.avail_in = static_cast<uInt>(packed.size());
    }
    Step more(char* out, std::size_t room, std::size_t& written) override {
        stream_.next_out = reinterpret_cast<Bytef*>(out);
        stream_.avail_out = static_cast<uInt>(room);
        const int code = ::inflate(&stream_, Z_NO_FLUSH);
        written = room - stream_.avail_out;
        return code == Z_STREAM_END ? Step::Done : code == Z_OK || code == Z_BUF_ERROR ? Step::More : Step::Damaged;
    }
    z_stream stream_{};
};

class Zstandard final : public StreamCodec {
public:
    ~Zstandard() override { ::ZSTD_freeDCtx(context_); }

private:
    std::string_view name() const override { return "zstandard"; }
    void begin(std::string_view packed) override {
        ::ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
        in_ = {packed.data(), packed.size(), 0};
    }
    Step more(char* out, std::size_t room, std::size_t& written) override {
        ZSTD_outBuffer target{out, room, 0};
        const std::size_t left = ::ZSTD_decompressStream(context_, &target, &in_);
        written = target.pos;
        if (::ZSTD_isError(left))
            return Step::Damaged;
        return left == 0 && in_.pos == in_.size ? Step::Done : Step::More;
    }
    ZSTD_DCtx* context_ = ::ZSTD_createDCtx();
    ZSTD_inBuffer in_{};
};

class Bzip2 final : public StreamCodec {
public:
    ~Bzip2() override { end(); }

private:
    std::string_view name() const override { return "bzip2"; }
    void begin(std::string_view packed) override {
        end();
        stream_ = {};
        open_ = ::BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK;
        stream_.next_in = const_cast<char*>(packed.data());
        stream_.avail_in = static_cast<unsigned>(packed.size());
    }
    Step more(char* out, std::size_t room, std::size_t& written) override {
        if (!open_)
            return Step::Damaged;
        stream_.next_out = out;
        stream_.avail_out = static_cast<unsigned>(room);
        const int code = ::BZ2_bzDecompress(&stream_);
        written = room - stream_.avail_out;
        return code == BZ_STREAM_END ? Step::Done : code == BZ_OK ? Step::More : Step::Damaged;
    }
    void end() {
        if (open_)
            ::BZ2_bzDecompressEnd(&stream_);
        open_ = false;
    }
    bz_stream stream_{};
    bool open_ = false;
};

class Xz final : public StreamCodec {
public:
    ~Xz() override { ::lzma_end(&stream_); }

private:
    static constexpr std::uint64_t kMemory = 128ULL << 20;

    std::string_view name() const override { return "xz"; }
    void begin(std::string_view packed) override {
        open_ = ::lzma_stream_decoder(&stream_, kMemory, 0) == LZMA_OK;
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
        stream_.avail_in = packed.size();
    }
    Step more(char* out, std::size_t room, std::size_t& written) override {
        if (!open_)
            return Step::Damaged;
        stream_.next_out = reinterpret_cast<std::uint8_t*>(out);
        stream_.avail_out = room;
        const lzma_ret code = ::lzma_code(&stream_, LZMA_FINISH);
        written = room - stream_.avail_out;
        return code == LZMA_STREAM_END ? Step::Done : code == LZMA_OK ? Step::More : Step::Damaged;
    }
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool open_ = false;
};

} // namespace

Result<std::unique_ptr<BlockCodec>> make_block_codec(std::string_view name) {
    std::unique_ptr<BlockCodec> codec;
    if (name.empty() || name == "null")
        codec = std::make_unique<NoCodec>();
    else if (name == "deflate")
        codec = std::make_unique<Deflate>();
    else if (name == "snappy")
        codec = std::make_unique<Snappy>();
    else if (name == "zstandard")
        codec = std::make_unique<Zstandard>();
    else if (name == "bzip2")
        codec = std::make_unique<Bzip2>();
    else if (name == "xz")
        codec = std::make_unique<Xz>();
    else
        return data_error(fmt::format("codec '{}' is none of null, deflate, snappy, zstandard, bzip2, xz", name),
                          "BadRequest_InvalidBlob");
    return codec;
}

} // namespace sluice::data
