#!/usr/bin/env python3
"""One Markdown table and one picture from what a side-by-side measurement wrote (its --json files).

    report.py RESULT.json... [--ours NAME] [--markdown FILE] [--svg FILE]

Ratios are of times in one run, best peer over ours: more than 1 is ahead. The share of the limit is the time that the matrix products would
take at the multiply-add rate of the same rounds (their median), or the weights at the read bandwidth if that is longer, over our smallest time.
Where a case was measured in several files, the last one counts. A star marks a case during which other programs took the machine: the
median rate of its rounds was less than 0.8 of the best seen. Its share says nothing and is left out, as is one of more than all of the
limit: the rates of bf16 and int8 are those of vector instructions, and a machine may have matrix instructions.
"""
import argparse
import json
import statistics
import sys


def last_level_cache():
    try:
        with open("/sys/devices/system/cpu/cpu0/cache/index3/size", encoding="ascii") as f:
            text = f.read().strip()
        return int(text[:-1]) * {"K": 1 << 10, "M": 1 << 20}[text[-1]]
    except (OSError, ValueError, KeyError):
        return 32 << 20


def limit_ms(result):
    """Milliseconds that the machine would need in the same rounds; None where it was not measured."""
    limits = result.get("limits") or {}
    rates = limits.get(result["case_spec"]["precision"])
    flops, size = result.get("flops", 0), result.get("bytes", 0)
    if not rates or not flops or statistics.median(rates) <= 0:
        return None
    compute = flops / statistics.median(rates) / 1e6
    bandwidth = statistics.median(limits["mem"]) if limits.get("mem") else 0
    reading = size / bandwidth / 1e6 if bandwidth and size > last_level_cache() else 0
    return max(compute, reading)


def best_rates(results):
    """The best rate seen of each arithmetic and number of threads."""
    best = {}
    for result in results:
        for kind, rate in (result.get("limits_best") or {}).items():
            key = kind, result["case_spec"]["threads"]
            best[key] = max(best.get(key, 0), rate)
    return best


def rows_of(results, ours):
    rows = []
    best = best_rates(results)
    for result in results:
        found = {n: d for n, d in result["contenders"].items() if d["ms"] and n != "torch-gemm"}
        if ours not in found:
            continue
        own = found.pop(ours)["ms"]
        row = {"case": result["case"], "min": min(own), "median": statistics.median(own), "rounds": len(own)}
        if found:
            row["peer_min_name"], row["peer_min"] = min(((n, min(d["ms"])) for n, d in found.items()), key=lambda x: x[1])
            row["peer_name"], row["peer_median"] = min(((n, statistics.median(d["ms"])) for n, d in found.items()), key=lambda x: x[1])
        limit = limit_ms(result)
        precision = result["case_spec"]["precision"]
        rates = (result.get("limits") or {}).get(precision)
        if rates and statistics.median(rates) < 0.8 * best[precision, result["case_spec"]["threads"]]:
            row["case"] += " *"
            limit = None
        row["share"] = limit / row["min"] if limit and limit <= row["min"] else None
        rows.append(row)
    return rows


def number(ms):
    return f"{ms:.3f}" if ms < 1 else f"{ms:.2f}" if ms < 100 else f"{ms:.0f}"


def markdown(rows):
    lines = [
        "| case | ours, ms: min / median | best peer, ms: min / median | ahead by: minima / medians | share of the limit |",
        "|---|---|---|---|---|",
    ]
    for r in rows:
        share = f"{100 * r['share']:.0f} %" if r["share"] else ""
        if "peer_name" in r:
            names = r["peer_min_name"] if r["peer_min_name"] == r["peer_name"] else f"{r['peer_min_name']}, {r['peer_name']}"
            peer = f"{names} {number(r['peer_min'])} / {number(r['peer_median'])}"
            ahead = f"{r['peer_min'] / r['min']:.2f} / {r['peer_median'] / r['median']:.2f}"
        else:
            peer = ahead = ""
        lines.append(f"| {r['case']} | {number(r['min'])} / {number(r['median'])} | {peer} | {ahead} | {share} |")
    return "\n".join(lines) + "\n"


def svg(rows):
    """Bars of (best peer's median / our median), a line where both are as fast."""
    rows = [r for r in rows if "peer_name" in r]
    left, bar, gap, width = 300, 16, 6, 420
    most = max([1.2] + [r["peer_median"] / r["median"] for r in rows])
    height = 44 + len(rows) * (bar + gap) + 10
    at = lambda ratio: left + width * ratio / most
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 170}" height="{height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{left + width + 170}" height="{height}" fill="#ffffff"/>',
        '<text x="8" y="20" font-size="14" fill="#222222">Time of the best peer / time of tessera (medians of one run; more is better)</text>',
    ]
    for i, r in enumerate(rows):
        ratio, y = r["peer_median"] / r["median"], 36 + i * (bar + gap)
        colour = "#2f7d4f" if ratio >= 1 else "#b5533c"
        out.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end" fill="#222222">{r["case"]}</text>')
        out.append(f'<rect x="{left}" y="{y}" width="{at(ratio) - left:.1f}" height="{bar}" fill="{colour}"/>')
        out.append(f'<text x="{at(ratio) + 6:.1f}" y="{y + 12}" fill="#222222">{ratio:.2f} ({r["peer_name"]})</text>')
    out.append(f'<line x1="{at(1):.1f}" y1="30" x2="{at(1):.1f}" y2="{height - 6}" stroke="#222222" stroke-dasharray="3 3"/>')
    return "\n".join(out + ["</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+")
    parser.add_argument("--ours", default="tessera")
    parser.add_argument("--markdown", default="-")
    parser.add_argument("--svg", default="")
    options = parser.parse_args()
    by_case = {}
    for path in options.results:
        with open(path, encoding="utf-8") as f:
            for result in json.load(f):
                by_case[result["case"]] = result
    order = {"f32": 0, "bf16": 1, "int8": 2}
    results = sorted(by_case.values(), key=lambda r: (order.get(r["case_spec"]["precision"], 3), r["case"]))
    rows = rows_of(results, options.ours)
    if not rows:
        sys.exit(f"report.py: no case in these files was run by {options.ours}")
    if options.markdown == "-":
        sys.stdout.write(markdown(rows))
    else:
        with open(options.markdown, "w", encoding="utf-8") as f:
            f.write(markdown(rows))
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as f:
            f.write(svg(rows))


if __name__ == "__main__":
    main()
