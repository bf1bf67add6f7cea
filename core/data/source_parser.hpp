#pragma once

#include "core/data/cells.hpp"
#include "core/data/format.hpp"
#include "core/data/transcode.hpp"

#include <string>
#include <string_view>

/// Internal to core/data: what the parsers of all text formats share.
namespace sluice::data {

/// Bytes to parse. What lies between `end` and `readable` may be read, not used.
struct Block {
    const char* begin;
    const char* end;
    const char* readable;
};

/// Takes a source apart into blocks that begin with a record: removes byte order marks, turns other encodings into
/// UTF-8, and keeps a record that is not complete until the rest of it comes.
class SourceParser : public Parser {
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

    /// Constants, location and record number: what does not come from the record. Call once for each row.
    void fill_constants();
    void finish_row(Rows& rows) {
        rows.finish_row();
        ++outcome_.rows;
    }
    Result<> check_size(std::size_t record) const;

    const ParserOptions options_;
    ParseOutcome outcome_;
    Cells cells_{outcome_};
    std::string embedded_; ///< see SourceFacts

private:
    enum class Head : std::uint8_t { Unknown, Utf8, Other };

    Result<> take_head(Rows& rows);
    Result<> take(std::string_view bytes, bool padded, Rows& rows);
    Result<> take_text(std::string_view bytes, bool padded, Rows& rows);
    Result<std::size_t> parse_kept(Rows& rows, bool last);
    std::size_t next_try(std::size_t kept) const;

    Head head_ = Head::Unknown;
    std::string head_bytes_; ///< the first bytes, until a byte order mark can be told
    Transcoder transcoder_;
    std::string transcoded_;
    std::string kept_; ///< begins with a record that was not complete
    std::size_t retry_at_ = 0;
    std::string location_;
    bool constants_ = false;
    bool wants_location_ = false;
};

/// A data error: repeating the source cannot help.
Error data_error(std::string message, const char* reason);

} // namespace sluice::data
