include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tramontane)
configure_package_config_file(cmake/tramontaneConfig.cmake.in ${PROJECT_BINARY_DIR}/tramontaneConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tramontaneConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(TARGETS tramontane EXPORT tramontaneTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS tramontane-cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY models DESTINATION ${CMAKE_INSTALL_DATADIR}/tramontane)
install(DIRECTORY include/tramontane DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT tramontaneTargets NAMESPACE tramontane:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/tramontaneConfig.cmake ${PROJECT_BINARY_DIR}/tramontaneConfigVersion.cmake
  DESTINATION ${package_dir})
