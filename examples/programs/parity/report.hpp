// The report of parity: one HTML page that needs nothing else, with the error of each tensor of each case against the
// rule and against the reference's own float32 error.
#pragma once

#include <cstdarg>
#include <cstdio>

#include "common/output.hpp"
#include "parity/differences.hpp"

namespace tessera::parity {

/// What the report says of one case.
struct CaseReport {
  std::string name, class_name;
  std::vector<Difference> tensors;
  std::string problem;  ///< why it was not run; empty: it was
};

/// Errors of all tensors, relative to the scale of each.
struct Quantiles {
  double median = 0, p99 = 0;

  static Quantiles of(std::vector<double> values) {
    if (values.empty()) return {};
    std::sort(values.begin(), values.end());
    const auto at = [&](double q) {
      return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
    };
    return {at(0.5), at(0.99)};
  }
};

class Report {
 public:
  Report(std::string backend, bool gradients, bool ragged)
      : backend_(std::move(backend)), gradients_(gradients), ragged_(ragged) {}
  void add(CaseReport c) { cases_.push_back(std::move(c)); }

  Result<void> write(const std::string& path) {
    page_.clear();
    head();
    summary();
    marks();
    overview();
    for (std::size_t i = 0; i < cases_.size(); ++i) one_case(i);
    page_ += "</main></body></html>\n";
    TESSERA_TRY_ASSIGN(programs::Output output, programs::Output::open(path));
    TESSERA_TRY(output.write(page_));
    return output.commit();
  }

 private:
  /// Appends printf text.
#if defined(__GNUC__)
  __attribute__((format(printf, 2, 3)))
#endif
  void
  put(const char* format, ...) {
    char text[1024];
    std::va_list arguments;
    va_start(arguments, format);
    const int n = std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n > 0) page_.append(text, std::min(static_cast<std::size_t>(n), sizeof text - 1));
  }
  static std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '"' ? "&quot;" : std::string(1, c);
    return out;
  }
  static bool is_hidden_state(const Difference& d) {
    return !d.is_gradient && d.verdict.name.find("hidden_states.") != std::string::npos;
  }
  static bool is_loss(const Difference& d) {
    return !d.is_gradient && d.verdict.name.find("loss") != std::string::npos;
  }
  /// The part of the rule that an error uses; 0 where nothing is allowed and nothing was lost.
  static double used(const Difference& d) {
    if (!d.verdict.problem.empty()) return 1e9;
    if (d.verdict.error <= 0) return 0;
    return d.verdict.allowed > 0 ? d.verdict.error / d.verdict.allowed : 1e9;
  }
  static bool is_good(const CaseReport& c) {
    return c.problem.empty() && !c.tensors.empty() &&
           std::all_of(c.tensors.begin(), c.tensors.end(), [](const Difference& d) { return d.verdict.good(); });
  }

  void head() {
    page_ +=
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width\"><title>parity</title><style>\n"
        ":root{color-scheme:light dark;--text:#1c1e21;--soft:#6a6f76;--page:#fff;--line:#d9dce0;--ours:#1f6feb;"
        "--other:#d97706;--rule:#8b929a;--bad:#c62828;--good:#2e7d32}\n"
        "@media(prefers-color-scheme:dark){:root{--text:#e4e6e9;--soft:#9aa0a8;--page:#15181c;--line:#343a42;"
        "--ours:#6ea8fe;--other:#f2a950;--rule:#79818b;--bad:#ff7b72;--good:#6fcf7c}}\n"
        "body{margin:0;background:var(--page);color:var(--text);font:15px/1.45 system-ui,sans-serif}"
        "main{max-width:1100px;margin:auto;padding:24px}h1{margin:0 0 4px}h2{margin:28px 0 8px;font-size:20px}"
        "p{color:var(--soft);margin:4px 0 12px}table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
        "td,th{padding:3px 12px 3px 0;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}"
        "td:first-child,th:first-child{text-align:left}th{color:var(--soft);font-weight:500}"
        ".bad{color:var(--bad);font-weight:600}.good{color:var(--good)}.scroll{overflow-x:auto}"
        "details{border-bottom:1px solid var(--line);padding:6px 0}summary{cursor:pointer}"
        "summary span{color:var(--soft);margin-left:10px}svg{display:block;max-width:100%;height:auto}"
        "svg text{fill:var(--soft);font-size:11px}.axis{stroke:var(--line)}.rule{stroke:var(--rule);"
        "stroke-dasharray:4 3;fill:none}.ours{fill:var(--ours)}.other{fill:var(--other)}.out{fill:var(--bad)}"
        "</style></head><body><main>\n";
  }

  void summary() {
    std::size_t good = 0, ran = 0, tensors = 0, inside = 0;
    std::vector<double> ours, theirs;
    for (const CaseReport& c : cases_) {
      if (!c.problem.empty()) continue;
      ++ran;
      good += is_good(c) ? 1 : 0;
      for (const Difference& d : c.tensors) {
        ++tensors;
        inside += d.verdict.good() ? 1 : 0;
        if (d.verdict.scale <= 0) continue;
        ours.push_back(d.verdict.error / d.verdict.scale);
        theirs.push_back(d.ref_err32 / d.verdict.scale);
      }
    }
    const Quantiles a = Quantiles::of(ours), b = Quantiles::of(theirs);
    put("<h1>Parity on %s</h1><p>Against pytorch-transformers 1.2.0 in float64, %s%s. The rule for each tensor: max "
        "error &le; 4 &times; the reference's own float32 error + 10<sup>-6</sup> of the tensor's scale.</p>\n",
        escaped(backend_).c_str(), gradients_ ? "outputs and gradients" : "outputs", ragged_ ? ", ragged batches" : "");
    put("<table><tr><th></th><th>inside the rule</th><th>of</th></tr><tr><td>cases</td><td class=\"%s\">%zu</td>"
        "<td>%zu</td></tr><tr><td>tensors</td><td class=\"%s\">%zu</td><td>%zu</td></tr></table>\n",
        good == ran ? "good" : "bad", good, ran, inside == tensors ? "good" : "bad", inside, tensors);
    put("<h2>Error relative to scale</h2><table><tr><th></th><th>median</th><th>99th percentile</th></tr>"
        "<tr><td>ours</td><td>%.2e</td><td>%.2e</td></tr><tr><td>the reference in float32</td><td>%.2e</td>"
        "<td>%.2e</td></tr></table>\n",
        a.median, a.p99, b.median, b.p99);
  }

  /// The largest of a kind of difference over all cases: to float64, and to float32 where a case has it.
  struct Mark {
    double to_truth = 0, to_float32 = 0;
    bool has_float32 = false;

    void see(double truth, const std::optional<double>& single) {
      to_truth = std::fmax(to_truth, truth);
      has_float32 = has_float32 || single.has_value();
      to_float32 = std::fmax(to_float32, single.value_or(0.0));
    }
  };
  void mark_row(const char* what, const Mark& m) {
    put("<tr><td>%s</td><td>%.2e</td>", what, m.to_truth);
    if (m.has_float32)
      put("<td>%.2e</td></tr>", m.to_float32);
    else
      page_ += "<td>not recorded</td></tr>";
  }

  /// What the notebooks of the reference compared by hand, over all cases.
  void marks() {
    Mark deviation, largest, loss;
    std::int64_t predictions = 0, same = 0;
    for (const CaseReport& c : cases_)
      for (const Difference& d : c.tensors) {
        const auto single = [&](double Spread::*member) -> std::optional<double> {
          if (!d.to_float32) return std::nullopt;
          return (*d.to_float32).*member;
        };
        if (is_hidden_state(d)) {
          deviation.see(d.to_truth.deviation, single(&Spread::deviation));
          largest.see(d.to_truth.largest, single(&Spread::largest));
        }
        if (is_loss(d)) loss.see(d.to_truth.largest, single(&Spread::largest));
        predictions += d.predictions;
        same += d.same_predictions;
      }
    page_ +=
        "<h2>Largest differences of all cases</h2><p>Of the reference's notebooks, which compared float32 with float32 "
        "on one text each: standard deviations of 1.5e-7 to 9e-7 over hidden states, 2.5e-7 on a loss.</p>"
        "<table><tr><th></th><th>to float64</th><th>to the reference's float32</th></tr>";
    mark_row("hidden states, standard deviation", deviation);
    mark_row("hidden states, largest", largest);
    mark_row("loss", loss);
    if (predictions > 0)
      put("<tr><td>predicted tokens that are the same</td><td class=\"%s\">%lld of %lld</td><td></td></tr>",
          same == predictions ? "good" : "bad", static_cast<long long>(same), static_cast<long long>(predictions));
    page_ += "</table>\n";
  }

  /// A height for a part of the rule, logarithmic from 0.1 % to 1000 %.
  static double height_of(double part, double top, double bottom) {
    const double p = std::fmin(std::fmax(std::log10(std::fmax(part, 1e-9)), -3.0), 1.0);
    return bottom - (p + 3) / 4 * (bottom - top);
  }

  void overview() {
    constexpr double width = 1060, left = 46, top = 10, bottom = 210;
    page_ +=
        "<h2>Part of the rule that each tensor uses</h2><p>A column for each case, in the order given; a point for "
        "each tensor. Dashed: the rule. Orange: the reference's own float32 error, held against the same rule.</p>\n";
    put("<svg viewBox=\"0 0 %.0f 226\" role=\"img\" aria-label=\"part of the rule used, by case\">", width);
    static constexpr struct {
      double part;
      const char* label;
    } ticks[] = {{0.001, "0.1 %"}, {0.01, "1 %"}, {0.1, "10 %"}, {1, "rule"}, {10, "10 x"}};
    for (const auto& tick : ticks) {
      const double y = height_of(tick.part, top, bottom);
      put("<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text><line class=\"%s\" x1=\"%.0f\" x2=\"%.0f\" "
          "y1=\"%.1f\" y2=\"%.1f\"/>",
          left - 6, y + 4, tick.label, tick.part == 1 ? "rule" : "axis", left, width, y, y);
    }
    const double step = (width - left) / static_cast<double>(std::max<std::size_t>(cases_.size(), 1));
    for (std::size_t i = 0; i < cases_.size(); ++i) {
      const double x = left + (static_cast<double>(i) + 0.5) * step;
      // Points that fall on the same tenth of a pixel are one.
      std::vector<long> seen;
      for (const int mine : {0, 1})
        for (const Difference& d : cases_[i].tensors) {
          const double part = mine ? used(d) : d.verdict.allowed > 0 ? d.ref_err32 / d.verdict.allowed : 0;
          if (part <= 0) continue;
          const double y = height_of(part, top, bottom);
          const long key = std::lround(y * 2) * 2 + mine;
          if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
          seen.push_back(key);
          put("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"/>",
              !mine              ? "other"
              : d.verdict.good() ? "ours"
                                 : "out",
              x + (mine ? 0.8 : -0.8), y, !mine || d.verdict.good() ? "1.3" : "3");
        }
    }
    page_ += "</svg>\n<h2>Cases</h2>\n";
  }

  /// Error of the hidden states, layer by layer.
  void layers(const CaseReport& c) {
    std::vector<const Difference*> states;
    for (const Difference& d : c.tensors)
      if (is_hidden_state(d) && d.verdict.problem.empty()) states.push_back(&d);
    if (states.size() < 2) return;
    constexpr double left = 60, top = 10, bottom = 120, each = 46;
    const double width = left + each * static_cast<double>(states.size());
    double low = 0, high = -30;
    for (const Difference* d : states)
      for (const double e : {d->verdict.error, d->ref_err32, d->verdict.allowed})
        if (e > 0) {
          low = std::fmin(low, std::floor(std::log10(e)));
          high = std::fmax(high, std::ceil(std::log10(e)));
        }
    if (high <= low) high = low + 1;
    const auto y_of = [&](double e) { return bottom - (std::log10(e) - low) / (high - low) * (bottom - top); };
    put("<svg viewBox=\"0 0 %.0f 150\" width=\"%.0f\" role=\"img\" aria-label=\"error by layer\">", width, width);
    for (double p = low; p <= high; ++p)
      put("<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">1e%.0f</text><line class=\"axis\" x1=\"%.0f\" x2=\"%.0f\" "
          "y1=\"%.1f\" y2=\"%.1f\"/>",
          left - 6, y_of(std::pow(10, p)) + 4, p, left, width, y_of(std::pow(10, p)), y_of(std::pow(10, p)));
    page_ += "<polyline class=\"rule\" points=\"";
    for (std::size_t i = 0; i < states.size(); ++i)
      if (states[i]->verdict.allowed > 0)
        put("%.1f,%.1f ", left + (static_cast<double>(i) + 0.5) * each, y_of(states[i]->verdict.allowed));
    page_ += "\"/>";
    for (std::size_t i = 0; i < states.size(); ++i) {
      const double x = left + (static_cast<double>(i) + 0.5) * each;
      const Difference& d = *states[i];
      put("<text x=\"%.1f\" y=\"140\" text-anchor=\"middle\">%zu</text>", x, i);
      if (d.ref_err32 > 0) put("<circle class=\"other\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", x, y_of(d.ref_err32));
      if (d.verdict.error > 0)
        put("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", d.verdict.good() ? "ours" : "out", x,
            y_of(d.verdict.error));
    }
    page_ += "</svg>\n";
  }

  void one_case(std::size_t index) {
    const CaseReport& c = cases_[index];
    double most = 0;
    const Difference* first = nullptr;
    for (const Difference& d : c.tensors) {
      most = std::fmax(most, used(d));
      if (first == nullptr && !d.verdict.good()) first = &d;
    }
    put("<details%s><summary class=\"%s\">%s<span>%s</span><span>", first != nullptr ? " open" : "",
        first != nullptr ? "bad" : "", escaped(c.name).c_str(), escaped(c.class_name).c_str());
    if (!c.problem.empty()) {
      put("%s</span></summary></details>\n", escaped(c.problem).c_str());
      return;
    }
    put("%zu tensors, at most %.0f %% of the rule</span></summary>\n", c.tensors.size(), 100 * std::fmin(most, 1e4));
    if (first != nullptr)
      put("<p class=\"bad\">The first difference, in the order of the model: %s</p>\n",
          escaped(first->verdict.name).c_str());
    layers(c);
    page_ +=
        "<div class=\"scroll\"><table><tr><th>tensor</th><th>largest error</th><th>standard deviation</th>"
        "<th>reference's error</th><th>allowed</th><th>used</th><th>same tokens</th></tr>\n";
    for (const Difference& d : c.tensors) {
      put("<tr><td>%s</td>", escaped(d.verdict.name).c_str());
      if (!d.verdict.problem.empty()) {
        put("<td class=\"bad\" colspan=\"6\">%s</td></tr>\n", escaped(d.verdict.problem).c_str());
        continue;
      }
      put("<td class=\"%s\">%.2e</td><td>%.2e</td><td>%.2e</td><td>%.2e</td><td>%.0f %%</td><td>",
          d.verdict.good() ? "" : "bad", d.verdict.error, d.to_truth.deviation, d.ref_err32, d.verdict.allowed,
          100 * std::fmin(used(d), 1e4));
      if (d.predictions > 0)
        put("%lld of %lld", static_cast<long long>(d.same_predictions), static_cast<long long>(d.predictions));
      page_ += "</td></tr>\n";
    }
    page_ += "</table></div></details>\n";
  }

  std::string backend_, page_;
  bool gradients_, ragged_;
  std::vector<CaseReport> cases_;
};

}  // namespace tessera::parity
