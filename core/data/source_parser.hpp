#pragma once

#include "core/data/cells.hpp"
#include "core/data/encoding.hpp"
#include "core/data/format.hpp"
#include "core/data/transcode.hpp"

#include <string>
#include <string_view>
#include <utility>

/// Internal to core/data: what parsers share.
namespace sluice::data {

/// Bytes to parse. What lies between `end` and `readable` may be read, not used.
struct Block {
    const char* begin;
    const char* end;
    const char* readable;
};

/// What the parsers of all formats share: the outcome, the cells of a row, and what does not come from the record.
class RecordParser : public Parser {
public:
    explicit RecordParser(ParserOptions options);

    std::vector<RefusedRecord> take_refused() final { return std::exchange(refused_, {}); }

protected:
    /// Forgets the source before.
    void begin_records(const SourceFacts& source);
    /// Constants, location and record number: what does not come from the record. Call once for each row.
    void fill_constants();
    void finish_row(Rows& rows) {
        rows.finish_row();
        ++outcome_.rows;
    }
    /// finish_row for a row made of `text`, the record; a strict parser refuses it when a value was lost since
    /// `before`.
    Result<> finish_record(Rows& rows, const ParseOutcome& before, std::string_view text) {
        if (options_.strict)
            return finish_strictly(rows, before, text);
        finish_row(rows);
        return {};
    }
    /// A strict parser keeps a record that gave no row.
    Result<> refuse(std::string_view text, std::string why);
    /// Records that were handed to the mapper before the present one.
    std::uint64_t mapped_before() const { return outcome_.rows + mapped_refused_; }
    Result<> check_size(std::size_t record) const;
    /// The outcome; BadRequest_NoRecordsOrWrongFormat when there was no record, and the first refusal when all were
    /// refused.
    Result<ParseOutcome> outcome();

    const ParserOptions options_;
    ParseOutcome outcome_;
    Cells cells_{outcome_, options_.max_values};

private:
    Result<> finish_strictly(Rows& rows, const ParseOutcome& before, std::string_view text);

    std::vector<RefusedRecord> refused_;
    Bytes refused_bytes_ = 0;
    std::uint64_t mapped_refused_ = 0;
    std::string location_;
    bool constants_ = false;
    bool wants_location_ = false;
};

/// Takes a text apart into blocks that begin with a record: removes byte order marks, turns other encodings into
/// UTF-8, and keeps a record that is not complete until the rest of it comes.
class SourceParser : public RecordParser {
public:
    explicit SourceParser(ParserOptions options);

    using Parser::begin;
    void begin(const SourceFacts& source) final;
    Result<> feed(std::string_view bytes, bool padded, Rows& rows) final;
    Result<ParseOutcome> finish(Rows& rows) final;

protected:
    /// A new source begins.
    virtual void start() = 0;
    /// Adds the records that are complete and returns how many bytes they took; when `last`, all of the block counts as
    /// complete.
    virtual Result<std::size_t> parse(const Block& block, bool last, Rows& rows) = 0;
    /// After the last record.
    virtual Result<> close() { return {}; }

    std::string embedded_; ///< see SourceFacts

private:
    enum class Head : std::uint8_t { Unknown, Utf8, Marked, Declared };

    Result<> take_head(Rows& rows);
    Result<> take(std::string_view bytes, bool padded, Rows& rows);
    Result<> take_text(std::string_view bytes, bool padded, Rows& rows);
    Result<std::size_t> parse_kept(Rows& rows, bool last);
    std::size_t next_try(std::size_t kept) const;

    Head head_ = Head::Unknown;
    std::string head_bytes_; ///< the first bytes, until a byte order mark can be told
    Transcoder transcoder_;
    std::optional<CharsetDecoder> declared_; ///< null: UTF-8
    std::string transcoded_;
    std::string kept_; ///< begins with a record that was not complete
    std::size_t retry_at_ = 0;
};

/// A data error: repeating the source cannot help.
Error data_error(std::string message, const char* reason);

} // namespace sluice::data
