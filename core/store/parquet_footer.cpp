#include "core/store/parquet_footer.hpp"

#include <algorithm>
#include <cstdint>

namespace sluice::store {
namespace {

constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxElements = 1'000'000;
constexpr std::int64_t kMostDigits = 38;

/// The compact protocol of Thrift, in which the footer is written. Every function answers false when the bytes are not
/// what they should be.
class Thrift {
public:
    enum Kind : unsigned { Stop, True, False, Byte, I16, I32, I64, Double, Binary, List, Set, Map, Struct };
    struct Field {
        unsigned kind;
        std::int64_t id;
        std::size_t at; ///< of the byte that names kind and id
    };

    explicit Thrift(std::string_view bytes) : bytes_(bytes) {}

    /// The next field of the struct whose latest field had the number `id`, 0 before the first; its end has kind Stop.
    bool field(std::int64_t id, Field& out) {
        out.at = at_;
        unsigned head = 0;
        if (!byte(head))
            return false;
        out.kind = head & 15;
        out.id = id + (head >> 4);
        return out.kind == Stop || head >> 4 != 0 || number(out.id);
    }
    /// Integers of any width.
    bool number(std::int64_t& out) {
        std::uint64_t bits = 0;
        if (!varint(bits))
            return false;
        out = static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
        return true;
    }
    bool binary(std::string_view& out) {
        std::uint64_t size = 0;
        if (!varint(size) || size > bytes_.size() - at_)
            return false;
        out = bytes_.substr(at_, size);
        at_ += size;
        return true;
    }
    bool list(unsigned& kind, std::uint64_t& size) {
        unsigned head = 0;
        if (!byte(head))
            return false;
        kind = head & 15;
        size = head >> 4;
        return (size != 15 || varint(size)) && size <= bytes_.size() - at_;
    }
    /// Calls field(f) for each field of a struct, which steps over its value.
    template <class Each> bool fields(Each&& each) {
        for (Field next{0, 0, 0};;) {
            if (!field(next.id, next))
                return false;
            if (next.kind == Stop)
                return true;
            if (!each(next))
                return false;
        }
    }
    bool skip(unsigned kind, int depth = 0) {
        std::int64_t value = 0;
        std::string_view text;
        switch (kind) {
        case True:
        case False:
            return true; // the kind is the value
        case Byte:
            return step(1);
        case I16:
        case I32:
        case I64:
            return number(value);
        case Double:
            return step(8);
        case Binary:
            return binary(text);
        case List:
        case Set:
            return skip_list(depth);
        case Struct:
            return depth < kMaxDepth && fields([&](const Field& f) { return skip(f.kind, depth + 1); });
        default:
            return false; // maps do not occur in a footer
        }
    }

private:
    bool byte(unsigned& out) {
        if (at_ == bytes_.size())
            return false;
        out = static_cast<unsigned char>(bytes_[at_++]);
        return true;
    }
    bool step(std::size_t size) {
        if (size > bytes_.size() - at_)
            return false;
        at_ += size;
        return true;
    }
    bool varint(std::uint64_t& out) {
        out = 0;
        unsigned part = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            if (!byte(part))
                return false;
            out |= static_cast<std::uint64_t>(part & 0x7F) << shift;
            if ((part & 0x80) == 0)
                return true;
        }
        return false;
    }
    bool skip_list(int depth) {
        unsigned kind = 0;
        std::uint64_t size = 0;
        if (depth >= kMaxDepth || !list(kind, size))
            return false;
        for (; size > 0; --size)
            if (!(kind == True || kind == False ? step(1) : skip(kind, depth + 1)))
                return false;
        return true;
    }

    std::string_view bytes_;
    std::size_t at_ = 0;
};

/// An element as it stands in the footer's list, where the children of a group follow it.
struct Flat {
    ParquetElement element;
    std::int64_t children = 0;
};

class SchemaReader {
public:
    explicit SchemaReader(std::string_view metadata) : thrift_(metadata) {}

    bool read(ParquetFooter& footer) {
        bool found = false;
        const bool intact = thrift_.fields([&](const Thrift::Field& field) {
            if (field.id != kSchema || field.kind != Thrift::List || found)
                return thrift_.skip(field.kind);
            found = true;
            return elements(footer);
        });
        std::size_t next = 0;
        return intact && found && tree(footer.root, next, 0) && next == flat_.size();
    }

private:
    // Numbers of fields in FileMetaData, SchemaElement, LogicalType, TimestampType and TimeUnit.
    static constexpr std::int64_t kSchema = 2;
    static constexpr std::int64_t kType = 1, kName = 4, kChildren = 5, kConverted = 6, kPrecision = 8, kLogical = 10;
    static constexpr std::int64_t kTimestamp = 8, kAdjusted = 1, kUnit = 2, kNanoseconds = 3;
    static constexpr std::int64_t kByteArray = 6, kFixedByteArray = 7, kConvertedBson = 20, kLogicalBson = 13;

    bool elements(ParquetFooter& footer) {
        unsigned kind = 0;
        std::uint64_t size = 0;
        if (!thrift_.list(kind, size) || kind != Thrift::Struct || size == 0 || size > kMaxElements)
            return false;
        for (; size > 0; --size)
            if (!element(footer))
                return false;
        return true;
    }

    bool element(ParquetFooter& footer) {
        Flat flat;
        std::int64_t type = -1, converted = -1, precision = 0;
        bool bson = false;
        std::string_view name;
        const bool intact = thrift_.fields([&](const Thrift::Field& field) {
            switch (field.id) {
            case kType:
                return field.kind == Thrift::I32 && thrift_.number(type);
            case kName:
                return field.kind == Thrift::Binary && thrift_.binary(name);
            case kChildren:
                return field.kind == Thrift::I32 && thrift_.number(flat.children);
            case kConverted:
                return field.kind == Thrift::I32 && thrift_.number(converted);
            case kPrecision:
                return field.kind == Thrift::I32 && thrift_.number(precision);
            case kLogical:
                return field.kind == Thrift::Struct && logical(footer, bson);
            default:
                return thrift_.skip(field.kind);
            }
        });
        flat.element.name = name;
        using Physical = ParquetElement::Physical;
        bson |= converted == kConvertedBson;
        flat.element.physical = bson                      ? Physical::Other
                                : type == kByteArray      ? Physical::Bytes
                                : type == kFixedByteArray ? Physical::FixedBytes
                                                          : Physical::Other;
        flat.element.misread = precision > kMostDigits;
        flat_.push_back(std::move(flat));
        return intact;
    }

    bool logical(ParquetFooter& footer, bool& bson) {
        return thrift_.fields([&](const Thrift::Field& field) {
            bson |= field.id == kLogicalBson;
            return field.id == kTimestamp && field.kind == Thrift::Struct ? timestamp(footer)
                                                                          : thrift_.skip(field.kind);
        });
    }

    bool timestamp(ParquetFooter& footer) {
        std::size_t flag = 0;
        bool utc = false, nanoseconds = false;
        const bool intact = thrift_.fields([&](const Thrift::Field& field) {
            if (field.id == kAdjusted) {
                flag = field.at;
                utc = field.kind == Thrift::True;
            }
            if (field.id != kUnit || field.kind != Thrift::Struct)
                return thrift_.skip(field.kind);
            return thrift_.fields([&](const Thrift::Field& unit) {
                nanoseconds = unit.id == kNanoseconds;
                return thrift_.skip(unit.kind);
            });
        });
        if (utc && nanoseconds)
            footer.utc_nanoseconds.push_back(flag);
        return intact;
    }

    /// Moves the element at `next` and those inside of it out of the list.
    bool tree(ParquetElement& out, std::size_t& next, int depth) {
        if (next == flat_.size() || depth > kMaxDepth)
            return false;
        Flat& flat = flat_[next++];
        if (flat.children < 0 || static_cast<std::uint64_t>(flat.children) > flat_.size() - next)
            return false;
        out = std::move(flat.element);
        for (std::int64_t i = 0; i < flat.children; ++i) {
            out.children.emplace_back();
            if (!tree(out.children.back(), next, depth + 1))
                return false;
            out.misread |= out.children.back().misread;
        }
        return true;
    }

    Thrift thrift_;
    std::vector<Flat> flat_;
};

} // namespace

const ParquetElement* ParquetElement::child(std::string_view child_name) const {
    const auto found =
        std::find_if(children.begin(), children.end(), [&](const ParquetElement& e) { return e.name == child_name; });
    return found == children.end() ? nullptr : &*found;
}

const ParquetElement* ParquetElement::item() const {
    if (children.size() != 1)
        return nullptr;
    // A list holds a repeated group of one element; older writers leave the group out.
    const ParquetElement& repeated = children.front();
    return repeated.children.size() == 1 ? &repeated.children.front() : &repeated;
}

const ParquetElement* ParquetElement::map_value() const {
    return children.size() == 1 && children.front().children.size() == 2 ? &children.front().children[1] : nullptr;
}

Result<ParquetFooter> read_parquet_footer(std::string_view metadata) {
    ParquetFooter footer;
    if (!SchemaReader(metadata).read(footer))
        return Error{ErrorCode::Invalid, "the footer of the Parquet file is damaged", "BadRequest_InvalidBlob"};
    return footer;
}

} // namespace sluice::store
