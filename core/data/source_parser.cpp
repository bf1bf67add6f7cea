#include "core/data/source_parser.hpp"

#include "core/data/bound_mapping.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::data {
namespace {

/// Vector code may read this far beyond the end of a text.
constexpr std::size_t kPadding = 64;
/// A record that was not complete is tried again with every block up to this size; later only when it has doubled,
/// because otherwise a large record in small blocks would cost the square of its size.
constexpr std::size_t kRetryAlways = 4096;

} // namespace

Error data_error(std::string message, const char* reason) {
    return Error{ErrorCode::Invalid, std::move(message), reason};
}

RecordParser::RecordParser(ParserOptions options) : options_(std::move(options)) {
    if (!options_.mapping)
        return;
    for (const BoundElement& element : options_.mapping->elements()) {
        using Source = BoundElement::Source;
        constants_ |= element.source == Source::Constant || element.source == Source::LineNumber;
        wants_location_ |= element.source == Source::Location;
    }
}

void RecordParser::begin_records(const SourceFacts& source) {
    outcome_ = {};
    refused_.clear();
    refused_bytes_ = 0;
    mapped_refused_ = 0;
    if (wants_location_)
        location_ = source.location;
    cells_.check_utf8(false);
}

SourceParser::SourceParser(ParserOptions options) : RecordParser(std::move(options)) {
    if (options_.encoding.empty() || options_.encoding == kUtf8)
        return;
    if (auto decoder = CharsetDecoder::open(options_.encoding))
        declared_ = std::move(*decoder);
}

void SourceParser::begin(const SourceFacts& source) {
    begin_records(source);
    head_ = Head::Unknown;
    head_bytes_.clear();
    kept_.clear();
    retry_at_ = 0;
    embedded_ = source.embedded;
    if (declared_)
        declared_->begin();
    start();
}

Result<> SourceParser::feed(std::string_view bytes, bool padded, Rows& rows) {
    if (bytes.empty())
        return {};
    if (head_ == Head::Unknown) {
        const auto first = static_cast<unsigned char>(bytes.front());
        const bool may_be_mark = first == 0xEF || first == 0xFE || first == 0xFF || first == 0;
        if (!head_bytes_.empty() || may_be_mark) {
            head_bytes_ += bytes;
            return head_bytes_.size() < 4 ? Result<>{} : take_head(rows);
        }
        head_ = declared_ ? Head::Declared : Head::Utf8;
    }
    return take(bytes, padded, rows);
}

Result<> SourceParser::take_head(Rows& rows) {
    const ByteOrderMark mark = find_byte_order_mark(head_bytes_);
    if (mark.size == 0 && declared_)
        head_ = Head::Declared;
    else
        head_ = mark.encoding == Encoding::Utf8 ? Head::Utf8 : Head::Marked;
    transcoder_.begin(mark.encoding);
    return take(std::string_view(head_bytes_).substr(mark.size), false, rows);
}

Result<> SourceParser::take(std::string_view bytes, bool padded, Rows& rows) {
    if (head_ == Head::Utf8)
        return take_text(bytes, padded, rows);
    transcoded_.clear();
    if (head_ == Head::Declared)
        declared_->append(transcoded_, bytes);
    else
        transcoder_.append(transcoded_, bytes);
    return take_text(transcoded_, false, rows);
}

Result<> SourceParser::take_text(std::string_view bytes, bool padded, Rows& rows) {
    const std::size_t padding = padded ? kPadding : 0;
    while (!bytes.empty()) {
        if (kept_.empty()) {
            const char* const end = bytes.data() + bytes.size();
            SLUICE_TRY(const std::size_t used, parse({bytes.data(), end, end + padding}, false, rows));
            kept_.assign(bytes.substr(used));
            retry_at_ = next_try(kept_.size());
            return check_size(kept_.size());
        }
        // The record that was cut ends somewhere in these bytes. Doubling what is kept finds its end in a few tries,
        // and then the rest is parsed where it lies.
        const std::size_t before = kept_.size();
        const std::size_t taken = std::min(bytes.size(), std::max<std::size_t>(before, kRetryAlways));
        kept_.append(bytes.substr(0, taken));
        std::size_t used = 0;
        if (kept_.size() >= retry_at_) {
            SLUICE_TRY(used, parse_kept(rows, false));
            retry_at_ = next_try(kept_.size() - used);
        }
        if (used >= before) {
            bytes.remove_prefix(used - before);
            kept_.clear();
        } else {
            kept_.erase(0, used);
            bytes.remove_prefix(taken);
            SLUICE_CHECK(check_size(kept_.size()));
        }
    }
    return {};
}

Result<std::size_t> SourceParser::parse_kept(Rows& rows, bool last) {
    const std::size_t size = kept_.size();
    kept_.append(kPadding, '\0');
    kept_.resize(size); // the padding stays readable behind the text
    const char* const begin = kept_.data();
    return parse({begin, begin + size, begin + size + kPadding}, last, rows);
}

Result<ParseOutcome> SourceParser::finish(Rows& rows) {
    if (head_ == Head::Unknown && !head_bytes_.empty())
        SLUICE_CHECK(take_head(rows));
    if (head_ == Head::Marked || head_ == Head::Declared) {
        transcoded_.clear();
        if (head_ == Head::Declared)
            declared_->finish(transcoded_);
        else
            transcoder_.finish(transcoded_);
        SLUICE_CHECK(take_text(transcoded_, false, rows));
    }
    if (!kept_.empty()) {
        SLUICE_TRY(const std::size_t used, parse_kept(rows, true));
        (void)used;
    }
    SLUICE_CHECK(close());
    return outcome();
}

Result<ParseOutcome> RecordParser::outcome() {
    if (outcome_.rows == 0 && !refused_.empty()) {
        const RefusedRecord first = std::move(refused_.front());
        refused_.clear();
        return data_error(fmt::format("every record of the source is refused; record {}: {}", first.number, first.why),
                          "BadRequest_InvalidBlob");
    }
    if (outcome_.rows == 0) {
        const std::string dropped =
            outcome_.malformed == 0 ? "" : fmt::format("; {} malformed records were dropped", outcome_.malformed);
        return data_error(fmt::format("the source holds no record in format {}{}", to_string(options_.format), dropped),
                          "BadRequest_NoRecordsOrWrongFormat");
    }
    return outcome_;
}

Result<> RecordParser::finish_strictly(Rows& rows, const ParseOutcome& before, std::string_view text) {
    const bool nulled = outcome_.nulled != before.nulled;
    if (!nulled && outcome_.truncated == before.truncated) {
        finish_row(rows);
        return {};
    }
    Chunk& chunk = cells_.chunk();
    chunk.truncate(chunk.rows());
    outcome_ = before;
    ++mapped_refused_;
    return refuse(text, nulled ? "a value does not fit its column" : "a text is longer than a value may be");
}

Result<> RecordParser::refuse(std::string_view text, std::string why) {
    ++outcome_.refused;
    refused_bytes_ += text.size();
    if (outcome_.refused > kMaxRefused || refused_bytes_ > kMaxRefusedBytes)
        return data_error(fmt::format("more than {} records or {} bytes of the source are refused; record {}: {}",
                                      kMaxRefused, kMaxRefusedBytes, outcome_.rows + outcome_.refused, why),
                          "BadRequest_InvalidBlob");
    refused_.push_back({outcome_.rows + outcome_.refused, std::string(text), std::move(why)});
    return {};
}

std::size_t SourceParser::next_try(std::size_t kept) const {
    return kept < kRetryAlways ? 0 : std::min<std::size_t>(2 * kept, options_.max_record + 1);
}

Result<> RecordParser::check_size(std::size_t record) const {
    if (record <= options_.max_record)
        return {};
    return data_error(fmt::format("record {} is larger than {} bytes", outcome_.rows + 1, options_.max_record),
                      "Stream_InputStreamTooLarge");
}

void RecordParser::fill_constants() {
    if (!constants_ && !wants_location_)
        return;
    for (const BoundElement& element : options_.mapping->elements()) {
        switch (element.source) {
        case BoundElement::Source::Constant:
            cells_.text(element.column, element.constant);
            break;
        case BoundElement::Source::Location:
            cells_.text(element.column, location_);
            break;
        case BoundElement::Source::LineNumber:
            cells_.line_number(element.column, mapped_before() + 1);
            break;
        default:
            break;
        }
    }
}

} // namespace sluice::data
