#include "core/data/json_text.hpp"
#include "tests/core/data/parsing.hpp"

#include <gtest/gtest.h>

#include <string>

// What is JSON and what is not, case by case: RFC 8259 decides, "either" where it leaves a choice, and then our choice
// is stated. Every text goes through the strict reader (dynamic cells), and as a whole source through singlejson, which
// takes more (formats-and-mappings 4.2).
namespace sluice::data {
namespace {

using namespace std::string_literals;

enum class Verdict { Accept, Reject, ChosenAccept, ChosenReject };

struct Case {
    std::string text;
    Verdict verdict;
    bool extension = false; ///< refused by the RFC, taken by our formats
};

constexpr Verdict kYes = Verdict::Accept, kNo = Verdict::Reject;

std::string readable(std::string_view text) {
    std::string out;
    append_json_string(out, text.substr(0, 60));
    return out;
}

void check(const std::vector<Case>& cases) {
    for (const auto& [text, verdict, extension] : cases) {
        const bool accept = verdict == Verdict::Accept || verdict == Verdict::ChosenAccept;
        EXPECT_EQ(minify_json(text, JsonDialect::Strict).has_value(), accept) << readable(text);
        const std::string source = test::parsed(
            {.format = Format::SingleJson, .table = "j:dynamic", .mapping = R"([{"Column":"j","Path":"$"}])"}, text);
        EXPECT_EQ(source.front() == '(', accept || extension)
            << readable(text) << " as singlejson: " << source.substr(0, 80);
    }
}

TEST(JsonConformance, Structures) {
    check({
        {"[]", kYes},
        {"{}", kYes},
        {"[[]   ]", kYes},
        {R"([""])", kYes},
        {R"(["a"])", kYes},
        {"[false]", kYes},
        {R"([null, 1, "1", {}])", kYes},
        {"[1\n]", kYes},
        {" [1]", kYes},
        {"[1,null,null,null,2]", kYes},
        {"[2] ", kYes},
        {R"({"a":[]})", kYes},
        {R"({"":0})", kYes},
        {R"({"a":"b","a":"c"})", kYes},
        {R"({"a":"b","a":"b"})", kYes},
        {R"({"min": -1.0e+28, "max": 1.0e+28})", kYes},
        {"{\n\"a\": \"b\"\n}", kYes},
        {R"({"a":{"b":{"c":[{}]}}})", kYes},
        {R"({"title":"\u041f\u043e\u043b"})", kYes},
        {"[1 true]", kNo},
        {"[a]", kNo},
        {R"(["": 1])", kNo},
        {R"([""],)", kNo},
        {"[,1]", kNo},
        {"[1,,2]", kNo},
        {R"(["x",,])", kNo},
        {R"(["x"]])", kNo},
        {R"(["",])", kNo},
        {R"(["x")", kNo},
        {"[x", kNo},
        {"[3[4]]", kNo},
        {"[1:2]", kNo},
        {"[,]", kNo},
        {"[-]", kNo},
        {"[   , \"\"]", kNo},
        {"[\"a\",\n4\n,1,", kNo},
        {"[1,]", kNo},
        {"[1,\n1\n,1", kNo},
        {"[{}", kNo},
        {"[\"\"", kNo},
        {"[*]", kNo},
        {R"(["a", )", kNo},
        {"[", kNo},
        {"]", kNo},
        {"{", kNo},
        {"}", kNo},
        {"[}", kNo},
        {"{]", kNo},
        {"[[1]", kNo},
        {R"({[: "x"})", kNo},
        {R"({"x", null})", kNo},
        {R"({"x"::"b"})", kNo},
        {R"({"a":"a" 123})", kNo},
        {R"({key: 'value'})", kNo},
        {R"({"a" b})", kNo},
        {R"({:"b"})", kNo},
        {R"({"a" "b"})", kNo},
        {R"({"a":)", kNo},
        {R"({"a")", kNo},
        {R"({"a":"a)", kNo},
        {"{1:1}", kNo},
        {"{9999E9999:1}", kNo},
        {"{null:null,null:null}", kNo},
        {R"({"id":0,,,,,})", kNo},
        {R"({"id":0,})", kNo},
        {R"({"a":"b"}/**//)", kNo},
        {R"({"a":"b"}#)", kNo},
        {R"({"a":"b"}/)", kNo},
        {R"({"a":"b",,"c":"d"})", kNo},
        {R"({a: "b"})", kNo},
        {R"({"a":"a)", kNo},
        {R"({ "foo" : "bar", "a" })", kNo},
        {R"({"a":"b"}})", kNo},
        {R"({"a": true} "x")", kNo},
        {"[1]x", kNo},
        {"[1]]", kNo},
        {"<null>", kNo},
        {"[<null>]", kNo},
        {"{\"\":{\"\":\n", kNo},
        {"*", kNo},
        {"2@", kNo},
        {"{}}", kNo},
        {"[][]", kNo},
        {"1]", kNo},
        {"\xEF\xBB\xBF{}", Verdict::ChosenReject, true}, // inside of a text; at the start of a source a mark is removed
    });
}

TEST(JsonConformance, Scalars) {
    check({
        {"null", kYes},     {"true", kYes},   {"false", kYes},  {"42", kYes},       {"-0.1", kYes}, {R"("asd")", kYes},
        {R"("")", kYes},    {R"(" ")", kYes}, {"[true]", kYes}, {"[nul]", kNo},     {"[tru]", kNo}, {"[fals]", kNo},
        {"[True]", kNo},    {"[NULL]", kNo},  {"[nullx]", kNo}, {"truefalse", kNo}, {"TRUE", kNo},  {"nan", kNo},
        {"undefined", kNo}, {R"("asd)", kNo}, {"asd", kNo},     {"\xC3\xA5", kNo},
    });
}

TEST(JsonConformance, Numbers) {
    check({
        {"[123e65]", kYes},
        {"[0e+1]", kYes},
        {"[0e1]", kYes},
        {"[ 4]", kYes},
        {"[-0.000000000000000000000000000000000000000000000000000000000000000000000000000001]", kYes},
        {"[20e1]", kYes},
        {"[-0]", kYes},
        {"[-123]", kYes},
        {"[-1]", kYes},
        {"[1E22]", kYes},
        {"[1E-2]", kYes},
        {"[1E+2]", kYes},
        {"[123e45]", kYes},
        {"[123.456e78]", kYes},
        {"[1e-2]", kYes},
        {"[1e+2]", kYes},
        {"[123]", kYes},
        {"[123.456789]", kYes},
        {"[123123123123123123123123123123]", kYes},
        {"[1e400]", Verdict::ChosenAccept}, // kept as it stands; a real column gets infinity
        {"[-1e9999999999999999999999]", Verdict::ChosenAccept},
        {"[1e-400]", Verdict::ChosenAccept},
        {"[0.4e00669999999999999999999999999999999969999999006]", Verdict::ChosenAccept},
        {"[++1234]", kNo},
        {"[+1]", kNo},
        {"[+Inf]", kNo},
        {"[-01]", kNo},
        {"[-1.0.]", kNo},
        {"[-2.]", kNo},
        {"[-NaN]", kNo},
        {"[.-1]", kNo},
        {"[.2e-3]", kNo},
        {"[0.1.2]", kNo},
        {"[0.3e+]", kNo},
        {"[0.3e]", kNo},
        {"[0.e1]", kNo},
        {"[0E+]", kNo},
        {"[0E]", kNo},
        {"[1.0e+]", kNo},
        {"[1.0e-]", kNo},
        {"[1.0e]", kNo},
        {"[1 000.0]", kNo},
        {"[1eE2]", kNo},
        {"[2.e+3]", kNo},
        {"[2.e3]", kNo},
        {"[9.e+]", kNo},
        {"[Inf]", kNo},
        {"[1+2]", kNo},
        {"[0x1]", kNo},
        {"[0x42]", kNo},
        {"[-foo]", kNo},
        {"[- 1]", kNo},
        {"[-012]", kNo},
        {"[-.123]", kNo},
        {"[-1x]", kNo},
        {"[1ea]", kNo},
        {"[1e1\xC3\xA5]", kNo},
        {"[1.]", kNo},
        {"[.123]", kNo},
        {"[1.2a-3]", kNo},
        {"[1.8011670033376514H-308]", kNo},
        {"[012]", kNo},
        {"[00]", kNo},
        {"[0e]", kNo},
        {"[\xEF\xBC\x91]", kNo}, // a digit of another script
        {"[NaN]", kNo, true},
        {"[Infinity]", kNo, true},
        {"[-Infinity]", kNo, true},
        {"[NaNa]", kNo},
        {"[Infinit]", kNo},
        {"[-Infinityx]", kNo},
        {"[+Infinity]", kNo},
    });
}

TEST(JsonConformance, Strings) {
    check({
        {R"(["\u0060\u012a\u12AB"])", kYes},
        {R"(["\uD801\udc37"])", kYes},
        {R"(["\ud83d\ude39\ud83d\udc8d"])", kYes},
        {R"(["\"\\\/\b\f\n\r\t"])", kYes},
        {R"(["\\u0000"])", kYes},
        {R"(["\""])", kYes},
        {"[\"a/*b*/c/*d//e\"]", kYes},
        {R"(["\\a"])", kYes},
        {R"(["\\n"])", kYes},
        {R"(["\u0012"])", kYes},
        {R"(["\uFFFF"])", kYes},
        {R"(["\uDBFF\uDFFF"])", kYes},
        {R"(["new\u00A0line"])", kYes},
        {"[\"\xEF\xBF\xBF\"]", kYes},
        {"[\"\xF0\x9B\xBF\xBF\"]", kYes},
        {R"(["\u0000"])", kYes},
        {R"(["\u002c"])", kYes},
        {"[\"\xCF\x80\"]", kYes},
        {"[\"asd \"]", kYes},
        {"[\"\xE2\x80\xA8\xE2\x80\xA9\"]", kYes},
        {R"(["\u0022"])", kYes},
        {"[\"\x7F\"]", kYes},
        {R"(["\uD83F\uDFFE"])", kYes},
        // Lone surrogates and bytes that are no UTF-8 become U+FFFD (2.2, 4.2).
        {R"(["\uDADA"])", Verdict::ChosenAccept},
        {R"(["\uD888\u1234"])", Verdict::ChosenAccept},
        {R"(["\uD800\n"])", Verdict::ChosenAccept},
        {R"(["\uDd1ea"])", Verdict::ChosenAccept},
        {R"(["\uD800\uD800\n"])", Verdict::ChosenAccept},
        {R"(["\udc00\ud800"])", Verdict::ChosenAccept},
        {"[\"\xFF\"]", Verdict::ChosenAccept},
        {"[\"\xE0\xFF\"]", Verdict::ChosenAccept},
        {"[\"\xC0\xAF\"]", Verdict::ChosenAccept},
        {"[\"\xED\xA0\x80\"]", Verdict::ChosenAccept},
        {"[\"\xF4\xBF\xBF\xBF\"]", Verdict::ChosenAccept},
        {"[\"\xFC\x83\xBF\xBF\xBF\xBF\"]", Verdict::ChosenAccept},
        {"[\"\x81\"]", Verdict::ChosenAccept},
        {R"(["\uD800\"])", kNo},
        {R"(["\uD800\u"])", kNo},
        {R"(["\uD800\u1"])", kNo},
        {R"(["\uD800\u1x"])", kNo},
        {"[\xC3\xA9]", kNo},
        {R"(["\x00"])", kNo},
        {R"(["\\\"])", kNo},
        {R"(["\	"])", kNo},
        {"[\"\\\xF0\x9F\x8C\x80\"]", kNo},
        {R"(["\"])", kNo},
        {R"(["\u00A"])", kNo},
        {R"(["\uqqqq"])", kNo},
        {R"(["\a"])", kNo},
        {R"(["\U0041"])", kNo},
        {R"([\u000A""])", kNo},
        {"[\"\\\x00\"]"s, kNo},
        {"[\"a\x00z\"]"s, kNo},
        {"[\"new\nline\"]", kNo},
        {"[\"\x1F\"]", kNo},
        {"[\"\r\"]", kNo},
        {"\"\\", kNo},
        {"\"", kNo},
        {"[\"", kNo},
        {"['", kNo},
        {"[\"\t\"]", kNo, true}, // the one control character that is taken
        {"['single']", kNo, true},
        {"{'a':0}", kNo, true},
        {R"(['\''])", kNo, true},
        {R"(['"'])", kNo, true},
        {R"(["'"])", kYes},
        {R"(['a"])", kNo},
        {R"(["a'])", kNo},
        {R"(["\'"])", kNo, true},
    });
}

TEST(JsonConformance, WhiteSpaceAndComments) {
    check({
        {" ", kNo},
        {"", kNo},
        {"[ ]", kYes},
        {"\t[\r\n]\n", kYes},
        {"[\f]", kNo},
        {"[\x0B]", kNo},
        {"[\xC2\xA0]", kNo},
        {"[\xE2\x81\xA0]", kNo},
        {"[\xE2\x80\xA8]", kNo},
        {"[\0]"s, kNo},
        {"[1]\0"s, kNo},
        {"\0[1]"s, kNo},
        {R"({"a":/*comment*/"b"})", kNo, true},
        {R"({"a":"b"} // end)", kNo, true},
        {"// begin\n[1]", kNo, true},
        {"[1/**/,/***/2/* // */]", kNo, true},
        {"/* a /* b */ [1]", kNo, true},
        {"/* a */ */ [1]", kNo},
        {"[1] /* open", kNo},
        {"[1] /", kNo},
        {"[1 / 2]", kNo},
        {"[1] # x", kNo},
        {"/*/ [1]", kNo},
    });
}

TEST(JsonConformance, Depth) {
    const auto nested = [](std::size_t depth, std::string_view open, std::string_view close) {
        std::string text;
        for (std::size_t i = 0; i < depth; ++i)
            text += open;
        text += "1";
        for (std::size_t i = 0; i < depth; ++i)
            text += close;
        return text;
    };
    check({
        {nested(256, "[", "]"), kYes},
        {nested(257, "[", "]"), Verdict::ChosenReject},
        {nested(256, "{\"a\":", "}"), kYes},
        {nested(257, "{\"a\":", "}"), Verdict::ChosenReject},
        {nested(100'000, "[", "]"), Verdict::ChosenReject},
        {std::string(100'000, '['), kNo},
    });
}

} // namespace
} // namespace sluice::data
