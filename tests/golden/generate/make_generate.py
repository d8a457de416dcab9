"""Writes generate.json: filtered distributions, and what the tiny language models continue: greedily, drawn, beams.

Each token is chosen from a run over the whole text, as the reference's example program does it; Transformer-XL also
runs over its memory, segment by segment. XLNet and an XLM that is not causal fill in a token at the end.
Run with torch, pytorch-transformers 1.2.0 and a current transformers:  python make_generate.py
"""
import json
import math
import pathlib

import torch
import transformers
from pytorch_transformers import (
    GPT2LMHeadModel,
    OpenAIGPTLMHeadModel,
    TransfoXLLMHeadModel,
    XLMWithLMHeadModel,
    XLNetLMHeadModel,
)

HERE = pathlib.Path(__file__).resolve().parent


def distribution(scores, seen, temperature, top_k, top_p, penalty):
    """What the published filters leave, in float64: penalty, temperature, the k largest, the fewest that make up p."""
    x = scores.clone()
    for token in set(seen):
        x[token] = x[token] / penalty if x[token] > 0 else x[token] * penalty
    x = x / temperature
    if top_k > 0:
        least = torch.topk(x, min(top_k, len(x)))[0][-1]
        x[x < least] = -float("inf")
    if top_p < 1:
        ordered, places = torch.sort(x, descending=True, stable=True)
        total = torch.cumsum(torch.softmax(ordered, -1), -1)
        gone = total > top_p
        gone[1:] = gone[:-1].clone()
        gone[0] = False
        x[places[gone]] = -float("inf")
    return torch.softmax(x, -1)


def filters():
    torch.manual_seed(3)
    cases = []
    for size in (7, 61, 200):
        for temperature, top_k, top_p, penalty in (
            (1.0, 0, 1.0, 1.0),
            (0.7, 0, 0.9, 1.0),
            (1.3, 5, 1.0, 1.0),
            (1.0, 40, 0.5, 1.2),
            (0.25, 3, 0.05, 1.5),
            (2.0, 1, 0.95, 1.0),
            (1.0, 0, 0.3, 3.0),
        ):
            scores = (torch.randn(size, dtype=torch.float32) * 3).round(decimals=1)  # rounded: some are equal
            seen = torch.randint(0, size, (6,)).tolist()
            p = distribution(scores.double(), seen, temperature, top_k, top_p, penalty)
            cases.append(
                dict(scores=scores.tolist(), seen=seen, temperature=temperature, top_k=top_k, top_p=top_p,
                     repetition_penalty=penalty, probabilities=p.tolist())
            )
    return cases


def load(folder, cls, changes=()):
    path = str(HERE.parent / "models" / folder)
    config = cls.config_class.from_pretrained(path)
    for key, value in dict(changes).items():
        setattr(config, key, value)
    config.output_attentions = config.output_hidden_states = False
    return cls.from_pretrained(path, config=config).eval()


class Whole:
    """Scores of the next token from a run over the whole text."""

    def __init__(self, model, language=None):
        self.model, self.language = model, language

    def __call__(self, tokens):
        model, ids = self.model, torch.tensor([tokens])
        inputs = {"input_ids": ids}
        if isinstance(model, XLNetLMHeadModel):
            ids = torch.cat([ids, torch.zeros(1, 1, dtype=torch.long)], 1)
            n = ids.shape[1]
            hidden, target = torch.zeros(1, n, n), torch.zeros(1, 1, n)
            hidden[:, :, -1] = 1
            target[0, 0, -1] = 1
            inputs = {"input_ids": ids, "perm_mask": hidden, "target_mapping": target}
        elif isinstance(model, XLMWithLMHeadModel) and not model.config.causal:
            inputs = {"input_ids": torch.cat([ids, torch.full((1, 1), model.config.mask_index)], 1)}
        if self.language is not None:
            inputs["langs"] = torch.full_like(inputs["input_ids"], self.language)
        with torch.no_grad():
            scores = model(**inputs)[0]
        return scores.reshape(-1, scores.shape[-1])[-1]


class Segments:
    """Scores of the next token by Transformer-XL's memory: the prompt is one segment, then each token is one."""

    def __init__(self, model, prompt):
        self.model, self.prompt = model, len(prompt)

    def __call__(self, tokens):
        mems = None
        parts = [tokens[: self.prompt]] + [[t] for t in tokens[self.prompt :]]
        for part in parts:
            with torch.no_grad():
                scores, mems = self.model(torch.tensor([part]), mems=mems)[:2]
        return scores[0, -1]


def causal_cases():
    """(folder, class, changed config, prompts, room, how: whole or segments, language)"""
    plain = ([5], [3, 1, 4, 1, 5], [9, 2, 6])
    # XLM takes pad_index for padding wherever it stands: its texts are those that have none.
    without_padding = ([3, 1, 4, 1, 5], [7, 8, 1, 3, 9])
    yield "gpt2-lm-nolabels", GPT2LMHeadModel, {}, plain, 13, "whole", None
    yield "gpt2-model-past3", GPT2LMHeadModel, {}, plain, None, "whole", None
    yield "gpt-lm-nolabels", OpenAIGPTLMHeadModel, {}, plain, None, "whole", None
    yield "xlm-lm-langscausal", XLMWithLMHeadModel, {}, without_padding, None, "whole", None
    yield "xlm-lm-langscausal", XLMWithLMHeadModel, {}, ([3, 1, 4, 1, 5], [7, 8]), None, "whole", 1
    yield "xlm-lm-nolabels", XLMWithLMHeadModel, {}, ([3, 1, 4, 1, 5], [7, 8, 9]), None, "whole", None
    yield "transfoxl-lm-div1", TransfoXLLMHeadModel, {}, plain, 14, "whole", None
    yield "transfoxl-lm-div2mems", TransfoXLLMHeadModel, {}, plain, 20, "segments", None
    yield "transfoxl-lm-div4", TransfoXLLMHeadModel, {}, ([3, 1, 4, 1, 5], [9, 2, 6, 8, 4]), 20, "segments", None
    yield "transfoxl-lm-nolabelsmems", TransfoXLLMHeadModel, {}, ([3, 1, 4], [9, 2, 6]), 16, "segments", None
    changed = {"mem_len": 7, "same_length": True}  # norms first: a memory of hidden states
    yield "transfoxl-lm-untiedw", TransfoXLLMHeadModel, changed, plain, 18, "segments", None
    equal = ([3, 1, 4, 1, 5], [9, 2, 6, 8, 4])
    yield "transfoxl-lm-learned", TransfoXLLMHeadModel, {"ext_len": 0, "mem_len": 11, "same_length": True}, plain, 18, "segments", None
    yield "transfoxl-lm-absolute", TransfoXLLMHeadModel, {}, equal, 14, "whole", None
    yield "transfoxl-lm-perlayer", TransfoXLLMHeadModel, {}, equal, 16, "whole", None
    yield "xlnet-lm-nolabels", XLNetLMHeadModel, {}, plain, 14, "whole", None
    yield "xlnet-lm-twostream", XLNetLMHeadModel, {}, plain, 12, "whole", None


def greedy():
    cases = []
    for folder, cls, changes, prompts, room, how, language in causal_cases():
        model = load(folder, cls, changes)
        if room is None:
            room = min(getattr(model.config, "n_ctx", 1 << 20), model.config.max_position_embeddings)
        padding = getattr(model.config, "pad_index", None)
        for prompt in prompts:
            next_scores = Segments(model, prompt) if how == "segments" else Whole(model, language)
            tokens = list(prompt)
            least = math.inf  # how far the choice is from the next one
            while len(tokens) < room:
                scores = next_scores(tokens)
                two = torch.topk(scores, 2)[0]
                least = min(least, float(two[0] - two[1]))
                tokens.append(int(scores.argmax()))
                if how == "segments" and model.config.same_length:  # the example program's way gives the same
                    assert int(Whole(model)(tokens[:-1]).argmax()) == tokens[-1]
            assert padding not in tokens, tokens
            assert least > 1e-5, (folder, prompt, least)
            cases.append({"folder": folder, "class": cls.__name__, "config": changes, "prompt": prompt,
                          "language": -1 if language is None else language,
                          "mask": getattr(model.config, "mask_index", -1), "tokens": tokens})
    return cases


def philox(key, low, high):
    """Four words of Philox4x32-10 (Salmon et al., 2011) for a key and a counter of 64 bits twice."""
    mask = (1 << 32) - 1
    k0, k1 = key & mask, key >> 32
    c = [low & mask, low >> 32, high & mask, high >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k0, b & mask, (a >> 32) ^ c[3] ^ k1, a & mask]
        k0, k1 = (k0 + 0x9E3779B9) & mask, (k1 + 0xBB67AE85) & mask
    return c


def sampled():
    """Texts that are drawn, with the distribution at each step: the first model of each class, its second prompt."""
    cases, seen = [], set()
    for folder, cls, changes, prompts, room, how, language in causal_cases():
        if cls in seen or (cls is TransfoXLLMHeadModel and how == "whole"):
            continue
        seen.add(cls)
        model = load(folder, cls, changes)
        prompt, seed = prompts[1], 7
        next_scores = Segments(model, prompt) if how == "segments" else Whole(model, language)
        tokens, steps = list(prompt), []
        room = room or min(getattr(model.config, "n_ctx", 1 << 20), model.config.max_position_embeddings)
        for step in range(min(6, room - len(prompt))):
            p = distribution(next_scores(tokens).double(), tokens, 0.9, 20, 0.9, 1.2)
            words = philox(seed, step, 0)
            u = ((words[0] << 21) ^ (words[1] >> 11)) / 2**53
            below = torch.cumsum(p, 0)
            assert float((below - u).abs().min()) > 1e-4, "a draw that rounding could change"
            tokens.append(int((below > u).nonzero()[0]))
            steps.append([round(x, 9) for x in p.tolist()])
        cases.append({"folder": folder, "class": cls.__name__, "config": changes, "prompt": prompt,
                      "language": -1 if language is None else language,
                      "mask": getattr(model.config, "mask_index", -1), "seed": seed, "temperature": 0.9, "top_k": 20,
                      "top_p": 0.9, "repetition_penalty": 1.2, "tokens": tokens, "probabilities": steps})
    return cases


def beam_search(next_scores, prompt, beams, room, stops, alpha, early):
    """The `beams` best continuations and their scores, sum of log-probabilities by Wu et al.'s length penalty."""
    penalty = lambda n: ((5 + n) / 6) ** alpha
    live, done = [(0.0, list(prompt))], []
    for n in range(1, room - len(prompt) + 1):
        found = []
        for score, tokens in live:
            log_p = torch.log_softmax(next_scores(tokens).double(), -1)
            found += [(score + float(x), tokens + [i]) for i, x in enumerate(log_p)]
        found = sorted(found, key=lambda c: -c[0])[: beams * (1 + len(stops))]
        ended = [(s / penalty(n), t) for s, t in found[:beams] if t[-1] in stops]
        done = sorted(done + ended, key=lambda c: -c[0])[:beams]
        live = [c for c in found if c[1][-1] not in stops][:beams]
        if len(done) == beams and (early or done[-1][0] >= live[0][0] / penalty(room - len(prompt))):
            live = []
            break
    done += [(s / penalty(room - len(prompt)), t) for s, t in live]
    return sorted(done, key=lambda c: -c[0])[:beams]


def transformers_beams(folder, prompt, beams, room, stop, early):
    """The same by transformers' generate, without a length penalty."""
    ours = load(folder, GPT2LMHeadModel)
    c = ours.config
    config = transformers.GPT2Config(vocab_size=c.vocab_size, n_positions=c.n_positions, n_embd=c.n_embd,
                                     n_layer=c.n_layer, n_head=c.n_head, layer_norm_epsilon=c.layer_norm_epsilon,
                                     bos_token_id=None, eos_token_id=None)
    model = transformers.GPT2LMHeadModel(config).eval()
    state = {k: v for k, v in ours.state_dict().items() if not k.endswith(".attn.bias")}
    unmatched = model.load_state_dict(state, strict=False)
    assert not unmatched.unexpected_keys and not unmatched.missing_keys, unmatched
    out = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False,
                         num_beams=beams, num_return_sequences=beams, max_length=room, length_penalty=0.0,
                         early_stopping=early, eos_token_id=stop, pad_token_id=0, return_dict_in_generate=True,
                         output_scores=True)
    texts = []
    for tokens in out.sequences.tolist():
        if stop is not None and stop in tokens[len(prompt):]:
            tokens = tokens[: tokens.index(stop, len(prompt)) + 1]
        texts.append(tokens)
    return list(zip(out.sequences_scores.tolist(), texts))


def beams():
    cases = []
    for folder, cls, changes, prompts, room, how, language in causal_cases():
        model = load(folder, cls, changes)
        if room is None:
            room = min(getattr(model.config, "n_ctx", 1 << 20), model.config.max_position_embeddings)
        room = min(room, len(prompts[1]) + 8)
        prompt = prompts[1]
        next_scores = Segments(model, prompt) if how == "segments" else Whole(model, language)
        # A token that the best texts have ends them.
        likely = beam_search(next_scores, prompt, 4, room, (), 0.0, False)[1][1][len(prompt) + 2]
        for count, stops, alpha, early in ((3, (), 0.0, False), (4, (likely,), 0.0, False), (4, (likely,), 0.0, True),
                                           (3, (likely, 11), 1.3, False)):
            found = beam_search(next_scores, prompt, count, room, stops, alpha, early)
            scores = [s for s, _ in found]
            assert all(a - b > 1e-6 for a, b in zip(scores, scores[1:])), (folder, scores)
            if cls is GPT2LMHeadModel and alpha == 0:
                stop = stops[0] if stops else None
                theirs = transformers_beams(folder, prompt, count, room, stop, early)
                assert [t for _, t in theirs] == [t for _, t in found], (found, theirs)
                assert all(abs(a - b) < 1e-4 for (a, _), b in zip(theirs, scores)), (found, theirs)
            cases.append({"folder": folder, "class": cls.__name__, "config": changes, "prompt": prompt, "beams": count,
                          "language": -1 if language is None else language, "room": room, "stops": list(stops),
                          "mask": getattr(model.config, "mask_index", -1), "length_penalty": alpha, "early": early,
                          "texts": [t for _, t in found], "scores": scores})
    return cases


if __name__ == "__main__":
    with open(HERE / "generate.json", "w", encoding="utf-8") as out:
        cases = {"filters": filters(), "greedy": greedy(), "sampled": sampled(), "beams": beams()}
        json.dump(cases, out, indent=None, separators=(",", ":"))
        out.write("\n")
