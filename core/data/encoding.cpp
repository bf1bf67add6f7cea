#include "core/data/encoding.hpp"

#include "core/data/text_scan.hpp"
#include "core/data/transcode.hpp"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

namespace sluice::data {
namespace {

constexpr std::uint32_t kReplacement = 0xFFFD;
constexpr std::string_view kMark = "\xEF\xBB\xBF";
/// Room for what the longest sequences of a call may become before the rest is asked for.
constexpr std::size_t kOutput = 4096;

struct Name {
    std::string_view declared; ///< lower case
    std::string_view iconv;
};

// .NET reads gb2312 as code page 936 and shift_jis as code page 932; both keep '\' and '~' where JSON needs them.
constexpr std::array kNames = std::to_array<Name>({
    {"utf-8", kUtf8},
    {"utf8", kUtf8},
    {"utf-16", "UTF-16LE"},
    {"utf-16le", "UTF-16LE"},
    {"unicode", "UTF-16LE"},
    {"utf-16be", "UTF-16BE"},
    {"unicodefffe", "UTF-16BE"},
    {"utf-32", "UTF-32LE"},
    {"utf-32le", "UTF-32LE"},
    {"utf-32be", "UTF-32BE"},
    {"us-ascii", "US-ASCII"},
    {"ascii", "US-ASCII"},
    {"iso-8859-1", "ISO-8859-1"},
    {"latin1", "ISO-8859-1"},
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-3", "ISO-8859-3"},
    {"iso-8859-4", "ISO-8859-4"},
    {"iso-8859-5", "ISO-8859-5"},
    {"iso-8859-6", "ISO-8859-6"},
    {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-8", "ISO-8859-8"},
    {"iso-8859-9", "ISO-8859-9"},
    {"iso-8859-10", "ISO-8859-10"},
    {"iso-8859-11", "ISO-8859-11"},
    {"iso-8859-13", "ISO-8859-13"},
    {"iso-8859-14", "ISO-8859-14"},
    {"iso-8859-15", "ISO-8859-15"},
    {"windows-1250", "CP1250"},
    {"windows-1251", "CP1251"},
    {"windows-1252", "CP1252"},
    {"windows-1253", "CP1253"},
    {"windows-1254", "CP1254"},
    {"windows-1255", "CP1255"},
    {"windows-1256", "CP1256"},
    {"windows-1257", "CP1257"},
    {"windows-1258", "CP1258"},
    {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},
    {"ibm437", "IBM437"},
    {"ibm850", "IBM850"},
    {"ibm852", "IBM852"},
    {"shift_jis", "CP932"},
    {"euc-jp", "EUC-JP"},
    {"euc-kr", "EUC-KR"},
    {"gb2312", "CP936"},
    {"gbk", "CP936"},
    {"gb18030", "GB18030"},
    {"big5", "BIG5"},
    {"macintosh", "MACINTOSH"},
});

Error unknown(std::string_view name) {
    return Error{
        ErrorCode::Invalid,
        fmt::format("Encoding '{}' is not known; names are those of .NET, such as utf-16 or windows-1252", name),
        "BadRequest_MalformedIngestionProperty"};
}

} // namespace

Result<std::string_view> find_encoding(std::string_view name) {
    if (name.empty())
        return kUtf8;
    const auto found = std::find_if(kNames.begin(), kNames.end(),
                                    [&](const Name& known) { return equals_ignoring_case(name, known.declared); });
    if (found == kNames.end())
        return unknown(name);
    return found->iconv;
}

struct CharsetDecoder::State {
    State(iconv_t opened, std::size_t unit_) : handle(opened), unit(unit_) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { iconv_close(handle); }

    /// Decodes what it can and returns how many bytes wait for the rest of their character.
    std::size_t decode(std::string& out, std::string_view bytes) {
        char* from = const_cast<char*>(bytes.data()); // iconv reads only, its interface is older than const
        std::size_t left = bytes.size();
        while (left > 0) {
            const std::size_t before = out.size();
            out.resize(before + kOutput);
            char* to = out.data() + before;
            std::size_t room = kOutput;
            const std::size_t result = iconv(handle, &from, &left, &to, &room);
            const int problem = result == static_cast<std::size_t>(-1) ? errno : 0;
            out.resize(out.size() - room);
            if (problem == EINVAL)
                return left;
            if (problem == EILSEQ) {
                append_utf8(out, kReplacement);
                const std::size_t skipped = std::min(unit, left);
                from += skipped;
                left -= skipped;
            }
        }
        return 0;
    }

    void drop_mark(std::string& out, std::size_t before) {
        if (out.size() == before || !at_start)
            return;
        at_start = false;
        if (std::string_view(out).substr(before).starts_with(kMark))
            out.erase(before, kMark.size());
    }

    iconv_t handle;
    std::size_t unit;    ///< bytes to skip where nothing can be decoded
    std::string pending; ///< the first bytes of a character
    bool at_start = true;
};

CharsetDecoder::CharsetDecoder(std::unique_ptr<State> state) : state_(std::move(state)) {}
CharsetDecoder::CharsetDecoder(CharsetDecoder&&) noexcept = default;
CharsetDecoder& CharsetDecoder::operator=(CharsetDecoder&&) noexcept = default;
CharsetDecoder::~CharsetDecoder() = default;

Result<CharsetDecoder> CharsetDecoder::open(std::string_view encoding) {
    const iconv_t handle = iconv_open("UTF-8", std::string(encoding).c_str());
    if (handle == reinterpret_cast<iconv_t>(-1)) // NOLINT: iconv's own way to say no
        return Error{ErrorCode::Unsupported, fmt::format("the C library of this system cannot decode {}", encoding),
                     "BadRequest_MalformedIngestionProperty"};
    const bool wide = encoding.starts_with("UTF-16"), widest = encoding.starts_with("UTF-32");
    return CharsetDecoder(std::make_unique<State>(handle, widest ? 4 : wide ? 2 : 1));
}

void CharsetDecoder::begin() {
    iconv(state_->handle, nullptr, nullptr, nullptr, nullptr);
    state_->pending.clear();
    state_->at_start = true;
}

void CharsetDecoder::append(std::string& out, std::string_view bytes) {
    State& state = *state_;
    const std::size_t before = out.size();
    if (!state.pending.empty()) {
        state.pending += bytes;
        const std::size_t left = state.decode(out, state.pending);
        state.pending.erase(0, state.pending.size() - left);
    } else {
        const std::size_t left = state.decode(out, bytes);
        state.pending = bytes.substr(bytes.size() - left);
    }
    state.drop_mark(out, before);
}

void CharsetDecoder::finish(std::string& out) {
    State& state = *state_;
    if (!state.pending.empty())
        append_utf8(out, kReplacement);
    state.pending.clear();
    // Encodings that compose characters hold one back until they know that no mark follows it (windows-1255, 1258).
    std::array<char, 16> last{};
    char* to = last.data();
    std::size_t room = last.size();
    const std::size_t before = out.size();
    iconv(state.handle, nullptr, nullptr, &to, &room);
    out.append(last.data(), last.size() - room);
    state.drop_mark(out, before);
}

} // namespace sluice::data
