# Installs the build into a fresh prefix, builds the outside project against it, and runs that on a tiny model.
#   cmake -DBUILD=... -DFIXTURES=... -DWORK=... [-DCMAKE_CXX_COMPILER=...] -P run.cmake
foreach(variable BUILD FIXTURES WORK)
  if(NOT DEFINED ${variable})
    message(FATAL_ERROR "${variable}: not given, expected -D${variable}=PATH before -P")
  endif()
endforeach()
set(source ${CMAKE_CURRENT_LIST_DIR})

function(step)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    list(JOIN ARGN " " line)
    message(FATAL_ERROR "${line}\nfailed with ${status}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
step(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)

# A model with a tokenizer of its own: the tiny Llama, and one token a letter.
file(MAKE_DIRECTORY ${WORK}/model)
foreach(name config.json model.safetensors)
  file(COPY ${FIXTURES}/models/llama_gqa/${name} DESTINATION ${WORK}/model)
endforeach()
file(COPY ${source}/tokenizer.json DESTINATION ${WORK}/model)

set(compiler "")
if(CMAKE_CXX_COMPILER)
  set(compiler -DCMAKE_CXX_COMPILER=${CMAKE_CXX_COMPILER})
endif()
step(${CMAKE_COMMAND} -G Ninja -S ${source} -B ${WORK}/build ${compiler}
  -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${WORK}/prefix)
step(${CMAKE_COMMAND} --build ${WORK}/build)
step(${WORK}/build/app ${WORK}/model)
message(STATUS "${output}")
if(NOT output MATCHES "resid_post of layer 1: \\[1, 24, 30\\]\n" OR NOT output MATCHES "layer  2: ")
  message(FATAL_ERROR "unexpected output, expected the shape [1, 24, 30] and three layers:\n${output}")
endif()

# A mistake in the call is a typed error, caught outside the library.
execute_process(COMMAND ${WORK}/build/app ${WORK}/nothing-here RESULT_VARIABLE status ERROR_VARIABLE error)
if(NOT status EQUAL 1 OR NOT error MATCHES "app: error: .*nothing-here")
  message(FATAL_ERROR "a missing model gave status ${status}: ${error}")
endif()
