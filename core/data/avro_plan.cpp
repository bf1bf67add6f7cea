#include "core/data/avro_plan.hpp"

#include "core/data/avro_time.hpp"
#include "core/data/json_plan.hpp"
#include "core/data/json_text.hpp"
#include "core/data/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::data {
namespace {

using Kind = AvroType::Kind;
using Logical = AvroType::Logical;

bool takes_plain(Transform transform) {
    return transform == Transform::None || transform == Transform::DropMappedFields;
}

/// The bytes that an array of numbers 0..255 stands for.
std::optional<std::string> bytes_of_array(std::string_view json) {
    std::string bytes;
    JsonReader reader(json);
    const bool all = reader.peek() == '[' && reader.array(0, [&](std::size_t) {
        JsonNumber number;
        const char first = reader.peek();
        if ((first != '-' && (first < '0' || first > '9')) || !reader.number(number) || !number.parts.small_integer())
            return false;
        const std::int64_t value = number.parts.small_value();
        bytes += static_cast<char>(value);
        return value >= 0 && value <= 255;
    });
    return all ? std::optional(bytes) : std::nullopt;
}

/// Types may hold themselves, so those that were asked are remembered.
bool holds_map(const AvroType& type, std::set<const AvroType*>& asked) {
    if (type.kind == Kind::Map)
        return true;
    if (!asked.insert(&type).second)
        return false;
    const auto holds = [&](const AvroType* part) { return holds_map(*part, asked); };
    return (type.items != nullptr && holds(type.items)) ||
           std::any_of(type.branches.begin(), type.branches.end(), holds) ||
           std::any_of(type.fields.begin(), type.fields.end(),
                       [&](const AvroType::Field& field) { return holds(field.type); });
}

} // namespace

AvroPlan::AvroPlan(const ParserOptions& options, const AvroSchema& schema, bool logical, Cells& cells)
    : cells_(cells), logical_(logical) {
    if (options.mapping) {
        for (const BoundElement& element : options.mapping->elements()) {
            if (element.source != BoundElement::Source::Path)
                continue;
            paths_.push_back(element.path);
            targets_.push_back(
                std::make_unique<Target>(Target{element.column, element.transform, drop_tree(element.dropped)}));
        }
    } else {
        for (std::size_t i = 0; i < options.schema->size(); ++i) {
            paths_.push_back(Path{{PathStep{.name = (*options.schema)[i].name}}});
            targets_.push_back(std::make_unique<Target>(Target{i, Transform::None, {}}));
        }
    }
    std::vector<Wanted> wanted;
    for (std::size_t i = 0; i < paths_.size(); ++i)
        wanted.push_back({paths_[i].steps, targets_[i].get()});
    root_ = build(schema.root(), wanted);
    const Kind root = schema.root().kind;
    takes_records_ =
        root == Kind::Record || root == Kind::Map || root == Kind::Union || root_->inside() || !root_->targets.empty();
}

std::unique_ptr<AvroPlan::Op> AvroPlan::build(const AvroType& type, const std::vector<Wanted>& wanted) const {
    auto op = std::make_unique<Op>(Op{.type = &type});
    if (type.kind == Kind::Union) {
        for (const AvroType* branch : type.branches)
            op->parts.push_back(build(*branch, wanted));
        return op;
    }
    for (const Wanted& one : wanted)
        if (one.rest.empty())
            op->targets.push_back(one.target);
    std::set<const AvroType*> asked;
    op->names_repeat = !op->targets.empty() && holds_map(type, asked);
    // What goes on through one step; `same` says whether a path takes that step.
    const auto through = [&](auto same) {
        std::vector<Wanted> inside;
        for (const Wanted& one : wanted)
            if (!one.rest.empty() && same(one.rest.front()))
                inside.push_back({one.rest.subspan(1), one.target});
        return inside;
    };
    const auto to_member = [&](std::string_view name) {
        return through([&](const PathStep& step) { return !step.is_index && step.name == name; });
    };
    if (type.kind == Kind::Record) {
        bool any = false;
        for (const AvroType::Field& field : type.fields) {
            const auto inside = to_member(field.name);
            op->parts.push_back(inside.empty() ? nullptr : build(*field.type, inside));
            any |= !inside.empty();
        }
        if (!any)
            op->parts.clear();
    }
    if (type.kind != Kind::Array && type.kind != Kind::Map)
        return op;
    for (const Wanted& one : wanted) {
        if (one.rest.empty() || one.rest.front().is_index != (type.kind == Kind::Array))
            continue;
        const PathStep& step = one.rest.front();
        if (type.kind == Kind::Array) {
            if (std::none_of(op->elements.begin(), op->elements.end(),
                             [&](const auto& known) { return known.first == step.index; }))
                op->elements.emplace_back(step.index, build(*type.items, through([&](const PathStep& s) {
                                              return s.is_index && s.index == step.index;
                                          })));
        } else if (std::none_of(op->members.begin(), op->members.end(),
                                [&](const auto& known) { return known.first == step.name; })) {
            op->members.emplace_back(step.name, build(*type.items, to_member(step.name)));
        }
    }
    return op;
}

bool AvroPlan::value(AvroReader& reader, const Op& op, int depth) {
    if (depth > kMaxAvroDepth)
        return reader.fail("more than 256 values inside each other");
    const AvroType& type = *op.type;
    if (type.kind == Kind::Union) {
        std::size_t branch = 0;
        return reader.choice(type.branches.size(), branch) && value(reader, *op.parts[branch], depth + 1);
    }
    if (op.targets.empty() && !op.inside())
        return reader.skip(type, depth);
    switch (type.kind) {
    case Kind::Null:
        return true;
    case Kind::Boolean: {
        bool set = false;
        if (!reader.boolean(set))
            return false;
        boolean(op, set);
        return true;
    }
    case Kind::Int:
    case Kind::Long: {
        std::int64_t number = 0;
        if (!reader.number(number))
            return false;
        integer(op, number);
        return true;
    }
    case Kind::Float:
        return real<float>(reader, op);
    case Kind::Double:
        return real<double>(reader, op);
    case Kind::String: {
        std::string_view text;
        if (!reader.bytes(text))
            return false;
        string(op, text);
        return true;
    }
    case Kind::Enum: {
        std::size_t symbol = 0;
        if (!reader.choice(type.symbols.size(), symbol))
            return false;
        string(op, type.symbols[symbol]);
        return true;
    }
    case Kind::Bytes:
    case Kind::Fixed: {
        std::string_view content;
        if (!(type.kind == Kind::Bytes ? reader.bytes(content) : reader.fixed(type.size, content)))
            return false;
        bytes(op, content);
        return true;
    }
    default:
        break;
    }
    if (!op.inside())
        return whole(reader, op, depth);
    if (!op.targets.empty()) {
        AvroReader again = reader;
        if (!whole(again, op, depth))
            return reader.fail(again.problem());
    }
    return walk(reader, op, depth);
}

bool AvroPlan::walk(AvroReader& reader, const Op& op, int depth) {
    switch (op.type->kind) {
    case Kind::Record:
        for (std::size_t i = 0; i < op.parts.size(); ++i)
            if (!(op.parts[i] ? value(reader, *op.parts[i], depth + 1)
                              : reader.skip(*op.type->fields[i].type, depth + 1)))
                return false;
        return true;
    case Kind::Array:
        return elements(reader, op, depth);
    default:
        return members(reader, op, depth);
    }
}

bool AvroPlan::elements(AvroReader& reader, const Op& op, int depth) {
    std::uint32_t position = 0;
    return reader.items([&] {
        for (const auto& [wanted, inside] : op.elements) {
            if (wanted == position) {
                ++position;
                return value(reader, *inside, depth + 1);
            }
        }
        ++position;
        return reader.skip(*op.type->items, depth + 1);
    });
}

bool AvroPlan::members(AvroReader& reader, const Op& op, int depth) {
    return reader.items([&] {
        std::string_view name;
        if (!reader.bytes(name))
            return false;
        for (const auto& [wanted, inside] : op.members) {
            if (wanted == name) {
                forget(*inside); // of a name that comes twice, the last value counts, also when it fits no column
                return value(reader, *inside, depth + 1);
            }
        }
        return reader.skip(*op.type->items, depth + 1);
    });
}

void AvroPlan::forget(const Op& op) {
    for (const Target* target : op.targets)
        cells_.clear(target->column);
    for (const auto& part : op.parts)
        if (part)
            forget(*part);
    for (const auto& [position, inside] : op.elements)
        forget(*inside);
    for (const auto& [name, inside] : op.members)
        forget(*inside);
}

/// The record, array or map at `reader` as JSON, for columns that take all of it.
bool AvroPlan::whole(AvroReader& reader, const Op& op, int depth) {
    text_.clear();
    if (!append_json(reader, *op.type, logical_, text_, depth))
        return false;
    const bool byte_array = op.type->kind == Kind::Array;
    for (const Target* target : op.targets) {
        JsonReader json(text_);
        bool written = true;
        compact_.clear();
        switch (target->transform) {
        case Transform::None:
            if (!op.names_repeat) {
                cells_.json(target->column, text_);
                continue;
            }
            written = compactor_.value(json, compact_);
            break;
        case Transform::DropMappedFields:
            written = compactor_.value(json, compact_, 0, &target->drop);
            break;
        case Transform::PropertyBagArrayToDictionary:
            written = compactor_.merged_objects(json, compact_);
            break;
        case Transform::BytesAsBase64: {
            const auto decoded = byte_array && !logical_ ? bytes_of_array(text_) : std::nullopt;
            if (decoded)
                cells_.json_string(target->column, base64(*decoded));
            else
                cells_.misfit();
            continue;
        }
        default:
            cells_.misfit();
            continue;
        }
        if (!written) // nothing else can be wrong with JSON of ours
            return reader.fail("more than 256 values inside each other");
        cells_.json(target->column, compact_);
    }
    return true;
}

void AvroPlan::boolean(const Op& op, bool value) {
    for (const Target* target : op.targets) {
        if (takes_plain(target->transform))
            cells_.boolean(target->column, value);
        else
            cells_.misfit();
    }
}

void AvroPlan::integer(const Op& op, std::int64_t value) {
    const Logical logical = logical_ ? op.type->logical : Logical::None;
    for (const Target* target : op.targets) {
        if (is_unix_time(target->transform)) {
            const fmt::format_int text(value);
            cells_.unix_time(target->column, {text.data(), text.size()}, target->transform);
        } else if (!takes_plain(target->transform)) {
            cells_.misfit();
        } else if (logical == Logical::None) {
            cells_.integer(target->column, value);
        } else if (is_avro_date(logical)) {
            if (const auto ticks = avro_datetime(value, logical))
                cells_.datetime(target->column, *ticks);
            else
                cells_.misfit();
        } else {
            if (const auto ticks = avro_timespan(value, logical))
                cells_.timespan(target->column, *ticks);
            else
                cells_.misfit();
        }
    }
}

template <class Real> bool AvroPlan::real(AvroReader& reader, const Op& op) {
    Real value{};
    if (!reader.floating(value))
        return false;
    for (const Target* target : op.targets) {
        if (takes_plain(target->transform))
            cells_.real(target->column, value);
        else if (is_unix_time(target->transform))
            cells_.unix_time(target->column, fmt::format("{}", value), target->transform);
        else
            cells_.misfit();
    }
    return true;
}

void AvroPlan::string(const Op& op, std::string_view text) {
    cells_.check_utf8(!is_valid_utf8(text));
    for (const Target* target : op.targets) {
        if (is_unix_time(target->transform))
            cells_.unix_time(target->column, text, target->transform);
        else if (takes_plain(target->transform))
            cells_.json_string(target->column, text);
        else
            cells_.misfit();
    }
    cells_.check_utf8(false);
}

void AvroPlan::bytes(const Op& op, std::string_view content) {
    const Logical logical = logical_ ? op.type->logical : Logical::None;
    for (const Target* target : op.targets) {
        if (target->transform == Transform::BytesAsBase64) {
            cells_.json_string(target->column, base64(content));
            continue;
        }
        text_.clear();
        if (logical == Logical::Decimal) {
            append_decimal(text_, content, op.type->scale);
            JsonNumber number{.text = text_, .parts = {}};
            if (is_unix_time(target->transform))
                cells_.unix_time(target->column, text_, target->transform);
            else if (takes_plain(target->transform) && split_number(text_, number.parts))
                cells_.number(target->column, number);
            else
                cells_.misfit();
        } else if (!takes_plain(target->transform)) {
            cells_.misfit();
        } else if (logical == Logical::Duration) {
            append_duration(text_, content);
            cells_.json(target->column, text_);
        } else if (logical == Logical::Uuid) {
            append_uuid(text_, content);
            cells_.json_string(target->column, text_);
        } else if (logical_) {
            append_latin1(text_, content);
            cells_.json_string(target->column, text_);
        } else {
            append_byte_array(text_, content);
            cells_.json(target->column, text_);
        }
    }
}

} // namespace sluice::data
