// fetch: the folder of a model by its name.
//
// A folder that is there, a shortcut name of the reference (bert-base-uncased) or user/model of the hub; looked for in
// a mirror folder and in the cache that the reference uses, and fetched where neither has it. Prints the folder.

#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "common/program.hpp"
#include "tessera/base/version.hpp"

#if defined(TESSERA_WITH_HUB)
#include "tessera/hub/models.hpp"
#endif

namespace {

using tessera::Code;
using tessera::Error;
using tessera::Result;

struct Arguments {
  std::string name;
  std::string cache;
  std::string mirror;
  std::string proxy;
  bool offline = false;
  bool quiet = false;
};

#if defined(TESSERA_WITH_HUB)

/// "  model.bin  12.3 of 440.0 MB", written over itself.
bool show(const std::string& url, std::uint64_t now, std::uint64_t total) {
  const std::string name = url.substr(url.rfind('/') + 1);
  if (total > 0) {
    std::fprintf(stderr, "\r  %s  %.1f of %.1f MB ", name.c_str(), static_cast<double>(now) / 1e6,
                 static_cast<double>(total) / 1e6);
    if (now == total) std::fputc('\n', stderr);
  }
  return true;
}

Result<void> run(const Arguments& arguments) {
  tessera::hub::Options options;
  options.cache = arguments.cache;
  options.mirror = arguments.mirror;
  options.proxy = arguments.proxy;
  options.offline = arguments.offline;
  options.progress = [quiet = arguments.quiet || ::isatty(2) == 0](const std::string& url, std::uint64_t now,
                                                                   std::uint64_t total) {
    return quiet || show(url, now, total);
  };
  TESSERA_TRY_ASSIGN(const std::string folder, tessera::hub::find_model(arguments.name, options));
  std::printf("%s\n", folder.c_str());
  return {};
}

#else

Result<void> run(const Arguments& arguments) {
  return Error::format(Code::unsupported, "%s: this program was built without libcurl", arguments.name.c_str());
}

#endif

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Finds or fetches a model and prints its folder.", "fetch");
  Arguments arguments;
  app.add_option("name", arguments.name, "a path, a shortcut name of the reference, or user/model of the hub")
      ->required()
      ->type_name("NAME");
  app.add_option("--cache", arguments.cache, "where files are kept")->type_name("FOLDER");
  app.add_option("--mirror", arguments.mirror, "a folder with folders of models, asked first")->type_name("FOLDER");
  app.add_option("--proxy", arguments.proxy, "a proxy; otherwise http_proxy and its like")->type_name("ADDRESS");
  app.add_flag("--offline", arguments.offline, "never try the network; also with TESSERA_OFFLINE=1");
  app.add_flag("--quiet", arguments.quiet, "show no progress");
  app.set_version_flag("--version", std::string("fetch, tessera ") + TESSERA_VERSION_STRING);
  app.footer(
      "The cache: --cache, PYTORCH_TRANSFORMERS_CACHE, PYTORCH_PRETRAINED_BERT_CACHE, or pytorch_transformers in "
      "TORCH_HOME,\n"
      "XDG_CACHE_HOME/torch or ~/.cache/torch. The hub: TESSERA_HUB_ENDPOINT, HF_ENDPOINT, or https://huggingface.co.\n"
      "Exit code: 0, 1 when the model cannot be had, 2 for wrong usage.\n"
      "\n"
      "Example:\n"
      "  inspect \"$(fetch bert-base-uncased)\"");
  return tessera::programs::run_program(app, argc, argv, [&] { return run(arguments); });
}
