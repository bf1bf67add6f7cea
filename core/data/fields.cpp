#include "core/data/fields.hpp"

#include "core/data/bound_mapping.hpp"

#include <algorithm>

namespace sluice::data {

FieldPlan::FieldPlan(const ParserOptions& options) {
    if (options.mapping) {
        for (const BoundElement& element : options.mapping->elements())
            if (element.source == BoundElement::Source::Ordinal)
                targets_.push_back({element.ordinal, element.column, element.transform});
    } else {
        for (std::size_t i = 0; i < options.schema->size(); ++i)
            targets_.push_back({i, i, Transform::None});
    }
    std::stable_sort(targets_.begin(), targets_.end(),
                     [](const Target& a, const Target& b) { return a.field < b.field; });
    targets_.push_back({kEnd, 0, Transform::None});
}

} // namespace sluice::data
