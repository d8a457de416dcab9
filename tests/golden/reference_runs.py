"""Evaluates a model of pytorch-transformers 1.2.0 in float64, and in float32 in several orders of summation.

The float64 run is the truth of a golden case; what the float32 runs deviate from it is what the arithmetic itself loses, and
with it the rule's measure (`ref_err`). A float32 run either uses torch's own kernels or adds up one element after the
other, from the first to the last or from the last to the first: matrix products, sums, means, normalisations and softmax, on
the way forward and on the way back.
"""
import contextlib
import copy

import torch
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


@contextlib.contextmanager
def in_float64():
    """Transformer-XL and XLM call .float() inside of attention, XLNet makes its sinusoids as torch.float."""
    single, cast = torch.float, torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.float, torch.Tensor.float = torch.float64, torch.Tensor.double
    try:
        yield
    finally:
        torch.float, torch.Tensor.float = single, cast
        torch.set_default_dtype(torch.float32)


class SequentialSums(TorchDispatchMode):
    """Float32 sums as a plain loop over the elements. The operators are those that torch's models come down to."""

    def __init__(self, backwards):
        super().__init__()
        self.backwards = backwards

    def order(self, count):
        return range(count - 1, -1, -1) if self.backwards else range(count)

    def sum(self, x, dims, keepdim=False):
        dims = [d % x.dim() for d in (range(x.dim()) if dims is None or len(dims) == 0 else dims)]
        rest = [d for d in range(x.dim()) if d not in dims]
        flat = x.permute(*rest, *dims).reshape([x.shape[d] for d in rest] + [-1])
        total = torch.zeros(flat.shape[:-1], dtype=x.dtype)
        for i in self.order(flat.shape[-1]):
            total = total + flat[..., i]
        return total.reshape([1 if d in dims else n for d, n in enumerate(x.shape)]) if keepdim else total

    def bmm(self, a, b):
        total = torch.zeros(a.shape[0], a.shape[1], b.shape[2], dtype=a.dtype)
        for i in self.order(a.shape[2]):
            total = torch.addcmul(total, a[:, :, i : i + 1], b[:, i : i + 1, :])
        return total

    def moments(self, x, dims):
        count = 1
        for d in dims:
            count *= x.shape[d]
        mean = self.sum(x, dims, True) / count
        return mean, self.sum((x - mean) ** 2, dims, True) / count

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        first = next((a for a in args if isinstance(a, torch.Tensor)), None)
        if first is None or first.dtype != torch.float32:
            return function(*args, **kwargs)
        if function is aten.mm.default:
            return self.bmm(args[0][None], args[1][None])[0]
        if function is aten.addmm.default:
            return self.bmm(args[1][None], args[2][None])[0] + args[0]
        if function is aten.bmm.default:
            return self.bmm(*args)
        if function is aten.sum.default:
            return self.sum(args[0], None)
        if function is aten.sum.dim_IntList:
            return self.sum(args[0], args[1], args[2] if len(args) > 2 else kwargs.get("keepdim", False))
        if function is aten.mean.default:
            return self.sum(args[0], None) / args[0].numel()
        if function is aten.mean.dim:
            keepdim = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
            return self.sum(args[0], args[1], keepdim) / (args[0].numel() / max(1, self.result_count(args[0], args[1])))
        if function is aten._softmax.default:
            e = torch.exp(args[0] - args[0].amax(args[1], True))
            return e / self.sum(e, [args[1]], True)
        if function is aten._softmax_backward_data.default:
            gradient, output, dim = args[0], args[1], args[2]
            return output * (gradient - self.sum(gradient * output, [dim], True))
        if function is aten._log_softmax.default:
            x = args[0] - args[0].amax(args[1], True)
            return x - torch.log(self.sum(torch.exp(x), [args[1]], True))
        if function is aten._log_softmax_backward_data.default:
            gradient, output, dim = args[0], args[1], args[2]
            return gradient - torch.exp(output) * self.sum(gradient, [dim], True)
        if function is aten.native_layer_norm.default:
            x, shape, weight, bias, eps = args
            dims = list(range(x.dim() - len(shape), x.dim()))
            mean, variance = self.moments(x, dims)
            rstd = 1 / torch.sqrt(variance + eps)
            return (x - mean) * rstd * weight + bias, mean, rstd
        if function is aten.native_layer_norm_backward.default:
            gradient, x, shape, mean, rstd, weight = args[:6]
            dims = list(range(x.dim() - len(shape), x.dim()))
            rows = list(range(x.dim() - len(shape)))
            normal, inner = (x - mean) * rstd, gradient * weight
            count = x[(0,) * len(rows)].numel()
            dx = rstd * (inner - self.sum(inner, dims, True) / count - normal * (self.sum(inner * normal, dims, True) / count))
            return dx, self.sum(gradient * normal, rows), self.sum(gradient, rows)
        return function(*args, **kwargs)

    @staticmethod
    def result_count(x, dims):
        count = x.numel()
        for d in dims:
            count //= x.shape[d]
        return count


def cast(value, dtype):
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.is_floating_point() else value.clone()
    return [cast(v, dtype) for v in value] if isinstance(value, (list, tuple)) else value


def run(model, calls, name_outputs, loss_of, dtype, mode):
    """Runs the calls of a case. Returns the outputs by name, and the gradients of the last call's loss (None: unused)."""
    model = copy.deepcopy(model).to(dtype).eval()
    outputs, named, cache = {}, {}, {"slen": 0}
    with contextlib.ExitStack() as stack:
        if dtype == torch.float64:
            stack.enter_context(in_float64())
        if mode is not None:
            stack.enter_context(mode)
        for number, call in enumerate(calls):
            arguments = {k: cast(v, dtype) for k, v in call["inputs"].items()}
            for argument, output in call["carry"].items():
                arguments[argument] = named[output]
            if call.get("cache"):
                arguments["cache"] = cache
            last = number == len(calls) - 1
            with torch.set_grad_enabled(loss_of is not None and last):
                named = name_outputs(model(**arguments), call)
                loss = loss_of(named) if loss_of is not None and last else None
            prefix = f"step{number}." if len(calls) > 1 else ""
            for name, value in named.items():
                for i, part in enumerate(value if isinstance(value, (list, tuple)) else [value]):
                    key = f"{prefix}{name}.{i}" if isinstance(value, (list, tuple)) else prefix + name
                    outputs[key] = part.detach().clone().contiguous()
        if loss_of is None:
            return outputs, None
        loss.backward()
    return outputs, {n: None if p.grad is None else p.grad.clone() for n, p in model.named_parameters()}


def evaluate(model, calls, name_outputs, loss_of):
    """The truth in float64 and the float32 runs: torch's own kernels first, then the sums in either direction."""
    truth = run(model, calls, name_outputs, loss_of, torch.float64, None)
    modes = (None, SequentialSums(backwards=False), SequentialSums(backwards=True))
    return truth, [run(model, calls, name_outputs, loss_of, torch.float32, mode) for mode in modes]
