// fetch: the folder of a model by its name.
//
// A folder that is there, a shortcut name of the reference (bert-base-uncased) or user/model of the hub; looked for in
// a mirror folder and in the cache that the reference uses, and fetched where neither has it. Prints the folder.

#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "common/model_path.hpp"
#include "common/program.hpp"
#include "tessera/base/version.hpp"

int main(int argc, char** argv) {
  CLI::App app("Finds or fetches a model and prints its folder.", "fetch");
  tessera::programs::ModelPath model_path;
  std::string name;
  std::string proxy;
  bool quiet = false;
  app.add_option("name", name, "a path, a shortcut name of the reference, or user/model of the hub")
      ->required()
      ->type_name("NAME");
  model_path.add_to(app);
  app.add_option("--proxy", proxy, "a proxy; otherwise http_proxy and its like")->type_name("ADDRESS");
  app.add_flag("--quiet", quiet, "show no progress");
  app.set_version_flag("--version", std::string("fetch, tessera ") + TESSERA_VERSION_STRING);
  std::string names;
#if defined(TESSERA_WITH_HUB)
  for (const std::string& shortcut : tessera::hub::shortcut_names())
    names += (names.size() - names.rfind('\n') > 90 ? ",\n  "
              : names.empty()                       ? "Names of the reference:\n  "
                                                    : ", ") +
             shortcut;
#endif
  app.footer(
      names +
      "\n\nThe cache: --cache, PYTORCH_TRANSFORMERS_CACHE, PYTORCH_PRETRAINED_BERT_CACHE, or pytorch_transformers in "
      "TORCH_HOME,\n"
      "XDG_CACHE_HOME/torch or ~/.cache/torch. The hub: TESSERA_HUB_ENDPOINT, HF_ENDPOINT, or https://huggingface.co.\n"
      "Exit code: 0, 1 when the model cannot be had, 2 for wrong usage.\n"
      "\n"
      "Example:\n"
      "  inspect \"$(fetch bert-base-uncased)\"");
  return tessera::programs::run_program(app, argc, argv, [&]() -> tessera::Result<void> {
    model_path.set_proxy(proxy);
    model_path.set_quiet(quiet);
    TESSERA_TRY_ASSIGN(const std::string folder, model_path(name));
    std::printf("%s\n", folder.c_str());
    return {};
  });
}
