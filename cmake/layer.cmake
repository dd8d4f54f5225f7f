# One target a layer, linked to the layers below it: the direction of includes is the build's business.

add_library(cutaway_options INTERFACE)
target_compile_features(cutaway_options INTERFACE cxx_std_20)
# The ci preset makes warnings errors, but not those that g++ 12 guesses from its own inlining at -O3 (maybe-uninitialized
# in a moved std::variant, and the like): they come and go with unrelated changes.
# g++ 12 at -O3 warns of -Wrestrict in std::string's own operator+ (GCC bug 105651); designated initializers with
# defaults are not missing anything.
target_compile_options(cutaway_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wno-missing-field-initializers -Wno-restrict -fno-math-errno -ffp-contract=off)
if(CUTAWAY_SANITIZE)
  target_compile_options(cutaway_options INTERFACE -fsanitize=${CUTAWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(cutaway_options INTERFACE -fsanitize=${CUTAWAY_SANITIZE})
endif()

# cutaway_layer(NAME SOURCES a.cc ... USES layer ... [LINKS third-party targets, private])
function(cutaway_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINKS" ${ARGN})
  add_library(cutaway_${name} OBJECT ${arg_SOURCES})
  set_target_properties(cutaway_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(cutaway_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(cutaway_${name} PRIVATE cutaway_options ${arg_LINKS})
  foreach(layer ${arg_USES})
    target_include_directories(cutaway_${name} PRIVATE $<TARGET_PROPERTY:cutaway_${layer},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
  set_property(GLOBAL APPEND PROPERTY CUTAWAY_LAYERS cutaway_${name})
  set_property(GLOBAL APPEND PROPERTY CUTAWAY_LINKS ${arg_LINKS})
endfunction()
