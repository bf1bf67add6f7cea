# One static library per folder of core/ and connectors/, and its test beside it under tests/.
#
#   sluice_module(router SOURCES path_policy.cpp DEPENDS sluice::ingest PRIVATE_DEPENDS Boost::headers)
#   sluice_test(router SOURCES path_policy_test.cpp)
include_guard()

function(sluice_warnings target)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
        $<$<BOOL:${SLUICE_WERROR}>:-Werror>)
endfunction()

# sluice_module(NAME SOURCES... [DEPENDS...] [PRIVATE_DEPENDS...])
# DEPENDS are modules whose headers ours include; PRIVATE_DEPENDS are libraries that only our .cpp files see.
function(sluice_module name)
    cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
    add_library(sluice_${name} STATIC ${arg_SOURCES})
    add_library(sluice::${name} ALIAS sluice_${name})
    target_include_directories(sluice_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_compile_features(sluice_${name} PUBLIC cxx_std_20)
    target_link_libraries(sluice_${name} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
    set_target_properties(sluice_${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    sluice_warnings(sluice_${name})
endfunction()

# sluice_test(NAME SOURCES... [DEPENDS...] [LABELS...]): one executable NAME_test of GoogleTest cases; every case is a CTest test.
function(sluice_test name)
    if(NOT SLUICE_TESTS)
        return()
    endif()
    cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
    add_executable(${name}_test ${arg_SOURCES})
    target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR})
    target_link_libraries(${name}_test PRIVATE ${arg_DEPENDS} GTest::gtest_main)
    if(TARGET sluice_${name})
        target_link_libraries(${name}_test PRIVATE sluice_${name})
    endif()
    sluice_warnings(${name}_test)
    if(NOT arg_LABELS)
        set(arg_LABELS unit)
    endif()
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 120)
endfunction()
