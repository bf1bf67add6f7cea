#include "core/data/avro_plan.hpp"
#include "core/data/avro_reader.hpp"
#include "core/data/avro_schema.hpp"
#include "core/data/block_codec.hpp"
#include "core/data/parsers.hpp"
#include "core/data/source_parser.hpp"

#include <fmt/format.h>

#include <optional>

namespace sluice::data {
namespace {

constexpr std::string_view kMagic{"Obj\x01", 4};
constexpr std::size_t kSync = 16;
constexpr std::size_t kMaxHeader = 16U << 20;

Error broken(std::string_view what) {
    return data_error(fmt::format("the source is no intact Avro container: {}", what), "BadRequest_InvalidBlob");
}

/// avro and apacheavro: containers, block by block (formats-and-mappings 5). The decoder is ours because avro-c, which
/// Debian carries, keeps no logical types, knows neither zstandard nor bzip2, and reads from files only.
class AvroParser final : public RecordParser {
public:
    using RecordParser::RecordParser;

    void begin(const SourceFacts& source) override {
        begin_records(source);
        unpacked_ = 0;
        kept_.clear();
        plan_.reset();
        schema_.reset();
    }

    Result<> feed(std::string_view bytes, bool, Rows& rows) override {
        if (!kept_.empty()) {
            kept_ += bytes;
            bytes = kept_;
        }
        std::size_t used = 0;
        for (;;) {
            const std::string_view rest = bytes.substr(used);
            SLUICE_TRY(const std::size_t taken, plan_ ? block(rest, rows) : header(rest));
            if (taken == 0)
                break;
            used += taken;
        }
        if (kept_.empty())
            kept_.assign(bytes.substr(used));
        else
            kept_.erase(0, used);
        return {};
    }

    Result<ParseOutcome> finish(Rows&) override {
        if (!kept_.empty() || !plan_) {
            if (kept_.empty() && !plan_)
                return outcome();
            return broken("it is cut short");
        }
        return outcome();
    }

private:
    /// Bytes taken; 0 when the header is not complete yet.
    Result<std::size_t> header(std::string_view bytes) {
        if (bytes.substr(0, kMagic.size()) != kMagic.substr(0, bytes.size()))
            return broken("it does not begin with 'Obj' and a byte 1");
        if (bytes.size() <= kMagic.size())
            return std::size_t{0};
        AvroReader reader(bytes.substr(kMagic.size()));
        std::string_view schema, codec, sync;
        const bool complete = reader.items([&] {
            std::string_view name, value;
            if (!reader.bytes(name) || !reader.bytes(value))
                return false;
            if (name == "avro.schema")
                schema = value;
            else if (name == "avro.codec")
                codec = value;
            return true;
        }) && reader.fixed(kSync, sync);
        if (!complete) {
            if (!reader.done() && reader.left() > kMaxHeader)
                return broken(reader.problem());
            if (bytes.size() > kMaxHeader)
                return broken("its header is larger than 16 MB");
            return std::size_t{0};
        }
        SLUICE_TRY(schema_, AvroSchema::parse(schema));
        SLUICE_TRY(codec_, make_block_codec(codec));
        sync_ = sync;
        plan_.emplace(options_, *schema_, options_.format == Format::ApacheAvro, cells_);
        if (!plan_->takes_records())
            return data_error("the values of the file are no records, and the mapping does not use '$' or '$[n]'",
                              "BadRequest_InvalidBlob");
        return static_cast<std::size_t>(reader.at() - bytes.data());
    }

    Result<std::size_t> block(std::string_view bytes, Rows& rows) {
        AvroReader reader(bytes);
        std::int64_t count = 0, size = 0;
        if (bytes.empty() || !reader.number(count) || !reader.number(size)) {
            if (bytes.size() >= 20) // two numbers never take more
                return broken("the head of a block is damaged");
            return std::size_t{0};
        }
        if (count < 0 || size < 0)
            return broken("the head of a block is damaged");
        if (static_cast<Bytes>(size) > options_.max_record)
            return too_large();
        if (reader.left() < static_cast<std::size_t>(size) + kSync)
            return std::size_t{0};
        std::string_view packed, sync;
        reader.fixed(static_cast<std::size_t>(size), packed);
        reader.fixed(kSync, sync);
        if (sync != sync_)
            return broken("the marker behind a block is wrong");
        SLUICE_TRY(const std::string_view content, codec_->unpack(packed, options_.max_record));
        unpacked_ += content.size();
        if (unpacked_ > options_.max_content)
            return data_error(fmt::format("the source unpacks to more than {} bytes", options_.max_content),
                              "Stream_InputStreamTooLarge");
        SLUICE_CHECK(records(content, count, rows));
        return static_cast<std::size_t>(reader.at() - bytes.data());
    }

    Result<> records(std::string_view content, std::int64_t count, Rows& rows) {
        AvroReader reader(content);
        for (std::int64_t i = 0; i < count; ++i) {
            if (reader.done() && i > 0 && i > kMaxWithoutBytes)
                return broken("a block claims more records than it can hold");
            const char* const begin = reader.at();
            const ParseOutcome before = outcome_;
            cells_.begin_row(rows.next_row());
            if (!plan_->read(reader))
                return broken(fmt::format("record {}: {}", outcome_.rows + 1, reader.problem()));
            if (cells_.dynamic_bytes() > kMaxDynamicOfRecord)
                return data_error(
                    fmt::format("the dynamic values of record {} are larger than 64 MB", outcome_.rows + 1),
                    "Stream_DynamicPropertyBagTooLarge");
            fill_constants();
            SLUICE_CHECK(finish_record(rows, before, {begin, static_cast<std::size_t>(reader.at() - begin)}));
        }
        if (!reader.done())
            return broken("a block holds more than its records");
        return {};
    }

    Error too_large() const {
        return data_error(fmt::format("a block is larger than {} bytes", options_.max_record),
                          "Stream_InputStreamTooLarge");
    }

    static constexpr Bytes kMaxDynamicOfRecord = 64_MiB;
    static constexpr std::int64_t kMaxWithoutBytes = 1'000'000;

    std::string kept_; ///< what is not complete yet
    std::optional<AvroSchema> schema_;
    std::unique_ptr<BlockCodec> codec_;
    std::string sync_;
    Bytes unpacked_ = 0;
    std::optional<AvroPlan> plan_;
};

} // namespace

std::unique_ptr<Parser> make_avro_parser(ParserOptions options) {
    return std::make_unique<AvroParser>(std::move(options));
}

} // namespace sluice::data
