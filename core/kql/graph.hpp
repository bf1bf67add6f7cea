#pragma once

#include "core/kql/relation.hpp"

#include <map>
#include <string>

namespace sluice::kql {

/// What `make-graph` makes. `node`, `edge`, `source` and `target` are columns of the SQL: the key of a node, the number
/// of an edge and the keys of its ends.
struct Graph {
    Relation nodes, edges;
    std::string node, edge, source, target;
    std::string shown; ///< SQL of the id of a node as users know it, over the columns of `nodes`
    ScalarType id_type = ScalarType::String;
};

/// What names mean while the parts of a graph-match are bound.
struct GraphNames {
    const Graph* graph = nullptr;
    std::map<std::string, std::string> nodes; ///< variable, SQL of its key
    struct Path {
        std::string edges, inner; ///< SQL of lists: numbers of the edges, keys of the nodes between them
    };
    std::map<std::string, Path> paths; ///< of edge variables
    std::string here;                  ///< inside of map(inner_nodes(e), ...): key of the node at hand
};

} // namespace sluice::kql
