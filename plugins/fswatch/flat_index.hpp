#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::fswatch {

/// A hash table from fingerprints (never 0) to small values, without an allocation for each entry: a folder of a
/// million files has to fit into memory. Between sizeof(Cell) / 0.7 and twice that for each entry. One thread at a
/// time.
template <class Value> class FlatIndex {
public:
    struct Cell {
        std::uint64_t key = 0; ///< 0: free
        Value value{};
    };

    std::size_t size() const { return size_; }
    /// All cells, also the free ones. Positions hold until the next put or erase.
    std::vector<Cell>& cells() { return cells_; }

    Value* find(std::uint64_t key) {
        if (cells_.empty())
            return nullptr;
        for (std::size_t at = home(key); cells_[at].key != 0; at = next(at))
            if (cells_[at].key == key)
                return &cells_[at].value;
        return nullptr;
    }

    /// The value of the key, made if there is none.
    Value& put(std::uint64_t key) {
        if ((size_ + 1) * 10 > cells_.size() * 7)
            grow();
        std::size_t at = home(key);
        while (cells_[at].key != 0 && cells_[at].key != key)
            at = next(at);
        if (cells_[at].key == 0) {
            cells_[at] = Cell{key, Value{}};
            ++size_;
        }
        return cells_[at].value;
    }

    bool erase(std::uint64_t key) {
        if (cells_.empty())
            return false;
        std::size_t hole = home(key);
        while (cells_[hole].key != key) {
            if (cells_[hole].key == 0)
                return false;
            hole = next(hole);
        }
        // Close the gap: an entry behind the hole moves into it unless its home lies between the two.
        for (std::size_t at = next(hole); cells_[at].key != 0; at = next(at)) {
            const std::size_t distance_from_home = (at - home(cells_[at].key)) & (cells_.size() - 1);
            const std::size_t distance_from_hole = (at - hole) & (cells_.size() - 1);
            if (distance_from_home < distance_from_hole)
                continue;
            cells_[hole] = std::move(cells_[at]);
            hole = at;
        }
        cells_[hole] = Cell{};
        --size_;
        return true;
    }

private:
    std::size_t home(std::uint64_t key) const { return key & (cells_.size() - 1); }
    std::size_t next(std::size_t at) const { return (at + 1) & (cells_.size() - 1); }

    void grow() {
        std::vector<Cell> old(cells_.empty() ? 64 : cells_.size() * 2);
        old.swap(cells_);
        for (Cell& cell : old) {
            if (cell.key == 0)
                continue;
            std::size_t at = home(cell.key);
            while (cells_[at].key != 0)
                at = next(at);
            cells_[at] = std::move(cell);
        }
    }

    std::vector<Cell> cells_;
    std::size_t size_ = 0;
};

} // namespace sluice::fswatch
