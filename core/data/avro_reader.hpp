#pragma once

#include "core/data/avro_schema.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Internal to core/data: walks over the binary form of Avro values (formats-and-mappings 5).
namespace sluice::data {

/// Values inside of each other; more is an error, as for JSON.
constexpr int kMaxAvroDepth = 256;

/// Every function that fails says why in `problem`. Does not own the bytes; copies nothing.
class AvroReader {
public:
    AvroReader() = default;
    explicit AvroReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

    const char* at() const { return at_; }
    std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
    bool done() const { return at_ == end_; }

    /// int and long: zigzag, seven bits a byte.
    bool number(std::int64_t& out) {
        std::uint64_t bits = 0;
        for (unsigned shift = 0; shift < 70 && at_ != end_; shift += 7) {
            const auto byte = static_cast<unsigned char>(*at_++);
            if (shift == 63 && byte > 1)
                break;
            bits |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
            if ((byte & 0x80) == 0) {
                out = static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
                return true;
            }
        }
        return fail(at_ == end_ ? "it ends inside of a number" : "a number has more than 64 bits");
    }
    bool boolean(bool& out) {
        if (at_ == end_ || static_cast<unsigned char>(*at_) > 1)
            return fail("a boolean is neither 0 nor 1");
        out = *at_++ != 0;
        return true;
    }
    /// float and double, low byte first.
    template <class T> bool floating(T& out) {
        static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
        if (left() < sizeof out)
            return fail("it ends inside of a floating number");
        std::memcpy(&out, at_, sizeof out);
        at_ += sizeof out;
        return true;
    }
    bool fixed(std::size_t size, std::string_view& out) {
        if (left() < size)
            return fail("it ends inside of a text or of bytes");
        out = {at_, size};
        at_ += size;
        return true;
    }
    /// bytes and string.
    bool bytes(std::string_view& out) {
        std::int64_t size = 0;
        if (!number(size))
            return false;
        if (size < 0)
            return fail("a length is negative");
        return fixed(static_cast<std::size_t>(size), out);
    }
    /// The branch of a union or the symbol of an enum.
    bool choice(std::size_t count, std::size_t& out) {
        std::int64_t index = 0;
        if (!number(index))
            return false;
        if (index < 0 || static_cast<std::uint64_t>(index) >= count)
            return fail("a union or enum takes a choice that its type does not have");
        out = static_cast<std::size_t>(index);
        return true;
    }
    /// Calls item() for each element of an array or entry of a map; false ends the walk with failure.
    template <class Item> bool items(Item&& item) {
        for (std::size_t without_bytes = 0;;) {
            std::int64_t count = 0;
            std::int64_t size = 0;
            if (!number(count))
                return false;
            if (count == 0)
                return true;
            if (count < 0) {
                if (count == INT64_MIN || !number(size))
                    return fail("the length of an array or map is none");
                count = -count;
            }
            for (; count > 0; --count) {
                const char* const before = at_;
                if (!item())
                    return false;
                if (at_ == before && ++without_bytes > kMaxWithoutBytes)
                    return fail("an array holds more than a million elements of no bytes");
            }
        }
    }
    bool skip(const AvroType& type, int depth);

    /// What is wrong; null when nothing failed.
    const char* problem() const { return problem_; }
    bool fail(const char* problem) {
        if (problem_ == nullptr)
            problem_ = problem;
        return false;
    }

private:
    static constexpr std::size_t kMaxWithoutBytes = 1'000'000;

    const char* at_ = nullptr;
    const char* end_ = nullptr;
    const char* problem_ = nullptr;
};

/// Appends the value at `reader` as compact JSON; with `logical` as apacheavro reads it. False: the reader knows why.
bool append_json(AvroReader& reader, const AvroType& type, bool logical, std::string& out, int depth);

/// A two's complement number, high byte first, with its point: "-12.50"; "null" beyond 64 bytes.
void append_decimal(std::string& out, std::string_view bytes, int scale);
/// 16 bytes as 8-4-4-4-12.
void append_uuid(std::string& out, std::string_view bytes);
/// {"months":..,"days":..,"milliseconds":..} of the 12 bytes of a duration.
void append_duration(std::string& out, std::string_view bytes);
/// Bytes as characters U+0000..U+00FF.
void append_latin1(std::string& out, std::string_view bytes);
/// [1,2,255]
void append_byte_array(std::string& out, std::string_view bytes);

} // namespace sluice::data
