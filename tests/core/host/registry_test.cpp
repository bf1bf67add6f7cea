#include "core/host/registry.hpp"
#include "tests/support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::host;
namespace fs = std::filesystem;
using testing::HasSubstr;

namespace {

class RegistryTest : public testing::Test {
protected:
    static fs::path original(const std::string& name) { return fs::path(SLUICE_TEST_PLUGINS) / (name + ".so"); }
    void install(const std::string& plugin, const std::string& as) {
        fs::copy_file(original(plugin), folder_.path() / "plugins" / (as + ".so"),
                      fs::copy_options::overwrite_existing);
    }
    RegistryTest() { fs::create_directories(folder_.path() / "plugins"); }

    test::TemporaryFolder folder_;
    Registry registry_{{"/nowhere/plugins", (folder_.path() / "plugins").string()},
                       (folder_.path() / "data/plugins").string()};
};

TEST_F(RegistryTest, LoadsACopyNamedByItsContent) {
    install("scripted", "scripted");
    const auto library = registry_.find("scripted");
    ASSERT_TRUE(library) << library.error().message;
    EXPECT_EQ((*library)->descriptor().id, "scripted");
    const fs::path copy((*library)->file());
    EXPECT_EQ(copy.parent_path(), folder_.path() / "data/plugins");
    EXPECT_EQ(copy.stem().string().size(), 64);
    EXPECT_EQ(registry_.find("scripted").value(), *library) << "loaded once";
}

TEST_F(RegistryTest, LoadsNewContentUnderTheSameName) {
    install("scripted", "scripted");
    const auto old = registry_.find("scripted").value();
    std::ofstream(folder_.path() / "plugins/scripted.so", std::ios::app | std::ios::binary) << "more";
    const auto replaced = registry_.find("scripted").value();
    EXPECT_NE(old, replaced);
    EXPECT_NE(&old->plugin(), &replaced->plugin()) << "code of its own";
    EXPECT_EQ(old->descriptor().id, "scripted") << "still usable";
}

TEST_F(RegistryTest, MendsACopyThatWasDamaged) {
    install("scripted", "scripted");
    const auto file = registry_.find("scripted").value()->file();
    // Replaced, not written to: the loaded one is mapped.
    fs::remove(file);
    std::ofstream(file) << "damaged";
    Registry other({(folder_.path() / "plugins").string()}, (folder_.path() / "data/plugins").string());
    EXPECT_TRUE(other.find("scripted"));
}

TEST_F(RegistryTest, NamesTheFoldersItSearched) {
    const auto missing = registry_.find("kafka");
    ASSERT_FALSE(missing);
    EXPECT_THAT(
        missing.error().message,
        HasSubstr("there is no plugin kafka: kafka.so is in none of the folders of plugins.path (/nowhere/plugins, " +
                  (folder_.path() / "plugins").string() + ")"));
}

TEST_F(RegistryTest, RefusesAFileThatHoldsAnotherPlugin) {
    install("scripted", "kafka");
    EXPECT_THAT(registry_.find("kafka").error().message,
                HasSubstr("holds the plugin scripted; rename the file to scripted.so"));
}

TEST_F(RegistryTest, NamesTheOriginalWhenItRefuses) {
    install("other_version", "flawed");
    const auto refused = registry_.find("flawed");
    EXPECT_THAT(refused.error().message, HasSubstr("it speaks version 2"));
    EXPECT_THAT(refused.error().message, HasSubstr("copied from " + (folder_.path() / "plugins/flawed.so").string()));
}

TEST_F(RegistryTest, ListsGoodAndRefusedFiles) {
    install("scripted", "scripted");
    install("no_entry", "broken");
    const auto found = registry_.list();
    ASSERT_EQ(found.size(), 2);
    EXPECT_FALSE(found[0].library);
    EXPECT_TRUE(found[1].library);
}

} // namespace
