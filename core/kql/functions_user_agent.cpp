#include "core/kql/json_text.hpp"
#include "core/kql/row_function.hpp"

#include <re2/re2.h>

#include <array>
#include <memory>

/// parse_user_agent(): what the common browsers, systems and devices say about themselves.
namespace sluice::kql {
namespace {

/// The first rule whose pattern is found gives the answer. Groups of the pattern stand for $1, $2 ... in the texts.
struct Rule {
    const char* pattern;
    std::array<const char*, 5> parts;
};

constexpr Rule kBrowsers[] = {
    {R"(AdobeAIR/(\d+)\.(\d+)(?:\.(\d+))?)", {"AdobeAIR", "$1", "$2", "$3"}},
    {R"(Series60/(\d+)\.(\d+).*Safari)", {"Nokia OSS Browser", "$1", "$2", ""}},
    {R"((Googlebot|bingbot|YandexBot|AhrefsBot|SemrushBot)/(\d+)\.(\d+)(?:\.(\d+))?)", {"$1", "$2", "$3", "$4"}},
    {R"((curl|Wget|python-requests|okhttp|PostmanRuntime|Go-http-client)/(\d+)\.(\d+)(?:\.(\d+))?)",
     {"$1", "$2", "$3", "$4"}},
    {R"(SamsungBrowser/(\d+)\.(\d+)(?:\.(\d+))?)", {"Samsung Internet", "$1", "$2", "$3"}},
    {R"(YaBrowser/(\d+)\.(\d+)(?:\.(\d+))?)", {"Yandex Browser", "$1", "$2", "$3"}},
    {R"(Vivaldi/(\d+)\.(\d+)(?:\.(\d+))?)", {"Vivaldi", "$1", "$2", "$3"}},
    {R"(Edg(?:e|A|iOS)/(\d+)\.(\d+)(?:\.(\d+))?.*Mobile|EdgA/(\d+)\.(\d+)(?:\.(\d+))?)",
     {"Edge Mobile", "$1$4", "$2$5", "$3$6"}},
    {R"(Edge?/(\d+)\.(\d+)(?:\.(\d+))?)", {"Edge", "$1", "$2", "$3"}},
    {R"(OPR/(\d+)\.(\d+)(?:\.(\d+))?.*Mobile)", {"Opera Mobile", "$1", "$2", "$3"}},
    {R"(OPR/(\d+)\.(\d+)(?:\.(\d+))?)", {"Opera", "$1", "$2", "$3"}},
    {R"(Opera.*Version/(\d+)\.(\d+)(?:\.(\d+))?)", {"Opera", "$1", "$2", "$3"}},
    {R"(Opera[/ ](\d+)\.(\d+)(?:\.(\d+))?)", {"Opera", "$1", "$2", "$3"}},
    {R"(FxiOS/(\d+)\.(\d+)(?:\.(\d+))?)", {"Firefox iOS", "$1", "$2", "$3"}},
    {R"(CriOS/(\d+)\.(\d+)(?:\.(\d+))?)", {"Chrome Mobile iOS", "$1", "$2", "$3"}},
    {R"(HeadlessChrome/(\d+)\.(\d+)(?:\.(\d+))?)", {"HeadlessChrome", "$1", "$2", "$3"}},
    {R"(Version/.*Chrome/(\d+)\.(\d+)(?:\.(\d+))?.*Mobile)", {"Chrome Mobile WebView", "$1", "$2", "$3"}},
    {R"(Chrome/(\d+)\.(\d+)(?:\.(\d+))?.*Mobile)", {"Chrome Mobile", "$1", "$2", "$3"}},
    {R"(Chromium/(\d+)\.(\d+)(?:\.(\d+))?)", {"Chromium", "$1", "$2", "$3"}},
    {R"(Chrome/(\d+)\.(\d+)(?:\.(\d+))?)", {"Chrome", "$1", "$2", "$3"}},
    {R"((?:Android|Mobile).*Firefox/(\d+)\.(\d+)(?:\.(\d+))?)", {"Firefox Mobile", "$1", "$2", "$3"}},
    {R"(Firefox/(\d+)\.(\d+)(?:\.(\d+))?)", {"Firefox", "$1", "$2", "$3"}},
    {R"(IEMobile[ /](\d+)\.(\d+))", {"IE Mobile", "$1", "$2", ""}},
    {R"(Trident/7\.0.*rv:(\d+)\.(\d+))", {"IE", "$1", "$2", ""}},
    {R"(MSIE (\d+)\.(\d+))", {"IE", "$1", "$2", ""}},
    {R"(Android.*Version/(\d+)\.(\d+)(?:\.(\d+))?)", {"Android", "$1", "$2", "$3"}},
    {R"(Version/(\d+)\.(\d+)(?:\.(\d+))?.*Mobile.*Safari)", {"Mobile Safari", "$1", "$2", "$3"}},
    {R"((?:iPhone|iPad|iPod).*AppleWebKit)", {"Mobile Safari UI/WKWebView", "", "", ""}},
    {R"(Version/(\d+)\.(\d+)(?:\.(\d+))?.*Safari)", {"Safari", "$1", "$2", "$3"}},
    {R"(Safari/)", {"Safari", "", "", ""}},
};

constexpr Rule kSystems[] = {
    {R"(Windows Phone(?: OS)? (\d+)\.(\d+))", {"Windows Phone", "$1", "$2", "", ""}},
    {R"(Windows NT 10\.0)", {"Windows", "10", "", "", ""}},
    {R"(Windows NT 6\.3)", {"Windows", "8", "1", "", ""}},
    {R"(Windows NT 6\.2)", {"Windows", "8", "", "", ""}},
    {R"(Windows NT 6\.1)", {"Windows", "7", "", "", ""}},
    {R"(Windows NT 6\.0)", {"Windows", "Vista", "", "", ""}},
    {R"(Windows NT 5\.[12]|Windows XP)", {"Windows", "XP", "", "", ""}},
    {R"(Windows NT 5\.0)", {"Windows", "2000", "", "", ""}},
    {R"(Windows)", {"Windows", "", "", "", ""}},
    {R"(SymbianOS/(\d+)\.(\d+))", {"Symbian OS", "$1", "$2", "", ""}},
    {R"((?:CPU OS|iPhone OS|CPU iPhone OS)[ _](\d+)[_.](\d+)(?:[_.](\d+))?)", {"iOS", "$1", "$2", "$3", ""}},
    {R"(iPhone|iPad|iPod)", {"iOS", "", "", "", ""}},
    {R"(Mac OS X (\d+)[_.](\d+)(?:[_.](\d+))?)", {"Mac OS X", "$1", "$2", "$3", ""}},
    {R"(Mac OS X|Macintosh)", {"Mac OS X", "", "", "", ""}},
    {R"(Android (\d+)(?:\.(\d+))?(?:\.(\d+))?)", {"Android", "$1", "$2", "$3", ""}},
    {R"(Android)", {"Android", "", "", "", ""}},
    {R"(CrOS [a-z0-9_]+ (\d+)\.(\d+)(?:\.(\d+))?)", {"Chrome OS", "$1", "$2", "$3", ""}},
    {R"(Ubuntu(?:/(\d+)\.(\d+))?)", {"Ubuntu", "$1", "$2", "", ""}},
    {R"((Fedora|Debian|FreeBSD|OpenBSD))", {"$1", "", "", "", ""}},
    {R"(Linux)", {"Linux", "", "", "", ""}},
};

constexpr Rule kDevices[] = {
    {R"((?i)(?:bot|crawler|spider)\b)", {"Spider", "Spider", "Desktop"}},
    {R"(iPhone)", {"iPhone", "Apple", "iPhone"}},
    {R"(iPad)", {"iPad", "Apple", "iPad"}},
    {R"(iPod)", {"iPod", "Apple", "iPod"}},
    {R"(Nokia ?([A-Za-z]*\d+)([-\w]*))", {"Nokia $1", "Nokia", "$1$2"}},
    {R"(Android.*; ((?:SM|GT|SCH|SGH)-[A-Z0-9]+))", {"Samsung $1", "Samsung", "$1"}},
    {R"(Android.*; ?(Pixel[^;)]*?)(?: Build|[;)]))", {"$1", "Google", "$1"}},
    {R"(Android.*; ?(Nexus[^;)]*?)(?: Build|[;)]))", {"$1", "Generic_Android", "$1"}},
    {R"(Android[^;)]*; ?(?:[a-z]{2}[-_][A-Za-z]{2}; ?)?([^;)]+?) Build)", {"$1", "Generic_Android", "$1"}},
    {R"(Android)", {"Generic Smartphone", "Generic", "Smartphone"}},
    {R"(Macintosh)", {"Mac", "Apple", "Mac"}},
};

/// The texts of the first rule that fits; "Other" for the family when none does.
template <std::size_t count>
std::vector<std::string> answer(std::string_view text, const Rule (&rules)[count], std::size_t parts) {
    static const std::vector<std::unique_ptr<re2::RE2>> kPatterns = [&] {
        std::vector<std::unique_ptr<re2::RE2>> patterns;
        for (const Rule& rule : rules)
            patterns.push_back(std::make_unique<re2::RE2>(rule.pattern));
        return patterns;
    }();
    std::vector<std::string> found(parts);
    found[0] = "Other";
    std::array<re2::StringPiece, 8> groups;
    for (std::size_t i = 0; i < count; ++i) {
        groups.fill({});
        if (!kPatterns[i]->Match(
                {text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, groups.data(),
                std::min<int>(static_cast<int>(groups.size()), kPatterns[i]->NumberOfCapturingGroups() + 1)))
            continue;
        for (std::size_t part = 0; part < parts; ++part) {
            found[part].clear();
            for (const char* c = rules[i].parts[part] ? rules[i].parts[part] : ""; *c; ++c) {
                if (*c == '$')
                    found[part].append(groups[static_cast<std::size_t>(*++c - '0')]);
                else
                    found[part] += *c;
            }
        }
        break;
    }
    return found;
}

void parse_user_agent(const In& in, Out& out) {
    const std::string_view text = in.text(0);
    const Json wanted = parse_json(in.text(1));
    Json result = Json::object();
    for (const Json& item : wanted.is_array() ? wanted : Json::array({wanted})) {
        const std::string what = item.is_string() ? item.get<std::string>() : std::string();
        if (what == "browser") {
            const auto parts = answer(text, kBrowsers, 4);
            result["Browser"] = {
                {"Family", parts[0]}, {"MajorVersion", parts[1]}, {"MinorVersion", parts[2]}, {"Patch", parts[3]}};
        } else if (what == "os") {
            const auto parts = answer(text, kSystems, 5);
            result["OperatingSystem"] = {{"Family", parts[0]},
                                         {"MajorVersion", parts[1]},
                                         {"MinorVersion", parts[2]},
                                         {"Patch", parts[3]},
                                         {"PatchMinor", parts[4]}};
        } else if (what == "device") {
            const auto parts = answer(text, kDevices, 3);
            result["Device"] = {{"Family", parts[0]}, {"Brand", parts[1]}, {"Model", parts[2]}};
        } else {
            throw std::runtime_error("parse_user_agent(): look for \"browser\", \"os\" or \"device\"");
        }
    }
    out.text(dump_json(result));
}

} // namespace

void add_user_agent_functions(FunctionList& list) {
    list.push_back(row_function("kql_parse_user_agent", "string dynamic", "dynamic", parse_user_agent));
}

} // namespace sluice::kql
