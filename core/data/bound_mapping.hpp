#pragma once

#include "core/data/mapping.hpp"
#include "core/data/path.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::data {

inline bool is_unix_time(Transform transform) {
    return transform >= Transform::DateTimeFromUnixSeconds;
}

/// Where the value of one column comes from.
struct BoundElement {
    enum class Source : std::uint8_t { Constant, Ordinal, Path, Location, LineNumber };

    std::size_t column = 0; ///< index in the table
    Source source = Source::Constant;
    std::uint32_t ordinal = 0;
    Path path = {};
    std::string constant = {};
    Transform transform = Transform::None;
    /// For DropMappedFields: what other elements take out of the object, as seen from it. Member steps only.
    std::vector<Path> dropped = {};
};

/// See mapping.hpp. For parsers; everybody else only passes it on.
class BoundMapping {
public:
    BoundMapping(std::string name, MappingKind kind, std::vector<BoundElement> elements)
        : name_(std::move(name)), kind_(kind), elements_(std::move(elements)) {}

    const std::string& name() const { return name_; }
    MappingKind kind() const { return kind_; }
    const std::vector<BoundElement>& elements() const { return elements_; }

private:
    std::string name_;
    MappingKind kind_;
    std::vector<BoundElement> elements_;
};

} // namespace sluice::data
