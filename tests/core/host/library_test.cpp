#include "core/host/library.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

using namespace sluice;
using namespace sluice::host;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

std::string plugin_file(const std::string& name) {
    return std::string(SLUICE_TEST_PLUGINS) + "/" + name + ".so";
}

TEST(Library, CopiesTheDescriptor) {
    const auto library = Library::load(plugin_file("scripted"));
    ASSERT_TRUE(library) << library.error().message;
    const auto& plugin = (*library)->descriptor();
    EXPECT_EQ(plugin.id, "scripted");
    EXPECT_EQ(plugin.version, "1.2.3");
    EXPECT_THAT(capability_names(plugin), ElementsAre("replay"));
    ASSERT_EQ(plugin.options.size(), 3);
    EXPECT_TRUE(plugin.options[0].required);
    EXPECT_EQ(plugin.options[0].type, Option::Type::TextList);
    EXPECT_TRUE(plugin.options[1].secret);
    EXPECT_EQ(plugin.options[2].fallback, "10s");
    EXPECT_EQ(plugin.options[2].most, "1m");
}

TEST(Library, RefusesWhatBreaksTheContractBeforeCallingIt) {
    struct Case {
        const char* file;
        const char* reason;
    };
    const Case cases[] = {
        {"other_version", "it speaks version 2 of the source plugin ABI, this host speaks version 1; build it against "
                          "the SDK of this release"},
        {"no_entry", "it does not export sluice_source_plugin_v1; is it a sluice source plugin?"},
        {"no_descriptor", "its entry returned nothing"},
        {"bad_size", "its descriptor has size 16, at least"},
        {"bad_id", "its id is \"Not An Id\"; ids have lower-case letters, digits and _"},
        {"no_poll", "create, start, poll and destroy are required, and one of them is missing"},
        {"bad_stride", "its option stride is 8, at least"},
        {"bad_type", "option other has type 77, which this ABI version does not have"},
        {"bad_default", "option limit: its default 0 does not fit; it must be at least 1"},
        {"twice", "it declares the option limit twice"},
    };
    for (const auto& c : cases) {
        const auto library = Library::load(plugin_file(c.file));
        ASSERT_FALSE(library) << c.file;
        EXPECT_THAT(library.error().message, HasSubstr(plugin_file(c.file) + " is no plugin that can be used: "))
            << c.file;
        EXPECT_THAT(library.error().message, HasSubstr(c.reason)) << c.file;
    }
}

TEST(Library, RefusesWhatIsNoCompleteLibraryOfThisMachine) {
    const test::TemporaryFolder folder;
    const auto text = (folder.path() / "text.so").string();
    std::ofstream(text) << "just a text";
    EXPECT_THAT(Library::load(text).error().message, HasSubstr("it is no shared library"));
    const auto broken = (folder.path() / "broken.so").string();
    for (const auto& [size, reason] : {std::pair{30, "it is no shared library"}, std::pair{100, "it is cut short"},
                                       std::pair{3000, "it is cut short; copy it again"}}) {
        std::filesystem::copy_file(plugin_file("scripted"), broken, std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(broken, static_cast<std::uintmax_t>(size));
        EXPECT_THAT(Library::load(broken).error().message, HasSubstr(reason)) << size;
    }
    std::filesystem::copy_file(plugin_file("scripted"), broken, std::filesystem::copy_options::overwrite_existing);
    std::fstream other(broken, std::ios::in | std::ios::out | std::ios::binary);
    constexpr auto kMachineAt = 18;
    other.seekp(kMachineAt).put(3).put(0);
    other.close();
    EXPECT_THAT(Library::load(broken).error().message, HasSubstr("it was built for another machine (ELF machine 3, "));
    EXPECT_THAT(Library::load("/nowhere/x.so").error().message, HasSubstr("there is no plugin file /nowhere/x.so"));
}

} // namespace
