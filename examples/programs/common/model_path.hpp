// A model that the user names: a path, or what tessera::hub finds by name. One place for all programs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "tessera/base/result.hpp"
#include "tessera/io/file.hpp"
#include "tessera/io/open.hpp"

#if defined(TESSERA_WITH_HUB)
#include "tessera/hub/models.hpp"
#endif

namespace tessera::programs {

/// What is wanted of a model by name.
enum class Part : unsigned char { model, tokenizer };

/// Options on where names are looked for, and the search itself.
class ModelPath {
 public:
  void add_to(CLI::App& app) {
    auto* const group = app.add_option_group("Models by name");
    group->add_option("--mirror", mirror_, "a folder with folders of models, asked first; also TESSERA_MIRROR")
        ->type_name("FOLDER");
    group->add_option("--cache", cache_, "where fetched files are kept")->type_name("FOLDER");
    group->add_flag("--offline", offline_, "never try the network; also TESSERA_OFFLINE=1");
  }
  void set_proxy(const std::string& proxy) { proxy_ = proxy; }
  void set_quiet(bool quiet) { quiet_ = quiet; }

  /// A path that is there, as it is; else the folder of a shortcut name or of user/model, fetched if need be.
  Result<std::string> operator()(const std::string& name, Part part = Part::model) const {
    if (io::kind_of(name) != io::PathKind::missing) return name;
#if defined(TESSERA_WITH_HUB)
    hub::Options options;
    options.cache = cache_;
    options.mirror = mirror_;
    options.proxy = proxy_;
    options.offline = offline_;
    options.progress = [quiet = quiet_ || ::isatty(STDERR_FILENO) == 0](const std::string& url, std::uint64_t now,
                                                                        std::uint64_t total) {
      if (!quiet) show(url, now, total);
      return true;
    };
    return hub::find_model(name, options, part == Part::model ? hub::Wanted::model : hub::Wanted::tokenizer);
#else
    (void)part;
    return Error::format(Code::not_found,
                         "%s: no such file or folder (this program was built without libcurl and "
                         "finds no models by name)",
                         name.c_str());
#endif
  }

  /// The checkpoint that a path or a name stands for. A prefix of TensorFlow is no file of its own.
  Result<std::string> checkpoint(const std::string& name) const {
    auto found = io::find_checkpoint(name);
    if (found || io::kind_of(name) != io::PathKind::missing) return found;
    TESSERA_TRY_ASSIGN(const std::string path, (*this)(name));
    return io::find_checkpoint(path);
  }

 private:
  /// "  model.bin  12.3 of 440.0 MB", written over itself.
  static void show(const std::string& url, std::uint64_t now, std::uint64_t total) {
    if (total == 0) return;
    const std::string name = url.substr(url.rfind('/') + 1);
    std::fprintf(stderr, "\r  %s  %.1f of %.1f MB ", name.c_str(), static_cast<double>(now) / 1e6,
                 static_cast<double>(total) / 1e6);
    if (now == total) std::fputc('\n', stderr);
  }

  std::string mirror_;
  std::string cache_;
  std::string proxy_;
  bool offline_ = false;
  bool quiet_ = false;
};

}  // namespace tessera::programs
