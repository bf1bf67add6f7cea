# sluice_add_source_plugin(ID SOURCES file... [LIBRARIES library...] [KIT kit.toml])
#
# Makes ID.so, a source plugin: only the entry symbol is visible, everything is bound when it is loaded, and a missing
# symbol is an error of the link. In a project that sets SLUICE_PLUGIN_OUTPUT_DIRECTORY the file goes there.
# Outside of sluice it also makes the test ID.conformance, which runs `sluice plugin test` with KIT (kit.toml beside the
# CMakeLists.txt when not given); the program is looked for, or named with -DSLUICE_PROGRAM=FILE.
include_guard()

function(sluice_add_source_plugin id)
    cmake_parse_arguments(arg "" "KIT" "SOURCES;LIBRARIES" ${ARGN})
    if(NOT id MATCHES "^[a-z][a-z0-9_]*$")
        message(FATAL_ERROR "'${id}' cannot name a plugin: use lower-case letters, digits and '_', beginning with a letter.")
    endif()
    if(NOT arg_SOURCES)
        message(FATAL_ERROR "Plugin '${id}' has no SOURCES.")
    endif()
    set(version_script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/sluice-plugin.map)
    add_library(${id} MODULE ${arg_SOURCES})
    target_link_libraries(${id} PRIVATE sluice::sdk ${arg_LIBRARIES})
    set_target_properties(${id} PROPERTIES PREFIX "" OUTPUT_NAME ${id} SUFFIX ".so"
        C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        LINK_DEPENDS ${version_script})
    if(SLUICE_PLUGIN_OUTPUT_DIRECTORY)
        set_target_properties(${id} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${SLUICE_PLUGIN_OUTPUT_DIRECTORY})
    endif()
    target_compile_options(${id} PRIVATE -Wall -Wextra -Wshadow $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
    get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
    if("CXX" IN_LIST languages)
        target_compile_features(${id} PRIVATE cxx_std_17)
        # Two loaded versions of one plugin must not share inline and template statics, which g++ makes unique by default.
        target_compile_options(${id} PRIVATE $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-gnu-unique>)
    endif()
    target_link_options(${id} PRIVATE -Wl,-z,now -Wl,--version-script=${version_script})
    # The sanitizers' runtime lies in the program, so a sanitized library has undefined symbols by design.
    if(NOT SLUICE_SANITIZE AND NOT "${CMAKE_C_FLAGS} ${CMAKE_CXX_FLAGS}" MATCHES "-fsanitize")
        target_link_options(${id} PRIVATE -Wl,-z,defs)
    endif()
    if(sluice-sdk_FOUND)
        sluice_add_conformance_test(${id} "${arg_KIT}")
    endif()
endfunction()

function(sluice_add_conformance_test id kit)
    find_program(SLUICE_PROGRAM sluice DOC "The program sluice, for the conformance tests")
    if(NOT SLUICE_PROGRAM)
        message(STATUS "The program sluice was not found, so there is no test ${id}.conformance; pass -DSLUICE_PROGRAM=FILE.")
        return()
    endif()
    if(NOT kit AND EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/kit.toml)
        set(kit kit.toml)
    endif()
    set(config "")
    if(kit)
        get_filename_component(kit ${kit} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
        set(config --config ${kit})
    endif()
    add_test(NAME ${id}.conformance COMMAND ${SLUICE_PROGRAM} plugin test $<TARGET_FILE:${id}> ${config})
endfunction()
