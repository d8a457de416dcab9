# How each component finds the library it stands on. Included by our own build and by the installed package, so that
# both look in the same way. Nothing is downloaded.
#
# tessera_find_<component>(<found>): sets <found> to TRUE when the component can be used, else to FALSE, with the
# reason in <found>_reason.

macro(tessera_find_text found)
  if(NOT TESSERA_UNICODE_TABLES AND NOT TARGET PkgConfig::tessera_utf8proc)
    find_package(PkgConfig QUIET)
    if(PkgConfig_FOUND)
      pkg_check_modules(tessera_utf8proc QUIET IMPORTED_TARGET GLOBAL libutf8proc)
    endif()
  endif()
  if(TESSERA_UNICODE_TABLES)
    set(${found} TRUE)
  else()
    tessera_need_(${found} "utf8proc (Debian: libutf8proc-dev, pkg-config), or TESSERA_UNICODE_TABLES=ON" PkgConfig::tessera_utf8proc)
  endif()
endmacro()

macro(tessera_find_io found)
  find_package(nlohmann_json QUIET)
  if(TESSERA_WITHOUT_ZLIB)
    tessera_need_(${found} "nlohmann_json (Debian: nlohmann-json3-dev)" nlohmann_json::nlohmann_json)
  else()
    find_package(ZLIB QUIET)
    tessera_need_(${found} "nlohmann_json and zlib (Debian: nlohmann-json3-dev, zlib1g-dev)" nlohmann_json::nlohmann_json ZLIB::ZLIB)
  endif()
endmacro()

macro(tessera_find_eigen found)
  find_package(Eigen3 3.3 QUIET NO_MODULE)
  tessera_need_(${found} "Eigen (Debian: libeigen3-dev)" Eigen3::Eigen)
endmacro()

macro(tessera_find_cpu found)
  find_package(hwy QUIET CONFIG)
  tessera_need_(${found} "Highway (Debian: libhwy-dev)" hwy::hwy)
endmacro()

macro(tessera_find_dnnl found)
  # Not its own dnnl-config.cmake: Debian's ends the configuration with an error where OpenCL's headers are missing, which
  # the library does not need.
  find_path(TESSERA_DNNL_INCLUDE oneapi/dnnl/dnnl.hpp)
  find_library(TESSERA_DNNL_LIBRARY dnnl)
  mark_as_advanced(TESSERA_DNNL_INCLUDE TESSERA_DNNL_LIBRARY)
  if(TESSERA_DNNL_INCLUDE AND TESSERA_DNNL_LIBRARY AND NOT TARGET DNNL::dnnl)
    add_library(DNNL::dnnl UNKNOWN IMPORTED GLOBAL)
    set_target_properties(DNNL::dnnl PROPERTIES IMPORTED_LOCATION "${TESSERA_DNNL_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${TESSERA_DNNL_INCLUDE}")
  endif()
  tessera_need_(${found} "oneDNN (Debian: libdnnl-dev)" DNNL::dnnl)
endmacro()

macro(tessera_find_cuda found)
  find_package(CUDAToolkit QUIET)
  tessera_need_(${found} "the CUDA toolkit" CUDA::cudart_static CUDA::cublasLt)
endmacro()

macro(tessera_find_stub found)
  set(${found} TRUE)
endmacro()

# text and io and models joined: the folders pretrained and data.
macro(tessera_find_pretrained found)
  tessera_find_text(${found})
  if(${found})
    tessera_find_io(${found})
  endif()
endmacro()

macro(tessera_find_hub found)
  find_package(CURL QUIET)
  tessera_need_(${found} "libcurl (Debian: libcurl4-openssl-dev)" CURL::libcurl)
  if(${found})
    tessera_find_io(${found})
  endif()
endmacro()

macro(tessera_need_ found what)
  set(${found} TRUE)
  foreach(tessera_target_ IN ITEMS ${ARGN})
    if(NOT TARGET ${tessera_target_})
      set(${found} FALSE)
      set(${found}_reason "needs ${what}")
    endif()
  endforeach()
endmacro()
