# find_package(cutaway) for other projects: the library, its headers and the package files.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cutaway)
install(TARGETS cutaway EXPORT cutawayTargets)
install(DIRECTORY include/cutaway DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT cutawayTargets NAMESPACE cutaway:: DESTINATION ${package_dir})
configure_package_config_file(cmake/cutawayConfig.cmake.in ${PROJECT_BINARY_DIR}/cutawayConfig.cmake
  INSTALL_DESTINATION ${package_dir})
# 0.x: a new minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cutawayConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cutawayConfig.cmake ${PROJECT_BINARY_DIR}/cutawayConfigVersion.cmake
  DESTINATION ${package_dir})
install(FILES LICENSE-MIT LICENSE-APACHE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# The program installs itself (apps/cutaway); beside a shared library it must find that.
if(BUILD_SHARED_LIBS AND TARGET cutaway_program)
  set_target_properties(cutaway_program PROPERTIES INSTALL_RPATH "\$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
endif()
