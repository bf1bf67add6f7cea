#include "core/data/fields.hpp"
#include "core/data/json_text.hpp"
#include "core/data/parsers.hpp"
#include "core/data/source_parser.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace sluice::data {
namespace {

char delimiter_of(Format format) {
    switch (format) {
    case Format::Tsv:
    case Format::Tsve:
        return '\t';
    case Format::Scsv:
        return ';';
    case Format::Sohsv:
        return '\x01';
    case Format::Psv:
        return '|';
    default:
        return ',';
    }
}

/// First `a` or `b` from `p` on, or `end`. Reads nothing from `readable` on.
const char* find_either(const char* p, const char* end, [[maybe_unused]] const char* readable, char a, char b) {
#ifdef __SSE2__
    const __m128i as = _mm_set1_epi8(a), bs = _mm_set1_epi8(b);
    while (p < end && readable - p >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const auto hits = static_cast<unsigned>(
            _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, as), _mm_cmpeq_epi8(bytes, bs))));
        if (hits != 0) {
            const char* const hit = p + std::countr_zero(hits);
            return hit < end ? hit : end;
        }
        p += 16;
    }
    if (p >= end)
        return end;
#endif
    while (p != end && *p != a && *p != b)
        ++p;
    return p;
}

const char* find_byte(const char* p, const char* end, char byte) {
    const void* const hit = std::memchr(p, byte, static_cast<std::size_t>(end - p));
    return hit ? static_cast<const char*>(hit) : end;
}

/// Behind the last line feed of the block; its begin when there is none. No record is complete after that.
const char* end_of_lines(const Block& block) {
    const char* p = block.end;
    while (p != block.begin && p[-1] != '\n')
        --p;
    return p;
}

std::string_view without_line_end(std::string_view record) {
    for (const char end : {'\n', '\r'})
        if (record.ends_with(end))
            record.remove_suffix(1);
    return record;
}

/// csv, tsv, scsv, sohsv, psv and tsve (formats-and-mappings 3 to 3.2).
class DelimitedParser final : public SourceParser {
public:
    explicit DelimitedParser(ParserOptions options)
        : SourceParser(std::move(options)), plan_(options_), delimiter_(delimiter_of(options_.format)),
          escapes_(options_.format == Format::Tsve) {
        const ValidationPolicy policy = options_.validation.value_or(ValidationPolicy{});
        using Options = ValidationPolicy::Options;
        const bool fail = policy.implications == ValidationPolicy::Implications::Fail;
        strict_count_ = policy.options == Options::ConstantColumns && fail;
        strict_values_ = policy.options == Options::ColumnLevelOnly && fail;
        count_adjusted_ = policy.options != Options::DoNotValidate && !fail;
    }

private:
    /// One field as it was found.
    struct Field {
        std::string_view text = {};
        const char* next = nullptr; ///< behind the field and what ends it
        bool ends_record = false;
        bool complete = true; ///< false: the block ended inside it
        const char* problem = nullptr;
    };

    void start() override {
        fields_ = 0;
        skip_first_ = options_.ignore_first_record;
    }

    Result<std::size_t> parse(const Block& block, bool last, Rows& rows) override {
        const Block whole{block.begin, last ? block.end : end_of_lines(block), block.readable};
        cells_.check_utf8(!is_valid_utf8({whole.begin, static_cast<std::size_t>(whole.end - whole.begin)}));
        const char* p = whole.begin;
        while (p != whole.end) {
            if (*p == '\n') {
                ++p;
                continue;
            }
            if (*p == '\r' && whole.end - p > 1 && p[1] == '\n') {
                p += 2;
                continue;
            }
            SLUICE_TRY(const char* const next, record(p, whole, last, rows));
            if (next == nullptr)
                break;
            SLUICE_CHECK(check_size(static_cast<std::size_t>(next - p)));
            p = next;
        }
        return static_cast<std::size_t>(p - whole.begin);
    }

    /// Where the next record begins; null when this one is not complete.
    Result<const char*> record(const char* p, const Block& block, bool last, Rows& rows) {
        const char* const begin = p;
        const ParseOutcome before = outcome_;
        const bool skip = skip_first_;
        Chunk& chunk = rows.next_row();
        cells_.begin_row(chunk);
        const FieldPlan::Target* next = plan_.begin();
        std::size_t count = skip || embedded_.empty() ? 0 : embedded_fields(next);
        for (;;) {
            const Field field = any_field(p, block, last);
            if (field.problem != nullptr)
                return broken_quote(field.problem);
            if (!field.complete) {
                chunk.truncate(chunk.rows());
                outcome_ = before;
                return nullptr;
            }
            if (!skip)
                FieldPlan::fill(next, count, field.text, cells_);
            ++count;
            p = field.next;
            if (field.ends_record)
                break;
        }
        if (skip) {
            skip_first_ = false;
            return p;
        }
        SLUICE_CHECK(check_record(count, before));
        fill_constants();
        SLUICE_CHECK(finish_record(rows, before, without_line_end({begin, static_cast<std::size_t>(p - begin)})));
        return p;
    }

    Result<> check_record(std::size_t count, const ParseOutcome& before) {
        if (fields_ == 0)
            fields_ = count;
        if (!embedded_.empty() && mapped_before() > 0)
            return data_error("the event holds more than one record, but its embedded properties belong to one",
                              "Stream_WrongNumberOfFields");
        if (count != fields_) {
            if (strict_count_)
                return data_error(
                    fmt::format("record {} has {} fields, the first record has {}", outcome_.rows + 1, count, fields_),
                    "Stream_WrongNumberOfFields");
            outcome_.adjusted += count_adjusted_;
        }
        if (strict_values_ && outcome_.nulled != before.nulled)
            return data_error(fmt::format("record {} holds a value that does not fit its column", outcome_.rows + 1),
                              "BadRequest_InvalidBlob");
        if (cells_.dynamic_bytes() > kMaxDynamicOfRecord)
            return data_error(fmt::format("the dynamic values of record {} are larger than 64 MB", outcome_.rows + 1),
                              "Stream_DynamicPropertyBagTooLarge");
        return {};
    }

    Error broken_quote(const char* problem) const {
        return data_error(fmt::format("record {}: {}", outcome_.rows + 1, problem), "Stream_ClosingQuoteMissing");
    }

    /// The leading fields that the source brings along; how many there are.
    std::size_t embedded_fields(const FieldPlan::Target*& next) {
        const char* p = embedded_.data();
        const Block block{p, p + embedded_.size(), p + embedded_.size()};
        std::size_t count = 0;
        while (p != block.end) {
            const Field field = any_field(p, block, true);
            if (field.problem != nullptr)
                break;
            FieldPlan::fill(next, count, field.text, cells_);
            ++count;
            p = field.next;
        }
        return count;
    }

    Field any_field(const char* p, const Block& block, bool last) {
        if (escapes_)
            return escaped_field(p, block, last);
        return p != block.end && *p == '"' ? quoted_field(p, block, last) : plain_field(p, block);
    }

    Field plain_field(const char* p, const Block& block) const {
        const char* const end = find_either(p, block.end, block.readable, delimiter_, '\n');
        if (end == block.end)
            return {.text = {p, static_cast<std::size_t>(end - p)}, .next = end, .ends_record = true};
        const bool line_end = *end == '\n';
        const bool carriage_return = line_end && end != p && end[-1] == '\r';
        return {
            .text = {p, static_cast<std::size_t>(end - p - carriage_return)}, .next = end + 1, .ends_record = line_end};
    }

    /// `p` at the opening quote.
    Field quoted_field(const char* p, const Block& block, bool last) {
        const char* const begin = ++p;
        const char* quote = find_byte(p, block.end, '"');
        bool doubled = false;
        // When the block may go on, a quote at its end may be the first of two.
        while (quote != block.end && quote + 1 != block.end && quote[1] == '"') {
            doubled = true;
            quote = find_byte(quote + 2, block.end, '"');
        }
        if (quote == block.end) {
            if (last)
                return {.problem = "the closing quote of a field is missing"};
            return {.complete = false};
        }
        Field field{.text = {begin, static_cast<std::size_t>(quote - begin)}};
        if (doubled)
            field.text = without_doubled_quotes(field.text);
        const char* const after = quote + 1;
        if (after == block.end) {
            field.complete = last;
            field.ends_record = true;
            field.next = after;
        } else if (*after == delimiter_) {
            field.next = after + 1;
        } else if (*after == '\n') {
            field.ends_record = true;
            field.next = after + 1;
        } else if (*after == '\r' && block.end - after > 1 && after[1] == '\n') {
            field.ends_record = true;
            field.next = after + 2;
        } else {
            field.problem = "after the closing quote of a field only a delimiter or the end of the record may follow";
        }
        return field;
    }

    std::string_view without_doubled_quotes(std::string_view raw) {
        scratch_.clear();
        for (std::size_t i = 0; i < raw.size();) {
            const std::size_t quote = raw.find('"', i);
            const std::size_t end = quote == std::string_view::npos ? raw.size() : quote + 1;
            scratch_.append(raw, i, end - i);
            i = quote == std::string_view::npos ? end : end + 1;
        }
        return scratch_;
    }

    /// A field of tsve, where a backslash escapes in any field and nothing is quoted.
    Field escaped_field(const char* p, const Block& block, bool last) {
        const char* const begin = p;
        const char* escaped = nullptr; // the latest byte behind a backslash
        while (p != block.end && *p != delimiter_ && *p != '\n') {
            if (*p == '\\' && block.end - p > 1)
                escaped = ++p;
            ++p;
        }
        if (p == block.end && !last)
            return {.complete = false};
        const bool line_end = p != block.end && *p == '\n';
        const bool carriage_return = line_end && p != begin && p[-1] == '\r' && escaped != p - 1;
        std::string_view text{begin, static_cast<std::size_t>(p - begin - carriage_return)};
        if (escaped != nullptr)
            text = without_escapes(text);
        return {.text = text, .next = p == block.end ? p : p + 1, .ends_record = line_end || p == block.end};
    }

    std::string_view without_escapes(std::string_view raw) {
        scratch_.clear();
        for (std::size_t i = 0; i < raw.size(); ++i) {
            if (raw[i] != '\\' || i + 1 == raw.size()) {
                scratch_ += raw[i];
                continue;
            }
            const char letter = raw[++i];
            scratch_ += letter == 't' ? '\t' : letter == 'n' ? '\n' : letter == 'r' ? '\r' : letter;
        }
        return scratch_;
    }

    static constexpr Bytes kMaxDynamicOfRecord = 64_MiB;

    const FieldPlan plan_;
    const char delimiter_;
    const bool escapes_;
    bool strict_count_ = true, strict_values_ = false, count_adjusted_ = false;
    bool skip_first_ = false;
    std::size_t fields_ = 0; ///< of the first record; 0 before it
    std::string scratch_;
};

/// txt: a line is a record of one field. raw: the source is (formats-and-mappings 3.3, 3.4).
class TextParser final : public SourceParser {
public:
    explicit TextParser(ParserOptions options)
        : SourceParser(std::move(options)), plan_(options_), lines_(options_.format == Format::Txt) {}

private:
    void start() override { skip_first_ = lines_ && options_.ignore_first_record; }

    Result<std::size_t> parse(const Block& block, bool last, Rows& rows) override {
        if (!lines_) {
            if (last)
                SLUICE_CHECK(record({block.begin, static_cast<std::size_t>(block.end - block.begin)}, rows));
            return last ? static_cast<std::size_t>(block.end - block.begin) : 0;
        }
        const char* p = block.begin;
        while (p != block.end) {
            const char* const end = find_byte(p, block.end, '\n');
            if (end == block.end && !last)
                break;
            const bool carriage_return = end != p && end[-1] == '\r';
            const std::string_view line(p, static_cast<std::size_t>(end - p - carriage_return));
            if (!line.empty() && !skip_first_)
                SLUICE_CHECK(record(line, rows));
            skip_first_ &= line.empty();
            p = end == block.end ? end : end + 1;
        }
        return static_cast<std::size_t>(p - block.begin);
    }

    Result<> record(std::string_view text, Rows& rows) {
        SLUICE_CHECK(check_size(text.size()));
        const ParseOutcome before = outcome_;
        cells_.begin_row(rows.next_row());
        cells_.check_utf8(!is_valid_utf8(text));
        const FieldPlan::Target* next = plan_.begin();
        FieldPlan::fill(next, 0, text, cells_);
        fill_constants();
        return finish_record(rows, before, text);
    }

    const FieldPlan plan_;
    const bool lines_;
    bool skip_first_ = false;
};

} // namespace

std::unique_ptr<Parser> make_delimited_parser(ParserOptions options) {
    return std::make_unique<DelimitedParser>(std::move(options));
}

std::unique_ptr<Parser> make_text_parser(ParserOptions options) {
    return std::make_unique<TextParser>(std::move(options));
}

} // namespace sluice::data
