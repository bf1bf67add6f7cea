#pragma once

#include "core/base/result.hpp"
#include "core/data/chunk.hpp"
#include "core/data/mapping.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// One interface for all formats: bytes in, typed column chunks and record verdicts out. No format knows where its
/// bytes come from or where its rows go. Adding a format is a file with its parser, one line each in format.cpp
/// and parser.cpp, and its name in core/config/connections.cpp; whether it may be streamed is said in
/// core/router/path_policy.cpp.
namespace sluice::data {

enum class Format : std::uint8_t {
    Csv,
    Tsv,
    Scsv,
    Sohsv,
    Psv,
    Tsve,
    Txt,
    Raw,
    Json,
    MultiJson,
    SingleJson,
    Avro,
    ApacheAvro,
    Parquet,
    Orc,
    W3cLogFile,
    AzMonStream,
};

/// Case-insensitive; nothing for a name that is no format.
std::optional<Format> parse_format(std::string_view name);
/// Lower case, as in `dataFormat`: "multijson".
std::string_view to_string(Format format);
/// The mapping kind that goes with a format (formats-and-mappings 1).
MappingKind mapping_kind(Format format);
/// avro, apacheavro, parquet and orc: binary, so never decoded as text, and never inside an outer gzip or zip
/// (formats-and-mappings 2.1 and 2.2).
bool is_container(Format format);
/// By the end of a file name after ".gz"/".zip" was taken off; nothing when no extension is known (formats-and-mappings
/// 1).
std::optional<Format> format_of_file_name(std::string_view name);
/// "a.csv.gz" -> true: the name says that the content is gzip.
bool name_says_gzip(std::string_view name);
bool name_says_zip(std::string_view name);

/// Formats-and-mappings 3.1. Absent behaves as {ConstantColumns, Fail}.
struct ValidationPolicy {
    enum class Options : std::uint8_t {
        DoNotValidate,
        ConstantColumns,
        ColumnLevelOnly
    } options = Options::ConstantColumns;
    enum class Implications : std::uint8_t { Fail, BestEffort } implications = Implications::Fail;
};
/// The ingestion property `validationPolicy`, {"ValidationOptions":1,"ValidationImplications":"BestEffort"}: numbers,
/// numbers as texts or the documented names. BadRequest_MalformedIngestionProperty otherwise.
Result<ValidationPolicy> parse_validation_policy(std::string_view json);

/// Of one file, unpacked (data-connections 1.12).
constexpr Bytes kMaxFile = 6_GiB;
/// Of one text, or of one dynamic value as JSON text, where the encoding policy of the column says nothing else
/// (formats-and-mappings 11).
constexpr Bytes kMaxValue = 1_MiB;

struct ParserOptions {
    Format format = Format::Csv;
    std::shared_ptr<const Schema> schema = {};        ///< of the table
    std::shared_ptr<const BoundMapping> mapping = {}; ///< null: identity mapping (formats-and-mappings 9.4)
    bool ignore_first_record = false;
    std::optional<ValidationPolicy> validation = {};
    std::string encoding = {}; ///< declared for texts, see find_encoding; containers ignore it; a byte order mark wins
    Bytes max_record = 64_MiB;
    /// By column of the schema: a longer text is cut, a larger dynamic value becomes null (formats-and-mappings 8).
    /// Columns beyond the end, such as all of an empty list: kMaxValue.
    std::vector<Bytes> max_values = {};
    /// What a container (avro, parquet) may unpack to: an event by default (formats-and-mappings 2.1). Text is measured
    /// by whoever feeds it.
    Bytes max_content = 64_MiB;
    /// A record that would be dropped, or that would lose a value to null or a part of a text, is refused
    /// instead (data-connections 1.8): it gives no row, and take_refused() has it. A source of which nothing is left
    /// fails.
    bool strict = false;
};

/// Refused records become dead letters of the same transaction, so what they take in memory is limited; a source with
/// more of them fails, and so does an archive.
constexpr std::size_t kMaxRefused = 10'000;
constexpr Bytes kMaxRefusedBytes = 16_MiB;

/// A record that a strict parser refused.
struct RefusedRecord {
    std::uint64_t number = 0; ///< in its source, counted from 1
    std::string text = {};    ///< as UTF-8, without what ends the record; of avro: its bytes
    std::string why = {};
};

/// What became of the records of one source.
struct ParseOutcome {
    std::uint64_t rows = 0;      ///< added to Rows
    std::uint64_t malformed = 0; ///< records dropped silently by the format's rule (json lines)
    std::uint64_t nulled = 0;    ///< values that did not fit their column and became null
    std::uint64_t truncated = 0; ///< texts cut at the limit of one value
    std::uint64_t refused = 0;   ///< records that a strict parser refused; not among those above
    std::uint64_t adjusted = 0;  ///< records padded or cut because a validation policy of best effort asks for it
};

/// What a source brings besides its bytes. The texts are copied where they are needed longer than the call.
struct SourceFacts {
    /// URI for the transform SourceLocation; "" for inline data and streaming requests.
    std::string_view location = {};
    /// Embedded properties (data-connections 1.4), already rendered for the format: for delimited formats the leading
    /// fields, each with its delimiter behind it (`"a,",1,`), and the source may then hold one record only; for the
    /// JSON formats the members for the first record (`"a":"x","b":1`), which win over members of the same name. Others
    /// take none.
    std::string_view embedded = {};
};

/// Turns the bytes of sources into rows. One thread at a time; reusable: begin() starts the next source.
///
///     parser.begin();
///     SLUICE_CHECK(parser.feed(bytes, false, rows));   // any number of blocks
///     SLUICE_TRY(auto outcome, parser.finish(rows));
///
/// After an error the caller rewinds the rows to the mark it took before begin(); the parser is ready for the next
/// begin().
class Parser {
public:
    virtual ~Parser() = default;

    void begin() { begin(SourceFacts{}); }
    virtual void begin(const SourceFacts& source) = 0;
    /// Takes the next block of a source. Texts that end up in rows are copied; an unfinished record is kept inside.
    /// When `padded`, 64 readable bytes follow the block; vector code then takes the last bytes like all others.
    virtual Result<> feed(std::string_view bytes, bool padded, Rows& rows) = 0;
    /// For formats that can be read only when all of the source is there: takes the next rows, some thousands, so that
    /// a caller who hands rows on in between needs little memory. After the last feed; false: there are no more.
    /// finish() takes what is left.
    virtual Result<bool> more(Rows& rows) {
        (void)rows;
        return false;
    }
    /// The source is complete. Sources without a record fail with BadRequest_NoRecordsOrWrongFormat
    /// (formats-and-mappings 2.3).
    virtual Result<ParseOutcome> finish(Rows& rows) = 0;
    /// What was refused since begin(). Bounded: a source with very many such records fails as a whole.
    virtual std::vector<RefusedRecord> take_refused() { return {}; }
};

/// BadRequest_FormatNotSupported for formats that this build does not parse, with the reason;
/// BadRequest_MalformedIngestionProperty for an unknown encoding.
Result<std::unique_ptr<Parser>> make_parser(ParserOptions options);

using ParserFactory = Result<std::unique_ptr<Parser>> (*)(ParserOptions options);
/// Names the parser of a format that needs more than this module may use. At start-up, before the first make_parser.
void register_parser(Format format, ParserFactory factory);

} // namespace sluice::data
