#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

/// Content codings of HTTP (rest-api 3.2, 4).
namespace sluice::app {

struct DecodedBody {
    std::string bytes;
    bool compressed = false;
};

/// The body as its sender meant it. gzip is recognised by its first bytes, whatever the header says, because clients
/// mark bodies as gzip that are not and the other way round; `deflate` means zlib or bare deflate. Several members of
/// gzip are one body. Stops at `limit` + 1 bytes, so that a caller sees that there is more and nobody inflates a bomb.
/// Invalid, BadRequest_InvalidBlob: the stream is broken. Invalid, General_BadRequest: another coding.
Result<DecodedBody> decode_body(std::string body, std::string_view content_encoding, Bytes limit);

/// Inflates bare deflate data to at most `limit` + 1 bytes. Invalid, BadRequest_InvalidBlob: broken.
Result<std::string> inflate_raw(std::string_view bytes, Bytes limit);

/// The client lists gzip among what it accepts, in any of its headers.
bool accepts_gzip(std::string_view accept_encoding);

/// Compresses one answer as it is made. One thread at a time.
class GzipWriter {
public:
    GzipWriter();
    ~GzipWriter();
    GzipWriter(const GzipWriter&) = delete;
    GzipWriter& operator=(const GzipWriter&) = delete;

    /// Appends to `out` what is ready of the compressed text; `last` ends the stream.
    void add(std::string_view text, bool last, std::string& out);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace sluice::app
