#include "core/kql/diagnostic.hpp"

#include <fmt/format.h>

namespace sluice::kql {

void fail_syntax(Offset at, std::string message) {
    throw Failure{Failure::Family::Syntax, "SYN0002", std::move(message), at};
}

void fail_nesting(Offset at, std::string what) {
    throw Failure{Failure::Family::Syntax, "SYN0001", fmt::format("Query could not be parsed: {}", what), at};
}

void fail_semantic(Offset at, std::string message, std::string code) {
    throw Failure{Failure::Family::Semantic, std::move(code), std::move(message), at};
}

void fail_unsupported(Offset at, std::string_view what) {
    throw Failure{Failure::Family::Unsupported, "SEM0219", fmt::format("{} is not supported", what), at};
}

LineColumn locate(std::string_view text, Offset at) {
    LineColumn place{1, 1};
    for (std::size_t i = 0; i < text.size() && i < at; ++i) {
        if (text[i] == '\n') {
            ++place.line;
            place.column = 1;
        } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
            ++place.column;
        }
    }
    return place;
}

std::string message_of(const Failure& failure, std::string_view text) {
    const LineColumn place = locate(text, failure.at);
    switch (failure.family) {
    case Failure::Family::Database:
        return failure.message;
    case Failure::Family::Syntax:
    case Failure::Family::Semantic:
    case Failure::Family::Unsupported:
        break;
    }
    return fmt::format("{} error: {}: {} [line:position={}:{}]",
                       failure.family == Failure::Family::Syntax ? "Syntax" : "Semantic", failure.code, failure.message,
                       place.line, place.column);
}

Error to_error(const Failure& failure, std::string_view text) {
    std::string message = message_of(failure, text);
    for (const Failure& other : failure.others)
        message += "\n" + message_of(other, text);
    switch (failure.family) {
    case Failure::Family::Database:
        return Error{ErrorCode::NotFound, std::move(message), "BadRequest_DatabaseNotExist"};
    case Failure::Family::Unsupported:
        return Error{ErrorCode::Unsupported, std::move(message), "General_BadRequest"};
    case Failure::Family::Syntax:
    case Failure::Family::Semantic:
        break;
    }
    return Error{ErrorCode::Invalid, std::move(message), "General_BadRequest"};
}

} // namespace sluice::kql
