#include "core/data/bound_mapping.hpp"
#include "core/data/json_text.hpp"
#include "core/data/parsers.hpp"
#include "core/data/source_parser.hpp"
#include "core/data/text_scan.hpp"

#include <fmt/format.h>

#include <cstring>
#include <map>

namespace sluice::data {
namespace {

bool parts_fields(char c) {
    return c == ' ' || c == '\t';
}

/// w3clogfile: lines of fields that a directive named before (formats-and-mappings 7).
class W3cLogParser final : public SourceParser {
public:
    explicit W3cLogParser(ParserOptions options) : SourceParser(std::move(options)) {
        if (options_.mapping) {
            for (const BoundElement& element : options_.mapping->elements())
                if (element.source == BoundElement::Source::Path)
                    columns_[element.path.steps.front().name].push_back(element.column);
        } else {
            for (std::size_t i = 0; i < options_.schema->size(); ++i)
                columns_[(*options_.schema)[i].name].push_back(i);
        }
    }

private:
    void start() override {
        fields_.clear();
        announced_ = false;
    }

    Result<std::size_t> parse(const Block& block, bool last, Rows& rows) override {
        const char* p = block.begin;
        while (p != block.end) {
            const void* const feed = std::memchr(p, '\n', static_cast<std::size_t>(block.end - p));
            if (feed == nullptr && !last)
                break;
            const char* const end = feed != nullptr ? static_cast<const char*>(feed) : block.end;
            SLUICE_CHECK(check_size(static_cast<std::size_t>(end - p)));
            SLUICE_CHECK(line(trim({p, static_cast<std::size_t>(end - p)}), rows));
            p = end == block.end ? end : end + 1;
        }
        return static_cast<std::size_t>(p - block.begin);
    }

    Result<> line(std::string_view line, Rows& rows) {
        if (line.empty())
            return {};
        if (line.front() == '#') {
            directive(line.substr(1));
            return {};
        }
        if (!announced_)
            return data_error(fmt::format("the line '{}' comes before any '#Fields:' line that says what it holds",
                                          line.substr(0, 60)),
                              "BadRequest_InvalidBlob");
        if (!split(line) || tokens_.size() != fields_.size()) {
            if (options_.strict)
                return refuse(line, "the line has not as many values as '#Fields:' has names");
            ++outcome_.malformed;
            return {};
        }
        const ParseOutcome before = outcome_;
        cells_.begin_row(rows.next_row());
        cells_.check_utf8(!is_valid_utf8(line));
        for (std::size_t i = 0; i < tokens_.size(); ++i)
            if (fields_[i] != nullptr && tokens_[i] != "-")
                for (const std::size_t column : *fields_[i])
                    cells_.text(column, tokens_[i]);
        fill_constants();
        return finish_record(rows, before, line);
    }

    void directive(std::string_view text) {
        constexpr std::string_view kFields = "fields:";
        if (text.size() < kFields.size() || !equals_ignoring_case(text.substr(0, kFields.size()), kFields))
            return;
        announced_ = true;
        fields_.clear();
        if (!split(trim(text.substr(kFields.size()))))
            return;
        for (const std::string_view name : tokens_) {
            const auto at = columns_.find(name);
            fields_.push_back(at == columns_.end() ? nullptr : &at->second);
        }
    }

    /// Takes `line` apart into tokens_; false when a quote is not closed.
    bool split(std::string_view line) {
        tokens_.clear();
        unquoted_.clear();
        unquoted_.reserve(line.size()); // the tokens refer to it
        for (std::size_t i = 0; i < line.size();) {
            if (parts_fields(line[i])) {
                ++i;
                continue;
            }
            if (line[i] == '"') {
                if (!quoted(line, i))
                    return false;
                continue;
            }
            const std::size_t begin = i;
            while (i < line.size() && !parts_fields(line[i]))
                ++i;
            tokens_.push_back(line.substr(begin, i - begin));
        }
        return true;
    }

    /// At the opening quote; `i` moves behind the closing one.
    bool quoted(std::string_view line, std::size_t& i) {
        const std::size_t begin = unquoted_.size();
        for (++i; i < line.size(); ++i) {
            if (line[i] == '"') {
                if (i + 1 == line.size() || line[i + 1] != '"') {
                    ++i;
                    tokens_.push_back(std::string_view(unquoted_).substr(begin));
                    return i == line.size() || parts_fields(line[i]);
                }
                ++i;
            }
            unquoted_ += line[i];
        }
        return false;
    }

    std::map<std::string, std::vector<std::size_t>, std::less<>> columns_; ///< by field
    std::vector<const std::vector<std::size_t>*> fields_; ///< of the latest directive; null: no column takes it
    bool announced_ = false;
    std::vector<std::string_view> tokens_;
    std::string unquoted_;
};

} // namespace

std::unique_ptr<Parser> make_w3c_log_parser(ParserOptions options) {
    return std::make_unique<W3cLogParser>(std::move(options));
}

} // namespace sluice::data
