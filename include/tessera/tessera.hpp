// The core of tessera in one include: tensors, ops, contexts, blocks, heads, models. The standard library alone.
//
// Not in it, because they cost or need more: backends (tessera/backends/<name>/<name>.hpp), tape-side training
// (tessera/context/training_session.hpp), thread_pool, trace, text, io, pretrained.
#pragma once

#include "tessera/base/version.hpp"
#include "tessera/blocks/gated_feed_forward.hpp"  // the block that none of the models has
#include "tessera/context/session.hpp"
#include "tessera/models/bert_heads.hpp"
#include "tessera/models/distilbert_heads.hpp"
#include "tessera/models/gpt_heads.hpp"
#include "tessera/models/roberta_heads.hpp"
#include "tessera/models/transfo_xl_heads.hpp"
#include "tessera/models/xlm_heads.hpp"
#include "tessera/models/xlnet_heads.hpp"
