#pragma once

#include "core/data/cells.hpp"
#include "core/data/format.hpp"
#include "core/data/json_reader.hpp"
#include "core/data/path.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice::data {

/// The members that the paths lead to, for a compactor that leaves them out.
DropTree drop_tree(const std::vector<Path>& paths);

/// Fills the columns of a row from one JSON record: all paths of a mapping, or the column names, as one tree that is
/// walked once. Internal to core/data; one thread at a time.
class JsonPlan {
public:
    JsonPlan(const ParserOptions& options, Cells& cells);

    /// Records may be something else than objects.
    bool takes_any_value() const { return takes_any_value_; }
    /// At the record. False: the reader knows why; cells of the row may be filled.
    bool read(JsonReader& reader, int depth) {
        ++visit_;
        return value(reader, 0, depth);
    }

private:
    static constexpr std::uint32_t kNone = UINT32_MAX;
    /// With more members than this a hash table finds them faster than comparing one by one.
    static constexpr std::size_t kFewMembers = 8;
    static constexpr std::size_t kGuesses = 1024;

    struct Target {
        std::size_t column;
        Transform transform;
        DropTree drop;
    };
    struct Node {
        std::string name;
        std::vector<std::uint32_t> members;
        std::vector<std::pair<std::uint32_t, std::uint32_t>> elements; ///< position, node
        std::vector<Target> targets;
        std::unordered_map<std::string_view, std::uint32_t> by_name;
        std::vector<std::uint32_t>
            guesses;             ///< what the n-th member of the latest object was: records resemble each other
        bool plain = true;       ///< nothing below, and no target that transforms arrays and objects
        std::uint64_t visit = 0; ///< latest record in which it was found
    };

    Node& node_of(const Path& path);
    void index();
    std::uint32_t member(Node& node, std::string_view name, std::size_t position) {
        if (position < node.guesses.size()) {
            const std::uint32_t guess = node.guesses[position];
            if (guess != kNone && nodes_[guess]->name == name)
                return guess;
        }
        return search(node, name, position);
    }
    std::uint32_t search(Node& node, std::string_view name, std::size_t position);
    void forget(std::uint32_t id);

    bool value(JsonReader& reader, std::uint32_t id, int depth);
    bool object(JsonReader& reader, std::uint32_t id, int depth);
    bool array(JsonReader& reader, std::uint32_t id, int depth);
    bool composite(JsonReader& reader, std::uint32_t id, int depth);
    bool string(JsonReader& reader, const Node& node);
    bool number(JsonReader& reader, const Node& node);
    bool word(JsonReader& reader, const Node& node);

    Cells& cells_;
    std::vector<std::unique_ptr<Node>> nodes_; ///< the record first; by pointer, because names are referred to
    bool takes_any_value_ = false;
    std::uint64_t visit_ = 0;
    JsonCompactor compactor_;
    std::string scratch_;
    std::string name_scratch_;
    std::string compact_;
};

} // namespace sluice::data
