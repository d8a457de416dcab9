// Batches for language modelling: one long text cut into parallel streams, or sentences that streams take in turn.
//
// Rows are streams: a row of the next batch goes on where the row of this one ended, so that a model may keep its
// memory. Nothing is shuffled here; shuffle the sentences before.
// Source: Dai et al. 2019 (kimiyoung/transformer-xl, data_utils.py); pytorch-transformers 1.2.0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "tessera/base/guard.hpp"
#include "tessera/base/result.hpp"
#include "tessera/text/vocabulary.hpp"

namespace tessera::inline TESSERA_ISA::text {

/// One batch, row after row: data [rows, columns] and target [rows, length]. `columns` is `length` and, before it, what
/// was asked for as further context.
struct LmBatch {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t length = 0;
  Ids data;
  Ids target;
};

struct LmBatchOptions {
  std::size_t batch_size = 1;
  /// Ids of a row.
  std::size_t length = 1;
  /// Ids of the batch before that are repeated in front.
  std::size_t extension = 0;
};

/// A text cut into `batch_size` equal streams; what is left over at the end is dropped.
class OrderedBatches {
 public:
  /// `ids` must outlive this.
  static Result<OrderedBatches> make(std::span<const Id> ids, const LmBatchOptions& options) noexcept {
    return guarded([&]() -> Result<OrderedBatches> {
      if (options.batch_size == 0 || options.length == 0) {
        return Error::format(Code::invalid_argument,
                             "ordered batches: %zu rows of %zu ids, expected at least 1 of each", options.batch_size,
                             options.length);
      }
      return OrderedBatches(ids, options);
    });
  }

  /// Ids of a stream.
  std::size_t steps() const noexcept { return steps_; }
  /// Batches of a stream, if the last one may have no target at all.
  std::size_t size() const noexcept { return (steps_ + options_.length - 1) / options_.length; }

  /// The batch whose first data id is number `at` of each stream, with `length` ids a row or as many as there are.
  /// Empty at the end.
  LmBatch at(std::size_t at, std::size_t length) const {
    LmBatch batch;
    if (at + 1 >= steps_) return batch;
    batch.rows = options_.batch_size;
    batch.length = (std::min)(length, steps_ - 1 - at);
    const std::size_t first = at > options_.extension ? at - options_.extension : 0;
    batch.columns = at + batch.length - first;
    for (std::size_t row = 0; row < batch.rows; ++row) {
      const std::span<const Id> stream = ids_.subspan(row * steps_, steps_);
      const auto data = stream.subspan(first, batch.columns);
      const auto target = stream.subspan(at + 1, batch.length);
      batch.data.insert(batch.data.end(), data.begin(), data.end());
      batch.target.insert(batch.target.end(), target.begin(), target.end());
    }
    return batch;
  }

  /// The next batch; empty (no rows) at the end.
  LmBatch next() {
    LmBatch batch = at(position_, options_.length);
    position_ += options_.length;
    return batch;
  }

  void rewind() noexcept { position_ = 0; }

 private:
  OrderedBatches(std::span<const Id> ids, const LmBatchOptions& options)
      : ids_(ids), options_(options), steps_(ids.size() / options.batch_size) {}

  std::span<const Id> ids_;
  LmBatchOptions options_;
  std::size_t steps_;
  std::size_t position_ = 0;
};

/// Streams that take the next sentence whenever they run out. Ends when a stream finds none.
class SentenceBatches {
 public:
  /// `sentences` must outlive this.
  static Result<SentenceBatches> make(std::span<const Ids> sentences, const LmBatchOptions& options) noexcept {
    return guarded([&]() -> Result<SentenceBatches> {
      if (options.batch_size == 0 || options.length == 0) {
        return Error::format(Code::invalid_argument,
                             "sentence batches: %zu rows of %zu ids, expected at least 1 of each", options.batch_size,
                             options.length);
      }
      return SentenceBatches(sentences, options);
    });
  }

  /// The next batch; empty (no rows) at the end.
  LmBatch next() {
    LmBatch batch;
    batch.rows = options_.batch_size;
    batch.length = options_.length;
    const std::size_t kept = (std::min)(options_.extension, kept_columns_);
    batch.columns = kept + batch.length;
    batch.data.resize(batch.rows * batch.columns);
    batch.target.resize(batch.rows * batch.length);
    for (std::size_t row = 0; row < batch.rows; ++row) {
      Id* const data = batch.data.data() + row * batch.columns;
      for (std::size_t i = 0; i < kept; ++i) data[i] = before_[(row + 1) * kept_columns_ - kept + i];
      std::span<const Id>& stream = streams_[row];
      for (std::size_t filled = 0; filled < batch.length;) {
        if (stream.size() <= 1) {
          if (next_ == sentences_.size()) return {};
          stream = sentences_[next_++];
          if (stream.size() <= 1) continue;
        }
        const std::size_t n = (std::min)(stream.size() - 1, batch.length - filled);
        for (std::size_t i = 0; i < n; ++i) {
          data[kept + filled + i] = stream[i];
          batch.target[row * batch.length + filled + i] = stream[i + 1];
        }
        stream = stream.subspan(n);
        filled += n;
      }
    }
    before_ = batch.data;
    kept_columns_ = batch.columns;
    return batch;
  }

 private:
  SentenceBatches(std::span<const Ids> sentences, const LmBatchOptions& options)
      : sentences_(sentences), options_(options), streams_(options.batch_size) {}

  std::span<const Ids> sentences_;
  LmBatchOptions options_;
  std::vector<std::span<const Id>> streams_;
  std::size_t next_ = 0;
  Ids before_;
  std::size_t kept_columns_ = 0;
};

}  // namespace tessera::text
