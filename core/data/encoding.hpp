#pragma once

#include "core/base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// The encodings of texts that a source may declare (data-connections 1.5).
namespace sluice::data {

/// What a declared encoding is called here, upper case: "UTF-8", "UTF-16LE", "CP1252". `name` is the name that .NET
/// uses, in any case; "" means UTF-8. BadRequest_MalformedIngestionProperty for an unknown name and for utf-7.
Result<std::string_view> find_encoding(std::string_view name);
constexpr std::string_view kUtf8 = "UTF-8";

/// Turns text in an encoding that find_encoding named into UTF-8, block by block; what cannot be decoded becomes
/// U+FFFD, and a byte order mark at its beginning goes. One thread at a time.
class CharsetDecoder {
public:
    /// Unsupported when the system's C library lacks the encoding.
    static Result<CharsetDecoder> open(std::string_view encoding);
    CharsetDecoder(CharsetDecoder&&) noexcept;
    CharsetDecoder& operator=(CharsetDecoder&&) noexcept;
    ~CharsetDecoder();

    /// A new text begins.
    void begin();
    void append(std::string& out, std::string_view bytes);
    /// The text is complete: a character that was cut short becomes U+FFFD.
    void finish(std::string& out);

private:
    struct State;
    explicit CharsetDecoder(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace sluice::data
