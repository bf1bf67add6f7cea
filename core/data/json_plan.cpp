#include "core/data/json_plan.hpp"

#include "core/data/bound_mapping.hpp"

namespace sluice::data {

DropTree drop_tree(const std::vector<Path>& paths) {
    DropTree root;
    for (const Path& path : paths) {
        std::vector<DropTree>* level = &root.children;
        for (std::size_t i = 0; i < path.steps.size(); ++i) {
            const bool last = i + 1 == path.steps.size();
            auto at = level->begin();
            while (at != level->end() && at->name != path.steps[i].name)
                ++at;
            const bool known = at != level->end();
            if (known && at->children.empty())
                break; // goes as a whole already
            if (!known)
                at = level->insert(level->end(), DropTree{path.steps[i].name, {}});
            if (last)
                at->children.clear();
            level = &at->children;
        }
    }
    return root;
}

JsonPlan::JsonPlan(const ParserOptions& options, Cells& cells) : cells_(cells) {
    nodes_.push_back(std::make_unique<Node>());
    if (options.mapping) {
        for (const BoundElement& element : options.mapping->elements()) {
            if (element.source != BoundElement::Source::Path)
                continue;
            takes_any_value_ |= element.path.steps.empty() || element.path.steps.front().is_index;
            node_of(element.path).targets.push_back({element.column, element.transform, drop_tree(element.dropped)});
        }
    } else {
        for (std::size_t i = 0; i < options.schema->size(); ++i)
            node_of(Path{{PathStep{.name = (*options.schema)[i].name}}}).targets.push_back({i, Transform::None, {}});
    }
    index();
}

JsonPlan::Node& JsonPlan::node_of(const Path& path) {
    std::uint32_t id = 0;
    for (const PathStep& step : path.steps) {
        std::uint32_t next = kNone;
        if (step.is_index) {
            for (const auto& [position, child] : nodes_[id]->elements)
                next = position == step.index ? child : next;
        } else {
            for (const std::uint32_t child : nodes_[id]->members)
                next = nodes_[child]->name == step.name ? child : next;
        }
        if (next == kNone) {
            next = static_cast<std::uint32_t>(nodes_.size());
            nodes_.push_back(std::make_unique<Node>());
            nodes_.back()->name = step.name;
            if (step.is_index)
                nodes_[id]->elements.emplace_back(step.index, next);
            else
                nodes_[id]->members.push_back(next);
        }
        id = next;
    }
    return *nodes_[id];
}

void JsonPlan::index() {
    for (const auto& node : nodes_) {
        node->guesses = node->members;
        if (node->members.size() > kFewMembers)
            for (const std::uint32_t child : node->members)
                node->by_name.emplace(nodes_[child]->name, child);
        node->plain = node->members.empty() && node->elements.empty();
        for (const Target& target : node->targets)
            node->plain &= target.transform == Transform::None;
    }
}

std::uint32_t JsonPlan::search(Node& node, std::string_view name, std::size_t position) {
    std::uint32_t found = kNone;
    if (!node.by_name.empty()) {
        const auto at = node.by_name.find(name);
        found = at == node.by_name.end() ? kNone : at->second;
    } else {
        for (const std::uint32_t child : node.members)
            if (nodes_[child]->name == name)
                found = child;
    }
    if (position < kGuesses) {
        if (position >= node.guesses.size())
            node.guesses.resize(position + 1, kNone);
        node.guesses[position] = found;
    }
    return found;
}

/// A name came again: what its earlier value filled does not count, the last one wins.
void JsonPlan::forget(std::uint32_t id) {
    Node& node = *nodes_[id];
    node.visit = 0;
    for (const Target& target : node.targets)
        cells_.clear(target.column);
    for (const std::uint32_t child : node.members)
        if (nodes_[child]->visit == visit_)
            forget(child);
    for (const auto& [position, child] : node.elements)
        if (nodes_[child]->visit == visit_)
            forget(child);
}

bool JsonPlan::value(JsonReader& reader, std::uint32_t id, int depth) {
    const Node& node = *nodes_[id];
    if (reader.at_string())
        return string(reader, node);
    switch (reader.peek()) {
    case '{':
    case '[':
        return composite(reader, id, depth);
    case 't':
    case 'f':
    case 'n':
        return word(reader, node);
    default:
        return reader.done() ? reader.fail("a value is expected") : number(reader, node);
    }
}

bool JsonPlan::object(JsonReader& reader, std::uint32_t id, int depth) {
    Node& node = *nodes_[id];
    if (node.members.empty())
        return reader.skip_value(depth);
    std::size_t position = 0;
    return reader.object(depth, [&](const JsonString& name) {
        const std::string_view text = name.plain && name.ascii ? name.raw : json_text(name, name_scratch_);
        const std::uint32_t child = member(node, text, position++);
        if (child == kNone)
            return reader.skip_value(depth + 1);
        if (nodes_[child]->visit == visit_)
            forget(child);
        nodes_[child]->visit = visit_;
        return value(reader, child, depth + 1);
    });
}

bool JsonPlan::array(JsonReader& reader, std::uint32_t id, int depth) {
    const Node& node = *nodes_[id];
    if (node.elements.empty())
        return reader.skip_value(depth);
    return reader.array(depth, [&](std::size_t index) {
        for (const auto& [position, child] : node.elements) {
            if (position == index) {
                nodes_[child]->visit = visit_;
                return value(reader, child, depth + 1);
            }
        }
        return reader.skip_value(depth + 1);
    });
}

bool JsonPlan::composite(JsonReader& reader, std::uint32_t id, int depth) {
    const Node& node = *nodes_[id];
    const bool is_object = reader.peek() == '{';
    if (node.plain) {
        if (node.targets.empty())
            return reader.skip_value(depth);
        compact_.clear();
        if (!compactor_.value(reader, compact_, depth))
            return false;
        for (const Target& target : node.targets)
            cells_.json(target.column, compact_);
        return true;
    }
    const char* const begin = reader.at();
    if (!(is_object ? object(reader, id, depth) : array(reader, id, depth)))
        return false;
    const std::string_view text(begin, static_cast<std::size_t>(reader.at() - begin));
    for (const Target& target : node.targets) {
        if (target.transform != Transform::None && target.transform != Transform::DropMappedFields &&
            target.transform != Transform::PropertyBagArrayToDictionary) {
            cells_.misfit();
            continue;
        }
        // The text is known to be right: it has just been read.
        JsonReader again(text);
        compact_.clear();
        if (target.transform == Transform::PropertyBagArrayToDictionary)
            compactor_.merged_objects(again, compact_);
        else
            compactor_.value(again, compact_, depth, &target.drop);
        cells_.json(target.column, compact_);
    }
    return true;
}

bool JsonPlan::string(JsonReader& reader, const Node& node) {
    JsonString string;
    if (!reader.string(string))
        return false;
    if (node.targets.empty())
        return true;
    const std::string_view text = string.plain && string.ascii ? string.raw : json_text(string, scratch_);
    for (const Target& target : node.targets) {
        if (is_unix_time(target.transform))
            cells_.unix_time(target.column, text, target.transform);
        else if (target.transform == Transform::PropertyBagArrayToDictionary)
            cells_.misfit();
        else
            cells_.json_string(target.column, text);
    }
    return true;
}

bool JsonPlan::number(JsonReader& reader, const Node& node) {
    JsonNumber number;
    if (!reader.number(number))
        return false;
    for (const Target& target : node.targets) {
        if (is_unix_time(target.transform))
            cells_.unix_time(target.column, number.text, target.transform);
        else if (target.transform == Transform::PropertyBagArrayToDictionary)
            cells_.misfit();
        else
            cells_.number(target.column, number);
    }
    return true;
}

bool JsonPlan::word(JsonReader& reader, const Node& node) {
    const char first = reader.peek();
    if (!reader.literal(first == 't' ? "true" : first == 'f' ? "false" : "null"))
        return false;
    if (first == 'n')
        return true;
    for (const Target& target : node.targets) {
        if (target.transform == Transform::None || target.transform == Transform::DropMappedFields)
            cells_.boolean(target.column, first == 't');
        else
            cells_.misfit();
    }
    return true;
}

} // namespace sluice::data
