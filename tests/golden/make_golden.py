#!/usr/bin/env python3
"""Draws new golden cases: any class of the eight architectures, random sizes, options, inputs and weights.

    make_golden.py --out FOLDER [--count N] [--seed S] [--first I] [--class NAME ...] [--list]

Each case is a folder as in tests/golden/models (README.md there): config.json and pytorch_model.bin as the reference's
save_pretrained writes them, tensors.safetensors with inputs, outputs and gradients, and case.json. Case I of seed S is
always the same one, whatever the other cases are. It needs torch, safetensors and pytorch-transformers 1.2.0:

    python3 -m venv oracle
    oracle/bin/pip install torch numpy safetensors sentencepiece sacremoses regex tqdm requests boto3
    oracle/bin/pip install --no-deps pytorch-transformers==1.2.0

To add an option of a model: draw it in the function of its architecture; names and order of outputs are in OUTPUTS.
"""
import argparse
import copy
import json
import logging
import pathlib
import random
import shutil
import sys
import warnings

try:
    import torch
    import pytorch_transformers as reference
    from safetensors.torch import save_file
except ImportError as missing:
    sys.exit(f"make_golden.py: {missing}; it needs torch, safetensors and pytorch-transformers 1.2.0 (see --help)")

from reference_runs import evaluate


class Again(Exception):
    """The draw is of no use, for example because two answers of a beam are too close to be told apart in float32."""


class Draw:
    """The random choices of one case."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        torch.manual_seed(self.random.getrandbits(31))

    def chance(self, p=0.5):
        return self.random.random() < p

    def one_of(self, *choices):
        return self.random.choice(choices)

    def number(self, low, high):
        return self.random.randint(low, high)

    def ids(self, high, *shape, low=0):
        return torch.randint(low, high, shape)

    def floats(self, *shape):
        return torch.rand(shape)

    def batch(self):
        """Texts, tokens: often small, sometimes one token, sometimes longer than a tile of any kernel."""
        if self.chance(0.03):
            return self.one_of(1, 2), self.number(100, 200)
        tokens = self.one_of(1, 2, 5, 8, self.number(2, 24), self.number(2, 24), self.number(25, 70))
        return self.one_of(1, 2, 2, 3, 4, 5), tokens

    def vocabulary(self):
        return self.number(200, 700) if self.chance(0.08) else self.number(23, 120)

    def widths(self, even=False):
        """Heads, size of a head: so that the width is at least 8, and is even where sinusoids need pairs."""
        if self.chance(0.08):  # the sizes of small real models
            return self.one_of((2, 64), (4, 32), (6, 32), (4, 64), (12, 16))
        while True:
            heads, size = self.number(1, 5), self.number(3, 17)
            if heads * size >= 8 and not (even and heads * size % 2 == 1):
                return heads, size

    def length(self, number, most):
        """Tokens of call `number` of a case with several: the first is the longest, the others often as long."""
        return most if number == 0 or self.chance(0.4) else self.number(1, most)

    def lengths(self, texts, tokens):
        return torch.tensor([self.number(1, tokens) for _ in range(texts)])

    def padding(self, texts, tokens):
        """1 where a token is: padding at the end, at the front, or holes; never an empty text."""
        kind = self.one_of("end", "end", "front", "holes")
        if kind == "holes":
            mask = (torch.rand(texts, tokens) < 0.7).long()
            mask[torch.arange(texts), torch.randint(0, tokens, (texts,))] = 1
            return mask
        mask = (torch.arange(tokens)[None] < self.lengths(texts, tokens)[:, None]).long()
        return mask.flip(1) if kind == "front" else mask

    def mask(self, texts, tokens):
        mask = self.padding(texts, tokens)
        return self.either_type(mask)

    def either_type(self, mask):
        return mask.float() if self.chance() else mask.long()

    def head_mask(self, layers, heads):
        shape = (heads,) if self.chance() else (layers, heads)
        return torch.rand(shape) if self.chance() else (torch.rand(shape) < 0.6).float()

    def class_labels(self, classes, texts):
        """Sometimes a few are ignored, by the value that torch ignores unless told another."""
        labels = self.ids(classes, texts)
        if texts > 1 and self.chance(0.3):
            labels[torch.rand(texts) < 0.4] = -100
            labels[self.number(0, texts - 1)] = self.number(0, classes - 1)
        return labels

    def token_labels(self, vocabulary, *shape, ignored=-1, first=0):
        """Labels where some are ignored; one that counts stands at or after the column `first`. Seldom none counts: then
        the loss is no number."""
        labels = torch.randint(0, vocabulary, shape)
        if ignored is not None and self.chance(0.03):
            labels[:] = ignored
        elif ignored is not None:
            labels[torch.rand(shape) < 0.4] = ignored
            labels.view(-1, shape[-1])[0, self.number(first, shape[-1] - 1)] = self.number(0, vocabulary - 1)
        return labels


class Case:
    """What a class is built and called with."""

    def __init__(self, class_name, config, **inputs):
        self.class_name, self.config = class_name, config
        self.calls = [dict(inputs=inputs, carry={})]
        self.kwargs, self.patch, self.deviation, self.loss = {}, None, None, "loss"
        self.can_resize, self.has_safetensors, self.may_be_nan = True, False, False

    @property
    def inputs(self):
        return self.calls[0]["inputs"]


# --------------------------------------------------------------------------------------------------- architectures


def bert(draw, name, roberta=False):
    heads, size = draw.widths()
    texts, tokens = draw.batch()
    labels = 2 if name.endswith("QuestionAnswering") else draw.number(1, 4)
    types = draw.one_of(1, 1, 2) if roberta else draw.number(1, 3)
    first_position = 2 if roberta else 0
    config = (reference.RobertaConfig if roberta else reference.BertConfig)(
        draw.vocabulary(), hidden_size=heads * size, num_hidden_layers=draw.number(1, 4), num_attention_heads=heads,
        intermediate_size=draw.number(5, 75), hidden_act=draw.one_of("gelu", "relu", "swish"),
        max_position_embeddings=first_position + tokens + draw.one_of(0, 0, 3, 11), type_vocab_size=types,
        layer_norm_eps=draw.one_of(1e-12, 1e-5))
    config.num_labels = labels
    vocabulary = config.vocab_size
    choices = (draw.number(1, 4),) if name.endswith("MultipleChoice") else ()
    shape = (texts, *choices, tokens)
    case = Case(name, config, input_ids=draw.ids(vocabulary, *shape))
    inputs = case.inputs
    rows = texts * (choices[0] if choices else 1)
    if draw.chance(0.7):
        mask = draw.mask(rows, tokens)
        if draw.chance(0.1):  # part of -10000: a little, so that the scores still count
            mask = 1 - draw.floats(rows, tokens) * 1e-3
        elif draw.chance(0.05):
            mask[0] = 0
        inputs["attention_mask"] = mask.view(shape)
    if draw.chance(0.6):
        inputs["token_type_ids"] = draw.ids(types, *shape)
    if draw.chance(0.3):
        inputs["position_ids"] = draw.ids(config.max_position_embeddings, *shape)
    if draw.chance(0.3):
        inputs["head_mask"] = draw.head_mask(config.num_hidden_layers, heads)
    if name.endswith(("MaskedLM", "PreTraining")):
        case.can_resize = False  # the reference leaves the bias of the head as it was, and raises
    if not draw.chance(0.8):
        return case
    if name.endswith(("MaskedLM", "PreTraining")):
        inputs["masked_lm_labels"] = draw.token_labels(vocabulary, *shape)
    if name.endswith(("PreTraining", "NextSentencePrediction")):
        inputs["next_sentence_label"] = draw.ids(2, texts)
    if name.endswith("SequenceClassification"):
        inputs["labels"] = torch.randn(texts) if labels == 1 else draw.class_labels(labels, texts)
    if name.endswith("MultipleChoice"):
        inputs["labels"] = draw.class_labels(choices[0], texts)
    if name.endswith("TokenClassification"):
        inputs["labels"] = draw.ids(labels, *shape)
        if inputs.get("attention_mask") is not None and not (inputs["attention_mask"] == 1).any():
            del inputs["attention_mask"]
    spans(draw, case, texts, tokens)
    return case


def spans(draw, case, texts, tokens):
    """Answers of BERT's and DistilBERT's question answering, sometimes outside of the text."""
    if not case.class_name.endswith("QuestionAnswering"):
        return
    low, high = (-2, tokens + 3) if draw.chance(0.3) else (0, tokens)
    for end in ("start_positions", "end_positions"):
        case.inputs[end] = draw.ids(high, texts, low=low)
        case.inputs[end][0] = draw.number(0, tokens - 1)
        if draw.chance(0.2):
            case.inputs[end] = case.inputs[end][:, None]


def roberta(draw, name):
    return bert(draw, name, roberta=True)


def distilbert(draw, name):
    heads, size = draw.widths()
    texts, tokens = draw.batch()
    config = reference.DistilBertConfig(
        draw.vocabulary(), max_position_embeddings=tokens + draw.one_of(0, 0, 5), sinusoidal_pos_embds=draw.chance(),
        n_layers=draw.number(1, 4), n_heads=heads, dim=heads * size, hidden_dim=draw.number(5, 75),
        activation=draw.one_of("gelu", "relu"))
    config.num_labels = labels = 2 if name.endswith("QuestionAnswering") else draw.number(1, 4)
    case = Case(name, config, input_ids=draw.ids(config.vocab_size, texts, tokens))
    if draw.chance(0.7):
        case.inputs["attention_mask"] = draw.mask(texts, tokens)
    if draw.chance(0.3):
        case.inputs["head_mask"] = draw.head_mask(config.n_layers, heads)
    if not draw.chance(0.8):
        return case
    if name.endswith("MaskedLM"):
        case.inputs["masked_lm_labels"] = draw.token_labels(config.vocab_size, texts, tokens)
    if name.endswith("SequenceClassification"):
        case.inputs["labels"] = torch.randn(texts) if labels == 1 else draw.class_labels(labels, texts)
    spans(draw, case, texts, tokens)
    return case


def gpt(draw, name, gpt2=False):
    heads, size = draw.widths()
    texts, tokens = draw.batch()
    double = name.endswith("DoubleHeadsModel")
    choices = draw.number(1, 3)
    shape = (texts, choices, tokens) if double else (texts, tokens)
    pieces = draw.number(1, 3) if gpt2 and not double and draw.chance() else 1
    most = tokens * pieces
    context = most + draw.one_of(0, 0, 4)
    options = dict(n_positions=most + draw.one_of(0, 0, 7), n_ctx=context, n_embd=heads * size,
                   n_layer=draw.number(1, 4), n_head=heads, layer_norm_epsilon=draw.one_of(1e-5, 1e-12),
                   summary_type=draw.one_of("cls_index", "cls_index", "cls_index", "last", "first", "mean"),
                   summary_activation=draw.one_of(None, "tanh"))
    if gpt2:
        config = reference.GPT2Config(draw.vocabulary(), **options)
    else:
        config = reference.OpenAIGPTConfig(draw.vocabulary(), afn=draw.one_of("gelu", "swish", "relu"), **options)
    case = Case(name, config)
    if not gpt2 and config.afn == "relu":
        case.deviation = "afn relu is a class in the reference and raises there; computed with the function"
        case.patch = gpt_relu
    case.calls = []
    for piece in range(pieces):
        inputs = dict(input_ids=draw.ids(config.vocab_size, *shape[:-1], draw.length(piece, tokens)))
        case.calls.append(dict(inputs=inputs, carry=dict(past="presents") if piece > 0 else {}))
    # All calls of a case have the same arguments.
    arguments = [a for a, p in (("token_type_ids", 0.4), ("position_ids", 0.3), ("head_mask", 0.3)) if draw.chance(p)]
    for call in case.calls:
        for argument in arguments:
            call["inputs"][argument] = (
                draw.head_mask(config.n_layer, heads) if argument == "head_mask" else
                draw.ids(config.n_positions if argument == "position_ids" else config.vocab_size,
                         *call["inputs"]["input_ids"].shape))
    inputs = case.calls[-1]["inputs"]
    shape = inputs["input_ids"].shape
    tokens = shape[-1]
    if name.endswith("LMHeadModel") and draw.chance(0.8) and tokens > 1:
        inputs["labels"] = draw.token_labels(config.vocab_size, *shape, first=1)
    if double:
        case.loss = "lm_loss + mc_loss"
        if config.summary_type == "cls_index" and draw.chance(0.8):
            inputs["mc_token_ids"] = draw.ids(tokens, texts, choices)
        if draw.chance(0.7) and tokens > 1:
            inputs["lm_labels"] = draw.token_labels(config.vocab_size, *shape, first=1)
        if draw.chance(0.7):
            answers = choices if config.summary_type == "cls_index" else tokens
            inputs["mc_labels"] = draw.class_labels(answers, texts)
    return case


def gpt_relu():
    reference.modeling_openai.ACT_FNS["relu"] = torch.relu


def gpt2(draw, name):
    return gpt(draw, name, gpt2=True)


def transfoxl(draw, name):
    texts, tokens = draw.batch()
    attention = draw.one_of(0, 0, 0, 1, 2, 3)
    heads, model, size = draw.number(1, 4), 2 * draw.number(4, 24), draw.number(3, 16)
    layers = draw.number(1, 3)
    if attention == 1:  # layers share the rows of a bias that has one for each head
        layers = min(layers, heads)
    if attention == 3:  # positions of all heads are added to hidden states
        size = draw.number(1, 8) * (1 if heads % 2 == 0 else 2) + 8 // heads
        size += size * heads % 2
        model = heads * size
    vocabulary = draw.vocabulary()
    cutoffs = sorted(draw.random.sample(range(2, vocabulary - 1), draw.number(0, 3)))
    embed = model if draw.chance() else draw.number(4, 50)
    div = draw.one_of(1, 1, *(d for d in (2, 3, 4) if d ** len(cutoffs) <= embed))
    config = reference.TransfoXLConfig(
        vocabulary, cutoffs=cutoffs, d_model=model, d_embed=embed, n_head=heads, d_head=size,
        d_inner=draw.number(5, 60), div_val=div, pre_lnorm=draw.chance(0.3), n_layer=layers,
        tgt_len=tokens + draw.one_of(0, 0, 1, 7) if attention == 3 else draw.one_of(tokens, draw.number(1, 2 * tokens)),
        ext_len=draw.one_of(0, 0, 0, 1, 3), mem_len=draw.one_of(0, 0, 1, draw.number(1, 20), draw.number(1, 20)),
        clamp_len=draw.one_of(-1, draw.number(1, 20)), same_length=draw.chance(0.4),
        proj_share_all_but_first=draw.chance(0.7), tie_weight=draw.chance(0.8), untie_r=attention != 1 and draw.chance(0.6),
        attn_type=attention)
    if attention != 0 and config.mem_len == 0 and draw.chance(0.8):
        config.same_length = False  # every key of every token is hidden: nothing comes out but NaN
    case = Case(name, config)
    case.may_be_nan = attention != 0 and config.mem_len == 0 and config.same_length
    case.can_resize = False  # the reference changes the number only
    case.calls = []
    labels = name.endswith("LMHeadModel") and draw.chance(0.7)
    with_head_mask = draw.chance(0.3)
    for number in range(draw.number(1, 3) if config.mem_len > 0 else 1):
        length = draw.length(number, tokens)
        inputs = dict(input_ids=draw.ids(vocabulary, texts, length))
        if labels:
            inputs["labels"] = draw.ids(vocabulary, texts, length)
        if with_head_mask:
            inputs["head_mask"] = draw.head_mask(config.n_layer, heads)
        case.calls.append(dict(inputs=inputs, carry=dict(mems="mems") if number > 0 else {}))
    if labels:
        case.loss = "mean of nll"
    return case


def xlnet(draw, name):
    heads, size = draw.widths(even=True)
    texts, tokens = draw.batch()
    bi_data = draw.chance(0.2)
    texts += texts % 2 if bi_data else 0
    uni = draw.chance(0.35)
    labels = draw.number(1, 4)
    config = reference.XLNetConfig(
        draw.vocabulary(), d_model=heads * size, n_layer=draw.number(1, 3), n_head=heads, d_inner=draw.number(5, 75),
        ff_activation=draw.one_of("gelu", "relu", "swish"), untie_r=draw.chance(), attn_type="uni" if uni else "bi",
        layer_norm_eps=draw.one_of(1e-12, 1e-5), mem_len=draw.one_of(None, None, 0, draw.number(1, 20), draw.number(1, 20)),
        reuse_len=draw.one_of(None, None, 0, draw.number(1, 10)), bi_data=bi_data,
        clamp_len=draw.one_of(-1, -1, draw.number(1, 20)), same_length=draw.chance(0.4), num_labels=labels,
        summary_type=draw.one_of("last", "first", "mean", "cls_index"), summary_use_proj=draw.chance(0.8),
        summary_activation=draw.one_of("tanh", None), start_n_top=draw.number(1, 4), end_n_top=draw.number(1, 4))
    case = Case(name, config)
    case.calls = []
    vocabulary = config.n_token
    takes_targets = name in ("XLNetModel", "XLNetLMHeadModel") and draw.chance(0.4)
    masks = not uni or texts == 1
    arguments = dict(
        token_type_ids=draw.chance(0.6), head_mask=draw.chance(0.3), perm_mask=masks and draw.chance(0.4),
        input_mask=masks and draw.chance(0.25))
    arguments["attention_mask"] = masks and not arguments["input_mask"] and draw.chance(0.4)
    calls = draw.number(1, 3) if config.mem_len else 1
    longest = tokens
    for number in range(calls):
        tokens = draw.length(number, longest)
        targets = draw.number(1, tokens)
        inputs = dict(input_ids=draw.ids(vocabulary, texts, tokens))
        if arguments["token_type_ids"]:
            inputs["token_type_ids"] = draw.ids(draw.one_of(2, 3), texts, tokens)
        if arguments["input_mask"]:
            inputs["input_mask"] = draw.either_type(1 - draw.padding(texts, tokens))
        if arguments["attention_mask"]:
            inputs["attention_mask"] = draw.mask(texts, tokens)
        if arguments["perm_mask"]:
            inputs["perm_mask"] = (draw.floats(texts, tokens, tokens) < 0.4).float()
        if arguments["head_mask"]:
            inputs["head_mask"] = draw.head_mask(config.n_layer, heads)
        if takes_targets:
            mapping = torch.zeros(texts, targets, tokens)
            mapping.scatter_(2, draw.ids(tokens, texts, targets, 1), 1.0)
            inputs["target_mapping"] = mapping
        case.calls.append(dict(inputs=inputs, carry=dict(mems="mems") if number > 0 else {}))
    config.output_attentions = not takes_targets
    inputs = case.calls[-1]["inputs"]
    if name.endswith("QuestionAnswering"):
        answers(draw, case, inputs, texts, tokens)
    elif name.endswith("SequenceClassification") and draw.chance(0.8):
        inputs["labels"] = torch.randn(texts) if labels == 1 else draw.class_labels(labels, texts)
    elif name.endswith("LMHeadModel") and draw.chance(0.8):
        inputs["labels"] = draw.token_labels(vocabulary, texts, targets if takes_targets else tokens)
    return case


def answers(draw, case, inputs, texts, tokens):
    """Spans for the head with a beam: training, or the beam itself."""
    config = case.config
    hidden = torch.zeros(texts, tokens)
    if draw.chance(0.5) and tokens > 2:
        hidden = (draw.floats(texts, tokens) < 0.3).float()
        hidden[:, draw.number(0, tokens - 1)] = 0
        inputs["p_mask"] = draw.either_type(hidden)
    if draw.chance(0.6):
        inputs["cls_index"] = draw.ids(tokens, texts)
    if draw.chance(0.6):
        for end in ("start_positions", "end_positions"):  # one of those that may be an answer
            inputs[end] = torch.tensor([draw.one_of(*(1 - row).nonzero().view(-1).tolist()) for row in hidden])
        if draw.chance(0.6):
            inputs["is_impossible"] = draw.ids(2, texts).float()
    free = int((1 - hidden).sum(1).min())
    config.start_n_top, config.end_n_top = min(config.start_n_top, free), min(config.end_n_top, free)


def xlm(draw, name):
    heads, size = draw.widths()
    texts, tokens = draw.batch()
    languages, labels = draw.number(1, 4), draw.number(1, 4)
    cached = name in ("XLMModel", "XLMWithLMHeadModel") and draw.chance(0.2)
    causal = cached or draw.chance(0.35)
    calls = draw.number(2, 3) if cached else 1
    most = tokens * calls
    config = reference.XLMConfig(
        draw.vocabulary(), emb_dim=heads * size, n_layers=draw.number(1, 3), n_heads=heads,
        gelu_activation=draw.chance(0.7), sinusoidal_embeddings=draw.chance(0.4), causal=causal, n_langs=languages,
        use_lang_emb=draw.chance(0.7), max_position_embeddings=most + draw.one_of(0, 0, 5),
        layer_norm_eps=draw.one_of(1e-12, 1e-5), pad_index=draw.number(0, 9), num_labels=labels,
        summary_type=draw.one_of("first", "last", "mean", "cls_index"), summary_use_proj=draw.chance(0.9),
        summary_activation=draw.one_of(None, "tanh"), summary_proj_to_labels=draw.chance(0.85),
        start_n_top=draw.number(1, 4), end_n_top=draw.number(1, 4))
    vocabulary = config.n_words
    if name == "XLMWithLMHeadModel" and draw.chance(0.3):
        config.asm = True
        config.asm_cutoffs = sorted(draw.random.sample(range(2, vocabulary - 1), draw.number(1, 3)))
        config.asm_div_value = draw.one_of(1.0, 1.5, 2.0)
    case = Case(name, config)
    if config.asm:
        case.deviation = "with asm the reference hands a 3-D tensor to torch's adaptive softmax and raises; flattened first"
        case.patch = xlm_flatten
    if name == "XLMWithLMHeadModel":
        case.can_resize = False  # the head keeps its n_words
    ids = draw.ids(vocabulary, texts, most)
    if draw.chance(0.7) or cached:
        ids[ids == config.pad_index] = (config.pad_index + 1) % vocabulary
    elif causal or draw.chance():
        ids[:, 0] = (config.pad_index + 1) % vocabulary
    real = (ids != config.pad_index).sum(1)
    if (real == 0).any():
        raise Again("a text of padding alone")
    if cached:
        case.kwargs["cache"] = True
        case.calls, read = [], 0
        options = [a for a in ("langs", "position_ids", "token_type_ids", "head_mask")
                   if draw.chance(0.3) and (a != "langs" or languages > 1)]
        whole = dict(langs=draw.ids(languages, texts, most), position_ids=draw.ids(config.max_position_embeddings, texts, most),
                     token_type_ids=draw.ids(vocabulary, texts, most))
        for number in range(calls):
            before, read = read, read + draw.length(number, tokens)
            inputs = dict(input_ids=ids[:, :read].clone())
            for option in options:
                # The reference cuts the arguments of earlier tokens away, but for token types.
                inputs[option] = (draw.head_mask(config.n_layers, heads) if option == "head_mask" else
                                  whole[option][:, before if option == "token_type_ids" else 0 : read].clone())
            case.calls.append(dict(inputs=inputs, carry={}, cache=True))
        return case
    inputs = case.inputs
    inputs["input_ids"] = ids
    if draw.chance(0.4):
        inputs["lengths"] = draw.lengths(texts, tokens)
    elif not causal and draw.chance(0.5):
        inputs["attention_mask"] = draw.mask(texts, tokens)
    if languages > 1 and draw.chance(0.7):
        inputs["langs"] = draw.ids(languages, texts, tokens)
    if draw.chance(0.3):
        inputs["position_ids"] = draw.ids(config.max_position_embeddings, texts, tokens)
    if draw.chance(0.3):
        inputs["token_type_ids"] = draw.ids(vocabulary, texts, tokens)
    if draw.chance(0.3):
        inputs["head_mask"] = draw.head_mask(config.n_layers, heads)
    if name.endswith("QuestionAnswering"):
        answers(draw, case, inputs, texts, tokens)
    elif name.endswith("LMHeadModel") and draw.chance(0.8):
        inputs["labels"] = draw.token_labels(vocabulary, texts * tokens, ignored=None if config.asm else draw.one_of(None, -100))
    elif name.endswith("SequenceClassification") and draw.chance(0.8):
        if config.summary_use_proj and config.summary_proj_to_labels:
            inputs["labels"] = torch.randn(texts) if labels == 1 else draw.class_labels(labels, texts)
    return case


def xlm_flatten():
    forward = reference.modeling_xlm.XLMPredLayer.forward
    if forward.__name__ != "flattened":
        def flattened(self, x, y=None):
            return forward(self, x.reshape(-1, x.shape[-1]) if self.asm else x, y)
        reference.modeling_xlm.XLMPredLayer.forward = flattened


# --------------------------------------------------------------------------------------------------- classes

# The reference's tuples, in order; "?labels" stands only where that argument was given, "lists" are numbered.
TAIL = ["hidden_states", "attentions"]
BEAM = ["start_top_log_probs", "start_top_index", "end_top_log_probs", "end_top_index", "cls_logits"]


def outputs_of(case, call):
    name, given = case.class_name, call["inputs"]
    short = name
    for prefix in ("OpenAIGPT", "TransfoXL", "DistilBert", "Roberta", "XLNet", "GPT2", "Bert", "XLM"):
        if name.startswith(prefix):
            short = name[len(prefix):]
            break
    names = []
    if short == "Model":
        names = ["last_hidden_state"] + (["pooler_output"] if prefix in ("Bert", "Roberta") else [])
    elif short == "DoubleHeadsModel":
        names = [n for n, argument in (("lm_loss", "lm_labels"), ("mc_loss", "mc_labels")) if argument in given]
        names += ["lm_logits", "mc_logits"]
    elif prefix == "TransfoXL":
        names = ["nll", None] if "labels" in given else ["log_probs"]
    elif short == "ForQuestionAnswering" and prefix in ("XLNet", "XLM"):
        names = ["loss"] if "start_positions" in given else list(BEAM)
    else:
        labels = ("labels", "masked_lm_labels", "start_positions")
        if short == "ForPreTraining":
            has_loss = "masked_lm_labels" in given and "next_sentence_label" in given
        else:
            has_loss = any(a in given for a in labels + ("next_sentence_label",))
        names = ["loss"] if has_loss else []
        names += {"ForPreTraining": ["prediction_scores", "seq_relationship_score"],
                  "ForMaskedLM": ["prediction_logits" if prefix == "DistilBert" else "prediction_scores"],
                  "ForNextSentencePrediction": ["seq_relationship_score"],
                  "ForQuestionAnswering": ["start_logits", "end_logits"],
                  "WithLMHeadModel": ["scores"],
                  "LMHeadModel": ["logits" if prefix == "XLNet" else "lm_logits"]}.get(short, ["logits"])
    if prefix == "GPT2":
        names.append("presents")
    if prefix in ("TransfoXL", "XLNet"):
        names.append("mems")
    return names + ["hidden_states"] + (["attentions"] if case.config.output_attentions else [])


def name_outputs(case):
    def named(values, call):
        found = {}
        names = outputs_of(case, call)
        assert len(values) == len(names), f"{case.class_name}: {len(values)} outputs for {names}"
        for name, value in zip(names, values):
            if name is None or value is None or (isinstance(value, (tuple, list)) and any(v is None for v in value)):
                continue
            found[name] = value
        if "nll" in found:
            found["loss"] = found["nll"].mean()
        if "lm_loss" in found and "mc_loss" in found:
            found["loss"] = found["lm_loss"] + found["mc_loss"]
        return found
    return named


CLASSES = {
    bert: ["BertModel", "BertForPreTraining", "BertForMaskedLM", "BertForNextSentencePrediction",
           "BertForSequenceClassification", "BertForMultipleChoice", "BertForTokenClassification",
           "BertForQuestionAnswering"],
    roberta: ["RobertaModel", "RobertaForMaskedLM", "RobertaForSequenceClassification"],
    distilbert: ["DistilBertModel", "DistilBertForMaskedLM", "DistilBertForSequenceClassification",
                 "DistilBertForQuestionAnswering"],
    gpt: ["OpenAIGPTModel", "OpenAIGPTLMHeadModel", "OpenAIGPTDoubleHeadsModel"],
    gpt2: ["GPT2Model", "GPT2LMHeadModel", "GPT2DoubleHeadsModel"],
    transfoxl: ["TransfoXLModel", "TransfoXLLMHeadModel"],
    xlnet: ["XLNetModel", "XLNetLMHeadModel", "XLNetForSequenceClassification", "XLNetForQuestionAnswering"],
    xlm: ["XLMModel", "XLMWithLMHeadModel", "XLMForSequenceClassification", "XLMForQuestionAnswering"],
}
ARCHITECTURE = {name: draw for draw, names in CLASSES.items() for name in names}


# --------------------------------------------------------------------------------------------------- making a case


def randomise(model, draw):
    """Weights as large as trained ones: every term of every sum counts."""
    gain = draw.random.uniform(0.7, 1.4)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if not p.requires_grad:
                continue
            leaf = name.lower()
            if "norm" in leaf or ".ln_" in leaf:
                p.normal_(1.0 if leaf.endswith("weight") else 0.0, 0.3 if leaf.endswith("weight") else 0.2)
            elif any(part in leaf for part in ("embed", "emb_layers", "wte", "wpe", "mask_emb")):
                p.normal_(0.0, 0.4)
            elif p.dim() == 1 or leaf.endswith("bias"):
                p.normal_(0.0, 0.2)
            else:
                p.normal_(0.0, gain / p.shape[0 if "rel_attn" in leaf else -1] ** 0.5)


def operate(model, case, draw, folder, name):
    """Pruning or resizing, from a checkpoint that is kept."""
    config = case.config
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    with_head_mask = any("head_mask" in call["inputs"] for call in case.calls)
    prunes = heads > 1 and not name.startswith(("XLNet", "TransfoXL"))
    if prunes and draw.chance(0.15):
        # A head mask is for all layers: they must be left with as many heads.
        count = draw.number(1, heads - 1)
        chosen = {}
        for layer in range(layers) if with_head_mask else draw.random.sample(range(layers), draw.number(1, layers)):
            chosen[layer] = draw.random.sample(range(heads), count if with_head_mask else draw.number(1, heads - 1))
        if draw.chance(0.4):  # some are gone before
            earlier = {layer: sorted(list_[1:]) for layer, list_ in chosen.items() if len(list_) > 1}
            chosen = {layer: list_[:1] if draw.chance() or layer not in earlier else list_ for layer, list_ in chosen.items()}
            if earlier:
                model.prune_heads(earlier)
        save(model, folder / "pre_prune", draw)
        chosen = {layer: sorted(list_) for layer, list_ in chosen.items()}
        model.prune_heads(chosen)
        case.kwargs["prune_heads"] = {str(k): v for k, v in chosen.items()}
        for call in case.calls:
            if "head_mask" in call["inputs"]:
                call["inputs"]["head_mask"] = draw.head_mask(layers, heads - count)
    elif case.can_resize and draw.chance(0.1):
        of_words = ("input_ids", "labels", "lm_labels", "masked_lm_labels", "token_type_ids")
        least = 1 + max(int(v.max()) for call in case.calls for k, v in call["inputs"].items()
                        if k in of_words and v.dtype == torch.int64)
        size = max(least, config.vocab_size + draw.number(-5, 12))
        save(model, folder / "pre_resize", draw)
        model.resize_token_embeddings(size)
        case.kwargs["resize_token_embeddings"] = size


def save(model, folder, draw):
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder))
    if draw.chance(0.4):
        torch.save(model.state_dict(), folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
        return "legacy"
    return "zip"


def without_dropout(config):
    for key in vars(config):
        if "drop" in key and isinstance(getattr(config, key), float):
            setattr(config, key, 0.0)


def loss_of(case):
    return lambda named: named.get("loss")


def tell_apart(outputs):
    """The answers of a beam must differ by more than the arithmetic loses."""
    for name, index in (("start_top_log_probs", 1), ("end_top_log_probs", 1)):
        for key, value in outputs.items():
            if key.split(".")[-1] == name:
                ordered = value.flatten(1).sort(1, descending=True)[0]
                if ordered.shape[1] > 1 and ((ordered[:, :-1] - ordered[:, 1:]) < 2e-3 * ordered[:, :-1]).any():
                    raise Again("answers of a beam that are nearly equal")


def make(class_name, seed, folder):
    draw = Draw(seed)
    case = ARCHITECTURE[class_name](draw, class_name)
    config = case.config
    config.output_hidden_states = True
    config.output_attentions = getattr(config, "output_attentions", True) if class_name.startswith("XLNet") else True
    named = name_outputs(case)
    names = outputs_of(case, case.calls[-1])
    has_loss = "loss" in names or "nll" in names or ("lm_loss" in names and "mc_loss" in names)
    if has_loss:
        without_dropout(config)
    if case.patch:
        case.patch()
    with torch.no_grad():  # sinusoids are written in place
        model = getattr(reference, class_name)(config).eval()
    randomise(model, draw)
    operate(model, case, draw, folder, class_name)
    checkpoint_format = save(model, folder, draw)
    case.has_safetensors = draw.chance(0.2)
    if case.has_safetensors:
        save_file({k: v.clone().contiguous() for k, v in model.state_dict().items()}, str(folder / "model.safetensors"))
    (truth, gradients), runs = evaluate(model, case.calls, named, loss_of(case) if has_loss else None)
    labels = [v for k, v in case.calls[-1]["inputs"].items() if k.endswith("labels")]
    nothing_counts = any(v.dtype == torch.int64 and bool((v < 0).all()) for v in labels)
    for key, value in truth.items():
        allowed = case.may_be_nan or (nothing_counts and key.endswith("loss"))
        if value.is_floating_point() and not (value.isfinite() | (value.isnan() & allowed)).all():
            raise Again("an output that is not finite")
    if config.__dict__.get("start_n_top") and "start_top_index" in names:
        margins(model, case, named)
    tell_apart(truth)
    write(folder, case, checkpoint_format, truth, gradients, runs, names)


def margins(model, case, named):
    """One more answer than asked for must be told apart from those that are."""
    wider = copy.deepcopy(model)
    tokens = case.calls[-1]["inputs"]["input_ids"].shape[1]
    free = tokens - (int(case.calls[-1]["inputs"]["p_mask"].sum(1).max()) if "p_mask" in case.calls[-1]["inputs"] else 0)
    for part in (wider, getattr(wider, "qa_outputs", None)):
        if part is not None and hasattr(part, "start_n_top"):
            part.start_n_top, part.end_n_top = min(part.start_n_top + 1, free), min(part.end_n_top + 1, free)
    (truth, _), _ = evaluate(wider, case.calls, named, None)
    for key, value in truth.items():
        kind = key.split(".")[-1]
        if kind == "start_top_log_probs":
            starts, columns = value, value.shape[1]
    for key, value in truth.items():
        kind = key.split(".")[-1]
        if kind == "end_top_log_probs":
            ends = value.view(value.shape[0], -1, columns)
            if ends.shape[1] > 1 and ((ends[:, :-1] - ends[:, 1:]) < 2e-3 * ends[:, :-1]).any():
                raise Again("ends of a beam that are nearly equal")
    if columns > 1 and ((starts[:, :-1] - starts[:, 1:]) < 2e-3 * starts[:, :-1]).any():
        raise Again("starts of a beam that are nearly equal")


def write(folder, case, checkpoint_format, truth, gradients, runs, names):
    tensors, inputs, steps = {}, {}, []
    several = len(case.calls) > 1
    for number, call in enumerate(case.calls):
        prefix = f"step{number}." if several else ""
        keys = {}
        for argument, value in call["inputs"].items():
            keys[argument] = f"in.{prefix}{argument}"
            tensors[keys[argument]] = value.contiguous()
            inputs[prefix + argument] = keys[argument]
        steps.append(dict(inputs=keys, carry=call["carry"],
                          outputs=[name for name in truth if name.startswith(prefix)]))

    def largest_of(value):  # NaN, which must meet NaN, has no size
        return float(value.abs().nan_to_num(nan=0.0).max()) if value.numel() else 0.0

    def errors(value, others):
        if any(not torch.equal(value.isnan(), other.isnan()) for other in others):
            raise Again("a number that not every order of summation has")
        found = [largest_of(other.double() - value) for other in others]
        return dict(ref_err32=found[0], ref_err=max(found))

    outputs = []
    for name, value in truth.items():
        entry = dict(name=name, key=f"out64.{name}", key32=f"out32.{name}", shape=list(value.shape))
        tensors[entry["key"]], tensors[entry["key32"]] = value, runs[0][0][name]
        if value.is_floating_point():
            entry.update(dtype="float64", scale=largest_of(value), **errors(value, [r[0][name] for r in runs]))
        else:
            entry.update(dtype="int64")
            if any(not torch.equal(value, r[0][name]) for r in runs):
                raise Again("an index that float32 does not settle")
        outputs.append(entry)

    grads, unused = [], []
    largest = max((largest_of(g) for g in (gradients or {}).values() if g is not None), default=0.0)
    for name, value in (gradients or {}).items():
        if value is None:
            unused.append(name)
            continue
        key = f"grad64.{name}"
        tensors[key] = value.contiguous()
        grads.append(dict(name=f"grad.{name}", key=key, shape=list(value.shape),
                          scale=max(largest_of(value), largest / 2), **errors(value, [r[1][name] for r in runs])))

    arch, head = ARCHITECTURE[case.class_name].__name__, case.class_name
    text = {"class": case.class_name, "library": "pytorch-transformers 1.2.0", "arch": arch, "head": head,
            "checkpoint_format": checkpoint_format, "has_safetensors": case.has_safetensors, "kwargs": case.kwargs,
            "inputs": inputs}
    if several:
        text["steps"] = steps
    text.update(outputs=outputs, grads=grads)
    if gradients is not None:
        text.update(grad_of=case.loss, unused_params=unused)
    if case.loss != "loss" and gradients is not None:
        text["derived"] = dict(loss=case.loss)
    if case.deviation:
        text["deviation"] = case.deviation
    save_file(tensors, str(folder / "tensors.safetensors"))
    (folder / "case.json").write_text(json.dumps(text, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, help="folder for the cases; each is a folder in it")
    parser.add_argument("--count", type=int, default=20, help="how many (20)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (0)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the draw (1)")
    parser.add_argument("--class", dest="classes", action="append", metavar="NAME", help="only this class; may be repeated")
    parser.add_argument("--list", action="store_true", help="print the classes, and leave")
    options = parser.parse_args()
    if options.list:
        print("\n".join(ARCHITECTURE))
        return
    if options.out is None:
        parser.error("--out is required")
    classes = options.classes or list(ARCHITECTURE)
    for name in classes:
        if name not in ARCHITECTURE:
            parser.error(f"there is no class {name}; --list names them")
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    for number in range(options.first, options.first + options.count):
        name = classes[number % len(classes)]
        folder = options.out / f"{ARCHITECTURE[name].__name__}-{name}-{options.seed}-{number}"
        for attempt in range(50):
            shutil.rmtree(folder, ignore_errors=True)  # what a draw of no use left
            try:
                make(name, f"{options.seed}/{name}/{number}/{attempt}", folder)
                break
            except Again:
                continue
            except Exception:
                print(f"make_golden.py: {folder.name}: the reference does not take what was drawn:", file=sys.stderr)
                raise
        else:
            sys.exit(f"make_golden.py: {folder.name}: 50 draws were of no use")
        print(folder, flush=True)


if __name__ == "__main__":
    main()
