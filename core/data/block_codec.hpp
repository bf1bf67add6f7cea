#pragma once

#include "core/base/bytes.hpp"
#include "core/base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

/// Internal to core/data: the codecs of Avro's container files (formats-and-mappings 5). Sole user of snappy, zstd,
/// bzip2 and xz.
namespace sluice::data {

/// Undoes the compression of one block at a time. One thread at a time.
class BlockCodec {
public:
    virtual ~BlockCodec() = default;
    /// The content of a block, valid until the next call; not more than `limit` bytes of it are produced.
    /// BadRequest_InvalidBlob for what is corrupt, Stream_InputStreamTooLarge beyond the limit.
    virtual Result<std::string_view> unpack(std::string_view packed, Bytes limit) = 0;
};

/// By the name in the header of a container: null, deflate, snappy, zstandard, bzip2, xz. BadRequest_InvalidBlob for
/// others.
Result<std::unique_ptr<BlockCodec>> make_block_codec(std::string_view name);

} // namespace sluice::data
