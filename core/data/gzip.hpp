#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace sluice::data {

bool looks_like_gzip(std::string_view bytes);

/// Inflates one gzip stream of one or more members, block by block. One thread at a time.
class GzipReader {
public:
    using Sink = std::function<Result<>(std::string_view block)>;

    /// Output beyond `limit` ends with Stream_InputStreamTooLarge.
    explicit GzipReader(Bytes limit);
    ~GzipReader();
    GzipReader(const GzipReader&) = delete;
    GzipReader& operator=(const GzipReader&) = delete;

    Result<> feed(std::string_view bytes, const Sink& sink);
    /// BadRequest_InvalidBlob when the stream is cut short (formats-and-mappings 2.1).
    Result<> finish();
    Bytes produced() const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The whole of a small body at once, at most `limit` bytes.
Result<std::string> gunzip(std::string_view bytes, Bytes limit);
/// Compresses an answer or request body.
std::string gzip(std::string_view bytes);

} // namespace sluice::data
