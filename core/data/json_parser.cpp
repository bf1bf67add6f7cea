#include "core/data/json_plan.hpp"
#include "core/data/parsers.hpp"
#include "core/data/source_parser.hpp"

#include <fmt/format.h>

#include <cstring>

namespace sluice::data {
namespace {

constexpr Bytes kMaxDynamicOfRecord = 64_MiB;

std::string_view without_return(std::string_view line) {
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

/// What json, multijson and singlejson have in common: a value becomes a row.
class JsonParser : public SourceParser {
public:
    explicit JsonParser(ParserOptions options) : SourceParser(std::move(options)), plan_(options_, cells_) {}

protected:
    enum class Verdict : std::uint8_t { Row, Refused };

    /// At a value. Adds its row or leaves none; `reader.problem()` is null when the value is right but no record.
    Result<Verdict> record(JsonReader& reader, int depth, Rows& rows) {
        if (reader.peek() != '{' && !plan_.takes_any_value())
            return Verdict::Refused;
        Chunk& chunk = rows.next_row();
        cells_.begin_row(chunk);
        before_ = outcome_;
        begin_ = reader.at();
        const bool embed = !embedded_.empty() && mapped_before() == 0 && reader.peek() == '{';
        if (!(embed ? read_embedded(reader, depth) : plan_.read(reader, depth))) {
            take_back(chunk);
            return Verdict::Refused;
        }
        SLUICE_CHECK(check_size(static_cast<std::size_t>(reader.at() - begin_)));
        if (cells_.dynamic_bytes() > kMaxDynamicOfRecord)
            return data_error(fmt::format("the dynamic values of record {} are larger than 64 MB", outcome_.rows + 1),
                              "Stream_DynamicPropertyBagTooLarge");
        fill_constants();
        return Verdict::Row;
    }

    /// The row that record() made stands; `end` is behind the record's text.
    Result<> add_record(Rows& rows, const char* end) {
        return finish_record(rows, before_, {begin_, static_cast<std::size_t>(end - begin_)});
    }

    /// Undoes a record that turned out not to count before finish_row.
    void take_back(Chunk& chunk) {
        chunk.truncate(chunk.rows());
        outcome_ = before_;
    }

private:
    /// Reads the object as if the embedded members stood at its end, where they win over members of the same name.
    bool read_embedded(JsonReader& reader, int depth) {
        const char* const begin = reader.at();
        if (!reader.skip_value(depth))
            return false;
        JsonReader inside({begin + 1, static_cast<std::size_t>(reader.at() - begin - 1)});
        const bool empty = inside.space() && inside.peek() == '}';
        merged_.assign(begin, reader.at() - 1);
        if (!empty)
            merged_ += ',';
        merged_ += embedded_;
        merged_ += '}';
        JsonReader merged(merged_);
        return plan_.read(merged, depth);
    }

    JsonPlan plan_;
    ParseOutcome before_;
    const char* begin_ = nullptr; ///< of the latest record
    std::string merged_;
};

/// json: a line is a record; what is no record is dropped and counted (formats-and-mappings 4.1).
class JsonLinesParser final : public JsonParser {
public:
    using JsonParser::JsonParser;

private:
    void start() override {}

    Result<std::size_t> parse(const Block& block, bool last, Rows& rows) override {
        const char* p = block.begin;
        while (p != block.end) {
            const void* const feed = std::memchr(p, '\n', static_cast<std::size_t>(block.end - p));
            if (feed == nullptr && !last)
                break;
            const char* const end = feed != nullptr ? static_cast<const char*>(feed) : block.end;
            SLUICE_CHECK(check_size(static_cast<std::size_t>(end - p)));
            SLUICE_CHECK(line({p, end, block.readable}, rows));
            p = feed != nullptr ? end + 1 : end;
        }
        return static_cast<std::size_t>(p - block.begin);
    }

    Result<> line(const Block& line, Rows& rows) {
        JsonReader reader(line.begin, line.end, line.readable, JsonDialect::Relaxed);
        if (reader.space()) {
            if (reader.done())
                return {};
            SLUICE_TRY(const Verdict verdict, record(reader, 0, rows));
            if (verdict == Verdict::Row) {
                const char* const end = reader.at();
                if (reader.space() && reader.done())
                    return add_record(rows, end);
                take_back(cells_.chunk());
            }
        }
        if (options_.strict)
            return refuse(without_return({line.begin, static_cast<std::size_t>(line.end - line.begin)}),
                          reader.problem() != nullptr ? reader.problem() : "a line must be one object");
        ++outcome_.malformed;
        return {};
    }
};

/// multijson: values one after another, arrays of records taken apart; an error fails the source.
class MultiJsonParser final : public JsonParser {
public:
    using JsonParser::JsonParser;

private:
    enum class Expect : std::uint8_t { Value, FirstElement, Element, Comma };

    void start() override {
        expect_ = Expect::Value;
        position_ = 0;
    }

    Result<std::size_t> parse(const Block& block, bool last, Rows& rows) override {
        JsonReader reader(block.begin, block.end, block.readable, JsonDialect::Relaxed);
        const char* used = block.begin; // all before it is dealt with
        for (;;) {
            used = reader.at();
            const bool blank = reader.space();
            const bool more_may_change_it =
                !last && (reader.incomplete() || (reader.done() && reader.in_line_comment()));
            if (more_may_change_it)
                break;
            if (!blank)
                return syntax_error(reader, block);
            used = reader.at();
            if (reader.done())
                break;
            if (take_bracket(reader))
                continue;
            if (expect_ == Expect::Comma) {
                reader.fail("',' or ']' is expected after a record");
                return syntax_error(reader, block);
            }
            SLUICE_TRY(const bool complete, value(reader, block, last, rows));
            if (!complete)
                break;
        }
        const auto size = static_cast<std::size_t>(used - block.begin);
        position_ += size;
        return size;
    }

    /// Steps over what stands between records.
    bool take_bracket(JsonReader& reader) {
        switch (expect_) {
        case Expect::Value:
            if (!reader.eat('['))
                return false;
            expect_ = Expect::FirstElement;
            return true;
        case Expect::FirstElement:
            if (!reader.eat(']'))
                return false;
            expect_ = Expect::Value;
            return true;
        case Expect::Comma:
            if (reader.eat(',')) {
                expect_ = Expect::Element;
                return true;
            }
            if (!reader.eat(']'))
                return false;
            expect_ = Expect::Value;
            return true;
        case Expect::Element:
            return false;
        }
        return false;
    }

    /// False: the block ended before the value did.
    Result<bool> value(JsonReader& reader, const Block& block, bool last, Rows& rows) {
        const char first = reader.peek();
        SLUICE_TRY(const Verdict verdict, record(reader, expect_ == Expect::Value ? 0 : 1, rows));
        if (verdict == Verdict::Refused) {
            if (!last && reader.incomplete())
                return false;
            if (reader.problem() == nullptr)
                reader.fail("a record must be an object, unless the mapping uses '$' or '$[n]'");
            return syntax_error(reader, block);
        }
        // 12 at the end of a block may be the start of 123.
        const bool delimited = first == '{' || first == '[' || first == '"' || first == '\'';
        if (!delimited && !last && reader.done()) {
            take_back(cells_.chunk());
            return false;
        }
        SLUICE_CHECK(add_record(rows, reader.at()));
        if (expect_ != Expect::Value)
            expect_ = Expect::Comma;
        return true;
    }

    Result<> close() override {
        if (expect_ == Expect::Value)
            return {};
        return data_error("the source ends inside an array of records: ']' is missing", "BadRequest_InvalidBlob");
    }

    Error syntax_error(const JsonReader& reader, const Block& block) const {
        return data_error(fmt::format("record {} is no valid JSON: {} at byte {} of the source", outcome_.rows + 1,
                                      reader.problem(),
                                      position_ + static_cast<std::uint64_t>(reader.at() - block.begin) + 1),
                          "BadRequest_InvalidBlob");
    }

    Expect expect_ = Expect::Value;
    std::uint64_t position_ = 0; ///< of the block in the source
};

/// singlejson: the source is one value and one record.
class SingleJsonParser final : public JsonParser {
public:
    using JsonParser::JsonParser;

private:
    void start() override {}

    Result<std::size_t> parse(const Block& block, bool last, Rows& rows) override {
        if (!last)
            return 0;
        JsonReader reader(block.begin, block.end, block.readable, JsonDialect::Relaxed);
        if (reader.space() && !reader.done()) {
            SLUICE_TRY(const Verdict verdict, record(reader, 0, rows));
            if (verdict == Verdict::Row) {
                const char* const end = reader.at();
                if (reader.space() && !reader.done())
                    reader.fail("nothing may follow the value");
                if (reader.problem() == nullptr)
                    SLUICE_CHECK(add_record(rows, end));
            } else if (reader.problem() == nullptr) {
                reader.fail("a record must be an object, unless the mapping uses '$' or '$[n]'");
            }
        }
        if (reader.problem() != nullptr)
            return data_error(fmt::format("the source is no valid JSON: {} at byte {}", reader.problem(),
                                          reader.at() - block.begin + 1),
                              "BadRequest_InvalidBlob");
        return static_cast<std::size_t>(block.end - block.begin);
    }
};

} // namespace

std::unique_ptr<Parser> make_json_parser(ParserOptions options) {
    switch (options.format) {
    case Format::MultiJson:
        return std::make_unique<MultiJsonParser>(std::move(options));
    case Format::SingleJson:
        return std::make_unique<SingleJsonParser>(std::move(options));
    default:
        return std::make_unique<JsonLinesParser>(std::move(options));
    }
}

} // namespace sluice::data
